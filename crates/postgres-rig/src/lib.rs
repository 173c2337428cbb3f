//! Real PostgreSQL servers and fresh databases, for tests and benchmarks alone.
//!
//! [`Server::shared`] is what most tests want: one server for the whole run, and a [`Database`] of its own for each
//! test. A test that stops its server starts one with [`Server::start`]. Everything blocks, nothing is left behind:
//! a server ends with its value, and also when the process that started it is killed (see `supervisor.sh`).
//!
//! Nobody else on the machine can use these servers: the socket lies in a folder that is closed to others, and over
//! TCP, on the loopback interface alone, a password is asked for. Both kinds of URL hold what is needed.
//!
//! Linux, PostgreSQL 13 or newer.

mod access;
mod database;
mod installation;
mod owner;
mod pooler;
mod server;
mod supervisor;

pub use database::Database;
pub use pooler::Pooler;
pub use server::{SHARED_ENV, SHARED_SETTINGS, Server, Tls};

/// The version of the PostgreSQL that servers are started of.
///
/// # Errors
///
/// Says what to install if there is none, or only one that is too old.
pub fn installed() -> Result<String, String> {
    installation::Installation::find().map(|found| found.version)
}

/// Whether [`Pooler::start`] finds its program.
#[must_use]
pub fn pooler_installed() -> bool {
    installation::program(std::path::Path::new("/usr/sbin"), pooler::PROGRAM).is_some()
}

/// What went wrong, in words for the person who runs the tests.
type Outcome<T> = Result<T, String>;

/// A test cannot go on without its server: says why, and ends it.
#[expect(clippy::panic, reason = "this crate serves tests alone, and a panic is how a test fails")]
#[track_caller]
fn must<T>(outcome: Outcome<T>) -> T {
    match outcome {
        Ok(value) => value,
        Err(words) => panic!("{words}"),
    }
}

/// A few characters that nobody else comes up with, for the names of folders and databases.
fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}

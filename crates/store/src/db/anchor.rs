//! A read transaction that is there for its lock alone.
//!
//! Whoever reads locks the state of the write-ahead log that they read, and gives that back: two calls into the kernel,
//! which are a third of what a short read costs. Connections of one process share such a lock, so while one has it the
//! others merely count themselves. They read the newest state all the same, each for itself; if that is another one
//! because another process has written, they lock it themselves.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::sqlite;
use crate::error::Result;

/// The connection that has the lock.
#[derive(Debug)]
pub struct Anchor(Connection);

impl Anchor {
    /// Opens the connection; it has nothing yet.
    pub fn open(path: &Path, busy: Duration) -> Result<Self> {
        sqlite::open_reader(path, busy).map(Self)
    }

    /// Locks the newest state. Where that fails, whoever reads has to lock for themselves, and is told why if they
    /// cannot do it either.
    pub fn take(&self) {
        if sqlite::execute(&self.0, "BEGIN", &[]).is_ok() {
            drop(sqlite::query(&self.0, "SELECT 1 FROM sqlite_master LIMIT 1", &[]));
        }
    }

    /// Gives the lock back. It must not be there during a commit, with which the log may be copied into the database:
    /// of a log that is being read only what was there before can be copied, so that it would never begin anew.
    pub fn leave(&self) {
        if !self.0.is_autocommit() {
            drop(sqlite::execute(&self.0, "COMMIT", &[]));
        }
    }
}

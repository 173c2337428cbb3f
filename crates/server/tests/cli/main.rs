//! The command line, as an operator uses it beside a running server.
//!
//! This binary runs on the embedded engine; `cli_postgres.rs` takes the same modules to PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

mod access_tokens;
#[path = "../wire/child.rs"]
pub(crate) mod child;
#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "../api/client.rs"]
pub(crate) mod client;
mod config;
mod grants;
#[expect(dead_code, reason = "the tests of secrets use the rest of it")]
pub(crate) mod home;
mod key;
mod keys;
mod keys_broken_off;
mod manage;
mod outbox;
pub(crate) mod tools;
mod usage;
pub(crate) mod vault;

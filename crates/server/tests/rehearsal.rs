//! What an operator does when it counts, done once a test run: restoring copies, and losing a database server.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

#[path = "rehearsal/away.rs"]
mod away;
#[expect(dead_code, reason = "the tests of the shutdown use the rest of it")]
#[path = "wire/child.rs"]
mod child;
#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "api/client.rs"]
mod client;
#[path = "rehearsal/failover.rs"]
mod failover;
#[expect(dead_code, reason = "the tests of secrets use the rest of it")]
#[path = "cli/home.rs"]
mod home;
#[path = "rehearsal/restore.rs"]
mod restore;
#[path = "rehearsal/site.rs"]
mod site;
#[path = "rehearsal/storm.rs"]
mod storm;
#[expect(dead_code, reason = "the tests of the command line use the rest of it")]
#[path = "cli/tools.rs"]
mod tools;

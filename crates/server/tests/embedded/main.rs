//! What the server does with the embedded engine alone: its folder and its backup.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

mod backup;
#[expect(dead_code, reason = "the tests of the shutdown use the rest of it")]
#[path = "../wire/child.rs"]
mod child;
#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "../api/client.rs"]
mod client;
mod folder;
#[expect(dead_code, reason = "the tests of secrets use the rest of it")]
#[path = "../cli/home.rs"]
mod home;
#[path = "../cli/tools.rs"]
mod tools;

//! What the server does with PostgreSQL alone: when it is away, held up or copied.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

#[expect(dead_code, reason = "the tests of keys use the rest of it")]
#[path = "../api/authenticator.rs"]
mod authenticator;
mod backup;
#[path = "../wire/child.rs"]
mod child;
#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "../api/client.rs"]
mod client;
#[expect(dead_code, reason = "the tests of secrets use the rest of it")]
#[path = "../cli/home.rs"]
mod home;
mod keys;
mod locks;
mod outage;
#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "../api/rig.rs"]
mod rig;
#[path = "../cli/tools.rs"]
mod tools;
mod unreachable;
#[expect(dead_code, reason = "the tests of the command line use the rest of it")]
#[path = "../cli/vault.rs"]
mod vault;

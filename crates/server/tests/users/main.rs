//! Whole exchanges about users: what a client sees who makes, reads, changes and ends them.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails loudly")]

#[path = "../api/client.rs"]
#[expect(dead_code, reason = "shared with the tests of sessions, which speak every protocol")]
mod client;
#[path = "../api/rig.rs"]
#[expect(dead_code, reason = "shared with the tests of faults, which break the database file")]
mod rig;
mod tools;
mod users_contact;
mod users_create;
mod users_hashes;
mod users_metadata;
mod users_nesting;
mod users_password;
mod users_reset;
mod users_search;
mod users_sessions;
mod users_states;
mod users_tokens;
mod users_update;

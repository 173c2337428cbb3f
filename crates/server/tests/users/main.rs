//! Whole exchanges about users: what a client sees who makes, reads, changes and ends them.
//!
//! This binary runs on the embedded engine; `users_postgres.rs` takes the same modules to PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails loudly")]

#[path = "../api/authenticator.rs"]
#[expect(dead_code, reason = "shared with the tests of sessions, which log in with keys")]
pub(crate) mod authenticator;
#[path = "../api/client.rs"]
pub(crate) mod client;
#[path = "../api/rig.rs"]
#[expect(dead_code, reason = "shared with the tests of faults, which hold the store up")]
pub(crate) mod rig;
pub(crate) mod tools;
mod users_contact;
mod users_create;
mod users_factors;
mod users_grants;
mod users_hashes;
mod users_links;
mod users_machine_keys;
mod users_machine_power;
mod users_machine_secrets;
mod users_metadata;
mod users_nesting;
mod users_otp;
mod users_passkey_codes;
mod users_passkeys;
mod users_password;
mod users_recovery;
mod users_reset;
mod users_search;
mod users_sessions;
mod users_states;
mod users_tokens;
mod users_totp;
mod users_update;

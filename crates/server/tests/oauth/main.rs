//! Machine users that log in by OAuth 2.0, and what is told about tokens.
//!
//! This binary runs on the embedded engine; `oauth_postgres.rs` takes the same modules to PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails loudly")]

mod assertions;
#[path = "../api/client.rs"]
#[expect(dead_code, reason = "shared with the tests of sessions, which speak every protocol")]
pub(crate) mod client;
mod discovery;
mod introspection;
mod introspection_model;
#[path = "../api/rig.rs"]
#[expect(dead_code, reason = "shared with the tests of faults, which hold the store up")]
pub(crate) mod rig;
mod rotation;
mod secrets;
mod tokens;
pub(crate) mod tools;

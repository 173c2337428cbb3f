//! Logins at identity providers: with a real one, and with one that lies.
//!
//! This binary runs on the embedded engine; `idp_postgres.rs` takes the same modules to PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails loudly")]

mod callback;
#[path = "../api/client.rs"]
#[expect(dead_code, reason = "shared with the tests of sessions, which speak every protocol")]
pub(crate) mod client;
pub(crate) mod flow;
mod login;
mod oauth2;
mod outbound;
#[path = "../sdk/provider.rs"]
pub(crate) mod provider;
mod real_provider;
#[path = "../api/rig.rs"]
#[expect(dead_code, reason = "shared with the tests of faults, which hold the store up")]
pub(crate) mod rig;
mod session;
pub(crate) mod stub;
mod tampered;

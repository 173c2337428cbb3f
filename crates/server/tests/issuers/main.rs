//! Callers with tokens of a trusted issuer: which are let in, as whom, and what becomes of them while the issuer changes
//! its keys or is away.
//!
//! It runs on the embedded engine alone: next to nothing of it is about the store.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails loudly")]

#[path = "../api/client.rs"]
#[expect(dead_code, reason = "shared with the tests of sessions, which speak every protocol")]
pub(crate) mod client;
mod forged;
mod keys;
mod refused;
#[path = "../api/rig.rs"]
#[expect(dead_code, reason = "shared with the tests of faults, which hold the store up")]
pub(crate) mod rig;
mod shown;
#[path = "../idp/stub.rs"]
#[expect(dead_code, reason = "shared with the tests of logins at providers")]
pub(crate) mod stub;
pub(crate) mod tools;

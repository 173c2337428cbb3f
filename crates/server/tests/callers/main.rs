//! Who is let in and who is not: every method, called with every kind of token by everybody, and with every token that
//! is worth nothing.
//!
//! This binary runs on the embedded engine; `callers_postgres.rs` takes the same modules to PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails loudly")]

pub(crate) mod bearer;
#[expect(dead_code, reason = "the tests of the api speak every protocol")]
#[path = "../api/client.rs"]
pub(crate) mod client;
mod denial;
pub(crate) mod factors;
mod faults;
pub(crate) mod forgery;
#[expect(dead_code, reason = "the tests of these log-ins use the rest of it")]
#[path = "../oauth/tools.rs"]
pub(crate) mod oauth;
pub(crate) mod pipe;
mod revoked;
#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "../api/rig.rs"]
pub(crate) mod rig;
pub(crate) mod roles;
mod self_delete;
#[expect(dead_code, reason = "the tests of logins at providers use the rest of it")]
#[path = "../idp/stub.rs"]
pub(crate) mod stub;
pub(crate) mod table;
#[expect(dead_code, reason = "the tests of trusted issuers use the rest of it")]
#[path = "../issuers/tools.rs"]
pub(crate) mod trusted;
pub(crate) mod users;
pub(crate) mod world;

//! Delivery of mail and SMS, with a real mail server and with receivers of SMS that tell what they got.
//!
//! This binary runs on the embedded engine; `delivery_postgres.rs` takes the same modules to PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails loudly")]

#[path = "../api/client.rs"]
#[expect(dead_code, reason = "shared with the tests of sessions, which speak every protocol")]
pub(crate) mod client;
mod invitations;
mod limits;
mod mail;
pub(crate) mod mail_server;
mod mail_tls;
mod mail_trouble;
pub(crate) mod receiver;
#[path = "../api/rig.rs"]
#[expect(dead_code, reason = "shared with the tests of sessions, which need more of it")]
pub(crate) mod rig;
mod sms;
pub(crate) mod tools;

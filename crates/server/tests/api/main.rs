//! Whole exchanges with a running server: what a client of each protocol sees.
//!
//! This binary runs on the embedded engine; `api_postgres.rs` takes the same modules to PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails loudly")]

pub(crate) mod authenticator;
mod catalogue;
pub(crate) mod client;
mod faults;
mod matrix;
pub(crate) mod model;
mod model_story;
mod once;
mod otp_check;
mod password_check;
mod recovery_check;
pub(crate) mod rig;
mod session_create;
mod session_end;
mod session_list;
mod session_set;
mod software;
mod totp_check;
mod unstorable;
pub(crate) mod web_authn;
mod web_authn_order;

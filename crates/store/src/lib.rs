//! Doorward's store: rows in, rows out, under a lock. All SQL is here, and nothing else is.
//!
//! The functions of the modules take a [`Conn`]: inside [`Db::write`] it is a transaction that is durable when the
//! call returns, from [`Db::reading`] and inside [`Db::scan`] it only reads.

mod db;
mod error;
pub mod migrate;

pub mod access_token;
pub mod challenge;
pub mod credential;
pub mod grant;
pub mod idp_link;
pub mod intent;
pub mod machine_key;
pub mod machine_secret;
pub mod organisation;
pub mod otp_factor;
pub mod outbox;
pub mod outbox_list;
pub mod passkey;
pub mod recovery_code;
pub mod sealed;
pub mod session;
pub mod session_cleanup;
pub mod session_search;
pub mod signing_key;
pub mod tables;
pub mod together;
pub mod token;
pub mod totp;
pub mod transfer;
pub mod user;
pub mod user_factor;
pub mod user_search;
mod where_clause;

pub use db::{Conn, Db, PostgresSettings, Reading, Settings, SqliteSettings, WriterStats};
pub use error::{Result, StoreError};
pub use migrate::migrate;

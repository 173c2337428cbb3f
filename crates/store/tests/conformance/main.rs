//! What every engine of the store must do, function by function and under races.
//!
//! This binary tests the embedded engine; `conformance_postgres.rs` takes the same modules to PostgreSQL. What only
//! one engine has is tested in `embedded` and in `postgres`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

#[macro_use]
pub mod rig;

mod access_token;
mod grant;
mod idp_link;
mod intent;
mod machine_key;
mod machine_secret;
mod migrate;
mod model;
mod model_search;
mod organisation;
mod outbox;
mod partitioned;
mod passkey;
mod races;
pub mod sample;
mod sealed;
mod second_factor;
mod session;
mod session_cleanup;
mod session_search;
mod session_view;
mod signing_key;
mod together;
mod token;
mod transfer;
mod user;
mod user_belongings;
mod user_factor;
mod user_search;
mod user_text;

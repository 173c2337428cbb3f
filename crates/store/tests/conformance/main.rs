//! What every engine of the store must do, function by function, under races and under faults.
//!
//! Everything goes through a [`rig::Rig`], so a second engine needs one more constructor there.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

#[macro_use]
mod rig;

mod backup;
mod corrupt;
mod disk;
mod grant;
mod migrate;
mod model;
mod model_search;
mod organisation;
mod sample;
mod session;
mod session_search;
mod session_view;
mod token;
mod user;
mod user_belongings;
mod user_search;
mod user_text;
mod writer;
mod writer_faults;

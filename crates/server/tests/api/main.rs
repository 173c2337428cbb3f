//! Whole exchanges with a running server: what a client of each protocol sees.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails loudly")]

mod catalogue;
mod client;
mod faults;
mod matrix;
mod password_check;
mod rig;
mod session_create;
mod session_end;
mod session_list;
mod session_set;

//! What only the embedded engine has: its file, its one writer, its faults.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

#[macro_use]
#[path = "../conformance/rig.rs"]
mod rig;
#[path = "../conformance/sample.rs"]
#[expect(dead_code, reason = "other tests need the rest")]
mod sample;

mod anchor;
mod backup;
mod corrupt;
mod disk;
mod file;
mod hold;
mod tuned;
mod writer;
mod writer_faults;

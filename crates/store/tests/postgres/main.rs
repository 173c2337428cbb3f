//! What only PostgreSQL has: a server that stops, other transactions, poolers, encryption, locales.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

#[macro_use]
#[path = "../conformance/rig.rs"]
#[expect(dead_code, reason = "other tests need the rest")]
mod rig;
#[path = "../conformance/sample.rs"]
#[expect(dead_code, reason = "other tests need the rest")]
mod sample;

mod conflicts;
mod outages;
mod plans;
mod ways;

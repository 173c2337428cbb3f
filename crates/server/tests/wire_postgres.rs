//! The wire as a client meets it, on PostgreSQL: the modules of `wire`, taken as they are.

#[path = "wire/main.rs"]
mod suite;

use suite::{client, rig, talk};

//! What every engine of the store must do, on PostgreSQL: the modules of `conformance`, taken as they are.

#[macro_use]
#[path = "conformance/main.rs"]
mod suite;

use suite::{rig, sample};

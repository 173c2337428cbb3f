//! The wire as a client meets it, on PostgreSQL: the modules of `wire`, taken as they are.

#[path = "wire/main.rs"]
mod suite;

use suite::{client, denial_factors, denial_roles, denial_table, denial_users, denial_world, rig, talk};

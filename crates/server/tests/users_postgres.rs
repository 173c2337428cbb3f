//! Whole exchanges about users on PostgreSQL: the modules of `users`, taken as they are.

#[path = "users/main.rs"]
mod suite;

use suite::{authenticator, client, rig, tools};

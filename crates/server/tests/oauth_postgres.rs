//! Machine users that log in by OAuth 2.0 on PostgreSQL: the modules of `oauth`, taken as they are.

#[path = "oauth/main.rs"]
mod suite;

use suite::{client, rig, tools};

//! Whole exchanges with a server on PostgreSQL: the modules of `api`, taken as they are.

#[path = "api/main.rs"]
mod suite;

use suite::{authenticator, client, model, rig, web_authn};

//! Logins at identity providers on PostgreSQL: the modules of `idp`, taken as they are.

#[path = "idp/main.rs"]
mod suite;

use suite::{client, flow, provider, rig, stub};

//! Secrets stay secret on PostgreSQL too, the password of its database among them.

#[path = "secrets.rs"]
mod suite;

use suite::{child, client, home, vault};

//! Who is let in and who is not, on PostgreSQL: the modules of `callers`, taken as they are.

#[path = "callers/main.rs"]
mod suite;

use suite::{bearer, client, factors, forgery, oauth, pipe, rig, roles, stub, table, trusted, users, world};

//! The command line beside a server on PostgreSQL: the modules of `cli`, taken as they are.

#[path = "cli/main.rs"]
mod suite;

use suite::{child, client, home, tools, vault};

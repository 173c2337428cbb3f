//! Delivery of mail and SMS on PostgreSQL: the modules of `delivery`, taken as they are.

#[path = "delivery/main.rs"]
mod suite;

use suite::{client, mail_server, receiver, rig, tools};

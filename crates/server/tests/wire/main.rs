//! The wire as a client meets it: protocols, JSON, routes, headers, pages, who is let in and who is not.
//!
//! This binary runs on the embedded engine; `wire_postgres.rs` takes the same modules to PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails loudly")]

mod authentication;
mod bearer_session;
mod bodies;
#[path = "../api/client.rs"]
pub(crate) mod client;
mod content_types;
mod cors;
mod grpc_services;
mod gzip;
mod headers;
mod json_in;
mod json_out;
mod malformed;
mod order;
mod order_factors;
mod pages;
mod rates;
#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "../api/rig.rs"]
pub(crate) mod rig;
mod routes;
pub(crate) mod talk;
mod tokens;
mod visibility;

//! The wire as a client meets it: protocols, JSON, routes, headers, pages, who is let in and who is not.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails loudly")]

mod authentication;
mod bearer_session;
mod bodies;
#[path = "../api/client.rs"]
mod client;
mod content_types;
mod cors;
mod denial;
mod denial_roles;
mod denial_table;
mod denial_users;
mod denial_world;
mod grpc_services;
mod gzip;
mod headers;
mod json_in;
mod json_out;
mod malformed;
mod order;
mod pages;
#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "../api/rig.rs"]
mod rig;
mod routes;
mod self_delete;
mod talk;
mod tokens;
mod visibility;

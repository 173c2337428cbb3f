//! The wire: from bytes of any protocol to a story and back.
//!
//! Every protocol ends in [`rpc::Rpcs::call`]: decode, authenticate, permit, check limits, tell the story, encode.

mod answer;
pub mod auth;
mod client_address;
pub mod cors;
pub mod http;
mod idp;
mod idp_callback;
mod oauth;
mod oauth_answer;
mod oauth_endpoint;
mod oauth_form;
mod oauth_introspection;
mod passkey;
pub mod rest;
pub mod rpc;
mod session;
mod session_from_wire;
mod session_to_wire;
pub mod status;
mod table;
mod user;
mod user_code;
mod user_factor;
mod user_from_wire;
mod user_machine;
mod user_search;
mod user_second_factor;
mod user_to_wire;
mod wire;

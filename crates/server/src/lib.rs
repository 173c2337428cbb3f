//! Doorward, the session server: the stories (`app`), the wire (`api`), and what surrounds them.

pub mod api;
pub mod app;
pub mod cleanup;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod env;
pub mod first_start;
pub mod idp;
pub mod issuer;
pub mod master_key;
pub mod private_file;
pub mod rate;
pub mod rotation;
pub mod serve;
pub mod telemetry;
pub mod transport;
pub mod wiring;

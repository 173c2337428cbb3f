//! Tests of the wire types: against the contract, and as clients see them.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail loudly"
)]

mod contract;
mod descriptors;
mod json;
mod limits;
mod openapi;
mod routes;
mod validation;

use serde::de::DeserializeOwned;

fn parse<T: DeserializeOwned>(json: &str) -> T {
    doorward_proto::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

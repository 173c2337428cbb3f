//! The words on the wire: messages, the table of RPCs, request validation and the OpenAPI document.
//!
//! Everything here follows from the files in `proto/`. v2beta is a subset of v2 field for field, so its
//! messages are read with the types of v2; [`Narrow`] then takes out what v2beta does not have.

mod address;
#[expect(
    clippy::all,
    clippy::allow_attributes,
    clippy::too_many_lines,
    reason = "the code is generated, and so is its style"
)]
mod generated;
mod json;
mod narrow;
mod openapi;
mod rpcs;
mod rule;
mod time;
mod validate;

pub use crate::generated::table::RPCS;
pub use crate::json::{from_json, to_json};
pub use crate::narrow::Narrow;
pub use crate::openapi::openapi;
pub use crate::rpcs::{PathFields, QueryField, QueryKind, Rpc, find_rpc};
pub use crate::validate::{Surface, Validate, Violation};

pub use crate::generated::google::rpc;
pub use crate::generated::zitadel::filter::v2 as filter;
pub use crate::generated::zitadel::metadata::v2 as metadata;
pub use crate::generated::zitadel::object::v2 as object;
pub use crate::generated::zitadel::session::v2 as session;
pub use crate::generated::zitadel::user::v2 as user;
pub use crate::generated::zitadel::v1 as errors;

/// All proto files with everything they import, without comments: what server reflection serves.
pub static FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

//! The OpenAPI document of the REST routes, made from the descriptors and the comments of the proto files.

mod schema;

use prost_reflect::{DescriptorPool, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::FILE_DESCRIPTOR_SET;
use crate::generated::docs::DOCS;
use crate::generated::table::RPCS;
use crate::rpcs::{QueryField, Rpc};

/// Describes every route of [`RPCS`] as OpenAPI 3.1. It takes a moment, so callers keep the result.
///
/// `null` if the embedded descriptors could not be read, which the build rules out.
pub fn openapi() -> Value {
    let Ok(pool) = DescriptorPool::decode(FILE_DESCRIPTOR_SET) else { return Value::Null };
    let mut paths = Map::new();
    for rpc in RPCS {
        let path = paths.entry(rpc.path).or_insert_with(|| json!({}));
        if let (Some(path), Some(operation)) = (path.as_object_mut(), operation(&pool, rpc)) {
            path.insert(rpc.verb.to_lowercase(), operation);
        }
    }
    let mut schemas = schema::reachable(&pool, RPCS.iter().flat_map(|rpc| [rpc.request, rpc.response]));
    schemas.insert("Error".to_owned(), error());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Doorward",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The REST face of the session service and of the user service.",
        },
        "tags": tags(),
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
        },
    })
}

/// The comment of an element of the proto files.
fn doc(full_name: &str) -> Option<&'static str> {
    let at = DOCS.binary_search_by(|(name, _)| (*name).cmp(full_name)).ok()?;
    DOCS.get(at).map(|(_, text)| *text)
}

fn tags() -> Vec<Value> {
    let mut services: Vec<&str> = RPCS.iter().map(|rpc| rpc.service).collect();
    services.dedup();
    services.into_iter().map(|name| json!({ "name": name, "description": doc(name) })).collect()
}

fn operation(pool: &DescriptorPool, rpc: &Rpc) -> Option<Value> {
    let request = pool.get_message_by_name(rpc.request)?;
    let name = format!("{}.{}", rpc.service, rpc.method);
    let success = json!({
        "description": doc(rpc.response).unwrap_or("Success."),
        "content": content(&schema::reference(rpc.response)),
    });
    let mut responses = Map::new();
    responses.insert(rpc.success.to_string(), success);
    let failure =
        json!({ "description": "The request failed.", "content": content(&schema::reference("Error")) });
    responses.insert("default".to_owned(), failure);
    let mut operation = json!({
        "operationId": name,
        "tags": [rpc.service],
        "description": doc(&name),
        "responses": responses,
    });
    let members = operation.as_object_mut()?;
    let parameters = parameters(&request, rpc);
    if !parameters.is_empty() {
        members.insert("parameters".to_owned(), parameters.into());
    }
    if rpc.body {
        let body = json!({ "content": content(&schema::reference(rpc.request)) });
        members.insert("requestBody".to_owned(), body);
    }
    Some(operation)
}

fn content(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn parameters(request: &MessageDescriptor, rpc: &Rpc) -> Vec<Value> {
    let in_path =
        rpc.path.split('/').filter_map(|part| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')));
    let in_path = in_path.map(|name| {
        let field = request.get_field_by_name(name);
        let schema = field.as_ref().map(schema::of_field);
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    });
    let in_query = rpc.query.iter().map(|query| {
        let schema = field_of(request, query);
        json!({ "name": query.json, "in": "query", "schema": schema })
    });
    in_path.chain(in_query).collect()
}

/// The schema of a query field, whose name may lead through inner messages.
fn field_of(request: &MessageDescriptor, query: &QueryField) -> Option<Value> {
    let mut message = request.clone();
    let mut found = None;
    for name in query.name.split('.') {
        let field = message.get_field_by_name(name)?;
        if let prost_reflect::Kind::Message(inner) = field.kind() {
            message = inner;
        }
        found = Some(field);
    }
    found.as_ref().map(schema::of_field)
}

/// The body of every answer that is not a success.
fn error() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong.",
        "properties": {
            "code": { "type": "integer", "format": "int32", "description": "The gRPC code." },
            "message": { "type": "string", "description": "A text with the id of the error in parentheses." },
            "details": {
                "type": "array",
                "description": "Absent where there is nothing to add.",
                "items": {
                    "type": "object",
                    "properties": { "@type": { "type": "string" } },
                    "required": ["@type"],
                    "additionalProperties": true,
                },
            },
        },
        "required": ["code", "message"],
    })
}

//! Generates the table of RPCs and the setters of path variables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
};

use crate::{Outcome, names, schema};

/// How deep the dotted names of query fields go. It also stops at messages that hold themselves.
const DEPTH: usize = 3;

/// What the options of a method say.
struct Route {
    verb: String,
    path: String,
    body: bool,
}

pub fn generate(pool: &DescriptorPool) -> Outcome<String> {
    let mut table = "pub static RPCS: &[Rpc] = &[\n".to_owned();
    let mut variables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for service in pool.services().filter(|service| schema::ours(service.full_name())) {
        for method in service.methods() {
            let route = route(pool, &method)?;
            let in_path = path_variables(&route.path);
            table += &rpc(pool, &method, &route, &in_path)?;
            variables.insert(names::in_v2(method.input().full_name()), in_path);
        }
    }
    table += "];\n";
    for (name, in_path) in variables {
        let message = pool.get_message_by_name(&name).ok_or("a request of v2beta has no twin in v2")?;
        table += &path_fields(&message, &in_path)?;
    }
    Ok(table)
}

fn rpc(
    pool: &DescriptorPool,
    method: &MethodDescriptor,
    route: &Route,
    in_path: &[String],
) -> Outcome<String> {
    let call = option(pool, method, "doorward.wire.v1.call")?;
    let text = |name: &str| call.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned));
    let success = call.get_field_by_name("success_code").and_then(|value| value.as_u32()).unwrap_or_default();
    let mut query = String::new();
    if !route.body {
        query_fields(&method.input(), &Prefix::default(), in_path, &mut query)?;
    }
    let mut out = String::new();
    writeln!(
        out,
        "Rpc {{ service: {:?}, method: {:?}, request: {:?}, response: {:?}, verb: {:?}, path: {:?}, body: {}, \
         success: {}, permission: {:?}, org_field: {:?}, query: &[{query}] }},",
        method.parent_service().full_name(),
        method.name(),
        method.input().full_name(),
        method.output().full_name(),
        route.verb,
        route.path,
        route.body,
        if success == 0 { 200 } else { success },
        text("permission").filter(|permission| !permission.is_empty()).ok_or("a method has no permission")?,
        text("org_field").filter(|field| !field.is_empty()),
    )?;
    Ok(out)
}

fn option(pool: &DescriptorPool, method: &MethodDescriptor, name: &str) -> Outcome<DynamicMessage> {
    let extension = pool.get_extension_by_name(name).ok_or_else(|| format!("{name} is missing"))?;
    let options = method.options();
    let value = options.get_extension(&extension);
    Ok(value.as_message().cloned().ok_or_else(|| format!("{} lacks {name}", method.full_name()))?)
}

/// One verb, and a body that is nothing or the whole message: no route needs more.
fn route(pool: &DescriptorPool, method: &MethodDescriptor) -> Outcome<Route> {
    let http = option(pool, method, "google.api.http")?;
    let mut found = None;
    let mut body = false;
    for (field, value) in http.fields() {
        let text = value.as_str().unwrap_or_default();
        match field.name() {
            verb @ ("get" | "put" | "post" | "delete" | "patch") => {
                found = Some((verb.to_uppercase(), text.to_owned()))
            }
            "body" if text == "*" => body = true,
            other => return Err(format!("{}: http.{other} is not supported", method.full_name()).into()),
        }
    }
    let (verb, path) = found.ok_or_else(|| format!("{} has no route", method.full_name()))?;
    Ok(Route { verb, path, body })
}

fn path_variables(path: &str) -> Vec<String> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')))
        .map(str::to_owned)
        .collect()
}

/// The names of the messages around a query field.
#[derive(Default)]
struct Prefix {
    json: String,
    name: String,
    depth: usize,
}

fn query_fields(
    message: &MessageDescriptor,
    prefix: &Prefix,
    left_out: &[String],
    out: &mut String,
) -> Outcome<()> {
    for field in schema::fields(message).iter().filter(|field| !field.is_map()) {
        let json = format!("{}{}", prefix.json, field.json_name());
        let name = format!("{}{}", prefix.name, field.name());
        if left_out.contains(&name) {
            continue;
        }
        if let Some(kind) = query_kind(field) {
            let repeated = field.is_list();
            write!(
                out,
                "QueryField {{ json: {json:?}, name: {name:?}, kind: QueryKind::{kind}, repeated: {repeated} }}, "
            )?;
        } else if let Some(child) = schema::child(field)
            && !field.is_list()
            && prefix.depth < DEPTH
        {
            let prefix = Prefix { json: json + ".", name: name + ".", depth: prefix.depth + 1 };
            query_fields(&child, &prefix, left_out, out)?;
        }
    }
    Ok(())
}

/// Messages cannot be given in a query, except those that are one text in JSON.
fn query_kind(field: &FieldDescriptor) -> Option<&'static str> {
    match field.kind() {
        Kind::String => Some("Text"),
        Kind::Bool => Some("Bool"),
        Kind::Bytes => Some("Bytes"),
        Kind::Enum(_) => Some("Enum"),
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" | "google.protobuf.Duration" => Some("Text"),
            _ => None,
        },
        _ => Some("Number"),
    }
}

fn path_fields(message: &MessageDescriptor, in_path: &[String]) -> Outcome<String> {
    let mut arms = String::new();
    for name in in_path {
        let field =
            message.get_field_by_name(name).ok_or_else(|| format!("{name} is in a path but no field"))?;
        if field.kind() != Kind::String || field.is_list() || field.containing_oneof().is_some() {
            return Err(format!("{}: only plain texts can stand in a path", field.full_name()).into());
        }
        writeln!(arms, "{name:?} => self.{} = value.to_owned(),", names::rust_field(name))?;
    }
    let path = names::rust_message(message);
    let (name, value, body) = match arms.as_str() {
        "" => ("_", "_", String::new()),
        arms => ("name", "value", format!("match name {{\n{arms}_ => {{}}\n}}\n")),
    };
    Ok(format!(
        "impl PathFields for {path} {{\nfn set_path_field(&mut self, {name}: &str, {value}: &str) {{\n{body}}}\n}}\n"
    ))
}

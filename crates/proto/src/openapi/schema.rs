//! Messages and enums as JSON schemas.

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor,
};
use serde_json::{Map, Value, json};

use super::doc;

/// Points to a schema among the components.
pub fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The schemas of the named messages and of everything that they hold.
pub fn reachable<'a>(pool: &DescriptorPool, names: impl Iterator<Item = &'a str>) -> Map<String, Value> {
    let mut schemas = Map::new();
    let mut open: Vec<MessageDescriptor> = names.filter_map(|name| pool.get_message_by_name(name)).collect();
    while let Some(message) = open.pop() {
        if schemas.contains_key(message.full_name()) {
            continue;
        }
        schemas.insert(message.full_name().to_owned(), of_message(&message));
        for field in message.fields() {
            match value_kind(&field) {
                Kind::Message(inner) if well_known(inner.full_name()).is_none() => open.push(inner),
                Kind::Enum(kind) => {
                    schemas.insert(kind.full_name().to_owned(), of_enum(&kind));
                }
                _ => {}
            }
        }
    }
    schemas
}

/// The kind of a value, which for a map is not that of the field.
fn value_kind(field: &FieldDescriptor) -> Kind {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    }
}

fn of_message(message: &MessageDescriptor) -> Value {
    let mut fields: Vec<FieldDescriptor> = message.fields().collect();
    fields.sort_by_key(|field| field.path().last().copied());
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.json_name().to_owned(), of_field(field))).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    put(&mut schema, "description", doc(message.full_name()).map(Value::from));
    let choice = message.oneofs().filter(is_required).map(|oneof| alternatives(&oneof)).next();
    put(&mut schema, "oneOf", choice);
    schema
}

fn is_required(oneof: &OneofDescriptor) -> bool {
    let pool = oneof.parent_file().parent_pool().clone();
    let extension = pool.get_extension_by_name("validate.required");
    extension.is_some_and(|required| oneof.options().get_extension(&required).as_bool() == Some(true))
}

fn alternatives(oneof: &OneofDescriptor) -> Value {
    oneof.fields().map(|field| json!({ "required": [field.json_name()] })).collect()
}

fn of_enum(kind: &EnumDescriptor) -> Value {
    let names: Vec<String> = kind.values().map(|value| value.name().to_owned()).collect();
    let mut schema = json!({ "type": "string", "enum": names });
    put(&mut schema, "description", doc(kind.full_name()).map(Value::from));
    schema
}

/// The schema of a field with its limits and its comment.
pub fn of_field(field: &FieldDescriptor) -> Value {
    let mut value = of_kind(&value_kind(field));
    let rules = rules(field);
    let rules = if field.is_list() { rules.and_then(|rules| inner(&rules, "items")) } else { rules };
    // Bytes are left out, since their limits do not count the letters of base64.
    if let Some(text) = rules.and_then(|rules| inner(&rules, "string")) {
        put(&mut value, "minLength", limit(&text, "min_len"));
        put(&mut value, "maxLength", limit(&text, "max_len"));
        let email = text.get_field_by_name("email").and_then(|email| email.as_bool()).unwrap_or_default();
        put(&mut value, "format", email.then(|| json!("email")));
    }
    let mut schema = if field.is_map() {
        json!({ "type": "object", "additionalProperties": value })
    } else if field.is_list() {
        json!({ "type": "array", "items": value })
    } else {
        value
    };
    put(&mut schema, "description", doc(field.full_name()).map(Value::from));
    let options = field.field_descriptor_proto().options.as_ref();
    put(&mut schema, "deprecated", options.filter(|options| options.deprecated()).map(|_| json!(true)));
    schema
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::String => json!({ "type": "string" }),
        Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Kind::Uint64 | Kind::Fixed64 => json!({ "type": "string", "format": "uint64" }),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({ "type": "string", "format": "int64" }),
        Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "format": "int64", "minimum": 0 }),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
        Kind::Float | Kind::Double => json!({ "type": "number" }),
        Kind::Enum(kind) => reference(kind.full_name()),
        Kind::Message(message) => {
            well_known(message.full_name()).unwrap_or_else(|| reference(message.full_name()))
        }
    }
}

/// Messages that have a JSON form of their own.
fn well_known(full_name: &str) -> Option<Value> {
    match full_name {
        "google.protobuf.Timestamp" => Some(json!({ "type": "string", "format": "date-time" })),
        "google.protobuf.Duration" => {
            Some(json!({ "type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$" }))
        }
        "google.protobuf.Struct" => Some(json!({ "type": "object", "additionalProperties": true })),
        _ => None,
    }
}

fn rules(field: &FieldDescriptor) -> Option<DynamicMessage> {
    let pool = field.parent_file().parent_pool().clone();
    let extension = pool.get_extension_by_name("validate.rules")?;
    let options = field.options();
    if !options.has_extension(&extension) {
        return None;
    }
    let rules = options.get_extension(&extension).as_message().cloned()?;
    if field.is_list() { inner(&rules, "repeated") } else { Some(rules) }
}

fn inner(rules: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    rules.has_field_by_name(name).then(|| rules.get_field_by_name(name)?.as_message().cloned()).flatten()
}

fn limit(rules: &DynamicMessage, name: &str) -> Option<Value> {
    rules.has_field_by_name(name).then(|| rules.get_field_by_name(name)?.as_u64()).flatten().map(Value::from)
}

fn put(schema: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(members), Some(value)) = (schema.as_object_mut(), value) {
        members.insert(name.to_owned(), value);
    }
}

//! Walks the descriptors in the order of declaration and answers questions about their shape.

use std::collections::BTreeSet;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

/// Every message that has a Rust type, map entries left out.
pub fn messages(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    pool.all_messages()
        .filter(|message| crate::files::has_rust_types(message.parent_file().name()))
        .filter(|message| ours(message.full_name()) && !message.is_map_entry())
        .collect()
}

/// Packages whose types are generated here, in contrast to the well-known types.
pub fn ours(full_name: &str) -> bool {
    full_name.starts_with("zitadel.") || full_name.starts_with("google.rpc.")
}

/// The fields as they stand in the file, which is the order in which they are checked.
pub fn fields(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let mut fields: Vec<_> = message.fields().collect();
    fields.sort_by_key(|field| field.path().last().copied());
    fields
}

/// The variants as they stand in the file.
pub fn variants(oneof: &OneofDescriptor) -> Vec<FieldDescriptor> {
    let mut fields: Vec<_> = oneof.fields().collect();
    fields.sort_by_key(|field| field.path().last().copied());
    fields
}

/// Those oneofs that are written as such, and not made by `optional`.
pub fn oneofs(message: &MessageDescriptor) -> Vec<OneofDescriptor> {
    message.oneofs().filter(|oneof| !oneof.is_synthetic()).collect()
}

/// Whether the field is marked `optional`.
pub fn is_optional(field: &FieldDescriptor) -> bool {
    field.containing_oneof().is_some_and(|oneof| oneof.is_synthetic())
}

/// The message type of the field, if it is one of ours and no map.
pub fn child(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(message) if !field.is_map() && ours(message.full_name()) => Some(message),
        _ => None,
    }
}

/// The names of the messages for which `own` holds or which reach such a message.
pub fn reaching(pool: &DescriptorPool, own: impl Fn(&MessageDescriptor) -> bool) -> BTreeSet<String> {
    let messages = messages(pool);
    let mut found: BTreeSet<String> = messages
        .iter()
        .filter(|message| own(message))
        .map(|message| message.full_name().to_owned())
        .collect();
    loop {
        let before = found.len();
        for message in &messages {
            if message
                .fields()
                .filter_map(|field| child(&field))
                .any(|child| found.contains(child.full_name()))
            {
                found.insert(message.full_name().to_owned());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// The full names of the fields that are one time each.
pub fn times(pool: &DescriptorPool) -> Vec<String> {
    let is_time = |field: &FieldDescriptor| {
        matches!(field.kind(), Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp")
            && !field.is_list()
            && field.containing_oneof().is_none()
    };
    let fields = messages(pool).into_iter().flat_map(|message| fields(&message));
    fields.filter(is_time).map(|field| field.full_name().to_owned()).collect()
}

//! The descriptors hold what the contract says, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use doorward_proto::FILE_DESCRIPTOR_SET;
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage,
    Value as Reflected,
};
use serde_json::{Value, json};

use crate::contract::{Contract, Field, Ordered, contracts};

pub fn pool() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the embedded descriptors")
}

/// Every message of ours in the order of declaration.
fn fields(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let mut fields: Vec<_> = message.fields().collect();
    fields.sort_by_key(|field| *field.path().last().expect("a path"));
    fields
}

fn type_name(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(kind) => kind.full_name().to_owned(),
        scalar => format!("{scalar:?}"),
    }
}

fn described(field: &FieldDescriptor) -> Field {
    let kind = match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            let (key, value) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
            format!("map<{}, {}>", type_name(&key), type_name(&value))
        }
        kind if field.is_list() => format!("repeated {}", type_name(&kind)),
        kind => type_name(&kind),
    };
    let pool = field.parent_file().parent_pool().clone();
    let required = pool.get_extension_by_name("validate.required").expect("an extension");
    let oneof = field.containing_oneof();
    let written = oneof.as_ref().filter(|oneof| !oneof.is_synthetic());
    Field {
        number: field.number(),
        kind,
        json: field.json_name().to_owned(),
        optional: oneof.as_ref().is_some_and(|oneof| oneof.is_synthetic()),
        oneof: written.map(|oneof| oneof.name().to_owned()),
        oneof_required: written
            .is_some_and(|oneof| oneof.options().get_extension(&required).as_bool().expect("a bool")),
        validate: limits(&pool, field),
        deprecated: field.field_descriptor_proto().options.as_ref().is_some_and(|o| o.deprecated()),
    }
}

fn limits(pool: &DescriptorPool, field: &FieldDescriptor) -> Option<Value> {
    let rules = pool.get_extension_by_name("validate.rules").expect("an extension");
    let options = field.options();
    options.has_extension(&rules).then(|| as_json(&options.get_extension(&rules)))
}

/// Rules as the contract writes them.
fn as_json(value: &Reflected) -> Value {
    match value {
        Reflected::Message(message) if message.descriptor().full_name() == "google.protobuf.Duration" => {
            assert_eq!(message.fields().count(), 0, "zero is the only limit in use");
            json!("0s")
        }
        Reflected::Message(message) => rule_members(message),
        Reflected::List(list) => list.iter().map(as_json).collect(),
        Reflected::U64(number) => json!(number.to_string()),
        Reflected::I32(number) => json!(number),
        Reflected::Bool(flag) => json!(flag),
        other => panic!("{other:?} in rules"),
    }
}

fn rule_members(message: &DynamicMessage) -> Value {
    message.fields().map(|(field, value)| (field.json_name().to_owned(), as_json(value))).collect()
}

fn values(kind: &EnumDescriptor) -> BTreeMap<String, i32> {
    kind.values().map(|value| (value.name().to_owned(), value.number())).collect()
}

/// The names of all messages and enums of ours that are sent or received.
fn served(contract: &Contract, service: &str) -> BTreeSet<String> {
    let pool = pool();
    let service = pool.get_service_by_name(service).expect("a service");
    let mut open: Vec<MessageDescriptor> = ["zitadel.v1.ErrorDetail", "zitadel.v1.CredentialsCheckError"]
        .iter()
        .filter(|name| contract.messages.contains_key(**name))
        .map(|name| pool.get_message_by_name(name).expect("an error detail"))
        .collect();
    open.extend(service.methods().flat_map(|method| [method.input(), method.output()]));
    let mut found = BTreeSet::new();
    while let Some(message) = open.pop() {
        if message.full_name().starts_with("google.") || !found.insert(message.full_name().to_owned()) {
            continue;
        }
        for field in message.fields() {
            let kind = match field.kind() {
                Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
                kind => kind,
            };
            match kind {
                Kind::Message(inner) => open.push(inner),
                Kind::Enum(kind) => {
                    found.insert(kind.full_name().to_owned());
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn every_served_message_matches_the_contract_field_by_field() {
    let pool = pool();
    for (service, contract) in contracts() {
        for name in served(&contract, service) {
            if let Some(message) = pool.get_message_by_name(&name) {
                let wanted =
                    contract.messages.get(&name).unwrap_or_else(|| panic!("{name} is not in the contract"));
                let fields = fields(&message);
                let found = Ordered(fields.iter().map(|f| (f.name().to_owned(), described(f))).collect());
                assert_eq!(&found, wanted, "{name}");
            }
        }
    }
}

#[test]
fn every_served_enum_matches_the_contract_value_by_value() {
    let pool = pool();
    let mut compared = 0;
    for (service, contract) in contracts() {
        for name in served(&contract, service) {
            if let Some(kind) = pool.get_enum_by_name(&name) {
                let wanted =
                    contract.enums.get(&name).unwrap_or_else(|| panic!("{name} is not in the contract"));
                assert_eq!(&values(&kind), wanted, "{name}");
                compared += 1;
            }
        }
    }
    assert!(compared > 15);
}

#[test]
fn nothing_is_declared_that_no_method_uses() {
    let used: BTreeSet<String> =
        contracts().iter().flat_map(|(service, contract)| served(contract, service)).collect();
    let pool = pool();
    let messages = pool.all_messages().filter(|m| !m.is_map_entry()).map(|m| m.full_name().to_owned());
    let enums = pool.all_enums().map(|kind| kind.full_name().to_owned());
    let unused: Vec<String> =
        messages.chain(enums).filter(|name| name.starts_with("zitadel.") && !used.contains(name)).collect();
    assert_eq!(unused, Vec::<String>::new());
}

#[test]
fn v2beta_is_a_subset_of_v2_field_by_field() {
    let pool = pool();
    let newer = |name: &str| name.replace(".v2beta.", ".v2.");
    let mut compared = 0;
    for older in pool.all_messages().filter(|message| message.full_name().contains(".v2beta.")) {
        let name = newer(older.full_name());
        let message = pool.get_message_by_name(&name).unwrap_or_else(|| panic!("{name} is missing"));
        for field in older.fields() {
            let twin =
                message.get_field_by_name(field.name()).unwrap_or_else(|| panic!("{}", field.full_name()));
            let (mut field_facts, mut twin_facts) = (described(&field), described(&twin));
            field_facts.kind = newer(&field_facts.kind);
            // v2 may have limits and marks that v2beta does not have, but not the other way round.
            if field_facts.validate.is_none() {
                twin_facts.validate = None;
            }
            twin_facts.deprecated = field_facts.deprecated;
            assert_eq!(field_facts.kind.replace("map<", ""), twin_facts.kind.replace("map<", ""));
            assert_eq!(field_facts, twin_facts, "{}", field.full_name());
            compared += 1;
        }
    }
    for older in pool.all_enums().filter(|kind| kind.full_name().contains(".v2beta.")) {
        let kind = pool.get_enum_by_name(&newer(older.full_name())).expect("an enum of v2");
        assert_eq!(values(&older), values(&kind), "{}", older.full_name());
    }
    assert!(compared > 80, "only {compared} fields were compared");
}

#[test]
fn number_5_of_the_user_factor_stays_reserved() {
    for package in ["zitadel.session.v2", "zitadel.session.v2beta"] {
        let message = pool().get_message_by_name(&format!("{package}.UserFactor")).expect("a message");
        assert!(message.reserved_ranges().any(|range| range.contains(&5)), "{package}");
    }
}

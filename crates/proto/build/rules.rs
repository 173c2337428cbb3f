//! Reads the `validate.rules` options and words the reasons as protoc-gen-validate does.

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, OneofDescriptor, Value,
};

use crate::Outcome;

/// One rule, in the order in which protoc-gen-validate checks those of one field.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    Runes { min: Option<u64>, max: Option<u64> },
    Bytes { min: Option<u64>, max: Option<u64> },
    Email,
    UriRef,
    NotIn(Vec<i32>),
    Defined,
    Required,
    Positive,
    MustBe(bool),
}

/// The rules of a field, or of the elements of a repeated field.
pub fn of_field(pool: &DescriptorPool, field: &FieldDescriptor) -> Outcome<Vec<Rule>> {
    let Some(rules) = extension(pool, &field.options(), "validate.rules")? else { return Ok(Vec::new()) };
    read(&rules)
}

/// Whether one variant of the oneof has to be set.
pub fn oneof_required(pool: &DescriptorPool, oneof: &OneofDescriptor) -> Outcome<bool> {
    let extension = pool.get_extension_by_name("validate.required").ok_or("validate.required is missing")?;
    Ok(oneof.options().get_extension(&extension).as_bool().unwrap_or(false))
}

fn extension(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Outcome<Option<DynamicMessage>> {
    let extension = pool.get_extension_by_name(name).ok_or_else(|| format!("{name} is missing"))?;
    if !options.has_extension(&extension) {
        return Ok(None);
    }
    Ok(options.get_extension(&extension).as_message().cloned())
}

/// Refuses a rule that it does not know, so that none is silently not enforced.
fn read(rules: &DynamicMessage) -> Outcome<Vec<Rule>> {
    let mut found = Vec::new();
    for (kind, value) in rules.fields() {
        let inner = value.as_message().ok_or("rules of a field are messages")?;
        match kind.name() {
            "string" | "bytes" => lengths(kind.name(), inner, &mut found)?,
            "repeated" => {
                let items = inner.get_field_by_name("items").and_then(|items| items.as_message().cloned());
                found.extend(read(&items.ok_or("only the items of a repeated field can have rules")?)?);
            }
            other => simple(other, inner, &mut found)?,
        }
    }
    Ok(found)
}

fn lengths(kind: &str, rules: &DynamicMessage, found: &mut Vec<Rule>) -> Outcome<()> {
    let (mut min, mut max) = (None, None);
    let mut shape = None;
    for (rule, value) in rules.fields() {
        match rule.name() {
            "min_len" => min = value.as_u64(),
            "max_len" => max = value.as_u64(),
            "email" => shape = Some(Rule::Email),
            "uri_ref" => shape = Some(Rule::UriRef),
            other => return Err(format!("the rule {kind}.{other} is not supported").into()),
        }
    }
    if min.is_some() || max.is_some() {
        found.push(if kind == "string" { Rule::Runes { min, max } } else { Rule::Bytes { min, max } });
    }
    found.extend(shape);
    Ok(())
}

fn simple(kind: &str, rules: &DynamicMessage, found: &mut Vec<Rule>) -> Outcome<()> {
    let mut read = Vec::new();
    for (rule, value) in rules.fields() {
        read.push(match (kind, rule.name(), value) {
            ("enum", "defined_only", Value::Bool(true)) => Rule::Defined,
            ("enum", "not_in", Value::List(list)) => {
                Rule::NotIn(list.iter().filter_map(Value::as_i32).collect())
            }
            ("message" | "timestamp", "required", Value::Bool(true)) => Rule::Required,
            ("duration", "gt", Value::Message(limit)) if limit.fields().next().is_none() => Rule::Positive,
            ("bool", "const", Value::Bool(wanted)) => Rule::MustBe(*wanted),
            (_, other, _) => return Err(format!("the rule {kind}.{other} is not supported").into()),
        });
    }
    read.sort_by_key(|rule| !matches!(rule, Rule::NotIn(_)));
    found.append(&mut read);
    Ok(())
}

/// The text after the colon.
pub fn reason(rule: &Rule, field: &FieldDescriptor) -> String {
    match rule {
        Rule::Runes { min, max } => length(*min, *max, "runes"),
        Rule::Bytes { min, max } => length(*min, *max, "bytes"),
        Rule::Email => "value must be a valid email address".to_owned(),
        Rule::UriRef => "value must be a valid URI".to_owned(),
        Rule::NotIn(numbers) => match field.kind() {
            Kind::Enum(kind) => format!("value must not be in list [{}]", value_names(&kind, numbers)),
            _ => format!("value must not be in list {numbers:?}"),
        },
        Rule::Defined => "value must be one of the defined enum values".to_owned(),
        Rule::Required => "value is required".to_owned(),
        Rule::Positive => "value must be greater than 0s".to_owned(),
        Rule::MustBe(wanted) => format!("value must equal {wanted}"),
    }
}

fn value_names(kind: &EnumDescriptor, numbers: &[i32]) -> String {
    let names: Vec<String> = numbers
        .iter()
        .map(|&number| {
            kind.get_value(number).map_or_else(|| number.to_string(), |value| value.name().to_owned())
        })
        .collect();
    names.join(" ")
}

fn length(min: Option<u64>, max: Option<u64>, unit: &str) -> String {
    match (min, max) {
        (Some(min), Some(max)) if min == max => format!("value length must be {min} {unit}"),
        (Some(min), Some(max)) => format!("value length must be between {min} and {max} {unit}, inclusive"),
        (Some(min), None) => format!("value length must be at least {min} {unit}"),
        (None, max) => format!("value length must be at most {} {unit}", max.unwrap_or_default()),
    }
}

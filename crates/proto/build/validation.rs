//! Generates `Validate` for every message: depth first, in the order of protoc-gen-validate.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use crate::rules::{self, Rule};
use crate::{Outcome, names, schema};

pub fn generate(pool: &DescriptorPool) -> Outcome<String> {
    let checked = checked_messages(pool)?;
    let mut out = String::new();
    for message in schema::messages(pool) {
        let body = if checked.contains(message.full_name()) {
            Body { pool, checked: &checked, go: names::go_message(&message) }.of_message(&message)?
        } else {
            String::new()
        };
        let surface = if body.contains("surface") { "surface" } else { "_" };
        write!(
            out,
            "impl Validate for {} {{\nfn validate(&self, {surface}: Surface) -> Result<(), Violation> {{\n{body}Ok(())\n}}\n}}\n",
            names::rust_message(&message),
        )?;
    }
    Ok(out)
}

/// The names of the messages in which anything can be wrong.
fn checked_messages(pool: &DescriptorPool) -> Outcome<BTreeSet<String>> {
    let mut own = BTreeSet::new();
    for message in schema::messages(pool) {
        let mut has_rules = false;
        for field in message.fields() {
            has_rules |= !rules::of_field(pool, &field)?.is_empty();
        }
        for oneof in message.oneofs() {
            has_rules |= rules::oneof_required(pool, &oneof)?;
        }
        if has_rules {
            own.insert(message.full_name().to_owned());
        }
    }
    let checked = schema::reaching(pool, |message| own.contains(message.full_name()));
    for field in
        schema::messages(pool).iter().flat_map(|message| message.fields()).filter(|field| field.is_map())
    {
        if let Kind::Message(entry) = field.kind()
            && let Kind::Message(value) = entry.map_entry_value_field().kind()
            && checked.contains(value.full_name())
        {
            return Err(format!("{}: rules inside map values are not supported", field.full_name()).into());
        }
    }
    Ok(checked)
}

/// Writes the checks of one message.
struct Body<'a> {
    pool: &'a DescriptorPool,
    checked: &'a BTreeSet<String>,
    go: String,
}

impl Body<'_> {
    /// Plain fields first, then oneofs, then optional fields: this is the order that callers see.
    fn of_message(&self, message: &MessageDescriptor) -> Outcome<String> {
        let fields = schema::fields(message);
        let mut out = String::new();
        for field in fields.iter().filter(|field| field.containing_oneof().is_none()) {
            out += &self.plain(field)?;
        }
        for oneof in schema::oneofs(message) {
            out += &self.oneof(&oneof)?;
        }
        for field in fields.iter().filter(|field| schema::is_optional(field)) {
            out += &self.optional(field)?;
        }
        Ok(out)
    }

    fn plain(&self, field: &FieldDescriptor) -> Outcome<String> {
        let place = format!("self.{}", names::rust_field(field.name()));
        let go = format!("{:?}", names::go_field(field.name()));
        if field.is_list() {
            let element = format!("format!(\"{}[{{index}}]\")", names::go_field(field.name()));
            let checks = self.value(field, "value", &element)?;
            return Ok(wrap(&checks, &format!("for (index, value) in {place}.iter().enumerate()")));
        }
        if matches!(field.kind(), Kind::Message(_)) {
            return self.message_field(field, &place);
        }
        self.value(field, &format!("&{place}"), &go)
    }

    fn optional(&self, field: &FieldDescriptor) -> Outcome<String> {
        let place = format!("self.{}", names::rust_field(field.name()));
        if matches!(field.kind(), Kind::Message(_)) {
            return self.message_field(field, &place);
        }
        let checks = self.value(field, "value", &format!("{:?}", names::go_field(field.name())))?;
        Ok(wrap(&checks, &format!("if let Some(value) = &{place}")))
    }

    fn message_field(&self, field: &FieldDescriptor, place: &str) -> Outcome<String> {
        let go = format!("{:?}", names::go_field(field.name()));
        let mut out = String::new();
        for rule in rules::of_field(self.pool, field)?.iter().filter(|rule| **rule == Rule::Required) {
            out += &self.fail_unless(field, &format!("{place}.is_set()"), rule, &go)?;
        }
        let checks = self.value(field, "value", &go)?;
        Ok(out + &wrap(&checks, &format!("if let Some(value) = {place}.as_option()")))
    }

    fn oneof(&self, oneof: &OneofDescriptor) -> Outcome<String> {
        let place = format!("self.{}", names::rust_field(oneof.name()));
        let path = names::rust_oneof(oneof);
        let variants = schema::variants(oneof);
        let mut arms = String::new();
        let mut open = variants.len() + 1;
        for variant in variants {
            let checks = self.value(&variant, "value", &format!("{:?}", names::go_field(variant.name())))?;
            if !checks.is_empty() {
                writeln!(arms, "Some({path}::{}(value)) => {{\n{checks}}}", names::pascal(variant.name()))?;
                open -= 1;
            }
        }
        if rules::oneof_required(self.pool, oneof)? {
            let go = names::go_field(oneof.name());
            writeln!(
                arms,
                "None => return Err(Violation::new({:?}, {go:?}, \"value is required\")),",
                self.go
            )?;
            open -= 1;
        }
        let rest = if open == 0 { "" } else { "_ => {}\n" };
        if arms.is_empty() { Ok(arms) } else { Ok(format!("match &{place} {{\n{arms}{rest}}}\n")) }
    }

    /// The checks of a value that is there, reached through the reference `value`.
    fn value(&self, field: &FieldDescriptor, value: &str, go: &str) -> Outcome<String> {
        let mut out = String::new();
        for rule in rules::of_field(self.pool, field)? {
            out += &match &rule {
                Rule::Required => continue,
                Rule::Email | Rule::UriRef | Rule::Positive => self.caused(field, value, &rule, go)?,
                Rule::Runes { min, max } => {
                    self.fail_unless(field, &format!("rule::runes({value}, {min:?}, {max:?})"), &rule, go)?
                }
                Rule::Bytes { min, max } => {
                    self.fail_unless(field, &format!("rule::bytes({value}, {min:?}, {max:?})"), &rule, go)?
                }
                Rule::NotIn(numbers) => {
                    self.fail_unless(field, &format!("rule::not_in({value}, &{numbers:?})"), &rule, go)?
                }
                Rule::Defined => self.fail_unless(field, &format!("rule::defined({value})"), &rule, go)?,
                Rule::MustBe(wanted) => {
                    self.fail_unless(field, &format!("*({value}) == {wanted}"), &rule, go)?
                }
            };
        }
        if schema::child(field).is_some_and(|child| self.checked.contains(child.full_name())) {
            writeln!(out, "{value}.validate(surface).map_err(|cause| cause.inside({:?}, {go}))?;", self.go)?;
        }
        Ok(out)
    }

    fn fail_unless(&self, field: &FieldDescriptor, holds: &str, rule: &Rule, go: &str) -> Outcome<String> {
        let only_v2 = if self.only_in_v2(field, rule)? { "surface == Surface::V2 && " } else { "" };
        let reason = rules::reason(rule, field);
        Ok(format!(
            "if {only_v2}!({holds}) {{\nreturn Err(Violation::new({:?}, {go}, {reason:?}));\n}}\n",
            self.go
        ))
    }

    /// Rules whose check says itself what is wrong.
    fn caused(&self, field: &FieldDescriptor, value: &str, rule: &Rule, go: &str) -> Outcome<String> {
        let check = match rule {
            Rule::Email => "email",
            Rule::UriRef => "uri_ref",
            _ => "positive",
        };
        if self.only_in_v2(field, rule)? {
            return Err(format!("{}: this rule has to hold in v2beta too", field.full_name()).into());
        }
        Ok(format!("rule::{check}({value}).map_err(|wrong| wrong.at({:?}, {go}))?;\n", self.go))
    }

    /// v2beta leaves some limits out. It may not have others.
    fn only_in_v2(&self, field: &FieldDescriptor, rule: &Rule) -> Outcome<bool> {
        let message = field.parent_message().full_name();
        let older = self.pool.get_message_by_name(&names::in_v2beta(message));
        let Some(older) = older.and_then(|older| older.get_field_by_name(field.name())) else {
            return Ok(false);
        };
        let rules = rules::of_field(self.pool, &older)?;
        if !rules.is_empty() && rules != rules::of_field(self.pool, field)? {
            return Err(format!("{}: v2beta has another limit", field.full_name()).into());
        }
        Ok(!rules.contains(rule))
    }
}

fn wrap(checks: &str, head: &str) -> String {
    if checks.is_empty() { String::new() } else { format!("{head} {{\n{checks}}}\n") }
}

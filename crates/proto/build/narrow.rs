//! Generates `Narrow`, which takes out of a message what v2beta does not have.

use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor};

use crate::{names, schema};

pub fn generate(pool: &DescriptorPool) -> String {
    let affected = schema::reaching(pool, |message| message.fields().any(|field| is_newer(pool, &field)));
    let mut out = String::new();
    for message in schema::messages(pool) {
        let body = body(pool, &message, |child| affected.contains(child.full_name()));
        let _ = write!(
            out,
            "impl Narrow for {} {{\nfn narrow(&mut self) {{\n{body}}}\n}}\n",
            names::rust_message(&message)
        );
    }
    out
}

/// The message exists in v2beta, but without this field.
fn is_newer(pool: &DescriptorPool, field: &FieldDescriptor) -> bool {
    let message = field.parent_message().full_name();
    if !message.contains(".v2.") {
        return false;
    }
    let older = pool.get_message_by_name(&names::in_v2beta(message));
    older.is_some_and(|older| older.get_field(field.number()).is_none())
}

fn body(
    pool: &DescriptorPool,
    message: &MessageDescriptor,
    affected: impl Fn(&MessageDescriptor) -> bool,
) -> String {
    let mut out = String::new();
    for field in schema::fields(message) {
        let newer = is_newer(pool, &field);
        if !newer && !schema::child(&field).is_some_and(|child| affected(&child)) {
            continue;
        }
        let place = names::rust_field(field.name());
        let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
        let _ = match oneof {
            Some(oneof) => {
                let place = names::rust_field(oneof.name());
                let variant = format!("{}::{}", names::rust_oneof(&oneof), names::pascal(field.name()));
                if newer {
                    writeln!(
                        out,
                        "if matches!(self.{place}, Some({variant}(_))) {{\nself.{place} = None;\n}}"
                    )
                } else {
                    writeln!(out, "if let Some({variant}(value)) = &mut self.{place} {{\nvalue.narrow();\n}}")
                }
            }
            None if newer => writeln!(out, "self.{place} = Default::default();"),
            None if field.is_list() => {
                writeln!(out, "for value in &mut self.{place} {{\nvalue.narrow();\n}}")
            }
            None => {
                writeln!(out, "if let Some(value) = self.{place}.as_option_mut() {{\nvalue.narrow();\n}}")
            }
        };
    }
    out
}

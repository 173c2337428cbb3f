//! Generates the table of comments, which OpenAPI shows. It is far smaller than the source info.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost_reflect::DescriptorPool;
use prost_reflect::prost_types::source_code_info::Location;

use crate::schema;

pub fn generate(pool: &DescriptorPool) -> String {
    let mut docs = BTreeMap::new();
    for file in pool.files().filter(|file| schema::ours(file.package_name())) {
        let Some(info) = &file.file_descriptor_proto().source_code_info else { continue };
        let comment = |path: &[i32]| info.location.iter().find(|at| at.path == path).and_then(text);
        for service in file.services() {
            docs.extend(comment(service.path()).map(|text| (service.full_name().to_owned(), text)));
            for method in service.methods() {
                docs.extend(comment(method.path()).map(|text| (method.full_name().to_owned(), text)));
            }
        }
        for message in pool.all_messages().filter(|message| message.parent_file() == file) {
            docs.extend(comment(message.path()).map(|text| (message.full_name().to_owned(), text)));
            for field in message.fields() {
                docs.extend(comment(field.path()).map(|text| (field.full_name().to_owned(), text)));
            }
        }
        for kind in pool.all_enums().filter(|kind| kind.parent_file() == file) {
            docs.extend(comment(kind.path()).map(|text| (kind.full_name().to_owned(), text)));
        }
    }
    let mut out = "/// Sorted by name.\npub(crate) static DOCS: &[(&str, &str)] = &[\n".to_owned();
    for (name, text) in docs {
        let _ = writeln!(out, "({name:?}, {text:?}),");
    }
    out + "];\n"
}

/// The comment before the element, its lines joined.
fn text(location: &Location) -> Option<String> {
    let comment = location.leading_comments.as_deref()?;
    Some(comment.split_whitespace().collect::<Vec<_>>().join(" "))
}

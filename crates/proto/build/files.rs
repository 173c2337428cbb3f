//! Finds the .proto files and knows which of them become Rust types.

use std::path::Path;

use crate::Outcome;

/// All files of the project and those third-party files that are sent on the wire, as import names.
pub fn find(root: &Path) -> Outcome<Vec<String>> {
    let mut found = vec!["google/rpc/error_details.proto".to_owned()];
    for folder in ["doorward", "zitadel"] {
        collect(root, &root.join(folder), &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<String>) -> Outcome<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            let name = path.strip_prefix(root)?.to_str().ok_or("a file name is not UTF-8")?;
            found.push(name.replace('\\', "/"));
        }
    }
    Ok(())
}

/// v2beta is a subset of v2 field for field, and the options are read at build time only.
pub fn has_rust_types(file: &str) -> bool {
    !file.contains("/v2beta/") && !file.starts_with("doorward/")
}

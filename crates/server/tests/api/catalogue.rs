//! Every error id that a caller can see is named by a test.

use std::fs;
use std::path::Path;

use doorward_core::failure;

/// Ids that the limits of the messages keep from ever being seen.
const BEHIND_LIMITS: [&str; 3] = ["EMAIL-spblu", "USER-Dbgth", "COMMAND-SJl2g"];

fn collect(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("catalogue.rs")
        {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_error_id_is_named_by_a_test() {
    let mut tests = String::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut tests);
    let untested: Vec<_> = failure::ALL
        .iter()
        .map(|failure| failure.id)
        .filter(|id| !id.is_empty() && !BEHIND_LIMITS.contains(id))
        .filter(|id| !tests.contains(&format!("\"{id}\"")) && !tests.contains(&format!("({id})")))
        .collect();
    assert!(untested.is_empty(), "no test names {untested:?}");
}

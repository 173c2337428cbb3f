//! The Rust files of the repository, how they begin and how long they are.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::Findings;
use super::code::{without_comments, without_literals, without_tests};
use crate::run::root;

/// Longer ones are told.
const LONG: usize = 300;
/// Longer ones are wrong.
const TOO_LONG: usize = 500;

/// A file and what it says.
#[derive(Debug)]
pub struct Source {
    /// From the root, such as `crates/core/src/user.rs`.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Without comments and without its tests.
    pub plain: String,
    /// Without comments, tests and the contents of strings.
    pub code: String,
}

impl Source {
    /// A file with this text.
    pub fn new(path: String, text: String) -> Self {
        let bare = without_comments(&text);
        let plain = without_tests(&bare).to_owned();
        let code = without_literals(&plain);
        Self { path, text, plain, code }
    }

    /// Whether it is there for tests alone.
    pub fn is_test(&self) -> bool {
        self.path.contains("/tests/")
            || self.path.starts_with("tests-sdk/")
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
    }
}

/// Every Rust file, in the order of paths.
pub fn all() -> anyhow::Result<Vec<Source>> {
    let mut found = Vec::new();
    walk(&root(), "", &mut found)?;
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn walk(folder: &Path, path: &str, found: &mut Vec<Source>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" {
                walk(&entry.path(), &path, found)?;
            }
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).with_context(|| format!("{path} cannot be read"))?;
            found.push(Source::new(path, text));
        }
    }
    Ok(())
}

/// Every file says at once what it is for; none is too long.
pub fn check(sources: &[Source], findings: &mut Findings) {
    for source in sources {
        if !source.text.starts_with("//!") {
            findings.wrong.push(format!("{} does not begin with `//!`", source.path));
        }
        let lines = source.text.lines().count();
        let told = format!("{} has {lines} lines", source.path);
        if lines > TOO_LONG && !source.is_test() {
            findings.wrong.push(format!("{told}, more than {TOO_LONG}: split it"));
        } else if lines > LONG && !source.is_test() {
            findings.told.push(told);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_does_not_say_what_it_is_for_or_is_too_long_is_wrong() {
        let mut findings = Findings::default();
        let lines = |count: usize| format!("//! Doc.{}", "\n//".repeat(count));
        let source = |path: &str, text: String| Source::new(path.to_owned(), text);
        let sources = [
            source("a/src/a.rs", "fn main() {}".to_owned()),
            source("a/src/b.rs", lines(600)),
            source("a/src/c.rs", lines(400)),
            source("a/tests/d.rs", lines(600)),
        ];
        check(&sources, &mut findings);
        assert_eq!(findings.wrong.len(), 2, "{findings:?}");
        assert_eq!(findings.told, ["a/src/c.rs has 401 lines"]);
    }
}

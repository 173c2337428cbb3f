//! Released migrations never change: their checksums are kept beside them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use super::Findings;
use crate::run::root;

const FOLDER: &str = "crates/store/migrations";

fn list() -> PathBuf {
    root().join(FOLDER).join("CHECKSUMS")
}

/// The migrations that are there, with their checksums.
fn present() -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root().join(FOLDER)).context("there are no migrations")? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".sql") {
            found.insert(name, hex(&Sha256::digest(fs::read(entry.path())?)));
        }
    }
    Ok(found)
}

/// The list, as `sha256sum` writes it.
fn listed() -> BTreeMap<String, String> {
    let text = fs::read_to_string(list()).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once("  "));
    lines.map(|(sum, name)| (name.to_owned(), sum.to_owned())).collect()
}

/// Every migration is listed, and is what it was.
pub fn check(findings: &mut Findings) -> anyhow::Result<()> {
    findings.wrong.extend(compare(&present()?, &listed()));
    Ok(())
}

fn compare(present: &BTreeMap<String, String>, listed: &BTreeMap<String, String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, sum) in present {
        match listed.get(name) {
            Some(known) if known == sum => {}
            Some(_) => wrong.push(format!(
                "{FOLDER}/{name} has changed: put it back and add a new migration (before its first release: take its \
                 line out of CHECKSUMS and run `cargo xtask tidy --write`)"
            )),
            None => wrong.push(format!("{FOLDER}/{name} is not in CHECKSUMS: run `cargo xtask tidy --write`")),
        }
    }
    let gone = listed.keys().filter(|name| !present.contains_key(*name));
    wrong.extend(gone.map(|name| format!("{FOLDER}/{name} is gone: released migrations stay")));
    wrong
}

/// Adds new migrations to the list; what is there stays as it is.
pub fn write() -> anyhow::Result<()> {
    let mut all = present()?;
    all.extend(listed());
    let lines: String = all.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
    fs::write(list(), lines).context("CHECKSUMS cannot be written")
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_new_and_lost_migrations_are_wrong() {
        let map = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(name, sum)| ((*name).to_owned(), (*sum).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let listed = map(&[("1.sql", "aa"), ("2.sql", "bb"), ("3.sql", "cc")]);
        let wrong = compare(&map(&[("1.sql", "aa"), ("2.sql", "xx"), ("4.sql", "dd")]), &listed);
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(compare(&listed, &listed).is_empty());
    }
}

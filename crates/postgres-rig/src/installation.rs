//! Where PostgreSQL's programs are.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::owner::bare;

/// Older ones lack what the servers of the tests are started with, and are no longer maintained.
const OLDEST: u32 = 13;

/// One installed PostgreSQL.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Where `postgres` and `initdb` are.
    pub bin: PathBuf,
    /// Such as 15.
    pub major: u32,
    /// Such as `15.13`.
    pub version: String,
}

impl Installation {
    /// The newest one.
    pub fn find() -> Outcome<Self> {
        let mut found: Vec<Self> = folders().iter().filter_map(|bin| Self::at(bin)).collect();
        found.sort_by_key(|one| one.major);
        match found.pop() {
            Some(newest) if newest.major >= OLDEST => Ok(newest),
            Some(old) => Err(format!("PostgreSQL {} is too old: {}", old.version, missing())),
            None => Err(missing()),
        }
    }

    fn at(bin: &Path) -> Option<Self> {
        if !bin.join("initdb").is_file() {
            return None;
        }
        let output = bare(bin.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (version, major) = version(&text)?;
        Some(Self { bin: bin.to_owned(), major, version })
    }
}

fn missing() -> String {
    format!(
        "PostgreSQL {OLDEST} or newer has to be installed: `cargo xtask test` does so where it may; \
         else, on Debian: apt-get install postgresql"
    )
}

/// A program beside `bin`, or anywhere on the way; Debian keeps some where only root looks.
pub fn program(bin: &Path, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin", "/usr/bin"].map(PathBuf::from);
    let folders = std::iter::once(bin.to_owned()).chain(std::env::split_paths(&path)).chain(more);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Folders in which there may be a `postgres`: those of Debian, those of Red Hat, those on the way.
fn folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")] {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                folders.push(entry.path().join("bin"));
            }
        }
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_the_way = std::env::split_paths(&path).map(|folder| folder.join("postgres"));
    folders.extend(on_the_way.filter_map(|file| Some(fs::canonicalize(file).ok()?.parent()?.to_owned())));
    folders.sort();
    folders.dedup();
    folders
}

/// `postgres (PostgreSQL) 15.13 (Debian …)` gives `15.13` and 15, `… 19beta1` gives 19.
fn version(text: &str) -> Option<(String, u32)> {
    let version = text.split_whitespace().nth(2)?;
    let end = version.find(|char: char| !char.is_ascii_digit()).unwrap_or(version.len());
    Some((version.to_owned(), version.get(..end)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_program_says() {
        let read = |text| version(text).map(|(version, major)| format!("{version} {major}"));
        assert_eq!(read("postgres (PostgreSQL) 15.13 (Debian 15.13-0)\n").as_deref(), Some("15.13 15"));
        assert_eq!(read("postgres (PostgreSQL) 19beta1\n").as_deref(), Some("19beta1 19"));
        assert_eq!(read("postgres (PostgreSQL)\n"), None);
    }
}

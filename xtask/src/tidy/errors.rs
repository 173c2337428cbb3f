//! docs/errors.md, made of the table of failures in the core and of the statuses in the server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, bail};

use super::Findings;
use crate::run::root;

const PAGE: &str = "docs/errors.md";
const FAILURES: &str = "crates/core/src/failure.rs";
const STATUSES: &str = "crates/server/src/api/status.rs";

const HEAD: &str = include_str!("errors_head.md");

/// One line of the table.
struct Entry<'a> {
    name: &'a str,
    kind: &'a str,
    id: &'a str,
    text: &'a str,
}

/// The page is what it would be made now.
pub fn check(findings: &mut Findings) -> anyhow::Result<()> {
    let present = fs::read_to_string(root().join(PAGE)).unwrap_or_default();
    if present != page()? {
        findings.wrong.push(format!("{PAGE} is not what {FAILURES} says: run `cargo xtask tidy --write`"));
    }
    Ok(())
}

/// Makes the page anew.
pub fn write() -> anyhow::Result<()> {
    fs::write(root().join(PAGE), page()?).with_context(|| format!("{PAGE} cannot be written"))
}

fn page() -> anyhow::Result<String> {
    let read =
        |path: &str| fs::read_to_string(root().join(path)).with_context(|| format!("{path} cannot be read"));
    render(&read(FAILURES)?, &statuses(&read(STATUSES)?))
}

fn render(failures: &str, statuses: &BTreeMap<String, u16>) -> anyhow::Result<String> {
    let table = failures.split_once("\nfailures! {\n").and_then(|(_, rest)| rest.split_once("\n}\n"));
    let (table, _) = table.with_context(|| format!("{FAILURES} has no table"))?;
    let mut page = HEAD.to_owned();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(title) = line.strip_prefix("// ") {
            write!(
                page,
                "\n## {}\n\n{COLUMNS}",
                title.split(". ").next().unwrap_or(title).trim_end_matches('.')
            )?;
            continue;
        }
        let entry = Entry::read(line).with_context(|| format!("{FAILURES}: not understood: {line}"))?;
        let Some((code, http)) = code(entry.kind).zip(statuses.get(entry.kind)) else {
            bail!("the status of {} is not known", entry.kind)
        };
        let id = if entry.id.is_empty() { "(empty)".to_owned() } else { format!("`{}`", entry.id) };
        let meaning = entry.name.to_lowercase().replace('_', " ");
        let text = entry.text.replace('|', "\\|");
        writeln!(page, "| {id} | {} | {code} | {http} | `{text}` | {meaning} |", entry.kind)?;
    }
    Ok(page)
}

const COLUMNS: &str = "\
| id | kind | gRPC | HTTP | text | when |
| --- | --- | ---: | ---: | --- | --- |
";

impl<'a> Entry<'a> {
    /// From `NAME = Kind, "id", "text";`.
    fn read(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_once(" = ")?;
        let (kind, rest) = rest.split_once(", \"")?;
        let (id, rest) = rest.split_once("\", \"")?;
        Some(Self { name, kind, id, text: rest.strip_suffix("\";")? })
    }
}

/// The HTTP status of each kind, as the server has them.
fn statuses(source: &str) -> BTreeMap<String, u16> {
    let mut found = BTreeMap::new();
    for (kinds, status) in source.lines().filter_map(|line| line.split_once(" => StatusCode::")) {
        if let Some(number) = number(status.trim_end_matches(',')) {
            let kinds = kinds.split('|').filter_map(|kind| kind.trim().strip_prefix("Kind::"));
            found.extend(kinds.map(|kind| (kind.to_owned(), number)));
        }
    }
    found
}

fn number(status: &str) -> Option<u16> {
    Some(match status {
        "BAD_REQUEST" => 400,
        "UNAUTHORIZED" => 401,
        "FORBIDDEN" => 403,
        "NOT_FOUND" => 404,
        "CONFLICT" => 409,
        "TOO_MANY_REQUESTS" => 429,
        "INTERNAL_SERVER_ERROR" => 500,
        "NOT_IMPLEMENTED" => 501,
        "SERVICE_UNAVAILABLE" => 503,
        "GATEWAY_TIMEOUT" => 504,
        _ => return None,
    })
}

/// The number of a gRPC code, which bears the name of the kind.
fn code(kind: &str) -> Option<u8> {
    Some(match kind {
        "InvalidArgument" => 3,
        "DeadlineExceeded" => 4,
        "NotFound" => 5,
        "AlreadyExists" => 6,
        "PermissionDenied" => 7,
        "ResourceExhausted" => 8,
        "FailedPrecondition" => 9,
        "Unimplemented" => 12,
        "Internal" => 13,
        "Unavailable" => 14,
        "Unauthenticated" => 16,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURE: &str = "x\nfailures! {\n    // Sessions. More of it.\n    SESSION_GONE = NotFound, \"A-1\", \"Gone | away\";\n}\n";

    #[test]
    fn a_failure_becomes_a_line_of_its_section() {
        let statuses = statuses("        Kind::Internal | Kind::NotFound => StatusCode::NOT_FOUND,\n");
        let page = render(FAILURE, &statuses).unwrap();
        let end = "\n## Sessions\n\n| id | kind | gRPC | HTTP | text | when |\n| --- | --- | ---: | ---: | --- | --- |\n\
                   | `A-1` | NotFound | 5 | 404 | `Gone \\| away` | session gone |\n";
        assert!(page.ends_with(end), "{page}");
    }

    #[test]
    fn a_failure_whose_status_is_not_known_is_refused() {
        assert!(render(FAILURE, &BTreeMap::new()).is_err());
        assert!(render("nothing", &BTreeMap::new()).is_err());
    }
}

//! Writes kept results into docs/performance.md, between two marks, and the plots beside it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::engine::Store;
use crate::figures::{Figures, Goal, Note, median};
use crate::plot::{Bar, Kind, bars};
use crate::table;
use crate::text::say;

const BEGIN: &str = "<!-- figures -->";
const END: &str = "<!-- end of figures -->";
const SECTIONS: [&str; 12] = [
    "start", "get", "caller", "create", "password", "otp", "webauthn", "storm", "search", "growth", "nodes",
    "peers",
];

/// The results of one run.
struct Run {
    path: PathBuf,
    /// RFC 3339, so that later ones are greater.
    time: String,
    load: String,
    context: Value,
    figures: Vec<Figures>,
    goals: Vec<Goal>,
    notes: Vec<Note>,
}

/// A chart: its file, its title, its unit, and what is drawn.
struct Chart {
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    /// Only rows that begin so.
    of: &'static str,
    value: fn(&Figures) -> f64,
}

/// Reads the files named, or all that are kept, and writes the document anew.
pub fn write(results: &Path, named: &[PathBuf]) -> Result<()> {
    let files = if named.is_empty() { kept(results)? } else { named.to_vec() };
    let mut runs = Vec::new();
    for file in &files {
        runs.extend(read(file)?);
    }
    ensure!(!runs.is_empty(), "there are no results in {}", results.display());
    runs.sort_by(|one, other| one.time.cmp(&other.time));
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let page = docs.join("performance.md");
    let text = std::fs::read_to_string(&page)?;
    let (before, rest) = text.split_once(BEGIN).with_context(|| format!("{BEGIN} in {}", page.display()))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{END} in {}", page.display()))?;
    let figures = docs.join("figures");
    std::fs::create_dir_all(&figures)?;
    let written = body(&runs, &figures)?;
    std::fs::write(&page, format!("{before}{BEGIN}\n{written}{END}{after}"))?;
    eprintln!("{} is written", page.display());
    Ok(())
}

fn kept(results: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(results).with_context(|| results.display().to_string())?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    Ok(paths.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect())
}

/// A file of results; nothing if it is older than the sections, or holds nothing.
fn read(path: &Path) -> Result<Option<Run>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut lines = text.lines();
    let head: Value = serde_json::from_str(lines.next().unwrap_or("{}"))?;
    let word = |name: &str| head.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (mut figures, mut goals, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        let line: Value = serde_json::from_str(line)?;
        if line.get("row").is_some() {
            figures.push(serde_json::from_value::<Figures>(line)?);
        } else if line.get("note").is_some() {
            notes.push(serde_json::from_value::<Note>(line)?);
        } else {
            goals.push(serde_json::from_value::<Goal>(line)?);
        }
    }
    figures.retain(|figures| !figures.section.is_empty());
    let context = head.get("context").cloned().unwrap_or_default();
    let (time, load) = (word("time"), word("load"));
    let run = Run { path: path.to_owned(), time, load, context, figures, goals, notes };
    // A section without goals was interrupted.
    Ok((!run.figures.is_empty() && !run.goals.is_empty()).then_some(run))
}

/// All that stands between the marks.
fn body(runs: &[Run], figures: &Path) -> Result<String> {
    let mut text = String::new();
    let newest = |section: &str, store: Store| {
        let has = |run: &&Run| run.goals.iter().any(|goal| goal.section == section && goal.store == store);
        runs.iter().rev().find(has)
    };
    let stores = [Store::Sqlite, Store::Postgres];
    let parts: Vec<(&str, Store, &Run)> = SECTIONS
        .into_iter()
        .flat_map(|section| stores.map(|store| (section, store)))
        .filter_map(|(section, store)| Some((section, store, newest(section, store)?)))
        .collect();
    say(&mut text, format_args!("\n## The runs\n\n"));
    for run in runs.iter().filter(|run| parts.iter().any(|(.., used)| used.path == run.path)) {
        say(&mut text, format_args!("* {}", facts(run)));
    }
    say(&mut text, format_args!("\n## Results\n\n"));
    let mut last = "";
    for (section, store, run) in &parts {
        if *section != last {
            say(&mut text, format_args!("### {}\n\n", table::title(section)));
            last = section;
        }
        let rows: Vec<&Figures> =
            run.figures.iter().filter(|one| one.section == *section && one.store == *store).collect();
        for chart in charts(section) {
            let file = format!("{}-{}.svg", chart.name, store.name().to_lowercase());
            let title = format!("{}, {}", chart.title, store.name());
            std::fs::write(figures.join(&file), bars(&title, chart.unit, &drawn(&rows, &chart)))?;
            say(&mut text, format_args!("![{title}, {}](figures/{file})\n\n", chart.unit));
        }
        say(&mut text, format_args!("**{}**\n\n{}\n", store.name(), table::rows(&rows)));
        for note in run.notes.iter().filter(|one| one.section == *section && one.store == *store) {
            say(&mut text, format_args!("{}: {}.\n\n", store.name(), note.note));
        }
    }
    let goals: Vec<&Goal> = parts
        .iter()
        .flat_map(|(section, store, run)| {
            run.goals.iter().filter(move |goal| goal.section == *section && goal.store == *store)
        })
        .collect();
    say(&mut text, format_args!("## Goals\n\n{}\n", table::goals(&goals)));
    Ok(text)
}

fn charts(section: &str) -> Vec<Chart> {
    let rate = |name, title| Chart { name, title, unit: "per second", of: "", value: |one| one.per_second };
    match section {
        "get" => vec![rate("get", "Reading sessions")],
        "caller" => vec![Chart {
            name: "caller",
            title: "GetSession with every kind of bearer, and authentication alone",
            unit: "microseconds of CPU time each, less is better",
            of: "",
            value: Figures::cpu_total,
        }],
        "create" => vec![rate("create", "Creating sessions")],
        "nodes" => vec![rate("nodes", "One and two nodes")],
        "growth" => vec![rate("growth", "Few and many stored sessions")],
        "peers" => vec![
            rate("peers", "Session servers"),
            Chart {
                name: "peers-cpu",
                title: "Session servers, CPU of server and database",
                unit: "microseconds each, less is better",
                of: "",
                value: Figures::cpu_total,
            },
        ],
        "search" => vec![Chart {
            name: "search",
            title: "Lists of the sessions of a user, p99",
            unit: "milliseconds, less is better",
            of: "List",
            value: |one| one.p99 as f64 / 1000.0,
        }],
        "storm" => vec![Chart {
            name: "storm",
            title: "Reads during a storm of logins, p99",
            unit: "milliseconds, less is better",
            of: "Get",
            value: |one| one.p99 as f64 / 1000.0,
        }],
        _ => Vec::new(),
    }
}

/// A bar for each row but those of a single caller and those of a start, which are about something else.
fn drawn(rows: &[&Figures], chart: &Chart) -> Vec<Bar> {
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        let row = row.row.as_str();
        let other = row.ends_with("one caller") || row.starts_with("start") || !row.starts_with(chart.of);
        if !names.contains(&row) && !other {
            names.push(row);
        }
    }
    let bar = |name: &str| {
        let of = rows.iter().filter(|row| row.row == name);
        Bar { label: name.to_owned(), value: median(of.map(|row| (chart.value)(row))), kind: kind(name) }
    };
    names.into_iter().map(bar).collect()
}

fn kind(row: &str) -> Kind {
    let begins = |words: &[&str]| words.iter().any(|word| row.starts_with(word));
    if begins(&["bare", "pgbench", "SQLite alone", "hasher"]) {
        Kind::Limit
    } else if begins(&["tower-sessions", "express-session", "better-auth"]) {
        Kind::Peer
    } else {
        Kind::Doorward
    }
}

/// Machine, versions and settings of a run.
fn facts(run: &Run) -> String {
    let fact = |name: &str| match run.context.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => list.iter().map(shown).collect::<Vec<_>>().join(", "),
        Some(other) => other.to_string(),
    };
    let name = run.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut text = format!(
        "[{name}](../bench/results/{name}), {}: {} cores ({}), {} memory, Linux {}, {}. {}, SQLite {}, hash \
         {}. {} rounds of {} s, {} clients; load average before it: {}.",
        run.time.get(..10).unwrap_or(&run.time),
        fact("cores"),
        fact("processor"),
        fact("memory"),
        fact("kernel"),
        fact("disk"),
        fact("doorward"),
        fact("sqlite"),
        fact("hash"),
        fact("rounds"),
        fact("seconds"),
        fact("clients"),
        run.load,
    );
    if run.context.get("postgres").is_some() {
        say(&mut text, format_args!(" PostgreSQL {} with {}.", fact("postgres"), fact("postgres_settings")));
    }
    if run.context.get("peers").is_some() {
        say(&mut text, format_args!(" Node {} with {}.", fact("node"), fact("peers")));
    }
    text.push('\n');
    text
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(pair) => pair.iter().map(shown).collect::<Vec<_>>().join(" = "),
        other => other.to_string(),
    }
}

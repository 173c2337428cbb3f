//! What a run took place on: machine, kernel, disk, versions, settings.

use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::engine::{Postgres, SETTINGS};
use crate::{Cli, What, install, password};

/// How long the disk is tried.
const TRIAL: Duration = Duration::from_millis(500);
/// The packages whose versions count.
const ON_NODE: [&str; 5] = ["better-auth", "better-sqlite3", "express-session", "connect-pg-simple", "pg"];
const IN_RUST: [&str; 3] = ["tower-sessions", "tower-sessions-sqlx-store", "sqlx"];

/// All of it, to be kept with the results.
pub fn context(cli: &Cli, program: &Path, postgres: Option<&Postgres>) -> Result<Value> {
    let scratch = cli.scratch.clone().unwrap_or_else(std::env::temp_dir).canonicalize()?;
    let mut context = json!({
        "doorward": said(Command::new(program).arg("--version")),
        "cores": std::thread::available_parallelism()?.get(),
        "processor": line_of("/proc/cpuinfo", "model name"),
        "memory": memory(),
        "kernel": read("/proc/sys/kernel/osrelease"),
        "disk": disk(&scratch)?,
        "sqlite": rusqlite::version(),
        "seconds": cli.seconds,
        "rounds": cli.rounds,
        "clients": cli.clients,
        "sessions": cli.sessions,
        "hash": password::hash_name(),
    });
    let more = context.as_object_mut().context("an object")?;
    if let Some(postgres) = postgres {
        more.insert("postgres".to_owned(), json!(postgres.sql("postgres", "SHOW server_version")));
        more.insert("postgres_settings".to_owned(), json!(SETTINGS));
    }
    if matches!(cli.what, What::All | What::Peers) {
        more.insert("node".to_owned(), json!(said(Command::new("node").arg("--version"))));
        more.insert("peers".to_owned(), json!(peers()));
    }
    Ok(context)
}

/// The versions in the lock files, which are those that get installed.
fn peers() -> Vec<String> {
    let mut versions = Vec::new();
    let lock = std::fs::read_to_string(install::folder().join("node/package-lock.json")).unwrap_or_default();
    let lock: Value = serde_json::from_str(&lock).unwrap_or_default();
    for name in ON_NODE {
        let version =
            lock.pointer(&format!("/packages/node_modules~1{name}/version")).and_then(Value::as_str);
        versions.extend(version.map(|version| format!("{name} {version}")));
    }
    let lock = std::fs::read_to_string(install::folder().join("tower/Cargo.lock")).unwrap_or_default();
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        let name = line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"'));
        if let Some(name) = name.filter(|name| IN_RUST.contains(name)) {
            let version = lines.next().unwrap_or_default().trim_start_matches("version = ");
            versions.push(format!("{name} {}", version.trim_matches('"')));
        }
    }
    versions
}

/// File system, and the time of a 4 KiB write with its flush.
fn disk(scratch: &Path) -> Result<String> {
    let path = scratch.join(format!("doorward-bench-disk-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
    // Gone at once, whatever happens.
    std::fs::remove_file(&path)?;
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < TRIAL {
        let started = Instant::now();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(started.elapsed().as_micros());
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or(0);
    Ok(format!("{}, 4 KiB and fdatasync {median} us", file_system(scratch)))
}

/// Of the mount that the folder lies in: the one with the longest name.
fn file_system(folder: &Path) -> String {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let of = mounts.filter(|(point, _)| folder.starts_with(point)).max_by_key(|(point, _)| point.len());
    of.map_or_else(|| "an unknown file system".to_owned(), |(_, kind)| kind.to_owned())
}

fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    output.unwrap_or_else(|_| "unknown".to_owned())
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn memory() -> String {
    let line = line_of("/proc/meminfo", "MemTotal");
    let kib = line.split(' ').next().and_then(|kib| kib.parse::<f64>().ok());
    kib.map_or(line, |kib| format!("{:.0} GiB", kib / 1_048_576.0))
}

/// What stands behind the colon.
fn line_of(path: &str, name: &str) -> String {
    let text = read(path);
    let line = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
    line.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

//! What the peers need, installed from the registries on first use, with the versions that their lock files name.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// Where the peers are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// The folder with the servers on Node and their packages.
pub async fn node() -> Result<PathBuf> {
    let folder = folder().join("node");
    let lock = folder.join("package-lock.json");
    // npm writes this file when it is done.
    let done = folder.join("node_modules/.package-lock.json");
    if !newer(&done, &lock) {
        eprintln!("npm installs express-session and better-auth; SQLite for Node may take minutes to build");
        must(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder)).await?;
    }
    Ok(folder)
}

/// The server with tower-sessions.
pub async fn tower() -> Result<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers");
    let program = target.join("release/doorward-bench-tower");
    if !program.exists() {
        eprintln!("cargo builds a server with tower-sessions, which takes some minutes");
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--release", "--locked", "--target-dir"]).arg(&target);
    must(build.current_dir(folder().join("tower"))).await?;
    Ok(program)
}

/// Runs a program that has to succeed, and ends it if nobody waits for it any longer.
pub async fn must(command: &mut Command) -> Result<()> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let status = command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::null()).status().await;
    let status = status.with_context(|| format!("{name} does not start"))?;
    ensure!(status.success(), "{name} failed");
    Ok(())
}

/// Whether a file is there and not older than another.
fn newer(file: &Path, than: &Path) -> bool {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|about| about.modified()).ok();
    changed(file).zip(changed(than)).is_some_and(|(file, than)| file >= than)
}

//! The SDKs that the tests in `crates/server/tests/sdk.rs` run, installed from the registries as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::packages;
use crate::run::{must, must_do, printed, root};

/// Where they are put and where the tests look, but for Node's: scripts find their packages only beside them.
fn home() -> PathBuf {
    root().join("target/sdk")
}

/// Installs what is missing or no longer as pinned.
pub fn install() -> anyhow::Result<()> {
    fs::create_dir_all(home())?;
    let pinned = root().join("tests-sdk/python/requirements.txt");
    once("Python packages", &pinned, &home().join("python"), python)?;
    let pinned = root().join("tests-sdk/node/package-lock.json");
    once("Node packages", &pinned, &root().join("tests-sdk/node/node_modules"), node)?;
    let pinned = root().join("tests-sdk/provider/package-lock.json");
    once("an OpenID Provider", &pinned, &root().join("tests-sdk/provider/node_modules"), node)?;
    rust()
}

/// Installs into a folder, unless it was made from the very same file of pinned versions.
fn once(
    what: &str,
    pinned: &Path,
    folder: &Path,
    install: fn(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let stamp = folder.join(".doorward-pinned");
    let pinned = fs::read(pinned).with_context(|| format!("{} cannot be read", pinned.display()))?;
    let wanted = crate::tidy::hex(&Sha256::digest(pinned));
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        eprintln!("    {what}: as pinned");
        return Ok(());
    }
    eprintln!("    {what}: installing");
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    install(folder).with_context(|| format!("{what} could not be installed"))?;
    fs::write(stamp, wanted)?;
    Ok(())
}

fn python(folder: &Path) -> anyhow::Result<()> {
    let folder = folder.display().to_string();
    if printed("python3", &["-m", "venv", &folder]).is_none() {
        // Debian has it in a package of its own.
        packages::install(&["python3-venv"], "`python3 -m venv` does not work")?;
        must("python3", &["-m", "venv", "--clear", &folder])?;
    }
    let pip = format!("{folder}/bin/pip");
    let quietly = ["install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"];
    must_do(
        Command::new(pip).args(quietly).args(["-r", "tests-sdk/python/requirements.txt"]).current_dir(root()),
    )
}

/// The folder is that of the packages; what is to be in it stands beside it.
fn node(folder: &Path) -> anyhow::Result<()> {
    let arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
    let beside = folder.parent().context("a folder without a place")?;
    must_do(Command::new("npm").args(arguments).current_dir(beside))
}

/// A workspace of its own: what it brings along stays out of the server's lock file.
fn rust() -> anyhow::Result<()> {
    eprintln!("    Rust crate: building");
    let target = home().join("rust");
    let mut cargo = Command::new("cargo");
    cargo.args([
        "build",
        "--quiet",
        "--locked",
        "--manifest-path",
        "tests-sdk/rust/Cargo.toml",
        "--target-dir",
    ]);
    must_do(cargo.arg(target).current_dir(root()))
}

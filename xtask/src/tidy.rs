//! `cargo xtask tidy`: what the compiler cannot check.

mod circles;
mod code;
mod errors;
mod migrations;
mod rooms;
mod sources;

use std::process::ExitCode;

use anyhow::bail;

pub use migrations::hex;

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// These fail.
    pub wrong: Vec<String>,
    /// These are only told.
    pub told: Vec<String>,
}

/// Renews what can be renewed, if wanted, and checks.
pub fn run(write: bool) -> anyhow::Result<ExitCode> {
    if write {
        errors::write()?;
        migrations::write()?;
    }
    check()?;
    Ok(ExitCode::SUCCESS)
}

/// Checks everything.
pub fn check() -> anyhow::Result<()> {
    let sources = sources::all()?;
    let mut findings = Findings::default();
    sources::check(&sources, &mut findings);
    rooms::check(&sources, &mut findings);
    circles::check(&sources, &mut findings);
    errors::check(&mut findings)?;
    migrations::check(&mut findings)?;
    for told in &findings.told {
        eprintln!("    note: {told}");
    }
    for wrong in &findings.wrong {
        eprintln!("    wrong: {wrong}");
    }
    match findings.wrong.len() {
        0 => {
            eprintln!("    {} files are tidy", sources.len());
            Ok(())
        }
        1 => bail!("one thing is untidy"),
        more => bail!("{more} things are untidy"),
    }
}

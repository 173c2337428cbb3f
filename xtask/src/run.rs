//! Running other programs, with a line for each step.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};

/// The root of the repository: cargo tells it at run time, since checkouts may share the folder they are built into.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = Path::new(&here);
    here.parent().unwrap_or(here).to_owned()
}

/// Numbered steps, each with a line at its beginning and at its end.
#[derive(Debug)]
pub struct Steps {
    done: u32,
    total: u32,
    began: Instant,
}

impl Steps {
    /// So many are to come.
    pub fn new(total: u32) -> Self {
        Self { done: 0, total, began: Instant::now() }
    }

    /// Takes a step.
    pub fn step(&mut self, name: &str, step: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        let began = self.begin(name);
        step().with_context(|| format!("{name} failed"))?;
        eprintln!("    done in {:.1} s", began.elapsed().as_secs_f64());
        Ok(())
    }

    /// Announces a step that speaks for itself.
    pub fn begin(&mut self, name: &str) -> Instant {
        self.done += 1;
        let since = self.began.elapsed().as_secs_f64();
        eprintln!("==> [{}/{}] {name} (after {since:.0} s)", self.done, self.total);
        Instant::now()
    }
}

/// Runs a program in the root of the repository; it has to succeed.
pub fn must(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    must_do(Command::new(program).args(arguments).current_dir(root()))
}

/// Runs a prepared program; it has to succeed.
pub fn must_do(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("{} did not start", shown(command)))?;
    if !status.success() {
        bail!("`{}`: {status}", shown(command));
    }
    Ok(())
}

/// Runs a program whose last words shall be ours too; gives its code.
pub fn to_the_end(command: &mut Command) -> anyhow::Result<ExitCode> {
    let status =
        command.current_dir(root()).status().with_context(|| format!("{} did not start", shown(command)))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

/// What a program prints; nothing where it is missing or fails.
pub fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).current_dir(root()).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

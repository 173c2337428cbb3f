//! `cargo xtask test`: everything that has to hold before a change is taken in. Ends on nextest's own summary.

use std::process::{Command, ExitCode};

use anyhow::bail;
use doorward_postgres_rig::SHARED_ENV;

use crate::run::{Steps, must, printed, to_the_end};
use crate::{browser, postgres, sdk, tidy};

/// The version that is installed where there is none.
const NEXTEST: &str = "0.9.143";

/// What `--quick` leaves out.
const QUICK: &str = "not (binary(sdk) or binary(/^delivery/) or binary(kill) or test(/kill|real_provider/) \
                     or (binary(nodes) and test(/scenes::|revoked/)))";

/// Runs it all; `more` goes to nextest.
pub fn run(quick: bool, more: &[&str]) -> anyhow::Result<ExitCode> {
    let mut steps = Steps::new(if quick { 7 } else { 8 });
    steps.step("tools", || tools(quick))?;
    steps.step("format: cargo fmt --check", || must("cargo", &["fmt", "--all", "--check"]))?;
    steps.step("tidy: what the compiler cannot check", tidy::check)?;
    let lint = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    steps.step("lint: cargo clippy", || must("cargo", &lint))?;
    if !quick {
        steps.step("SDKs: Python, Node, Rust", sdk::install)?;
    }
    let build = ["nextest", "run", "--workspace", "--locked", "--no-run"];
    steps.step("build: the server and the tests", || must("cargo", &build))?;
    let mut server = None;
    steps.step("PostgreSQL: one server for all tests", || {
        server = postgres::start()?;
        Ok(())
    })?;
    steps.begin("tests");
    let mut nextest = Command::new("cargo");
    nextest.args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]);
    if quick {
        nextest.args(["-E", QUICK]);
    }
    if let Some(server) = &server {
        nextest.env(SHARED_ENV, server.folder());
    }
    let code = to_the_end(nextest.args(more))?;
    if let Some(server) = server.filter(|_| code != ExitCode::SUCCESS) {
        postgres::keep_log(&server);
    }
    Ok(code)
}

/// What is there, what can be installed, and what the person in front has to install.
fn tools(quick: bool) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    let mut need = |program: &str, arguments: &[&str], hint: &str| match printed(program, arguments) {
        Some(version) => eprintln!("    {}", version.lines().next().unwrap_or(program)),
        None => missing.push(format!("`{program} {}` does not work: {hint}", arguments.join(" "))),
    };
    need("cargo", &["--version"], "install Rust with rustup");
    need("cargo", &["fmt", "--version"], "rustup component add rustfmt");
    need("cargo", &["clippy", "--version"], "rustup component add clippy");
    need("cc", &["--version"], "install a C compiler, on Debian: apt-get install gcc libc6-dev");
    if !quick {
        need(
            "python3",
            &["--version"],
            "install Python 3.10 or newer, on Debian: apt-get install python3 python3-venv",
        );
        need("node", &["--version"], "install Node 20 or newer, on Debian: apt-get install nodejs npm");
        need("npm", &["--version"], "install npm, on Debian: apt-get install npm");
    }
    if !missing.is_empty() {
        bail!("something is missing:\n  {}", missing.join("\n  "));
    }
    postgres::install()?;
    if !quick {
        browser::install()?;
    }
    nextest()
}

fn nextest() -> anyhow::Result<()> {
    if let Some(version) = printed("cargo", &["nextest", "--version"]) {
        eprintln!("    {}", version.lines().next().unwrap_or_default());
        return Ok(());
    }
    eprintln!(
        "    cargo-nextest is missing: it is installed now, which takes five to ten minutes on two cores"
    );
    must("cargo", &["install", "cargo-nextest", "--version", NEXTEST, "--locked"])
}

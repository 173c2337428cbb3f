//! The chores of this repository: `cargo xtask test`, `cargo xtask tidy`, `cargo xtask bench`.

mod browser;
mod packages;
mod postgres;
mod rolling;
mod run;
mod sdk;
mod suite;
mod tidy;

use std::process::{Command, ExitCode};

use anyhow::bail;

const HELP: &str = "\
The chores of this repository.

cargo xtask test [--quick] [-- NEXTEST ARGUMENTS]
    Installs what the tests need, checks format, lints and tidiness, and runs all tests.
    --quick leaves out the tests with SDKs, with a browser, and those that kill the server.
cargo xtask tidy [--write]
    Checks what the compiler cannot. --write renews docs/errors.md and adds new migrations to their checksums.
cargo xtask rolling REVISION [SECONDS]
    Lets this version replace the nodes of that revision, one after the other, under load (60 seconds without more).
cargo xtask bench [WHAT] [--store sqlite|postgres|both] [OPTIONS]
    Measures the server beside its limits and its peers; `cargo xtask bench --help` tells what there is.
cargo xtask bench report
    Writes the newest kept results into docs/performance.md.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[&str]) -> anyhow::Result<ExitCode> {
    match arguments {
        [] | ["help" | "-h" | "--help"] | [_, "-h" | "--help"] if arguments.first() != Some(&"bench") => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        ["test"] => suite::run(false, &[]),
        ["test", "--quick"] => suite::run(true, &[]),
        ["test", "--", rest @ ..] => suite::run(false, rest),
        ["test", "--quick", "--", rest @ ..] => suite::run(true, rest),
        ["tidy"] => tidy::run(false),
        ["tidy", "--write"] => tidy::run(true),
        ["rolling", revision] => rolling::run(revision, "60"),
        ["rolling", revision, seconds] => rolling::run(revision, seconds),
        ["bench", rest @ ..] => bench(rest),
        _ => bail!("`cargo xtask {}` is not known\n\n{HELP}", arguments.join(" ")),
    }
}

fn bench(arguments: &[&str]) -> anyhow::Result<ExitCode> {
    let mut command = Command::new("cargo");
    command.args(["run", "--release", "-q", "-p", "doorward-bench", "--"]).args(arguments);
    run::to_the_end(&mut command)
}

//! `doorward config`: what is in force, and whether it is right.

use clap::Subcommand;

use super::CliResult;
use super::output::{Output, say};
use crate::config::{Config, Overrides};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prints the configuration in force, from file, environment and flags. Secrets are left out.
    Print,
    /// Checks the configuration and says what is wrong with it.
    Check,
    /// Prints a configuration file with every key, its default and its meaning.
    Example,
}

pub fn run(command: &Command, overrides: &Overrides, output: Output) -> CliResult {
    match command {
        Command::Example => say(Config::example_toml().trim_end()),
        Command::Print => say(Config::load(overrides)?.print_toml().trim_end()),
        Command::Check => {
            Config::load(overrides)?;
            output.one(&[("configuration", "valid".into())]);
        }
    }
    Ok(())
}

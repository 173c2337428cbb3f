//! `doorward migrate`: the schema of the store, apart from serving.

use anyhow::Context;
use clap::Subcommand;
use doorward_store::Db;
use doorward_store::migrate::{State, Step, migrate, steps, unapplied};

use super::CliResult;
use super::output::Output;
use crate::config::Config;
use crate::first_start::DataDir;
use crate::wiring::open_store;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the migrations and whether the store has them. Changes nothing.
    Status,
    /// Runs the migrations that the store lacks. On PostgreSQL the role must own the tables; the one that serves need
    /// not.
    Up,
}

pub async fn run(config: &Config, command: &Command, output: Output) -> CliResult {
    let fresh = config.database_url.is_none() && !DataDir::has_store(&config.data_dir);
    let (steps, ran) = match command {
        // Asking must not make what is asked about.
        Command::Status if fresh => (unapplied(), Vec::new()),
        Command::Status => (known(&open(config, false)?).await?, Vec::new()),
        Command::Up => {
            let db = open(config, true)?;
            let ran = migrate(&db).await.context("the schema was not brought up to date")?;
            (known(&db).await?, ran)
        }
    };
    let rows: Vec<_> = steps
        .into_iter()
        .map(|step| {
            let just_now = ran.contains(&step.name.as_str());
            let state = match step.state {
                State::Applied if just_now => "applied now",
                State::Applied => "applied",
                State::Pending => "pending",
                State::Newer => "of a newer version, which this one can live with",
                State::TooNew => "of a newer version, which this one cannot live with",
            };
            vec![step.number.into(), step.name.into(), state.into()]
        })
        .collect();
    output.many(&["number", "name", "state"], &rows);
    Ok(())
}

fn open(config: &Config, make: bool) -> anyhow::Result<Db> {
    // With PostgreSQL there is nothing in the folder that a change of the schema needs.
    let folder = if make && config.database_url.is_none() {
        DataDir::open(&config.data_dir)?
    } else {
        DataDir::unopened(&config.data_dir)
    };
    open_store(config, &folder)
}

async fn known(db: &Db) -> anyhow::Result<Vec<Step>> {
    steps(db).await.context("the migrations of the store cannot be read")
}

//! `doorward keys`: which master key the store uses, and another one in its place.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use doorward_core::master::KeyId;
use doorward_store::Db;
use doorward_store::sealed::{self, SEALED};
use serde_json::Value;

use super::CliResult;
use super::move_store::is_served;
use super::output::Output;
use super::signing_keys;
use crate::config::Config;
use crate::env::Env;
use crate::first_start::{DataDir, is_set_up};
use crate::master_key::{FOLLOWED_EVERY, Masters};
use crate::rotation::{Asked, Site, Step, rotate};
use crate::wiring::{bring_up, open_store, refuse_missing};

/// How long a statement may take: it may read a whole table.
const PATIENCE_MS: u32 = 3_600_000;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the master keys by their ids, and how many values are sealed under each. Changes nothing.
    Status,
    /// Makes the first master key the present one, and seals everything anew with it. If it is that already, a new key
    /// is made and put before the others. With SQLite stop the server first; with several nodes give all of them the
    /// new key first. Tokens, sessions, codes and passwords stay valid. A rotation that was broken off is brought to
    /// its end when the same command is run again.
    Rotate {
        /// Leaves the old keys in the file master.key.
        #[arg(long)]
        keep_old: bool,
        /// Replaces the root of tokens and codes too: all of them are void afterwards. Stop all servers first.
        #[arg(long)]
        root: bool,
    },
    /// Lists or replaces the keys that sign access tokens which others read.
    #[command(subcommand)]
    Signing(signing_keys::Command),
}

pub async fn run(config: &Config, command: &Command, output: Output) -> CliResult {
    refuse_missing(config)?;
    // The question who else is connected must not meet connections of this process.
    let mut config = config.clone();
    config.postgres.readers = 1;
    config.postgres.statement_timeout_ms = PATIENCE_MS;
    let dir = DataDir::unopened(&config.data_dir);
    match command {
        Command::Status => {
            let db = open_store(&config, &dir)?;
            bring_up(&db, false).await?;
            show(&db, &masters(&config, &dir, &db).await?, output).await?;
        }
        Command::Rotate { keep_old, root } => {
            let asked = Asked { keep_old: *keep_old, new_root: *root };
            let dir = DataDir::open(&config.data_dir)?;
            let _locks = keep_others_away(&config, &dir)?;
            let (db, masters) = rotated(&config, &dir, asked).await?;
            show(&db, &masters, output).await?;
        }
        // They are in the store like anything else, and need no more than it.
        Command::Signing(_) => {}
    }
    Ok(())
}

/// Of several rotations one makes the key, and the embedded store has no server while its key is replaced.
fn keep_others_away(config: &Config, dir: &DataDir) -> anyhow::Result<(File, Option<File>)> {
    let turn = dir.keys_turn()?;
    let served = config.database_url.is_none().then(|| dir.lock()).transpose();
    Ok((turn, served.context("stop the server first")?))
}

async fn masters(config: &Config, dir: &DataDir, db: &Db) -> anyhow::Result<Masters> {
    if !is_set_up(db).await? {
        bail!("the store was never set up: it has no master key yet");
    }
    dir.masters(config.master_keys(), true, &Env::system())
}

async fn rotated(config: &Config, dir: &DataDir, asked: Asked) -> anyhow::Result<(Db, Masters)> {
    let db = open_store(config, dir)?;
    let embedded = config.database_url.is_none();
    // A pooler hides who is connected.
    let alone = embedded || (!config.postgres.pooler && !is_served(&db).await?);
    if asked.new_root && !alone {
        bail!(
            "servers that run would go on with the old root: stop all of them first, and connect without a pooler, \
             which hides them"
        );
    }
    bring_up(&db, config.store.migrate).await?;
    let (masters, env) = (masters(config, dir, &db).await?, Env::system());
    let pause = match (embedded, alone) {
        (true, _) => Duration::ZERO,
        // A node may have been started since the look.
        (false, true) => FOLLOWED_EVERY * 2,
        (false, false) => FOLLOWED_EVERY * 5,
    };
    let site = Site { db: &db, env: &env, pause, alone };
    let mut meter = Meter::default();
    let left = rotate(&site, masters, asked, &mut |step| {
        meter.tell(&step);
        Ok(())
    })
    .await?;
    meter.end();
    Ok((db, left))
}

/// Tells the state of each key, in the order of the configuration.
async fn show(db: &Db, masters: &Masters, output: Output) -> anyhow::Result<()> {
    let standing = sealed::standing(db.reading().await?.conn()?).await?;
    let noted = standing.mark.as_ref().and_then(|mark| masters.noted(mark)).map(|(key, _)| key.id());
    let mut rows: Vec<(KeyId, &str)> = Vec::new();
    for key in masters.all() {
        rows.push((key.id(), if noted == Some(key.id()) { "present" } else { "opens" }));
    }
    let counts = counts(db).await?;
    for id in counts.keys().map(|(_, id)| *id) {
        if rows.iter().all(|(known, _)| *known != id) {
            rows.push((id, "missing"));
        }
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(id, state)| {
            let of = |table| counts.get(&(table, id)).copied().unwrap_or(0);
            let each: Vec<_> = SEALED.iter().map(|column| of(column.table)).collect();
            let total = each.iter().sum::<u64>();
            let mut row: Vec<Value> = vec![id.to_string().into(), state.into(), total.into()];
            row.extend(each.into_iter().map(Value::from));
            row
        })
        .collect();
    let mut columns = vec!["key", "state", "sealed"];
    columns.extend(SEALED.iter().map(|column| column.table));
    output.many(&columns, &rows);
    masters.root(&standing).map(|_| ())
}

/// How many values of which table are sealed under which key.
async fn counts(db: &Db) -> anyhow::Result<BTreeMap<(&'static str, KeyId), u64>> {
    let mut counts = BTreeMap::new();
    for column in SEALED {
        for (id, many) in sealed::count(db.reading().await?.conn()?, column).await? {
            if let Some(id) = id {
                counts.insert((column.table, id), many);
            }
        }
    }
    Ok(counts)
}

/// Tells how far the rotation is.
#[derive(Default)]
struct Meter {
    /// What was sealed anew last, if it was not said.
    last: Option<(&'static str, u64)>,
    batches: u64,
}

/// After so many batches it is told how far it is.
const TOLD_EVERY: u64 = 64;

impl Meter {
    fn tell(&mut self, step: &Step) {
        let line = match step {
            Step::Renewed(table, many) => return self.count(table, *many),
            Step::Made(id) => format!("made the master key {id} and put it before the others"),
            Step::Named(id) => format!("the master key {id} is the present one of the store"),
            Step::NewRoot => "the root is a new one: all tokens and codes are void".to_owned(),
            Step::Waiting(pause) => {
                format!("waiting {} s for running nodes to notice", pause.as_secs())
            }
            Step::Dropped(ids) => {
                let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
                format!("dropped the older keys from the file: {}", ids.join(", "))
            }
        };
        self.end();
        eprintln!("{line}");
    }

    fn count(&mut self, table: &'static str, many: u64) {
        if self.last.is_some_and(|(last, _)| last != table) {
            self.end();
        }
        self.last = Some((table, many));
        self.batches += 1;
        if self.batches.is_multiple_of(TOLD_EVERY) {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some((table, many)) = self.last.take() {
            eprintln!("{table}: {many} values sealed anew");
        }
    }
}

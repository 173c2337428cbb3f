//! `doorward move`: a whole store from one engine to another, and back.

mod place;

use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use doorward_store::transfer::{Progress, Sum, copy, finish, is_used, sums};
use doorward_store::{Db, StoreError, sealed};
use serde_json::{Value, json};

use super::output::Output;
use super::{CliError, CliResult};
use crate::config::Config;
use place::{Place, Side};

/// How often the progress is told.
const TOLD_EVERY: f64 = 2.0;

/// What is moved.
#[derive(Debug, Args)]
pub struct Move {
    /// The store to copy: sqlite:PATH, a URL of PostgreSQL, or `config` for the one that the configuration names.
    #[arg(long, value_name = "STORE")]
    from: String,
    /// The empty store to fill, written in the same way. What a move that was broken off left there is completed.
    #[arg(long, value_name = "STORE")]
    to: String,
}

pub async fn run(config: &Config, asked: &Move, output: Output) -> CliResult {
    let place = |text: &str| Place::parse(text, config).map_err(CliError::Usage);
    let (from, to) = (place(&asked.from)?, place(&asked.to)?);
    if from == to {
        return Err(CliError::Usage("--from and --to name the same store".to_owned()));
    }
    let from = from.open_source(config).context("--from")?;
    let to = to.open_target(config).context("--to")?;
    for (flag, side) in [("--from", &from), ("--to", &to)] {
        refuse_served(&side.db).await.context(flag)?;
    }
    let key = master_key(config, &from, &to).await?;
    let started = Instant::now();
    let mut meter = Meter::new(started);
    copy(&from.db, &to.db, |progress| {
        meter.tell(progress);
        Ok(())
    })
    .await
    .map_err(explained)?;
    meter.end();
    eprintln!("comparing the two stores");
    let both = futures_util::future::try_join(sums(&from.db), sums(&to.db)).await;
    let (before, after) = both.context("the two stores could not be compared")?;
    show(&before, &after, output);
    let differing: Vec<_> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after)
        .map(|(sum, _)| sum.table)
        .collect();
    if !differing.is_empty() {
        return Err(anyhow::anyhow!(
            "the two stores differ in {}, so the target is not released: empty it and move again, while nothing \
             writes to the source",
            differing.join(", ")
        )
        .into());
    }
    finish(&to.db).await.context("the target could not be released")?;
    eprintln!("the two stores are equal; moved and compared in {:.1} s", started.elapsed().as_secs_f64());
    eprintln!("{key}");
    Ok(())
}

fn explained(error: StoreError) -> anyhow::Error {
    let text = match &error {
        StoreError::Settings(_) | StoreError::Version(_) => "nothing was moved",
        _ => "the move stopped; the same command goes on where it stopped",
    };
    anyhow::Error::new(error).context(text)
}

/// A store that somebody serves is not moved: what is written meanwhile would be missing.
async fn refuse_served(db: &Db) -> anyhow::Result<()> {
    if is_served(db).await? {
        bail!("another Doorward is connected to this database: stop all servers first");
    }
    Ok(())
}

/// Whether another process of ours is connected, and stays so for a while. This one must not have connected twice.
pub(super) async fn is_served(db: &Db) -> anyhow::Result<bool> {
    // A process that has just ended may still be in the server's list for a moment.
    for _ in 0..20 {
        if !is_used(db).await? {
            return Ok(false);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Ok(true)
}

/// Says where the key of the moved store is. A key that does not fit is refused: no token would be valid with it.
async fn master_key(config: &Config, from: &Side, to: &Side) -> anyhow::Result<String> {
    let advice = "tokens and sessions stay valid only with the same master key";
    let standing = sealed::standing(from.db.reading().await?.conn()?).await;
    let standing = standing.context("the source holds no store that can be read")?;
    let mut fitting = Vec::new();
    for (place, masters) in place::known_keys(config, from, to)? {
        if standing.mark.is_some() && masters.root(&standing).is_err() {
            bail!("{place} is not the key that the source was set up with: {advice}");
        }
        fitting.push(place);
    }
    Ok(match fitting.as_slice() {
        [] => format!("{advice}: give it to whoever serves the target"),
        places => format!("{advice}: {} fits; give it to whoever serves the target", places.join(" and ")),
    })
}

fn show(before: &[Sum], after: &[Sum], output: Output) {
    let checksum = |sum: &Sum| json!(format!("{:032x}", sum.checksum));
    let row = |(from, to): (&Sum, &Sum)| -> Vec<Value> {
        vec![
            json!(from.table),
            json!(from.rows),
            json!(to.rows),
            checksum(from),
            checksum(to),
            json!(from == to),
        ]
    };
    let rows: Vec<_> = before.iter().zip(after).map(row).collect();
    output.many(&["table", "from_rows", "to_rows", "from_checksum", "to_checksum", "equal"], &rows);
}

/// Tells how far the move is.
struct Meter {
    started: Instant,
    last: f64,
    line: Option<String>,
}

impl Meter {
    fn new(started: Instant) -> Self {
        Self { started, last: 0.0, line: None }
    }

    fn tell(&mut self, progress: &Progress) {
        let elapsed = self.started.elapsed().as_secs_f64();
        let copied = u32::try_from(progress.copied).map_or(f64::MAX, f64::from);
        let left = u32::try_from(progress.total.saturating_sub(progress.done)).map_or(f64::MAX, f64::from);
        let rate = copied / elapsed.max(0.001);
        let line = format!(
            "{}: {} of {} rows, {rate:.0} a second, {:.0} s left",
            progress.table,
            progress.done,
            progress.total,
            left / rate.max(0.001)
        );
        if elapsed - self.last >= TOLD_EVERY {
            self.last = elapsed;
            eprintln!("{line}");
            self.line = None;
        } else {
            self.line = Some(line);
        }
    }

    /// The last word, if it was not said.
    fn end(&mut self) {
        if let Some(line) = self.line.take() {
            eprintln!("{line}");
        }
    }
}

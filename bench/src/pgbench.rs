//! What PostgreSQL can do alone: pgbench with a statement of Doorward's, prepared, on the same server.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::figures::{Figures, Place};
use crate::load::{Tally, Window};
use crate::process::Meter;
use crate::row::Row;
use crate::text::say;
use crate::tool::Bench;

/// Time for connections before the CPU time is read.
const WARM_UP: Duration = Duration::from_millis(700);
/// Of so many transactions in a hundred the time is kept: keeping all would cost what is to be measured.
const SAMPLED: u64 = 10;
/// pgbench ends by itself; longer than this over its time it is not waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// One statement, and how it is run.
pub struct Script {
    pub row: String,
    pub database: String,
    pub clients: usize,
    pub text: String,
    pub variables: Vec<(String, String)>,
}

impl Script {
    /// Runs it for one round and keeps what it came to.
    pub async fn measure(&self, bench: &mut Bench, round: u32) -> Result<()> {
        let folder = TempDir::with_prefix_in("doorward-bench-", bench.scratch())?;
        let file = folder.path().join("script.sql");
        std::fs::write(&file, &self.text)?;
        // It counts whole seconds, and one more for the warm-up before and the end after the window.
        let seconds = bench.seconds + 1;
        let mut command = self.command(bench, &file, seconds)?;
        let start = Instant::now() + WARM_UP;
        let window = Window { start, end: start + Duration::from_secs(bench.seconds) };
        let meter = Meter { servers: Vec::new(), database: Some(bench.postgres()?.id()?) };
        let output = tokio::time::timeout(Duration::from_secs(seconds) + PATIENCE, command.output());
        let (output, cpu) = tokio::join!(output, window.cpu_of(&meter));
        let output = output.context("pgbench does not end")??;
        let (words, errors) = (utf8(&output.stdout), utf8(&output.stderr));
        ensure!(output.status.success(), "pgbench failed:\n{words}{errors}");
        let rate = rate(&words).with_context(|| format!("the rate in what pgbench says:\n{words}"))?;
        let tally = Tally { answered: sampled(folder.path())?, errors: failed(&words), ..Tally::default() };
        let place = Place { row: &self.row, round, clients: self.clients, seconds: bench.seconds as f64 };
        let mut figures = Figures::of(place, tally, &meter)?.at_rate(rate).with_cpu(cpu?);
        figures.cpu = None;
        bench.report.add(figures)
    }

    fn command(&self, bench: &Bench, file: &Path, seconds: u64) -> Result<tokio::process::Command> {
        let postgres = bench.postgres()?;
        let cores = std::thread::available_parallelism()?.get();
        let mut command = tokio::process::Command::new(postgres.bin("pgbench"));
        command.args(["--no-vacuum", "--protocol=prepared", "--log", "--log-prefix=times"]);
        command.arg(format!("--sampling-rate={:.2}", SAMPLED as f64 / 100.0));
        command.arg(format!("--client={}", self.clients));
        command.arg(format!("--jobs={}", cores.min(self.clients)));
        command.arg(format!("--time={seconds}"));
        command.arg("--file").arg(file);
        for (name, value) in &self.variables {
            command.arg(format!("--define={name}={value}"));
        }
        command.arg(postgres.server.url(&self.database));
        if let Some(folder) = file.parent() {
            command.current_dir(folder);
        }
        command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        Ok(command)
    }
}

/// The statement that inserts rows like this one: the id is that of the moment, the user one of several.
pub fn insert(row: &Row, users: &[String]) -> String {
    const ID: &str = "lpad((extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text, 16, '0') || \
                      lpad(:chance::text, 20, '0')";
    let (mut columns, mut values) = (String::new(), String::new());
    for (name, value) in row {
        let comma = if columns.is_empty() { "" } else { ", " };
        let value = match name.as_str() {
            "id" => ID.to_owned(),
            "user_id" => format!("('{{{}}}'::text[])[:user]", users.join(",")),
            _ => value.literal(),
        };
        say(&mut columns, format_args!("{comma}{name}"));
        say(&mut values, format_args!("{comma}{value}"));
    }
    format!(
        "\\set chance random(1, 9223372036854775807)\n\\set user random(1, {})\n\
         INSERT INTO sessions ({columns}) VALUES ({values});\n",
        users.len()
    )
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Transactions a second, connecting not counted.
fn rate(words: &str) -> Option<f64> {
    let mut rates = words.lines().filter_map(|line| line.strip_prefix("tps = "));
    rates.next_back()?.split_whitespace().next()?.parse().ok()
}

fn failed(words: &str) -> u64 {
    let line = words.lines().find_map(|line| line.strip_prefix("number of failed transactions: "));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The times in the logs: the third field of each line.
fn sampled(folder: &Path) -> Result<Vec<u64>> {
    let mut times = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("times.") {
            let text = std::fs::read_to_string(entry.path())?;
            times.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok()));
        }
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_pgbench_are_understood() {
        let words = "number of failed transactions: 3 (0.1%)\nlatency average = 1 ms\n\
                     initial connection time = 9 ms\ntps = 19321.5 (without initial connection time)\n";
        assert_eq!(rate(words), Some(19321.5));
        assert_eq!(failed(words), 3);
    }
}

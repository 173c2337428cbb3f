//! What was measured: kept line by line as it comes, summed up in medians at the end.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use crate::load::Tally;
use crate::process::memory_kib;

/// What one row came to in one round. Times are microseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    pub row: String,
    pub round: u32,
    pub clients: usize,
    pub seconds: f64,
    pub answered: usize,
    pub shed: usize,
    pub errors: u64,
    pub per_second: f64,
    /// CPU time of the server for each answer; none where it served something else at the same time.
    pub cpu: Option<f64>,
    pub p50: u64,
    pub p95: u64,
    pub p99: u64,
    pub max: u64,
    pub shed_p99: Option<u64>,
    pub rss_kib: u64,
    pub peak_kib: u64,
}

impl Figures {
    /// Sums up a tally of so many seconds; `cpu` is all that the process took meanwhile.
    pub fn of(
        row: &str,
        (round, clients): (u32, usize),
        (tally, seconds): (Tally, f64),
        process: u32,
    ) -> Result<Self> {
        let (rss_kib, peak_kib) = memory_kib(process)?;
        let Tally { mut answered, mut shed, errors } = tally;
        answered.sort_unstable();
        shed.sort_unstable();
        Ok(Self {
            row: row.to_owned(),
            round,
            clients,
            seconds,
            answered: answered.len(),
            shed: shed.len(),
            errors,
            per_second: answered.len() as f64 / seconds,
            cpu: None,
            p50: part(&answered, 50),
            p95: part(&answered, 95),
            p99: part(&answered, 99),
            max: part(&answered, 100),
            shed_p99: if shed.is_empty() { None } else { Some(part(&shed, 99)) },
            rss_kib,
            peak_kib,
        })
    }

    /// Shares the CPU time that the server took out among the answers.
    pub fn with_cpu(mut self, micros: u64) -> Self {
        self.cpu = Some(micros as f64 / self.answered.max(1) as f64);
        self
    }
}

/// The value below which so many percent of the sorted values lie.
fn part(sorted: &[u64], percent: usize) -> u64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(0)
}

/// One line of the comparison with the goals.
#[derive(Debug, Clone, Serialize)]
struct Goal {
    work: String,
    goal: String,
    figure: String,
    met: bool,
}

/// All that was measured.
pub struct Report {
    file: File,
    all: Vec<Figures>,
    goals: Vec<Goal>,
}

impl Report {
    /// A report whose raw results go into `<date>-<what>.jsonl`, or with a number where that is taken: results of
    /// an earlier run are never lost.
    pub fn open(folder: &Path, what: &str, context: &Value) -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "the day names a file, and decides nothing")]
        let now = jiff::Timestamp::now();
        std::fs::create_dir_all(folder)?;
        let name = format!("{}-{what}", now.strftime("%Y-%m-%d"));
        let names = (2..).map(|number| format!("{name}-{number}.jsonl"));
        let free = std::iter::once(format!("{name}.jsonl"))
            .chain(names)
            .map(|name| folder.join(name))
            .find(|path| !path.exists());
        let file = File::create_new(free.context("a name for the results")?)?;
        let mut report = Self { file, all: Vec::new(), goals: Vec::new() };
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        report.keep(&json!({ "context": context, "time": now.to_string(), "load": load.trim() }))?;
        Ok(report)
    }

    /// Keeps one measurement.
    pub fn add(&mut self, figures: Figures) -> Result<()> {
        self.keep(&serde_json::to_value(&figures)?)?;
        eprintln!("round {} {}: {:.0}/s", figures.round + 1, figures.row, figures.per_second);
        self.all.push(figures);
        Ok(())
    }

    /// The median of one figure of a row over all rounds.
    pub fn median(&self, row: &str, figure: impl Fn(&Figures) -> f64) -> f64 {
        let mut values: Vec<f64> = self.all.iter().filter(|figures| figures.row == row).map(figure).collect();
        values.sort_unstable_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = values.get(middle).copied().unwrap_or(0.0);
        if values.len() % 2 == 1 {
            return upper;
        }
        let lower = middle.checked_sub(1).and_then(|below| values.get(below)).copied().unwrap_or(0.0);
        f64::midpoint(lower, upper)
    }

    /// The greatest value of one figure of a row.
    pub fn most(&self, row: &str, figure: impl Fn(&Figures) -> f64) -> f64 {
        self.all.iter().filter(|figures| figures.row == row).map(figure).fold(0.0, f64::max)
    }

    /// The rate of a row as a share of the rate of a limit, each round compared with itself, median of the rounds.
    /// The share of the CPU time stands beside it: it does not move when others take the cores away.
    pub fn share(&mut self, work: &str, (row, limit): (&str, &str), goal: f64) -> Result<()> {
        let of = |row: &str| -> Vec<f64> {
            self.all.iter().filter(|figures| figures.row == row).map(|figures| figures.per_second).collect()
        };
        let mut ratios: Vec<f64> =
            of(row).iter().zip(of(limit)).map(|(mine, limit)| mine / limit.max(f64::MIN_POSITIVE)).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let ratio = ratios.get(ratios.len() / 2).copied().unwrap_or(0.0);
        let cpu = |row: &str| self.median(row, |figures| figures.cpu.unwrap_or(0.0));
        let cpu = cpu(limit) / cpu(row).max(f64::MIN_POSITIVE);
        let text = if goal >= 2.0 {
            format!("{goal} x {limit}")
        } else {
            format!("{:.0}% of {limit}", goal * 100.0)
        };
        self.goal(
            work,
            &format!("at least {text}"),
            &format!("{ratio:.2} x (by CPU {cpu:.2} x)"),
            ratio >= goal,
        )
    }

    /// A figure that must be at most the goal.
    pub fn at_most(&mut self, work: &str, figure: f64, goal: f64, unit: &str) -> Result<()> {
        self.goal(work, &format!("at most {goal} {unit}"), &format!("{figure:.2} {unit}"), figure <= goal)
    }

    fn goal(&mut self, work: &str, goal: &str, figure: &str, met: bool) -> Result<()> {
        let goal = Goal { work: work.to_owned(), goal: goal.to_owned(), figure: figure.to_owned(), met };
        self.keep(&serde_json::to_value(&goal)?)?;
        self.goals.push(goal);
        Ok(())
    }

    fn keep(&mut self, line: &Value) -> Result<()> {
        Ok(writeln!(self.file, "{line}")?)
    }

    /// Both tables, as Markdown.
    pub fn print(&self) {
        println!(
            "| row | clients | per s | CPU us | p50 ms | p95 ms | p99 ms | max ms | errors | shed | RSS, peak MiB |"
        );
        println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
        let mut rows: Vec<(&str, usize)> = Vec::new();
        for figures in &self.all {
            if !rows.contains(&(&figures.row, figures.clients)) {
                rows.push((&figures.row, figures.clients));
            }
        }
        for (row, clients) in rows {
            println!("{}", self.line(row, clients));
        }
        println!("\n| work | goal | figure | |\n|---|---|---|---|");
        for Goal { work, goal, figure, met } in &self.goals {
            println!("| {work} | {goal} | {figure} | {} |", if *met { "met" } else { "**short**" });
        }
    }

    fn line(&self, row: &str, clients: usize) -> String {
        let millis =
            |figure: fn(&Figures) -> u64| self.median(row, |figures| figure(figures) as f64) / 1000.0;
        let cpu = self.median(row, |figures| figures.cpu.unwrap_or(0.0));
        format!(
            "| {row} | {clients} | {:.0} | {} | {:.2} | {:.2} | {:.2} | {:.1} | {:.0} | {:.0} | {:.1}, {:.1} |",
            self.median(row, |figures| figures.per_second),
            if cpu > 0.0 { format!("{cpu:.0}") } else { "-".to_owned() },
            millis(|figures| figures.p50),
            millis(|figures| figures.p95),
            millis(|figures| figures.p99),
            millis(|figures| figures.max),
            self.most(row, |figures| figures.errors as f64),
            self.median(row, |figures| figures.shed as f64),
            self.median(row, |figures| figures.rss_kib as f64) / 1024.0,
            self.most(row, |figures| figures.peak_kib as f64) / 1024.0,
        )
    }
}

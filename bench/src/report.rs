//! What was measured: kept line by line as it comes, and held against the goals.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::engine::Store;
use crate::figures::{Figures, Goal, Note, median};
use crate::table;

/// All that was measured. Rows are found by name within the section and the engine that are being measured.
pub struct Report {
    file: File,
    path: PathBuf,
    context: Value,
    section: String,
    pub store: Store,
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
        let path = free.context("a name for the results")?;
        let mut report = Self {
            file: File::create_new(&path)?,
            path,
            context: context.clone(),
            section: String::new(),
            store: Store::Sqlite,
            all: Vec::new(),
            goals: Vec::new(),
        };
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        report.keep(&json!({ "context": context, "time": now.to_string(), "load": load.trim() }))?;
        Ok(report)
    }

    /// What comes now belongs to this section and engine.
    pub fn begin(&mut self, section: &str, store: Store) {
        section.clone_into(&mut self.section);
        self.store = store;
    }

    /// Keeps one measurement.
    pub fn add(&mut self, mut figures: Figures) -> Result<()> {
        figures.section.clone_from(&self.section);
        figures.store = self.store;
        self.keep(&serde_json::to_value(&figures)?)?;
        let Figures { round, row, per_second, errors, .. } = &figures;
        let errors = if *errors == 0 { String::new() } else { format!(", {errors} errors") };
        eprintln!("round {} {}, {row}: {per_second:.0}/s{errors}", round + 1, self.store.name());
        self.all.push(figures);
        Ok(())
    }

    fn rows<'a>(&'a self, row: &'a str) -> impl Iterator<Item = &'a Figures> {
        self.all.iter().filter(move |figures| {
            figures.row == row && figures.section == self.section && figures.store == self.store
        })
    }

    /// The median of one figure of a row over all rounds.
    pub fn median(&self, row: &str, figure: impl Fn(&Figures) -> f64) -> f64 {
        median(self.rows(row).map(figure))
    }

    /// The greatest value of one figure of a row.
    pub fn most(&self, row: &str, figure: impl Fn(&Figures) -> f64) -> f64 {
        self.rows(row).map(figure).fold(0.0, f64::max)
    }

    /// The one of some rows that is fastest.
    pub fn fastest<'a>(&self, rows: &[&'a str]) -> Result<&'a str> {
        let rate = |row: &str| self.median(row, |figures| figures.per_second);
        let best = rows.iter().copied().max_by(|one, other| rate(one).total_cmp(&rate(other)));
        best.context("a row to compare with")
    }

    /// A figure of a row divided by that of another, each round with itself, median of the rounds.
    pub fn ratio(&self, (row, other): (&str, &str), figure: impl Fn(&Figures) -> f64) -> f64 {
        let pairs = self.rows(row).zip(self.rows(other));
        median(pairs.map(|(mine, other)| figure(mine) / figure(other).max(f64::MIN_POSITIVE)))
    }

    /// The rate of a row as a share of the rate of a limit. The share of the CPU time stands beside it: it does not
    /// move when others take the cores away.
    pub fn share(&mut self, work: &str, (row, limit): (&str, &str), goal: f64) -> Result<()> {
        let ratio = self.ratio((row, limit), |figures| figures.per_second);
        let cpu = self.ratio((limit, row), Figures::cpu_total);
        let text =
            if goal > 1.0 { format!("{goal} x {limit}") } else { format!("{:.0}% of {limit}", goal * 100.0) };
        let by_cpu = if cpu > 0.0 { format!(" (by CPU {cpu:.2} x)") } else { String::new() };
        self.goal(work, &format!("at least {text}"), &format!("{ratio:.2} x{by_cpu}"), ratio >= goal)
    }

    /// CPU time of all servers together, as a share of that of a peer.
    pub fn share_of_cpu(&mut self, work: &str, (row, peer): (&str, &str), goal: f64) -> Result<()> {
        let ratio = self.ratio((row, peer), Figures::cpu_total);
        let cpu = |row| self.median(row, Figures::cpu_total);
        let figure = format!("{ratio:.2} x ({:.0} beside {:.0} us)", cpu(row), cpu(peer));
        self.goal(work, &format!("at most {goal} x the CPU time of {peer}"), &figure, ratio <= goal)
    }

    /// CPU time of a part, as a share of what is left of the whole without it, each round with itself: once by what
    /// the part takes alone, and once by what it takes within the whole, which is what that takes more than another
    /// whole with a part that costs next to nothing. Both have to reach the goal; without one they are only noted.
    pub fn added_cpu(
        &mut self,
        work: &str,
        (part, whole): (&str, &str),
        (light, plain): (&str, &str),
        goal: Option<f64>,
    ) -> Result<()> {
        let rounds = self.rows(part).zip(self.rows(whole)).zip(self.rows(light).zip(self.rows(plain)));
        let shares: Vec<(f64, f64)> = rounds
            .map(|((part, whole), (light, plain))| {
                let (part, whole) = (part.cpu_total(), whole.cpu_total());
                let rest = plain.cpu_total() - light.cpu_total();
                (part / (whole - part).max(f64::MIN_POSITIVE), (whole - rest) / rest.max(f64::MIN_POSITIVE))
            })
            .collect();
        let alone = median(shares.iter().map(|(alone, _)| *alone));
        let within = median(shares.iter().map(|(_, within)| *within));
        let cpu = |row| self.median(row, Figures::cpu_total);
        let figure = format!(
            "{:.0}% by itself ({:.1} of {:.1} us), {:.0}% within the call",
            alone * 100.0,
            cpu(part),
            cpu(whole),
            within * 100.0
        );
        match goal {
            None => self.note(format!("{work} adds {figure}")),
            Some(goal) => {
                let wanted = format!("adds at most {:.0}% CPU to GetSession", goal * 100.0);
                self.goal(work, &wanted, &figure, alone.max(within) <= goal)
            }
        }
    }

    /// A figure that must be at most the goal.
    pub fn at_most(&mut self, work: &str, figure: f64, (goal, unit): (f64, &str)) -> Result<()> {
        self.goal(work, &format!("at most {goal} {unit}"), &format!("{figure:.2} {unit}"), figure <= goal)
    }

    /// A figure that must be at least the goal.
    pub fn at_least(&mut self, work: &str, figure: f64, (goal, unit): (f64, &str)) -> Result<()> {
        self.goal(work, &format!("at least {goal} {unit}"), &format!("{figure:.0} {unit}"), figure >= goal)
    }

    /// Something worth knowing that is no measurement of a row.
    pub fn note(&mut self, words: String) -> Result<()> {
        let note = Note { section: self.section.clone(), store: self.store, note: words };
        self.keep(&serde_json::to_value(&note)?)?;
        eprintln!("{}: {}", self.store.name(), note.note);
        Ok(())
    }

    /// Any other goal.
    pub fn goal(&mut self, work: &str, goal: &str, figure: &str, met: bool) -> Result<()> {
        let goal = Goal {
            section: self.section.clone(),
            store: self.store,
            work: work.to_owned(),
            goal: goal.to_owned(),
            figure: figure.to_owned(),
            met,
        };
        self.keep(&serde_json::to_value(&goal)?)?;
        self.goals.push(goal);
        Ok(())
    }

    fn keep(&mut self, line: &Value) -> Result<()> {
        Ok(writeln!(self.file, "{line}")?)
    }

    /// All tables, as Markdown.
    pub fn print(&self) {
        println!("{}\n", self.context);
        println!("{}", table::figures(&self.all.iter().collect::<Vec<_>>()));
        println!("{}", table::goals(&self.goals.iter().collect::<Vec<_>>()));
        eprintln!("kept in {}", self.path.display());
    }
}

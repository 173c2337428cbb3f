//! What was measured in one round, and the medians of several.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::engine::Store;
use crate::load::Tally;
use crate::process::{Cpu, Meter, memory_kib};

/// Which row, which round, and how it was loaded.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub row: &'a str,
    pub round: u32,
    pub clients: usize,
    pub seconds: f64,
}

/// What one row came to in one round. Times are microseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figures {
    /// What was measured, as on the command line.
    #[serde(default)]
    pub section: String,
    #[serde(default = "sqlite")]
    pub store: Store,
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
    /// CPU time of the database server for each answer, if there is one.
    #[serde(default)]
    pub cpu_database: Option<f64>,
    pub p50: u64,
    pub p95: u64,
    pub p99: u64,
    pub max: u64,
    pub shed_p99: Option<u64>,
    pub rss_kib: u64,
    pub peak_kib: u64,
}

fn sqlite() -> Store {
    Store::Sqlite
}

impl Figures {
    /// Sums up a tally. Memory is that of the first process.
    pub fn of(place: Place<'_>, tally: Tally, meter: &Meter) -> Result<Self> {
        let (rss_kib, peak_kib) = meter.servers.first().map_or(Ok((0, 0)), |id| memory_kib(*id))?;
        let Tally { mut answered, mut shed, errors } = tally;
        answered.sort_unstable();
        shed.sort_unstable();
        Ok(Self {
            section: String::new(),
            store: Store::Sqlite,
            row: place.row.to_owned(),
            round: place.round,
            clients: place.clients,
            seconds: place.seconds,
            answered: answered.len(),
            shed: shed.len(),
            errors,
            per_second: answered.len() as f64 / place.seconds,
            cpu: None,
            cpu_database: None,
            p50: part(&answered, 50),
            p95: part(&answered, 95),
            p99: part(&answered, 99),
            max: part(&answered, 100),
            shed_p99: if shed.is_empty() { None } else { Some(part(&shed, 99)) },
            rss_kib,
            peak_kib,
        })
    }

    /// Replaces the rate by what the other side counted; the tally was a sample of it.
    pub fn at_rate(mut self, per_second: f64) -> Self {
        self.per_second = per_second;
        self.answered = (per_second * self.seconds).round().max(0.0) as usize;
        self
    }

    /// Shares the CPU time out among the answers.
    pub fn with_cpu(mut self, cpu: Cpu) -> Self {
        let each = |micros: u64| micros as f64 / self.answered.max(1) as f64;
        self.cpu = Some(each(cpu.servers));
        self.cpu_database = cpu.database.map(each);
        self
    }

    /// CPU time of all servers together for each answer.
    pub fn cpu_total(&self) -> f64 {
        self.cpu.unwrap_or(0.0) + self.cpu_database.unwrap_or(0.0)
    }
}

/// The value below which so many percent of the sorted values lie.
fn part(sorted: &[u64], percent: usize) -> u64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(0)
}

/// The median; of an even number the mean of the middle two, of none zero.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|below| values.get(below)).copied().unwrap_or(0.0);
    f64::midpoint(lower, upper)
}

/// One line of the comparison with the goals.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Goal {
    #[serde(default)]
    pub section: String,
    #[serde(default = "sqlite")]
    pub store: Store,
    pub work: String,
    pub goal: String,
    pub figure: String,
    pub met: bool,
}

/// Words that belong to a section.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Note {
    pub section: String,
    pub store: Store,
    pub note: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_lies_in_the_middle() {
        assert!(median([3.0, 1.0, 2.0].into_iter()) == 2.0);
        assert!(median([4.0, 1.0, 2.0, 3.0].into_iter()) == 2.5);
        assert!(median(std::iter::empty()) == 0.0);
    }

    #[test]
    fn a_part_is_one_of_the_values() {
        let values: Vec<u64> = (1..=100).collect();
        assert_eq!((part(&values, 50), part(&values, 99), part(&values, 100)), (50, 99, 100));
        assert_eq!(part(&[], 50), 0);
    }
}

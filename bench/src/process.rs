//! Child processes that end with their guards, and what the kernel says about them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Seek as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

/// Linux counts the CPU time of a process in hundredths of a second.
const MICROS_PER_TICK: u64 = 10_000;
/// How long a server may take until it tells its address.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that prints its address, killed by its id when this is dropped.
pub struct Process {
    child: Child,
    /// Kept open, so that the server can go on writing to it.
    _stdout: Option<BufReader<ChildStdout>>,
    pub address: String,
}

impl Process {
    /// Starts it and waits for its address.
    pub async fn start(command: &mut Command) -> Result<Self> {
        let mut log = tempfile::tempfile()?;
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.try_clone()?);
        let child = command.spawn().with_context(|| format!("{name} does not start"))?;
        // From here on the guard ends it, also when this future is dropped.
        let mut process = Self { child, _stdout: None, address: String::new() };
        let stdout = process.child.stdout.take().context("the output of a child")?;
        let first = tokio::task::spawn_blocking(move || {
            let (mut stdout, mut line) = (BufReader::new(stdout), String::new());
            stdout.read_line(&mut line).map(|_| (stdout, line))
        });
        let (stdout, line) = tokio::time::timeout(PATIENCE, first)
            .await
            .with_context(|| format!("{name} does not tell its address"))???;
        let address = line.trim().rsplit_once("http://").map(|(_, address)| address.to_owned());
        process.address = address.ok_or_else(|| anyhow!("{name} did not start: {line}{}", tail(&mut log)))?;
        process._stdout = Some(stdout);
        Ok(process)
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a server said before it gave up.
fn tail(log: &mut File) -> String {
    let mut text = String::new();
    if log.rewind().is_err() || log.take(8 * 1024).read_to_string(&mut text).is_err() {
        return "and why cannot be read".to_owned();
    }
    text
}

/// Whose CPU time a measurement reads.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    /// The processes that answer.
    pub servers: Vec<u32>,
    /// The database server that they use, if there is one.
    pub database: Option<u32>,
}

/// CPU time in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    pub servers: u64,
    pub database: Option<u64>,
}

impl Meter {
    /// One process, and what it uses.
    pub fn of(server: u32, database: Option<u32>) -> Self {
        Self { servers: vec![server], database }
    }

    /// All that was used until now. Children that have ended are counted with whoever waited for them.
    pub fn read(&self) -> Result<Cpu> {
        let table = table()?;
        // This very process may be one of them, and the database server is its child.
        let servers = self.servers.iter().map(|id| tree(&table, *id, self.database)).sum();
        Ok(Cpu { servers, database: self.database.map(|id| tree(&table, id, None)) })
    }
}

impl Cpu {
    /// What was used since an earlier reading.
    pub fn since(self, before: Self) -> Self {
        let database = self.database.zip(before.database);
        Self {
            servers: self.servers.saturating_sub(before.servers),
            database: database.map(|(now, before)| now.saturating_sub(before)),
        }
    }
}

/// A process: its parent and its CPU time.
type Table = HashMap<u32, (u32, u64)>;

/// A process and all below it, but for one of them with what is below that.
fn tree(table: &Table, root: u32, but: Option<u32>) -> u64 {
    let mut total = 0;
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        total += table.get(&id).map_or(0, |(_, micros)| *micros);
        open.extend(
            table
                .iter()
                .filter(|(child, (parent, _))| *parent == id && but != Some(**child))
                .map(|(id, _)| *id),
        );
    }
    total
}

fn table() -> Result<Table> {
    let mut table = Table::new();
    for entry in std::fs::read_dir("/proc")? {
        let Ok(id) = entry?.file_name().to_string_lossy().parse() else { continue };
        // It may just have ended.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        if let Some(line) = stat_line(&stat) {
            table.insert(id, line);
        }
    }
    Ok(table)
}

/// The parent, and user and kernel time of the process and of those children that it waited for.
fn stat_line(stat: &str) -> Option<(u32, u64)> {
    // The name stands in brackets and may hold anything, so fields are counted from its end.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let ticks: u64 = fields.skip(9).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Some((parent, ticks * MICROS_PER_TICK))
}

/// Memory of a process now and at its peak, in KiB.
pub fn memory_kib(id: u32) -> Result<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let field = |name: &str| -> Result<u64> {
        let line =
            status.lines().find_map(|line| line.strip_prefix(name)).context("a figure of a process")?;
        Ok(line.trim_start_matches(':').trim().trim_end_matches(" kB").parse()?)
    };
    Ok((field("VmRSS")?, field("VmHWM")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_process_is_read_behind_its_name() {
        let stat = "12 (a ) b) S 7 1 1 0 -1 4194560 1 2 3 4 100 20 3 1 20 0 1 0 5";
        assert_eq!(stat_line(stat), Some((7, 124 * MICROS_PER_TICK)));
    }

    #[test]
    fn a_tree_is_summed_up_and_strangers_are_not() {
        let table = Table::from([(1, (0, 5)), (2, (1, 7)), (3, (2, 11)), (4, (0, 100))]);
        assert_eq!(tree(&table, 1, None), 23);
        assert_eq!(tree(&table, 1, Some(2)), 5);
    }
}

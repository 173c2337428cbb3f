//! A child process that ends with its guard, and what the kernel says about it.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};

/// Linux counts the CPU time of a process in hundredths of a second.
const MICROS_PER_TICK: u64 = 10_000;

/// A server that prints its address, killed by its id when this is dropped.
pub struct Process {
    child: Child,
    /// Kept open, so that the server can go on writing to it.
    _stdout: BufReader<ChildStdout>,
    pub address: String,
}

impl Process {
    /// Starts it and waits for its address.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("the output of a child")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let mut process = Self { child, _stdout: stdout, address: String::new() };
        process.address =
            line.trim().rsplit_once("http://").context("a server did not tell its address")?.1.to_owned();
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

/// CPU time of a process until now, of the user and the kernel, in microseconds.
pub fn cpu_micros(id: u32) -> Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name stands in brackets and may hold anything, so fields are counted from its end.
    let (_, fields) = stat.rsplit_once(')').context("the status of a process")?;
    let mut times = fields.split_whitespace().skip(11);
    let mut next = || -> Result<u64> { Ok(times.next().context("the CPU time of a process")?.parse()?) };
    Ok((next()? + next()?) * MICROS_PER_TICK)
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

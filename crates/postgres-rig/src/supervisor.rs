//! A shell that outlives this process for as long as it takes to stop a server and to remove its folder.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use crate::installation::Installation;
use crate::owner::Owner;
use crate::{Outcome, random};

/// What is run. The clusters that are kept in the temporary folder are made by it, so their names change with it.
const SCRIPT: &str = include_str!("supervisor.sh");

/// How long a server may take to be ready, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps one server. When it is dropped, the server is stopped and the folder is gone.
pub struct Supervisor {
    folder: PathBuf,
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Supervisor {
    /// Starts a shell that makes a folder and keeps it; `last` is the signal that ends what it runs.
    pub fn start(owner: Owner, installation: &Installation, last: &str) -> Outcome<Self> {
        let folder = owner.room().join(format!("dw-pg-{:016x}", random()));
        let mut script = DefaultHasher::new();
        SCRIPT.hash(&mut script);
        let template = format!("dw-pg-{}-{}-{:016x}.tar", installation.version, owner.uid(), script.finish());
        let mut shell = owner.command("/bin/sh");
        shell.args(["-c", SCRIPT, "supervisor"]);
        shell.arg(&folder).arg(&installation.bin).arg(owner.room().join(template)).arg(last);
        // In a group of its own: what ends the tests, such as a time-out or Ctrl-C, must not end it too.
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut shell = shell.spawn().map_err(|error| format!("/bin/sh did not start: {error}"))?;
        let (orders, answers) = (shell.stdin.take(), shell.stdout.take());
        let answers = answers.ok_or("the shell has no standard output")?;
        let mut supervisor = Self { folder, shell, orders, answers: BufReader::new(answers) };
        match supervisor.answer()?.split_whitespace().next() {
            Some("0") => Ok(supervisor),
            _ => Err(format!("{} cannot be made", supervisor.folder.display())),
        }
    }

    /// The folder that goes away with this.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives an order of `supervisor.sh` and waits until it is done; gives the id of what runs then.
    pub fn order(&mut self, order: &str) -> Outcome<Option<u32>> {
        let orders = self.orders.as_mut().ok_or("the shell has no standard input")?;
        writeln!(orders, "{order}").map_err(gone)?;
        let answer = self.answer()?;
        let mut words = answer.split_whitespace();
        match words.next() {
            Some("0") => Ok(words.next().and_then(|pid| pid.parse().ok())),
            _ => Err(format!("`{order}` failed:\n{}", self.last_words())),
        }
    }

    fn answer(&mut self) -> Outcome<String> {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(gone)?;
        Ok(answer)
    }

    /// Starts what the order says and waits until it is ready.
    pub fn run(&mut self, order: &str, ready: impl Fn(u32) -> bool) -> Outcome<()> {
        let pid = self.order(order)?.ok_or_else(|| format!("`{order}` started nothing"))?;
        let deadline = Instant::now() + PATIENCE;
        while !ready(pid) {
            if ended(pid) {
                self.order("stop KILL")?;
                return Err(format!("`{order}` ended:\n{}", self.last_words()));
            }
            if Instant::now() > deadline {
                return Err(format!("`{order}` is not ready after {PATIENCE:?}:\n{}", self.last_words()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// The end of the log.
    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.orders.take());
        // Nothing is to be done if it was ended by somebody else.
        drop(self.shell.wait());
    }
}

fn gone(error: std::io::Error) -> String {
    format!("the shell that keeps a server is gone: {error}")
}

/// Whether a process is gone, or only waits for its parent to notice its end.
fn ended(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}

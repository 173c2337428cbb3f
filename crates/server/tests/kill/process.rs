//! The real program as a process of its own, which can be killed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// The program that these tests were built with.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_doorward");

/// How a server is started.
#[derive(Clone)]
pub struct Start {
    /// What is run.
    pub program: PathBuf,
    /// Its folder: the data goes into `data`, what it logs into `log`.
    pub dir: PathBuf,
    /// Where the database is and under which key its secrets are, if it is not a file of this server alone.
    pub environment: Vec<(String, String)>,
}

/// A server, killed when this is dropped.
pub struct Server {
    pub child: Child,
    pub address: String,
    /// Kept open, so that the server can go on writing to it.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it and waits until it is ready; gives how long that took.
    pub async fn start(start: &Start) -> (Self, Duration) {
        let start = start.clone();
        let spawned = Instant::now();
        let server = tokio::task::spawn_blocking(move || Self::spawn(&start)).await.unwrap();
        (server, spawned.elapsed())
    }

    fn spawn(start: &Start) -> Self {
        let log = start.dir.join("log");
        let mut command = Command::new(&start.program);
        // What these tests are told by variables is no configuration of the server, which would refuse it.
        let ours = std::env::vars_os().map(|(name, _)| name);
        for name in ours.filter(|name| name.to_string_lossy().starts_with("DOORWARD_")) {
            command.env_remove(name);
        }
        let mut child = command
            .current_dir(&start.dir)
            .args(["serve", "--data-dir", "data", "--listen", "127.0.0.1:0", "--log", "warn"])
            .envs(start.environment.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(&log).unwrap())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("http://").map(|(_, address)| address.to_owned());
        let said = || format!("no address in {line:?}; log: {}", std::fs::read_to_string(&log).unwrap());
        let address = address.unwrap_or_else(|| panic!("{}", said()));
        Self { child, address, _stdout: stdout }
    }

    /// SIGKILL: nothing of the process runs any more.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A token that the server wrote at its first start.
pub fn read_token(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join("data").join(name)).unwrap().trim().to_owned()
}

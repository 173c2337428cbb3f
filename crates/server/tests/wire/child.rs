//! The real program as a process of its own, ended by its id.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::client::Http;

/// A server that runs.
pub struct Server {
    child: Child,
    pub http: Http,
    log: std::path::PathBuf,
    greeting: String,
    rest: Option<JoinHandle<String>>,
}

/// How a process ended, and everything that it wrote.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub output: String,
    pub errors: String,
}

impl Ended {
    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.env_clear().current_dir(dir);
    command
}

impl Server {
    /// Starts a server on the folder `data` in `dir`, and waits until it says that it is ready.
    pub fn start(dir: &Path, arguments: &[&str]) -> Self {
        let log = dir.join("server.log");
        let errors = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = program(dir);
        command.args(["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        output.read_line(&mut greeting).unwrap();
        let address = greeting.trim().rsplit_once("http://").and_then(|(_, address)| address.parse().ok());
        let rest = std::thread::spawn(move || {
            let mut rest = String::new();
            output.read_to_string(&mut rest).unwrap();
            rest
        });
        let Some(address) = address else {
            drop(child.wait());
            panic!("no greeting: {greeting:?} {}", std::fs::read_to_string(&log).unwrap());
        };
        Self { child, http: Http { address }, log, greeting, rest: Some(rest) }
    }

    /// Asks the server to stop, without waiting for it.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for the end, for half a minute at the most.
    pub fn wait(mut self) -> Ended {
        let mut status = None;
        for _ in 0..1500 {
            status = self.child.try_wait().unwrap();
            if status.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let code = status.expect("the server stops when it is told to").code();
        let output = self.greeting.clone() + &self.rest.take().unwrap().join().unwrap();
        Ended { code, output, errors: std::fs::read_to_string(&self.log).unwrap() }
    }

    /// Stops the server.
    pub fn stop(self) -> Ended {
        self.terminate();
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where a test got to its end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a command to its end, with something on its standard input.
pub fn run_with(dir: &Path, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Ended {
    let mut command = program(dir);
    command.args(arguments).envs(environment.iter().copied());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that takes no input may have closed it.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let ended = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: ended.status.code(), output: text(ended.stdout), errors: text(ended.stderr) }
}

/// What a file of the data folder holds.
pub fn data(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join("data").join(name)).unwrap().trim().to_owned()
}

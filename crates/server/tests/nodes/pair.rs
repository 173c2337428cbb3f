//! Two processes of the built program on one database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::process::{PROGRAM, Server, Start, read_token};
use crate::world::World;

/// The key that both nodes share.
const MASTER_KEY: &str = "bm9kZXMgdGhhdCBhcmUgb25lIHNlcnZlciBzaGFyZSE=";

/// On a busy machine a password may wait for long, and that is not what these scenes are about.
pub const PATIENT: (&str, &str) = ("DOORWARD_HASHING_MAX_WAIT_MS", "25000");

/// Two nodes, and those who work with them.
pub struct Nodes {
    pub world: Arc<World>,
    starts: Vec<Start>,
    servers: Vec<Server>,
    dirs: Vec<TempDir>,
}

impl Nodes {
    /// Starts one, which sets up the database, and then the other.
    pub async fn start(url: &str) -> Self {
        Self::start_on(PROGRAM, url).await
    }

    /// The same with another program.
    pub async fn start_on(program: &str, url: &str) -> Self {
        let (mut starts, mut servers, mut dirs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..2 {
            let dir = tempfile::tempdir().unwrap();
            let (dir_of_node, environment) = (dir.path().to_owned(), environment(url));
            let start = Start { program: program.into(), dir: dir_of_node, environment };
            servers.push(Server::start(&start).await.0);
            starts.push(start);
            dirs.push(dir);
        }
        let (admin, login) =
            (read_token(dirs[0].path(), "admin.pat"), read_token(dirs[0].path(), "login-client.pat"));
        assert!(!dirs[1].path().join("data/admin.pat").exists(), "the second node found all set up");
        let addresses: Vec<&str> = servers.iter().map(|server| server.address.as_str()).collect();
        let world = Arc::new(World::set_up(&addresses, &admin, &login).await);
        Self { world, starts, servers, dirs }
    }

    /// A new process of the program that is tested beside the old one; then the old one is told to end, and finishes
    /// what it has begun.
    pub async fn replace(&mut self, node: usize) {
        self.starts[node].program = PROGRAM.into();
        let (server, _) = Server::start(&self.starts[node]).await;
        self.world.moved(node, &server.address);
        let mut old = std::mem::replace(&mut self.servers[node], server);
        let ended = tokio::task::spawn_blocking(move || {
            kill_process(Pid::from_child(&old.child), Signal::TERM).unwrap();
            old.child.wait().unwrap().success()
        });
        assert!(ended.await.unwrap(), "the old process did not end well");
    }

    /// SIGKILL, and a new process; gives how long that needed to be ready.
    pub async fn kill_and_start(&mut self, node: usize) -> Duration {
        self.servers[node].kill();
        let (server, took) = Server::start(&self.starts[node]).await;
        self.world.moved(node, &server.address);
        self.servers[node] = server;
        took
    }

    /// Prints what the nodes had to complain about, each kind of line once, with how often it came.
    pub fn complaints(&self) {
        let mut counts = BTreeMap::new();
        for dir in &self.dirs {
            let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
            for line in log.lines() {
                let kind = line.split_once(' ').map_or(line, |(_, rest)| rest);
                *counts.entry(kind.to_owned()).or_insert(0) += 1;
            }
        }
        for (kind, count) in counts {
            println!("{count} times: {kind}");
        }
    }

    /// No node has anything to complain about.
    pub fn quiet(&self) {
        for dir in &self.dirs {
            let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
            assert!(log.is_empty(), "{log}");
        }
    }
}

/// What makes a server a node.
pub fn environment(url: &str) -> Vec<(String, String)> {
    // Whoever is about to send to a node that is told to end still gets an answer.
    let delay = ("DOORWARD_LIMITS_STOP_DELAY_MS", "500");
    let pairs = [("DOORWARD_DATABASE_URL", url), ("DOORWARD_MASTER_KEY", MASTER_KEY), PATIENT, delay];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

//! Two processes of the built program on one database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Server, Start, read_token};
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
        let (mut starts, mut servers, mut dirs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..2 {
            let dir = tempfile::tempdir().unwrap();
            let start = Start { dir: dir.path().to_owned(), environment: environment(url) };
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
    let pairs = [("DOORWARD_DATABASE_URL", url), ("DOORWARD_MASTER_KEY", MASTER_KEY), PATIENT];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

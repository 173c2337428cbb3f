//! What all clients of a run share: where the nodes are, the users, and the sessions that many of them work on.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use doorward::env::{Clock, SystemClock};
use serde_json::json;

use crate::history::Op;
use crate::wire::Line;

/// How many sessions belong to everybody.
pub const HOT: usize = 8;
/// Those of them, from the first on, whose user gave the password.
pub const BEARERS: usize = 2;
/// Tokens of a session that are remembered: old ones must be refused.
const REMEMBERED: usize = 4;
const USERS: u8 = 6;
pub const PASSWORD: &str = "Secr3t!pass";

/// A token, and the change that it came with.
#[derive(Clone, Debug)]
pub struct Token {
    pub sequence: u64,
    pub op: Op,
    pub text: String,
}

/// A session, as those know it who work on it.
#[derive(Clone, Debug)]
pub struct Known {
    pub session: Op,
    pub id: String,
    /// The user that it has, or will have if it gets one.
    pub user: u8,
    pub password: bool,
    /// The newest last.
    pub tokens: Vec<Token>,
}

impl Known {
    /// Remembers a token. Answers overtake one another, sequences do not.
    pub fn learn(&mut self, token: Token) {
        self.tokens.push(token);
        self.tokens.sort_by_key(|token| token.sequence);
        if self.tokens.len() > REMEMBERED {
            self.tokens.remove(0);
        }
    }
}

/// What all clients of a run share.
pub struct World {
    /// Where each node listens. A node that starts again listens elsewhere.
    addresses: Vec<Mutex<String>>,
    pub login: String,
    /// Login names, and the numbers of the users by their ids.
    pub names: Vec<String>,
    pub users: BTreeMap<String, u8>,
    pub hot: [Mutex<Option<Known>>; HOT],
    /// Whether somebody is about to make that session.
    pub making: [AtomicBool; HOT],
    pub stopped: AtomicBool,
    start: Instant,
    started: i64,
}

impl World {
    /// Adds the users.
    pub async fn set_up(addresses: &[&str], admin: &str, login: &str) -> Self {
        let (mut names, mut users) = (Vec::new(), BTreeMap::new());
        let mut line = Line::connect(addresses[0]).await.unwrap();
        for number in 0..USERS {
            let name = format!("user-{number}@example.com");
            let request = json!({
                "profile": { "givenName": "Mini", "familyName": "Mouse" },
                "email": { "email": name, "isVerified": true },
                "password": { "password": PASSWORD },
            });
            let answer = line.call("POST", "/v2/users/human", admin, request).await.unwrap();
            assert!(answer.status.is_success(), "{}", answer.body);
            users.insert(answer.body["userId"].as_str().unwrap().to_owned(), number);
            names.push(name);
        }
        Self {
            addresses: addresses.iter().map(|address| Mutex::new((*address).to_owned())).collect(),
            login: login.to_owned(),
            names,
            users,
            hot: Default::default(),
            making: Default::default(),
            stopped: AtomicBool::new(false),
            start: Instant::now(),
            started: SystemClock.now().0,
        }
    }

    /// Microseconds since 1970, from a clock that never goes back.
    pub fn now(&self) -> i64 {
        self.started + i64::try_from(self.start.elapsed().as_micros()).unwrap()
    }

    pub fn nodes(&self) -> usize {
        self.addresses.len()
    }

    pub fn address(&self, node: usize) -> String {
        self.addresses[node].lock().unwrap().clone()
    }

    pub fn moved(&self, node: usize, address: &str) {
        address.clone_into(&mut self.addresses[node].lock().unwrap());
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

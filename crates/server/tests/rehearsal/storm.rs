//! Clients that create sessions all the time and remember what they were told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::child::Server;
use crate::client::Http;

/// A session whose creation was answered with success.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    pub id: String,
    pub token: String,
    pub at: Instant,
}

/// What the clients were told.
#[derive(Debug, Default)]
pub struct Told {
    pub acknowledged: Vec<Acknowledged>,
    /// How many were refused as unavailable; the outcome of such a call is not known.
    pub unavailable: usize,
}

/// The clients.
pub struct Storm {
    over: Arc<AtomicBool>,
    told: watch::Receiver<Told>,
    clients: JoinSet<()>,
}

impl Storm {
    /// Lets so many clients begin.
    pub fn start(server: &Server, token: &str, clients: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (sender, told) = watch::channel(Told::default());
        let sender = Arc::new(sender);
        let mut storm = Self { over, told, clients: JoinSet::new() };
        for _ in 0..clients {
            let (http, token) = (server.http, token.to_owned());
            let (over, sender) = (Arc::clone(&storm.over), Arc::clone(&sender));
            storm.clients.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    create(http, &token, &sender).await;
                }
            });
        }
        storm
    }

    /// Waits until the clients were told that.
    pub async fn until(&mut self, reached: impl FnMut(&Told) -> bool) {
        let waited = tokio::time::timeout(Duration::from_secs(60), self.told.wait_for(reached)).await;
        drop(waited.expect("the clients are told so").expect("the clients go on"));
    }

    /// What was acknowledged up to now.
    pub fn acknowledged(&self) -> Vec<Acknowledged> {
        self.told.borrow().acknowledged.clone()
    }

    /// Ends the clients; gives all that was acknowledged.
    pub async fn stop(self) -> Vec<Acknowledged> {
        self.over.store(true, Ordering::Relaxed);
        self.clients.join_all().await;
        self.told.borrow().acknowledged.clone()
    }
}

/// One call. Whoever is refused comes back after a moment, as the answer asks for, only sooner.
async fn create(http: Http, token: &str, told: &watch::Sender<Told>) {
    let request = json!({ "checks": { "user": { "loginName": "mini@m.co" } } }).to_string();
    let answer = http.rest("POST", "/v2/sessions", Some(token), &request).await;
    if answer.status == 503 {
        assert_eq!(answer.headers["retry-after"], "1");
        assert_eq!(answer.json()["code"], 14, "{answer:?}");
        told.send_modify(|told| told.unavailable += 1);
        tokio::time::sleep(Duration::from_millis(20)).await;
        return;
    }
    assert_eq!(answer.status, 201, "{:?}", answer.bytes);
    let answer = answer.json();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    let session = Acknowledged { id: text("sessionId"), token: text("sessionToken"), at: Instant::now() };
    told.send_modify(|told| told.acknowledged.push(session));
}

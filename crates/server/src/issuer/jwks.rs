//! The keys of an issuer: read once by however many callers want them, and kept while the issuer is away.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use doorward_core::base::{Span, Timestamp};
use jsonwebtoken::jwk::Jwk;
use parking_lot::Mutex;
use tokio::sync::watch;
use url::Url;

use crate::config::TrustedIssuer;
use crate::idp::Trouble;
use crate::idp::discovery::{read_jwks_uri, read_keys, well_known};
use crate::idp::outbound::Outbound;
use crate::telemetry::Sparse;

/// Keys of this age are read again, while callers go on with them.
const FRESH: Span = Span::minutes(5);
/// Keys of this age are read again before anybody goes on with them, unless the issuer is away.
const LATE: Span = Span::minutes(10);
/// Keys of this age do not count any more, whether the issuer is away or not.
const KEPT: Span = Span::minutes(24 * 60);

/// The time between the beginnings of two readings: nobody can make this server ask as often as they like. After one
/// that failed it is shorter, since callers may be waiting for the issuer to come back.
const PAUSE: Span = Span::seconds(30);
const RETRY: Span = Span::seconds(5);

/// Where keys are read.
#[derive(Debug)]
pub(super) enum Source {
    /// Here.
    Place(Url),
    /// Where the discovery document of an issuer says.
    Discovery { issuer: Url, exact: String },
}

/// The keys of an issuer.
#[derive(Debug)]
pub(super) struct Jwks {
    id: String,
    source: Source,
    outbound: Outbound,
    state: Mutex<State>,
    /// Tells those who wait that a reading has ended.
    ended: watch::Sender<()>,
    outages: Sparse,
}

#[derive(Debug, Default)]
struct State {
    keys: Option<(Arc<Vec<Jwk>>, Timestamp)>,
    /// When the last reading began.
    begun: Option<Timestamp>,
    /// Whether it goes on.
    running: bool,
    /// Whether it failed, or the one before it did.
    failed: bool,
    /// How many failed since somebody asked for the number.
    failures: u64,
}

impl Source {
    /// What the configuration says, which has been verified.
    pub fn of(trusted: &TrustedIssuer) -> anyhow::Result<Self> {
        let url =
            |text: &str| Url::parse(text).with_context(|| format!("an address of {} is no URL", trusted.id));
        Ok(match &trusted.jwks_url {
            Some(place) => Self::Place(url(place)?),
            None => Self::Discovery { issuer: url(&trusted.issuer)?, exact: trusted.issuer.clone() },
        })
    }
}

impl Jwks {
    /// Nothing is read yet.
    pub fn new(id: String, source: Source, outbound: Outbound) -> Self {
        let (ended, _) = watch::channel(());
        Self { id, source, outbound, state: Mutex::default(), ended, outages: Sparse::new() }
    }

    /// The keys that count now.
    pub async fn known(self: &Arc<Self>, now: Timestamp) -> Option<Arc<Vec<Jwk>>> {
        let (age, failed) = self.age(now);
        match age {
            Some(age) if age < FRESH => {}
            Some(age) if age < LATE || failed => drop(self.begin(now)),
            _ => self.read(now).await,
        }
        self.usable(now)
    }

    /// The keys that count now, read again for the sake of one that is missing among them, unless that was just done.
    pub async fn anew(self: &Arc<Self>, now: Timestamp) -> Option<Arc<Vec<Jwk>>> {
        self.read(now).await;
        self.usable(now)
    }

    /// How many readings failed since this was asked last.
    pub fn take_failures(&self) -> u64 {
        std::mem::take(&mut self.state.lock().failures)
    }

    fn usable(&self, now: Timestamp) -> Option<Arc<Vec<Jwk>>> {
        let state = self.state.lock();
        let (keys, _) = state.keys.as_ref().filter(|(_, at)| now.since(*at) < KEPT)?;
        Some(Arc::clone(keys))
    }

    /// The age of keys that count, and whether the issuer was away when it was last asked.
    fn age(&self, now: Timestamp) -> (Option<Span>, bool) {
        let state = self.state.lock();
        let age = state.keys.as_ref().map(|(_, at)| now.since(*at)).filter(|age| *age < KEPT);
        (age, state.failed)
    }

    /// Waits for the reading that goes on, or for one that begins now. It ends by itself within the time that the
    /// issuer has.
    async fn read(self: &Arc<Self>, now: Timestamp) {
        if let Some(mut ended) = self.begin(now) {
            drop(ended.changed().await);
        }
    }

    /// Begins a reading, if none goes on and the pause is over. Gives what tells its end, or nothing where there is
    /// nothing to wait for.
    fn begin(self: &Arc<Self>, now: Timestamp) -> Option<watch::Receiver<()>> {
        let mut state = self.state.lock();
        let ended = self.ended.subscribe();
        if !state.running {
            let pause = if state.failed { RETRY } else { PAUSE };
            if state.begun.is_some_and(|at| now.since(at) < pause) {
                return None;
            }
            (state.running, state.begun) = (true, Some(now));
            // On a task of its own: the caller may go away, and others wait for it, too.
            let reading = Arc::clone(self);
            tokio::spawn(async move { reading.work(now).await });
        }
        Some(ended)
    }

    async fn work(&self, now: Timestamp) {
        let read = tokio::time::timeout(self.outbound.timeout, self.fetch()).await;
        let read = read.unwrap_or_else(|_| Err(Trouble::too_late()));
        let mut state = self.state.lock();
        state.running = false;
        state.failed = read.is_err();
        match read {
            Ok(keys) => state.take(keys, now),
            Err(trouble) => {
                state.failures += 1;
                if let Some(kept_back) = self.outages.may_say(Instant::now()) {
                    tracing::warn!(issuer = self.id, %trouble, kept_back, "the keys of an issuer cannot be read");
                }
            }
        }
        // While nobody else can look at the state: whoever subscribes later finds what this reading gave.
        self.ended.send_replace(());
    }

    async fn fetch(&self) -> Result<Vec<Jwk>, Trouble> {
        let found;
        let place = match &self.source {
            Source::Place(place) => place,
            Source::Discovery { issuer, exact } => {
                let document = self.outbound.get(&well_known(issuer), None).await?;
                found = read_jwks_uri(&document, issuer, exact)?;
                &found
            }
        };
        let document = self.outbound.get(place, None).await?;
        // A page about something else must not make all keys forgotten.
        if !document.get("keys").is_some_and(serde_json::Value::is_array) {
            return Err(Trouble::untrusted("there are no keys"));
        }
        Ok(read_keys(&document))
    }
}

impl State {
    /// Takes what was read. The same keys stay the same value, by which others know that nothing has changed.
    fn take(&mut self, keys: Vec<Jwk>, now: Timestamp) {
        let keys = match self.keys.take() {
            Some((last, _)) if *last == keys => last,
            _ => Arc::new(keys),
        };
        self.keys = Some((keys, now));
    }
}

//! The worker of one channel: takes what is due, tries it, and notes what came of it.
//!
//! Each channel has a worker of its own, so that a mail server that does not answer holds up no SMS.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::base::{Span, Timestamp};
use doorward_store::outbox::{self, Entry, Terms};
use doorward_store::{StoreError, outbox_list};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{Attempt, Fault, Post};
use crate::app::outbox::{Channel, open};
use crate::app::{App, read};
use crate::config::Config;
use crate::telemetry::Metrics;

/// How often and how long is tried.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How often a message is tried.
    pub attempts: u32,
    /// The pause after the first failed attempt.
    pub first: Span,
    /// The longest pause.
    pub longest: Span,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How many run at the same time.
    pub at_once: u32,
    /// How often the worker looks for what others left.
    pub poll: Duration,
    /// How long attempts that run may take to finish when the server stops.
    pub drain: Duration,
}

/// What a message is taken for, beyond the longest time of an attempt: until then its outcome is noted.
const MARGIN: Duration = Duration::from_secs(30);

/// How often the outcome of an attempt is tried to be noted, each time after a longer pause: a message that was sent
/// and not noted would be sent again.
const NOTES: u32 = 6;

/// The pause after the first time that it could not be.
const NOTE_PAUSE: Duration = Duration::from_millis(100);

impl Pace {
    /// What the configuration says.
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        let delivery = &config.delivery;
        let duration = |millis: u32| Duration::from_millis(u64::from(millis));
        Self {
            attempts: delivery.attempts,
            first: Span::millis(i64::from(delivery.first_pause_ms)),
            longest: Span::millis(i64::from(delivery.longest_pause_ms)),
            timeout: duration(delivery.timeout_ms),
            at_once: delivery.at_once,
            poll: duration(delivery.poll_interval_ms),
            drain: duration(config.limits.drain_timeout_ms.min(delivery.timeout_ms)),
        }
    }

    /// The time from the `attempts`th failed attempt to the next.
    fn pause(&self, attempts: u32) -> Span {
        let doubled = 1_i64.checked_shl(attempts.saturating_sub(1).min(62)).unwrap_or(i64::MAX);
        Span(self.first.0.saturating_mul(doubled).min(self.longest.0))
    }

    fn lease(&self) -> Span {
        let micros = (self.timeout + MARGIN).as_micros();
        Span(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// Delivers what goes by a channel until it is told to stop; then attempts that run are finished.
pub async fn work(
    app: Arc<App>,
    post: Arc<Post>,
    channel: Channel,
    (pace, metrics): (Pace, Metrics),
    mut stop: watch::Receiver<bool>,
) {
    if !post.serves(channel) {
        return;
    }
    let worker = Arc::new(Worker { app, post, channel, pace, metrics });
    let mut stirs = worker.app.db.stirs();
    let (mut running, mut counted) = (JoinSet::new(), None);
    loop {
        let free = (pace.at_once as usize).saturating_sub(running.len());
        // Whatever comes from now on is a change that is seen below.
        stirs.mark_unchanged();
        if counted.is_none_or(|at: Instant| at.elapsed() >= pace.poll) {
            worker.count().await;
            counted = Some(Instant::now());
        }
        let taken = worker.take(free).await;
        let full = free == 0 || taken.len() == free;
        for entry in taken {
            let worker = Arc::clone(&worker);
            running.spawn(async move { worker.attempt(entry).await });
        }
        tokio::select! {
            _ = stop.wait_for(|stopped| *stopped) => break,
            Some(_) = running.join_next() => {}
            Ok(()) = stirs.changed(), if !full => {}
            () = sleep(pace.poll), if !full => {}
        }
    }
    let finished = async { while running.join_next().await.is_some() {} };
    if timeout(pace.drain, finished).await.is_err() {
        tracing::warn!(channel = channel.name(), "messages were cut off; they are sent again later");
    }
}

struct Worker {
    app: Arc<App>,
    post: Arc<Post>,
    channel: Channel,
    pace: Pace,
    metrics: Metrics,
}

impl Worker {
    fn now(&self) -> Timestamp {
        self.app.env.clock.now()
    }

    async fn count(&self) {
        let channel = self.channel;
        if let Ok(waiting) = read!(self.app, outbox_list::waiting(channel)) {
            self.metrics.messages_waiting(channel, waiting);
        }
    }

    /// What is to be tried now. A store that is not there has nothing.
    async fn take(&self, free: usize) -> Vec<Entry> {
        if free == 0 {
            return Vec::new();
        }
        let now = self.now();
        let channel = self.channel;
        // Nearly always there is nothing, and finding that out must not cost a write.
        if !matches!(read!(self.app, outbox::is_due(channel, now)), Ok(true)) {
            return Vec::new();
        }
        let most = u32::try_from(free).unwrap_or(u32::MAX);
        let leased = now.plus(self.pace.lease());
        let terms = Terms { channel, now, leased, most, attempts: self.pace.attempts };
        let taken = self.app.db.write(move |conn| Box::pin(async move { outbox::take(conn, terms).await }));
        match taken.await {
            Ok(taken) => {
                if taken.given_up > 0 {
                    self.metrics.messages_given_up(channel, taken.given_up);
                    let count = taken.given_up;
                    tracing::warn!(
                        channel = channel.name(),
                        count,
                        "messages were not sent before their time was over"
                    );
                }
                taken.entries
            }
            Err(error) => {
                tracing::warn!(%error, "messages that wait could not be taken");
                Vec::new()
            }
        }
    }

    async fn attempt(&self, entry: Entry) {
        let outcome = match open(&self.app, &entry) {
            // Another node may have the key.
            None => Err(Fault::Temporary("it cannot be read with the master key of this node".to_owned())),
            Some(message) => {
                let attempt = Attempt { id: &entry.id, now: self.now() };
                let sent = timeout(self.pace.timeout, self.post.send(&message, attempt)).await;
                let sent = sent.unwrap_or_else(|_| Err(Fault::Temporary("it took too long".to_owned())));
                sent.map_err(|fault| fault.without(message.code.expose()))
            }
        };
        match outcome {
            Ok(()) => self.sent(entry).await,
            Err(fault) => self.failed(entry, fault).await,
        }
    }

    async fn sent(&self, entry: Entry) {
        let (id, now) = (entry.id.clone(), self.now());
        let noted = self
            .noted(|| {
                let entry = entry.clone();
                self.app
                    .db
                    .write(move |conn| Box::pin(async move { outbox::finish(conn, &entry, now).await }))
            })
            .await;
        self.metrics.message_sent(self.channel);
        if let Err(error) = noted {
            tracing::error!(id, %error, "a message was sent, but that could not be noted: it will be sent again");
        }
    }

    async fn failed(&self, entry: Entry, fault: Fault) {
        let now = self.now();
        let again = now.plus(self.pace.pause(entry.attempts));
        let (error, again) = match fault {
            Fault::Permanent(error) => (error, None),
            // A message that comes after its code is void is worth nothing.
            Fault::Temporary(error) => {
                (error, (entry.attempts < self.pace.attempts && again < entry.expires).then_some(again))
            }
        };
        let (id, attempts, purpose) = (&entry.id, entry.attempts, entry.purpose.name());
        if again.is_some() {
            self.metrics.message_failed(self.channel);
            tracing::warn!(id, purpose, attempts, error, "a message could not be sent; it is tried again");
        } else {
            self.metrics.messages_given_up(self.channel, 1);
            tracing::error!(id, purpose, attempts, error, "a message could not be sent and is given up");
        }
        let noted = self
            .noted(|| {
                let (entry, error) = (entry.clone(), error.clone());
                self.app.db.write(move |conn| {
                    Box::pin(async move { outbox::fail(conn, &entry, &error, again, now).await })
                })
            })
            .await;
        if let Err(error) = noted {
            tracing::warn!(id, %error, "what became of a message could not be noted");
        }
    }

    /// Writes, and again after a pause if the store is not there.
    async fn noted<F>(&self, write: impl Fn() -> F) -> Result<bool, StoreError>
    where
        F: Future<Output = Result<bool, StoreError>>,
    {
        let mut pause = NOTE_PAUSE;
        for _ in 1..NOTES {
            match write().await {
                Err(StoreError::Unavailable(_) | StoreError::Overloaded) => {}
                outcome => return outcome,
            }
            sleep(pause).await;
            pause *= 3;
        }
        write().await
    }
}

impl Fault {
    /// The same with nothing of a code, should a server have repeated it, and not too long.
    fn without(self, code: &str) -> Self {
        let clean = |text: String| -> String {
            let text = if code.is_empty() { text } else { text.replace(code, "…") };
            text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
        };
        match self {
            Self::Temporary(text) => Self::Temporary(clean(text)),
            Self::Permanent(text) => Self::Permanent(clean(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        attempts: 5,
        first: Span::seconds(2),
        longest: Span::seconds(60),
        timeout: Duration::from_secs(15),
        at_once: 1,
        poll: Duration::from_secs(1),
        drain: Duration::ZERO,
    };

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<_> = (1..8).map(|attempts| PACE.pause(attempts).0 / 1_000_000).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(PACE.pause(u32::MAX), Span::seconds(60));
    }

    #[test]
    fn a_lease_is_longer_than_an_attempt() {
        assert_eq!(PACE.lease(), Span::seconds(45));
    }

    #[test]
    fn an_error_never_repeats_the_code() {
        let fault = Fault::Temporary("451 cannot take\r\n\"A1B2C3 is your code\"".to_owned());
        let Fault::Temporary(text) = fault.without("A1B2C3") else { panic!("another fault") };
        assert_eq!(text, "451 cannot take  \"… is your code\"");
    }
}

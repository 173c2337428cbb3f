//! Closed loops: every client waits for its answer before it asks again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use tokio::task::JoinSet;

use crate::call::Call;
use crate::client::{Client, Outcome};
use crate::process::{Cpu, Meter};

/// Time for caches and connections before counting begins.
const WARM_UP: Duration = Duration::from_millis(300);

/// So long after the end of a window an answer is still waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What clients do between two calls.
#[derive(Debug, Clone, Copy)]
pub struct Pauses {
    pub after_answer: Duration,
    pub after_refusal: Duration,
}

impl Pauses {
    /// Calls at once after an answer. Whoever was refused comes back sooner than it was told to, but not at once.
    pub const NONE: Self = Self { after_answer: Duration::ZERO, after_refusal: Duration::from_millis(100) };
}

/// The time that counts.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub start: Instant,
    pub end: Instant,
}

impl Window {
    /// Begins after a warm-up.
    pub fn soon(seconds: u64) -> Self {
        let start = Instant::now() + WARM_UP;
        Self { start, end: start + Duration::from_secs(seconds) }
    }

    /// CPU time that is taken within it.
    pub async fn cpu_of(self, meter: &Meter) -> Result<Cpu> {
        tokio::time::sleep_until(self.start.into()).await;
        let before = meter.read()?;
        tokio::time::sleep_until(self.end.into()).await;
        Ok(meter.read()?.since(before))
    }
}

/// What happened within the window. Times are microseconds.
#[derive(Debug, Default)]
pub struct Tally {
    pub answered: Vec<u64>,
    pub shed: Vec<u64>,
    pub errors: u64,
}

impl Tally {
    /// Counts an answer by the moment when it came.
    fn count(&mut self, window: Window, asked: Instant, outcome: &Result<Outcome>) {
        let now = Instant::now();
        // A client that is lost counts whenever that happens, for it answers nothing afterwards.
        if outcome.is_ok() && (now < window.start || now > window.end) {
            return;
        }
        let micros = u64::try_from((now - asked).as_micros()).unwrap_or(u64::MAX);
        match outcome {
            Ok(Outcome::Done(_)) => self.answered.push(micros),
            Ok(Outcome::Shed) => self.shed.push(micros),
            Ok(Outcome::Failed) | Err(_) => self.errors += 1,
        }
    }

    /// Takes in what another client saw.
    pub fn merge(&mut self, other: Self) {
        self.answered.extend(other.answered);
        self.shed.extend(other.shed);
        self.errors += other.errors;
    }
}

/// What one client does again and again. What is not a single call, such as a challenge and its answer, is a trip too.
pub trait Trip: Send + 'static {
    /// Goes once, from the first call to the last answer.
    fn go(&mut self) -> impl Future<Output = Result<Outcome>> + Send;
}

/// Goes through calls in turn.
struct InTurn {
    client: Client,
    calls: Arc<Vec<Call>>,
    next: usize,
}

impl Trip for InTurn {
    async fn go(&mut self) -> Result<Outcome> {
        let call = self.calls.get(self.next % self.calls.len().max(1)).context("no calls")?;
        self.next += 1;
        self.client.call(call).await
    }
}

/// Every client goes through the calls, each from another place on, until the window ends.
pub async fn run(clients: Vec<Client>, calls: Arc<Vec<Call>>, pauses: Pauses, window: Window) -> Tally {
    let stride = calls.len().div_ceil(clients.len().max(1));
    let starts = (0..).map(|number| number * stride);
    let trips = clients.into_iter().zip(starts).map(|(client, next)| InTurn {
        client,
        calls: Arc::clone(&calls),
        next,
    });
    run_trips(trips.collect(), pauses, window).await
}

/// Every client makes its trip again and again until the window ends.
pub async fn run_trips<T: Trip>(trips: Vec<T>, pauses: Pauses, window: Window) -> Tally {
    let mut running = JoinSet::new();
    for mut trip in trips {
        running.spawn(async move {
            let mut tally = Tally::default();
            loop {
                let asked = Instant::now();
                if asked >= window.end {
                    break;
                }
                // A server that no longer answers must not hold up the run for ever.
                let patience = tokio::time::Instant::from(window.end + PATIENCE);
                let outcome = tokio::time::timeout_at(patience, trip.go()).await;
                let outcome = outcome.unwrap_or_else(|_| Err(anyhow!("no answer")));
                tally.count(window, asked, &outcome);
                let pause = match outcome {
                    Ok(Outcome::Done(_)) => pauses.after_answer,
                    // A lost connection would turn the loop into a storm of errors.
                    Err(_) => break,
                    Ok(_) => pauses.after_refusal,
                };
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
            }
            tally
        });
    }
    let mut all = Tally::default();
    while let Some(tally) = running.join_next().await {
        all.merge(tally.unwrap_or_else(|_| Tally { errors: 1, ..Tally::default() }));
    }
    all
}

/// Works on so many threads without a pause. Each has a worker of its own, which tells whether it succeeded.
pub fn busy<W: FnMut() -> bool>(
    threads: usize,
    window: Window,
    worker: impl Fn() -> W + Sync,
) -> Result<Tally> {
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| work_until_end(worker(), window))).collect();
        let mut all = Tally::default();
        for thread in threads {
            all.merge(thread.join().map_err(|_| anyhow!("a thread panicked"))?);
        }
        Ok(all)
    })
}

fn work_until_end(mut work: impl FnMut() -> bool, window: Window) -> Tally {
    let mut tally = Tally::default();
    loop {
        let started = Instant::now();
        if started >= window.end {
            return tally;
        }
        let right = work();
        let done = Instant::now();
        if !right {
            tally.errors += 1;
        } else if done >= window.start && done <= window.end {
            tally.answered.push(u64::try_from((done - started).as_micros()).unwrap_or(u64::MAX));
        }
    }
}

/// Makes every call once; all must succeed. The order of the answers is not that of the calls.
pub async fn once(clients: Vec<Client>, calls: &[Call]) -> Result<Vec<Bytes>> {
    let mut running = JoinSet::new();
    let share = calls.len().div_ceil(clients.len().max(1)).max(1);
    for (mut client, calls) in clients.into_iter().zip(calls.chunks(share)) {
        let calls = calls.to_vec();
        running.spawn(async move {
            let mut answers = Vec::new();
            for call in &calls {
                answers.push(client.must(call).await?);
            }
            anyhow::Ok(answers)
        });
    }
    let mut all = Vec::new();
    for answers in running.join_all().await {
        all.extend(answers?);
    }
    Ok(all)
}

//! The hashing pool: a few threads of its own, so that a storm of logins holds up nobody who does not log in.
//!
//! The queue is bounded twice: by number, and by the time that its last entry would wait at the present speed. What
//! cannot be served in time is refused at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use doorward_core::base::Span;
use doorward_core::failure::{self, Failure};
use doorward_core::password::{Hasher, WorkMemory};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

/// How the pool is set up.
#[derive(Debug, Clone, Copy)]
pub struct HashingSettings {
    /// How many threads hash.
    pub threads: usize,
    /// The most that may wait.
    pub queue: usize,
    /// The longest that anything may wait.
    pub longest_wait: Duration,
}

/// Does the work, and gives what then answers whoever asked.
type Work = Box<dyn FnOnce(&mut WorkMemory) -> Answer + Send>;
type Answer = Box<dyn FnOnce() + Send>;

struct Waiting {
    work: Work,
    since: Instant,
    abandoned: Box<dyn Fn() -> bool + Send>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    closed: bool,
    /// A moving average of how long one piece of work takes.
    usual: Duration,
    stats: HashingStats,
}

/// Figures about the pool since they were last taken.
#[derive(Debug, Clone, Default)]
pub struct HashingStats {
    /// How long each piece of work took.
    pub took: Vec<Duration>,
    /// How many were refused.
    pub refused: u64,
}

/// Figures are kept for so many pieces of work until they are fetched.
const MOST_STATS: usize = 4096;

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

/// The pool.
pub struct HashingPool {
    shared: Arc<Shared>,
    settings: HashingSettings,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for HashingPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HashingPool").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl HashingPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the operating system gives no threads.
    pub fn start(settings: HashingSettings, hasher: &Hasher) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let threads = (0..settings.threads.max(1)).map(|number| {
            let shared = Arc::clone(&shared);
            let (name, memory) = (format!("doorward-hash-{number}"), hasher.work_memory());
            std::thread::Builder::new()
                .name(name)
                .spawn(move || work_until_closed(&shared, settings.longest_wait, memory))
        });
        let threads = threads.collect::<std::io::Result<_>>()?;
        Ok(Self { shared, settings, threads: Mutex::new(threads) })
    }

    /// Does slow work on the pool.
    ///
    /// # Errors
    /// `DOORWARD-0verl` when it could not be done in time.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WorkMemory) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        let reply = Arc::new(Mutex::new(Some(reply)));
        let watched = Arc::clone(&reply);
        let abandoned = Box::new(move || watched.lock().as_ref().is_none_or(oneshot::Sender::is_closed));
        let work: Work = Box::new(move |memory| {
            let outcome = work(memory);
            Box::new(move || {
                if let Some(reply) = reply.lock().take() {
                    // Whoever asked may have gone away.
                    drop(reply.send(outcome));
                }
            })
        });
        self.enqueue(Waiting { work, since: Instant::now(), abandoned })?;
        answer.await.map_err(|_| failure::OVERLOADED.with_retry(Span::seconds(1)))
    }

    fn enqueue(&self, waiting: Waiting) -> Result<(), Failure> {
        let mut state = self.shared.state.lock();
        let ahead = state.waiting.len();
        let turns = u32::try_from(ahead / self.settings.threads.max(1)).unwrap_or(u32::MAX);
        let wait = state.usual.saturating_mul(turns);
        // A quarter is kept back: when others need the cores, the work ahead takes longer than it usually does, and a
        // refusal is worth most at once.
        let done_by = state.usual.saturating_mul(turns.saturating_add(1));
        // Where nobody waits, one is let in whatever the average: if a pause of the machine has spoiled it, only work
        // that is done can mend it.
        let too_long = ahead > 0 && done_by > self.settings.longest_wait.saturating_mul(3) / 4;
        if state.closed || ahead >= self.settings.queue || too_long {
            state.stats.refused += 1;
            return Err(failure::OVERLOADED.with_retry(retry_after(wait)));
        }
        state.waiting.push_back(waiting);
        drop(state);
        self.shared.wake.notify_one();
        Ok(())
    }

    /// How many wait just now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.state.lock().waiting.len()
    }

    /// Figures since the last call.
    #[must_use]
    pub fn take_stats(&self) -> HashingStats {
        std::mem::take(&mut self.shared.state.lock().stats)
    }

    /// Finishes what waits and ends the threads.
    pub fn close(&self) {
        self.shared.state.lock().closed = true;
        self.shared.wake.notify_all();
        for thread in self.threads.lock().drain(..) {
            drop(thread.join());
        }
    }
}

impl Drop for HashingPool {
    fn drop(&mut self) {
        self.close();
    }
}

/// When the queue should have room again: at least a second, so that nobody hammers.
fn retry_after(wait: Duration) -> Span {
    Span::millis(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX).max(1000))
}

fn work_until_closed(shared: &Shared, longest_wait: Duration, mut memory: WorkMemory) {
    // Logins give way to everything else: a read takes microseconds, a hash milliseconds.
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        tracing::debug!(%error, "hashing threads keep their priority");
    }
    while let Some(waiting) = next(shared) {
        if (waiting.abandoned)() {
            continue;
        }
        if waiting.since.elapsed() > longest_wait {
            // Dropping the work tells whoever asked that it was too much.
            shared.state.lock().stats.refused += 1;
            continue;
        }
        let started = Instant::now();
        tracing::trace!(waited = ?started.duration_since(waiting.since), "hashing");
        let answer = (waiting.work)(&mut memory);
        let took = started.elapsed();
        let mut state = shared.state.lock();
        if state.stats.took.len() < MOST_STATS {
            state.stats.took.push(took);
        }
        state.usual = if state.usual.is_zero() { took } else { (state.usual * 7 + took) / 8 };
        drop(state);
        answer();
    }
}

fn next(shared: &Shared) -> Option<Waiting> {
    let mut state = shared.state.lock();
    loop {
        if let Some(waiting) = state.waiting.pop_front() {
            return Some(waiting);
        }
        if state.closed {
            return None;
        }
        shared.wake.wait(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn settings(queue: usize) -> HashingSettings {
        HashingSettings { threads: 1, queue, longest_wait: Duration::from_secs(2) }
    }

    #[tokio::test]
    async fn what_does_not_fit_in_the_queue_is_refused_at_once() {
        let pool = Arc::new(HashingPool::start(settings(1), &Hasher::default()).unwrap());
        let (hold, held) = mpsc::channel::<()>();
        let (began, begun) = mpsc::channel::<()>();
        let busy = {
            let pool = Arc::clone(&pool);
            tokio::spawn(async move {
                pool.run(move |_| {
                    began.send(()).unwrap();
                    held.recv().unwrap();
                })
                .await
            })
        };
        tokio::task::spawn_blocking(move || begun.recv().unwrap()).await.unwrap();
        let queued = {
            let pool = Arc::clone(&pool);
            tokio::spawn(async move { pool.run(|_| 7).await })
        };
        while pool.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let refusal = pool.run(|_| 8).await.unwrap_err();
        assert_eq!(refusal.id, failure::OVERLOADED.id);
        assert_eq!(pool.take_stats().refused, 1);
        hold.send(()).unwrap();
        assert_eq!(queued.await.unwrap(), Ok(7));
        assert_eq!(busy.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn what_has_waited_too_long_is_refused_when_its_turn_comes() {
        let settings = HashingSettings { longest_wait: Duration::ZERO, ..settings(8) };
        let pool = Arc::new(HashingPool::start(settings, &Hasher::default()).unwrap());
        let refusal = pool.run(|_| 7).await.unwrap_err();
        assert_eq!(refusal.id, failure::OVERLOADED.id);
        assert_eq!(pool.take_stats().refused, 1);
    }

    #[tokio::test]
    async fn a_pause_of_the_machine_does_not_keep_logins_out_for_ever() {
        let pool = HashingPool::start(settings(8), &Hasher::default()).unwrap();
        pool.shared.state.lock().usual = Duration::from_secs(60);
        for number in 0..8 {
            assert_eq!(pool.run(move |_| number).await, Ok(number));
        }
        assert!(pool.shared.state.lock().usual < Duration::from_secs(60));
    }

    #[tokio::test]
    async fn a_queue_that_would_take_too_long_is_full() {
        let pool = HashingPool::start(settings(1000), &Hasher::default()).unwrap();
        pool.shared.state.lock().usual = Duration::from_secs(3);
        let idle = Waiting {
            work: Box::new(|_| Box::new(|| {})),
            since: Instant::now(),
            abandoned: Box::new(|| true),
        };
        let second = Waiting {
            work: Box::new(|_| Box::new(|| {})),
            since: Instant::now(),
            abandoned: Box::new(|| true),
        };
        pool.shared.state.lock().waiting.push_back(idle);
        let refusal = pool.enqueue(second).unwrap_err();
        assert_eq!(refusal.detail, failure::Detail::Retry { after: Span::seconds(3) });
    }
}

//! The one writer of the embedded engine: transactions that wait are committed together.
//!
//! SQLite has one writer at a time, and a durable commit costs a flush of the disk. So all writes go to one thread;
//! it takes as many as wait, gives each a savepoint of its own, commits once, and only then answers them all. The
//! longer a flush takes, the more writes share the next one.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use tokio::sync::{oneshot, watch};

use super::Conn;
use super::anchor::Anchor;
use super::embedded::{SqliteSettings, finished};
use crate::error::{Result, StoreError};

/// A write that waits for its turn, with its type forgotten.
trait Job: Send {
    /// Does the work, inside a savepoint.
    fn run(&mut self, conn: &mut Conn) -> Result<()>;
    /// Answers, once it is known whether the commit held.
    fn answer(self: Box<Self>, committed: Result<()>);
}

struct Story<T, F> {
    story: Option<F>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for Story<T, F>
where
    T: Send,
    F: for<'a> FnOnce(&'a mut Conn) -> BoxFuture<'a, Result<T>> + Send,
{
    fn run(&mut self, conn: &mut Conn) -> Result<()> {
        // A caller who has gone away gets nothing written that nobody would be told of.
        let Some(story) = self.story.take().filter(|_| !self.reply.is_closed()) else {
            return Err(StoreError::Unavailable("the caller has gone away".to_owned()));
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| finished(story(conn).now_or_never())));
        let outcome =
            outcome.unwrap_or_else(|_| Err(StoreError::Driver("a transaction panicked".to_owned())));
        let held = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        self.outcome = Some(outcome);
        held
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let outcome = match (self.outcome, committed) {
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(outcome), Ok(())) => outcome,
            (None, Ok(())) => Err(StoreError::Driver("a transaction was not run".to_owned())),
        };
        // Whoever asked may have gone away; then there is nobody to tell.
        drop(self.reply.send(outcome));
    }
}

/// Figures about the writer.
#[derive(Clone, Debug, Default)]
pub struct WriterStats {
    /// How many writes each commit held.
    pub batches: Vec<usize>,
    /// How long each commit took, with its writes.
    pub commits: Vec<Duration>,
}

/// The handle of the writer thread.
#[derive(Debug)]
pub struct Writer {
    queue: Arc<Queue>,
    capacity: usize,
    id: ThreadId,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    stir: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Box<dyn Job>>,
    closed: bool,
    stats: WriterStats,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queue")
    }
}

/// Figures are kept for so many commits until they are fetched.
pub const MOST_STATS: usize = 4096;

impl Writer {
    /// Starts the thread.
    pub fn start(conn: Conn, anchor: Anchor, settings: &SqliteSettings) -> Result<Self> {
        let queue = Arc::new(Queue::default());
        let (mine, batch) = (Arc::clone(&queue), settings.batch.max(1));
        let thread = std::thread::Builder::new()
            .name("doorward-writer".to_owned())
            .spawn(move || write_until_closed(&mine, (conn, anchor), batch))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let (id, capacity) = (thread.thread().id(), settings.queue.max(1));
        Ok(Self { queue, capacity, id, thread: Mutex::new(Some(thread)) })
    }

    /// Hands a write to the thread and waits for its commit.
    pub async fn write<T, F>(&self, story: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Conn) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        {
            let mut state = self.queue.state.lock();
            if state.closed {
                return Err(StoreError::Unavailable("the store is closed".to_owned()));
            }
            if state.jobs.len() >= self.capacity {
                return Err(StoreError::Overloaded);
            }
            state.jobs.push_back(Box::new(Story { story: Some(story), outcome: None, reply }));
        }
        self.queue.wake.notify_one();
        answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the writer gave no answer".to_owned())))
    }

    /// Changes whenever something was committed that others wait for.
    pub fn stirs(&self) -> watch::Receiver<()> {
        self.queue.stir.subscribe()
    }

    /// Figures since the last call.
    pub fn take_stats(&self) -> WriterStats {
        std::mem::take(&mut self.queue.state.lock().stats)
    }

    /// How many writes wait.
    pub fn waiting(&self) -> usize {
        self.queue.state.lock().jobs.len()
    }

    /// Finishes what waits and ends the thread.
    pub fn close(&self) {
        self.queue.state.lock().closed = true;
        self.queue.wake.notify_one();
        // The last handle may be one that a story held, dropped by the writer itself: it cannot wait for itself.
        if std::thread::current().id() == self.id {
            return;
        }
        if let Some(thread) = self.thread.lock().take() {
            drop(thread.join());
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn write_until_closed(queue: &Queue, (mut conn, anchor): (Conn, Anchor), batch: usize) {
    anchor.take();
    while let Some(jobs) = next_jobs(queue, batch) {
        let (started, size) = (Instant::now(), jobs.len());
        // Whatever panics besides a story, an answer that is dropped perhaps, must not end the writer: everybody would
        // wait for ever. Those who got no answer by then get one from the dropped end of their channel.
        let done = catch_unwind(AssertUnwindSafe(|| commit_together(&mut conn, &anchor, jobs)));
        if done.is_err() && conn.in_transaction() {
            drop(now(&mut conn, "ROLLBACK"));
        }
        // The state that was just committed is the one that is read next. Where nothing could be committed the disk may
        // be full, and whoever wants to begin the log anew must not find it in use.
        anchor.leave();
        if matches!(done, Ok(true)) {
            anchor.take();
        }
        // One of them may have come to nothing: then whoever looks finds nothing.
        if std::mem::take(&mut conn.stirred) {
            queue.stir.send_replace(());
        }
        let mut state = queue.state.lock();
        if state.stats.batches.len() < MOST_STATS {
            state.stats.batches.push(size);
            state.stats.commits.push(started.elapsed());
        }
    }
}

/// Waits for work and takes what is there; nothing more comes once the queue is closed and empty.
fn next_jobs(queue: &Queue, batch: usize) -> Option<Vec<Box<dyn Job>>> {
    let mut state = queue.state.lock();
    while state.jobs.is_empty() {
        if state.closed {
            return None;
        }
        queue.wake.wait(&mut state);
    }
    let take = state.jobs.len().min(batch);
    Some(state.jobs.drain(..take).collect())
}

/// Runs the jobs in one transaction, each in a savepoint, and answers them after the commit. Gives whether there was
/// one.
fn commit_together(conn: &mut Conn, anchor: &Anchor, mut jobs: Vec<Box<dyn Job>>) -> bool {
    let committed = run_all(conn, anchor, &mut jobs);
    if committed.is_err() && conn.in_transaction() {
        drop(now(conn, "ROLLBACK"));
    }
    for job in jobs {
        job.answer(committed.clone());
    }
    committed.is_ok()
}

fn run_all(conn: &mut Conn, anchor: &Anchor, jobs: &mut [Box<dyn Job>]) -> Result<()> {
    now(conn, "BEGIN IMMEDIATE")?;
    for job in jobs {
        now(conn, "SAVEPOINT job")?;
        let held = job.run(conn);
        if !conn.in_transaction() {
            // A full disk or a failed write made SQLite roll back everything: nobody's work is there any more.
            let cause = held.err().map_or_else(|| "rolled back".to_owned(), |error| error.to_string());
            return Err(StoreError::Unavailable(cause));
        }
        if held.is_err() {
            now(conn, "ROLLBACK TO job")?;
        }
        now(conn, "RELEASE job")?;
    }
    anchor.leave();
    now(conn, "COMMIT")
}

fn now(conn: &mut Conn, sql: &str) -> Result<()> {
    finished(conn.run(sql, &[]).now_or_never()).map(|_| ())
}

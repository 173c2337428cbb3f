//! The engine for several nodes: connections to one PostgreSQL.
//!
//! Short reads share a few connections on which statements follow each other without waiting (pipelining), so that a
//! read costs no check-out and the server gets many with one wake-up. What writes, and what may read for long, has a
//! connection to itself. Nothing is remembered between statements: every read sees all that was acknowledged on any
//! node before it.

mod link;
mod story;
mod target;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tokio_postgres::NoTls;

use super::row::{Param, Row};
use super::writer::{MOST_STATS, WriterStats};
use super::{Conn, Engine};
use crate::error::{Result, StoreError};
use link::{Manner, Meaning, fault, meaning, with_causes};
pub use story::Session;
use story::tell;

/// How PostgreSQL is reached and used.
#[derive(Clone)]
pub struct PostgresSettings {
    /// Where it is: `postgres://user:password@host:port/database?…`.
    pub url: String,
    /// The most connections that write or read for long.
    pub connections: usize,
    /// The connections that short reads share.
    pub readers: usize,
    /// The most writes that may wait for a connection.
    pub queue: usize,
    /// How long a new connection may take.
    pub connect: Duration,
    /// How long anything may wait for a connection.
    pub wait: Duration,
    /// How long a statement may take.
    pub statement: Duration,
    /// Whether a pooler in transaction mode is in between, which keeps nothing from one transaction to the next.
    pub pooler: bool,
}

impl std::fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL holds a password.
        f.debug_struct("PostgresSettings").field("connections", &self.connections).finish_non_exhaustive()
    }
}

/// How often a story is told before its conflict is given up.
const ATTEMPTS: u32 = 5;

/// The beginning of what writes. It is said, since an operator may have set another default.
const BEGIN_WRITING: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// The beginning of what reads several statements of one state. These are planned each time and may read a whole table.
const BEGIN_SCAN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_seqscan = on";

/// The pools of connections.
pub struct Postgres {
    settings: PostgresSettings,
    manner: Manner,
    writers: Pool,
    shared: Pool,
    slots: Vec<tokio::sync::Mutex<Option<Arc<Object>>>>,
    next: AtomicUsize,
    waiting: AtomicUsize,
    stats: Mutex<WriterStats>,
    stir: Arc<watch::Sender<()>>,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Prepares the pools. Nothing is connected before it is needed.
    pub fn open(settings: PostgresSettings) -> Result<Self> {
        let (writers, shared) =
            (pool(&settings, settings.connections)?, pool(&settings, settings.readers.max(1))?);
        let slots = (0..settings.readers.max(1)).map(|_| tokio::sync::Mutex::new(None)).collect();
        let manner = if settings.pooler { Manner::Whole } else { Manner::Prepared };
        let (next, waiting, stats) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::default());
        let stir = Arc::default();
        Ok(Self { settings, manner, writers, shared, slots, next, waiting, stats, stir })
    }

    /// Reads with a shared connection. One that turns out to be gone is replaced, and the question asked again.
    pub async fn read(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        let mut attempt = 1;
        loop {
            let (slot, client) = self.shared_connection().await?;
            let answer = timeout(self.patience(), link::query(&client, self.manner, sql, params)).await;
            let error = match answer {
                Ok(Ok(rows)) => return Ok(rows),
                Ok(Err(error)) => error,
                Err(_) => {
                    self.forget(slot, client).await;
                    return Err(StoreError::Unavailable("a read took too long".to_owned()));
                }
            };
            if meaning(&error) != Meaning::Lost || attempt == ATTEMPTS {
                return Err(fault(&error));
            }
            self.forget(slot, client).await;
            attempt += 1;
        }
    }

    /// The next of the shared connections, opened if need be.
    async fn shared_connection(&self) -> Result<(usize, Arc<Object>)> {
        let slot = self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len();
        let Some(place) = self.slots.get(slot) else { return Err(closed()) };
        let mut place = place.lock().await;
        if let Some(client) = place.as_ref().filter(|client| !client.is_closed()) {
            return Ok((slot, Arc::clone(client)));
        }
        // The old one must be gone before the pool has room for another.
        *place = None;
        let client = Arc::new(self.shared.get().await.map_err(|error| pool_fault(&error))?);
        *place = Some(Arc::clone(&client));
        Ok((slot, client))
    }

    /// Takes a connection that is gone out of its place, unless somebody did so already.
    async fn forget(&self, slot: usize, client: Arc<Object>) {
        let Some(place) = self.slots.get(slot) else { return };
        // Whoever has the place may be waiting for the pool to have room, which it has not while this is held.
        let gone: Weak<Object> = Arc::downgrade(&client);
        drop(client);
        let mut place = place.lock().await;
        if place.as_ref().is_some_and(|present| std::ptr::eq(Arc::as_ptr(present), gone.as_ptr()))
            && let Some(mine) = place.take().and_then(Arc::into_inner)
        {
            drop(Object::take(mine));
        }
    }

    /// Runs a story in a transaction that writes, and again if another one got in its way.
    pub async fn write<T, F>(self: &Arc<Self>, story: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Conn) -> BoxFuture<'a, Result<T>> + Clone + Send + 'static,
    {
        let mut attempt = 1;
        loop {
            let mine = story.clone();
            let connection = self.connection().await?;
            let started = Instant::now();
            // Once begun, a story is told to its end even if whoever asked goes away: a transaction that is left in
            // the middle would cost its connection.
            let session = Session::new(connection, BEGIN_WRITING, self.manner, self.patience());
            let stir = Arc::clone(&self.stir);
            let told = tokio::spawn(async move { tell(session, mine, &stir).await }).await;
            let (outcome, again) = told
                .unwrap_or_else(|_| (Err(StoreError::Driver("a transaction panicked".to_owned())), false));
            self.note(started.elapsed());
            if outcome.is_ok() || !again || attempt == ATTEMPTS {
                return outcome;
            }
            tokio::time::sleep(Duration::from_millis(5) * attempt * attempt).await;
            attempt += 1;
        }
    }

    /// Runs a story that reads one state with several statements.
    pub async fn scan<T, F>(self: &Arc<Self>, story: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Conn) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        // Searches have as many shapes as there are conditions: keeping each prepared would fill the memory of both.
        let connection = self.connection().await?;
        let session = Session::new(connection, BEGIN_SCAN, Manner::Whole, self.patience());
        let (reply, answer) = oneshot::channel();
        tokio::spawn(async move {
            let mut conn = Conn::new(Engine::Postgres(Box::new(session)), false);
            // Whoever asked need not wait for the end of a transaction that changes nothing.
            drop(reply.send(story(&mut conn).await));
            if let Engine::Postgres(session) = &mut conn.engine {
                session.leave().await;
            }
        });
        answer.await.unwrap_or_else(|_| Err(StoreError::Driver("a scan panicked".to_owned())))
    }

    /// Runs one statement outside of any transaction, on a connection of its own that knows no limits of time.
    pub async fn outside(&self, sql: &str) -> Result<()> {
        let settings = PostgresSettings { statement: Duration::ZERO, ..self.settings.clone() };
        let pool = pool(&settings, 1)?;
        let client = pool.get().await.map_err(|error| pool_fault(&error))?;
        client.batch_execute(sql).await.map_err(|error| fault(&error))
    }

    /// A connection for one story alone.
    async fn connection(&self) -> Result<Object> {
        let ahead = self.waiting.fetch_add(1, Ordering::Relaxed);
        let connection = if ahead < self.settings.queue.max(1) {
            self.writers.get().await.map_err(|error| pool_fault(&error))
        } else {
            Err(StoreError::Overloaded)
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        connection
    }

    /// Longer than the server itself lets a statement take: what is not back by then will not come.
    fn patience(&self) -> Duration {
        self.settings.statement.saturating_add(Duration::from_secs(2))
    }

    fn note(&self, took: Duration) {
        let mut stats = self.stats.lock();
        if stats.batches.len() < MOST_STATS {
            stats.batches.push(1);
            stats.commits.push(took);
        }
    }

    /// Changes whenever something was committed that others wait for.
    pub fn stirs(&self) -> watch::Receiver<()> {
        self.stir.subscribe()
    }

    /// Figures since the last call.
    pub fn take_stats(&self) -> WriterStats {
        std::mem::take(&mut self.stats.lock())
    }

    /// How many wait for a connection.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Lets nobody in any more.
    pub fn close(&self) {
        self.writers.close();
        self.shared.close();
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

fn pool(settings: &PostgresSettings, size: usize) -> Result<Pool> {
    let target = target::parse(&settings.url)?;
    let mut config = target.config;
    config.connect_timeout(settings.connect);
    // Each host has its time: the first may be silent, and the last one is the one that answers.
    let connect = settings.connect.saturating_mul(u32::try_from(target::hosts(&config)).unwrap_or(1).max(1));
    // A server whose machine vanished must not be waited for until the system gives up after many minutes.
    config
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5));
    config.keepalives_retries(3).tcp_user_timeout(settings.statement.saturating_add(Duration::from_secs(5)));
    let manner = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match target.tls {
        Some(tls) => Manager::from_config(config, tls, manner),
        None => Manager::from_config(config, NoTls, manner),
    };
    let mut builder = Pool::builder(manager)
        .max_size(size.max(1))
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(settings.wait))
        .create_timeout(Some(connect))
        .recycle_timeout(Some(settings.connect));
    if !settings.pooler {
        builder = builder.post_create(manners(settings.statement));
    }
    builder.build().map_err(|error| StoreError::Settings(error.to_string()))
}

/// Tells the server the limits, so that no statement, no lock and no transaction that its node forgot holds up others.
///
/// And it tells it to go by indexes. A statement is prepared once and its plan kept; one that was made while a table was
/// small would read it whole, and go on so when it has grown, until the server next looks at how large it is.
fn manners(statement: Duration) -> Hook {
    let millis = statement.as_millis();
    let sql = format!(
        "SET statement_timeout = {millis}; SET lock_timeout = {millis}; \
         SET idle_in_transaction_session_timeout = {millis}; \
         SET enable_seqscan = off; SET jit = off"
    );
    Hook::async_fn(move |client, _| {
        let sql = sql.clone();
        Box::pin(async move { client.batch_execute(&sql).await.map_err(HookError::Backend) })
    })
}

fn pool_fault(error: &PoolError) -> StoreError {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => StoreError::Overloaded,
        PoolError::Backend(inner) => StoreError::Unavailable(with_causes(inner)),
        error => StoreError::Unavailable(with_causes(error)),
    }
}

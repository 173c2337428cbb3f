//! One way to talk to every engine: the only place that knows which engine it is.

mod row;
mod sqlite;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

pub use row::{Columns, Param, Row};
pub use writer::WriterStats;

use crate::error::{Result, StoreError};
use writer::Writer;

/// How the embedded engine is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The database file.
    pub path: PathBuf,
    /// The most idle connections that are kept for reading.
    pub readers: usize,
    /// The most writes that are committed together.
    pub batch: usize,
    /// The most writes that may wait.
    pub queue: usize,
    /// How long to wait for another process that writes.
    pub busy: Duration,
}

/// A connection.
#[derive(Debug)]
pub struct Conn {
    engine: Engine,
    /// Whether it is the one that writes.
    writes: bool,
}

#[derive(Debug)]
enum Engine {
    Sqlite(rusqlite::Connection),
}

/// The database: many readers and, on SQLite, one writer.
#[derive(Clone, Debug)]
pub struct Db {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    readers: Mutex<Vec<Conn>>,
    writer: Writer,
}

impl Conn {
    /// All rows of a query.
    pub async fn all(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        match &self.engine {
            Engine::Sqlite(connection) => sqlite::query(connection, sql, params),
        }
    }

    /// The first row of a query, if there is one.
    pub async fn one(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<Row>> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    /// The first row of a query that ends with `FOR UPDATE OF …`, locked until the transaction ends.
    pub(crate) async fn locked(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<Row>> {
        if !self.writes {
            return Err(StoreError::Driver("a row can be locked only by what writes".to_owned()));
        }
        let sql = match &self.engine {
            // One transaction writes at a time, and it holds the whole database.
            Engine::Sqlite(_) => sql.split(" FOR UPDATE").next().unwrap_or(sql),
        };
        self.one(sql, params).await
    }

    /// Runs a statement; gives how many rows it changed.
    pub async fn run(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        match &self.engine {
            Engine::Sqlite(connection) => sqlite::execute(connection, sql, params),
        }
    }

    /// Runs a script of several statements.
    pub async fn script(&mut self, sql: &str) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(connection) => sqlite::script(connection, sql),
        }
    }

    /// Whether a transaction is open: a failed write may have ended it.
    fn in_transaction(&self) -> bool {
        match &self.engine {
            Engine::Sqlite(connection) => !connection.is_autocommit(),
        }
    }
}

impl Db {
    /// Opens the database and starts its writer.
    ///
    /// # Errors
    /// When the file cannot be opened, or is no database.
    pub fn open(settings: Settings) -> Result<Self> {
        let connection = sqlite::open_writer(&settings.path, settings.busy)?;
        let writer = Writer::start(Conn { engine: Engine::Sqlite(connection), writes: true }, &settings)?;
        Ok(Self { shared: Arc::new(Shared { settings, readers: Mutex::new(Vec::new()), writer }) })
    }

    /// A connection to read with. Every statement sees all that was acknowledged before it; [`Db::scan`] makes
    /// several see one state.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn reading(&self) -> Result<Reading> {
        Ok(Reading { conn: Some(self.reader()?), db: self.clone() })
    }

    /// Reads something that may take long, without holding up the thread that answers requests.
    ///
    /// # Errors
    /// Those of the closure, and when the database cannot be reached.
    pub async fn scan<T, F>(&self, story: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Conn) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        let db = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut conn = db.reader()?;
            // One snapshot for all statements of the scan, so that a page and its count agree.
            let outcome = async {
                conn.script("BEGIN").await?;
                let outcome = story(&mut conn).await;
                conn.script("COMMIT").await.and(outcome)
            };
            let outcome = finished(outcome.now_or_never());
            if !conn.in_transaction() {
                db.put_back(conn);
            }
            outcome
        });
        task.await.map_err(|error| StoreError::Driver(error.to_string()))?
    }

    /// Writes in one transaction, durable when this returns. If the closure fails, nothing of it is kept.
    ///
    /// # Errors
    /// Those of the closure, and when the commit is not possible.
    pub async fn write<T, F>(&self, story: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Conn) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        self.shared.writer.write(story).await
    }

    /// Copies the whole database, as it is at one moment, into a new file, while others go on reading and writing.
    ///
    /// # Errors
    /// When the file is there already, or cannot be written.
    pub fn backup(&self, target: &Path) -> Result<()> {
        let settings = &self.shared.settings;
        sqlite::backup(&sqlite::open_writer(&settings.path, settings.busy)?, target)
    }

    /// Figures about the writer since the last call.
    #[must_use]
    pub fn take_stats(&self) -> WriterStats {
        self.shared.writer.take_stats()
    }

    /// How many writes wait just now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.writer.waiting()
    }

    /// Finishes all writes that wait, and closes the writer.
    pub fn close(&self) {
        self.shared.writer.close();
    }

    fn reader(&self) -> Result<Conn> {
        if let Some(conn) = self.shared.readers.lock().pop() {
            return Ok(conn);
        }
        let settings = &self.shared.settings;
        let connection = sqlite::open_reader(&settings.path, settings.busy)?;
        Ok(Conn { engine: Engine::Sqlite(connection), writes: false })
    }

    fn put_back(&self, conn: Conn) {
        let mut readers = self.shared.readers.lock();
        if readers.len() < self.shared.settings.readers {
            readers.push(conn);
        }
    }
}

/// A connection that is read with, and goes back when it is dropped.
#[derive(Debug)]
pub struct Reading {
    /// Always there until the drop.
    conn: Option<Conn>,
    db: Db,
}

impl Reading {
    /// The connection.
    ///
    /// # Errors
    /// Never before the drop.
    pub fn conn(&mut self) -> Result<&mut Conn> {
        self.conn
            .as_mut()
            .ok_or_else(|| StoreError::Driver("a connection was used after it went back".to_owned()))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.db.put_back(conn);
        }
    }
}

/// On the embedded engine nothing waits, so a story is finished as soon as it was asked once.
fn finished<T>(outcome: Option<Result<T>>) -> Result<T> {
    outcome.unwrap_or_else(|| Err(StoreError::Driver("a transaction waited for something else".to_owned())))
}

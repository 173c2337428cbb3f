//! One way to talk to every engine: the only place that knows which engine it is.

mod anchor;
mod change;
mod company;
mod embedded;
mod gather;
mod postgres;
mod row;
mod sqlite;
mod writer;

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

pub use embedded::SqliteSettings;
pub use gather::{Gather, Turns, Waiting, answered};
pub use postgres::PostgresSettings;
pub use row::{Columns, Param, Row, Value};
pub use writer::WriterStats;

use crate::error::{Result, StoreError};
use embedded::Embedded;
use postgres::{Postgres, Session};

/// Which engine, and how it is set up.
#[derive(Clone, Debug)]
pub enum Settings {
    /// One file, for one node.
    Sqlite(SqliteSettings),
    /// One PostgreSQL, for several nodes.
    Postgres(PostgresSettings),
}

/// A connection.
#[derive(Debug)]
pub struct Conn {
    engine: Engine,
    /// Whether it may write.
    writes: bool,
    /// Whether a story wrote something that others wait for, see [`Db::stirs`].
    stirred: bool,
}

#[derive(Debug)]
enum Engine {
    Sqlite(rusqlite::Connection),
    /// A connection for one story alone.
    Postgres(Box<Session>),
    /// Any connection: each statement is for itself.
    Shared(Arc<Postgres>),
}

/// The database.
#[derive(Clone, Debug)]
pub struct Db {
    backend: Backend,
}

#[derive(Clone, Debug)]
enum Backend {
    Sqlite(Arc<Embedded>),
    Postgres(Arc<Postgres>),
}

impl Conn {
    fn new(engine: Engine, writes: bool) -> Self {
        Self { engine, writes, stirred: false }
    }

    /// Those who wait for something new are told as soon as this transaction is committed.
    pub(crate) fn stir(&mut self) {
        self.stirred = true;
    }

    /// All rows of a query.
    pub async fn all(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        refuse_unstorable(params)?;
        match &mut self.engine {
            Engine::Sqlite(connection) => sqlite::query(connection, sql, params),
            Engine::Postgres(session) => session.query(sql, params).await,
            Engine::Shared(postgres) => postgres.read(sql, params).await,
        }
    }

    /// The first row of a query, if there is one.
    pub async fn one(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<Row>> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    /// The rows of a query that ends with `FOR UPDATE OF …` or `FOR SHARE OF …`, locked until the transaction ends.
    pub(crate) async fn all_locked(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        if !self.writes {
            return Err(StoreError::Driver("a row can be locked only by what writes".to_owned()));
        }
        let sql = match &self.engine {
            // One transaction writes at a time, and it holds the whole database.
            Engine::Sqlite(_) => sql.split(" FOR ").next().unwrap_or(sql),
            Engine::Postgres(_) | Engine::Shared(_) => sql,
        };
        self.all(sql, params).await
    }

    /// The first row of what [`all_locked`](Self::all_locked) gives.
    pub(crate) async fn locked(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<Row>> {
        Ok(self.all_locked(sql, params).await?.into_iter().next())
    }

    /// Runs a statement; gives how many rows it changed.
    pub async fn run(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        refuse_unstorable(params)?;
        match &mut self.engine {
            Engine::Sqlite(connection) => sqlite::execute(connection, sql, params),
            Engine::Postgres(session) => session.execute(sql, params).await,
            Engine::Shared(_) => Err(only_reads()),
        }
    }

    /// Runs a script of several statements.
    pub async fn script(&mut self, sql: &str) -> Result<()> {
        match &mut self.engine {
            Engine::Sqlite(connection) => sqlite::script(connection, sql),
            Engine::Postgres(session) => session.script(sql).await,
            Engine::Shared(_) => Err(only_reads()),
        }
    }

    /// Runs the script of a migration. Texts compare by their bytes on every engine, whatever the database was made
    /// with.
    pub(crate) async fn migration(&mut self, sql: &str) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(_) => self.script(sql).await,
            Engine::Postgres(_) | Engine::Shared(_) => {
                self.script(&sql.replace(" TEXT", " TEXT COLLATE \"C\"")).await
            }
        }
    }

    /// Waits until no other node is between this and the end of its transaction.
    pub(crate) async fn alone(&mut self) -> Result<()> {
        match &self.engine {
            // One transaction writes at a time.
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(_) | Engine::Shared(_) => {
                // Another node may need long for its migration.
                self.script("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0").await?;
                self.script("SELECT pg_advisory_xact_lock(7305431208391)").await
            }
        }
    }

    /// Whether there is a table of that name.
    pub(crate) async fn has_table(&mut self, name: &str) -> Result<bool> {
        let sql = match &self.engine {
            Engine::Sqlite(_) => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1",
            Engine::Postgres(_) | Engine::Shared(_) => "SELECT 1 WHERE to_regclass($1) IS NOT NULL",
        };
        Ok(self.one(sql, &[name.into()]).await?.is_some())
    }

    /// Whether a transaction is open on the embedded engine: a failed write may have ended it.
    fn in_transaction(&self) -> bool {
        match &self.engine {
            Engine::Sqlite(connection) => !connection.is_autocommit(),
            Engine::Postgres(_) | Engine::Shared(_) => false,
        }
    }
}

/// PostgreSQL stores no NUL in a text, so no engine does: what one node takes, another must.
fn refuse_unstorable(params: &[Param<'_>]) -> Result<()> {
    let unstorable = |param: &Param<'_>| matches!(param, Param::Text(text) if text.contains('\0'));
    if params.iter().any(unstorable) { Err(StoreError::Unstorable) } else { Ok(()) }
}

fn only_reads() -> StoreError {
    StoreError::Driver("a connection that only reads cannot write".to_owned())
}

impl Db {
    /// Opens the database. On PostgreSQL nothing is connected before it is needed.
    ///
    /// # Errors
    /// When the file cannot be opened, or is no database; when the URL makes no sense.
    pub fn open(settings: Settings) -> Result<Self> {
        let backend = match settings {
            Settings::Sqlite(settings) => Backend::Sqlite(Arc::new(Embedded::open(settings)?)),
            Settings::Postgres(settings) => Backend::Postgres(Arc::new(Postgres::open(settings)?)),
        };
        Ok(Self { backend })
    }

    /// A connection to read with. Every statement sees all that was acknowledged before it; [`Db::scan`] makes
    /// several see one state.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn reading(&self) -> Result<Reading> {
        let conn = match &self.backend {
            Backend::Sqlite(embedded) => embedded.reader()?,
            Backend::Postgres(postgres) => Conn::new(Engine::Shared(Arc::clone(postgres)), false),
        };
        Ok(Reading { conn: Some(conn), db: self.clone() })
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
        match &self.backend {
            Backend::Sqlite(embedded) => {
                let embedded = Arc::clone(embedded);
                let task = tokio::task::spawn_blocking(move || embedded.scan(story));
                task.await.map_err(|error| StoreError::Driver(error.to_string()))?
            }
            Backend::Postgres(postgres) => postgres.scan(story).await,
        }
    }

    /// Writes in one transaction, durable when this returns. If the closure fails, nothing of it is kept. Where other
    /// nodes write too, it may be called again with the same values after a conflict.
    ///
    /// # Errors
    /// Those of the closure, and when the commit is not possible.
    pub async fn write<T, F>(&self, story: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Conn) -> BoxFuture<'a, Result<T>> + Clone + Send + 'static,
    {
        match &self.backend {
            Backend::Sqlite(embedded) => embedded.writer.write(story).await,
            Backend::Postgres(postgres) => postgres.write(story).await,
        }
    }

    /// Runs one statement on PostgreSQL outside of any transaction, for as long as it takes.
    async fn outside(&self, sql: &str) -> Result<()> {
        match &self.backend {
            Backend::Sqlite(_) => Err(StoreError::Driver("everything is in a transaction here".to_owned())),
            Backend::Postgres(postgres) => postgres.outside(sql).await,
        }
    }

    /// How questions of many callers should meet: on the embedded engine not at all, since asking costs nothing there
    /// but work.
    #[must_use]
    pub fn turns(&self) -> Option<Turns> {
        match &self.backend {
            Backend::Sqlite(_) => None,
            Backend::Postgres(_) => Some(Turns { most: 64, lanes: 2, queue: 4096 }),
        }
    }

    /// Copies the whole database, as it is at one moment, into a new file, while others go on reading and writing.
    ///
    /// # Errors
    /// When the file is there already, or cannot be written; always on PostgreSQL, which has its own tools.
    pub fn backup(&self, target: &Path) -> Result<()> {
        match &self.backend {
            Backend::Sqlite(embedded) => embedded.backup(target),
            Backend::Postgres(_) => Err(StoreError::Settings(
                "PostgreSQL is backed up with its own tools, such as pg_dump or pg_basebackup".to_owned(),
            )),
        }
    }

    /// Changes whenever this process has committed something that others wait for.
    #[must_use]
    pub fn stirs(&self) -> watch::Receiver<()> {
        match &self.backend {
            Backend::Sqlite(embedded) => embedded.writer.stirs(),
            Backend::Postgres(postgres) => postgres.stirs(),
        }
    }

    /// Figures about what writes since the last call.
    #[must_use]
    pub fn take_stats(&self) -> WriterStats {
        match &self.backend {
            Backend::Sqlite(embedded) => embedded.writer.take_stats(),
            Backend::Postgres(postgres) => postgres.take_stats(),
        }
    }

    /// How many writes wait just now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        match &self.backend {
            Backend::Sqlite(embedded) => embedded.writer.waiting(),
            Backend::Postgres(postgres) => postgres.waiting(),
        }
    }

    /// Finishes all writes that wait, and lets in no more.
    pub fn close(&self) {
        match &self.backend {
            Backend::Sqlite(embedded) => embedded.writer.close(),
            Backend::Postgres(postgres) => postgres.close(),
        }
    }

    fn put_back(&self, conn: Conn) {
        if let Backend::Sqlite(embedded) = &self.backend {
            embedded.put_back(conn);
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

//! The embedded engine as a whole: one file, many readers, one writer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::anchor::Anchor;
use super::writer::Writer;
use super::{Conn, Engine, sqlite};
use crate::error::{Result, StoreError};

/// How the embedded engine is set up.
#[derive(Clone, Debug)]
pub struct SqliteSettings {
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

/// One SQLite file.
#[derive(Debug)]
pub struct Embedded {
    settings: SqliteSettings,
    readers: Mutex<Vec<Conn>>,
    pub(super) writer: Writer,
}

impl Embedded {
    /// Opens the file and starts its writer.
    pub fn open(settings: SqliteSettings) -> Result<Self> {
        let connection = sqlite::open_writer(&settings.path, settings.busy)?;
        let anchor = Anchor::open(&settings.path, settings.busy)?;
        let writer = Writer::start(Conn::new(Engine::Sqlite(connection), true), anchor, &settings)?;
        Ok(Self { settings, readers: Mutex::new(Vec::new()), writer })
    }

    /// A connection to read with; [`put_back`](Self::put_back) takes it back.
    pub fn reader(&self) -> Result<Conn> {
        if let Some(conn) = self.readers.lock().pop() {
            return Ok(conn);
        }
        let connection = sqlite::open_reader(&self.settings.path, self.settings.busy)?;
        Ok(Conn::new(Engine::Sqlite(connection), false))
    }

    /// Keeps a connection for the next who reads.
    pub fn put_back(&self, conn: Conn) {
        let mut readers = self.readers.lock();
        if readers.len() < self.settings.readers {
            readers.push(conn);
        }
    }

    /// Reads one state with several statements, on this very thread.
    pub fn scan<T>(&self, story: impl for<'a> FnOnce(&'a mut Conn) -> BoxFuture<'a, Result<T>>) -> Result<T> {
        let mut conn = self.reader()?;
        let outcome = async {
            conn.script("BEGIN").await?;
            let outcome = story(&mut conn).await;
            conn.script("COMMIT").await.and(outcome)
        };
        let outcome = finished(outcome.now_or_never());
        if !conn.in_transaction() {
            self.put_back(conn);
        }
        outcome
    }

    /// Copies the whole database into a new file.
    pub fn backup(&self, target: &Path) -> Result<()> {
        sqlite::backup(&sqlite::open_writer(&self.settings.path, self.settings.busy)?, target)
    }
}

/// On the embedded engine nothing waits, so a story is finished as soon as it was asked once.
pub fn finished<T>(outcome: Option<Result<T>>) -> Result<T> {
    outcome.unwrap_or_else(|| Err(StoreError::Driver("a transaction waited for something else".to_owned())))
}

//! A fresh store in a folder of its own, and ways to hold it up.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use doorward_store::{Db, Result, Settings, StoreError, migrate};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, JoinAll, join_all};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::sample;

/// Reads with one of the store's functions: `reading!(rig, user::find(&wanted))`.
macro_rules! reading {
    ($rig:expr, $module:ident :: $function:ident ( $($argument:expr),* $(,)? )) => {{
        let mut reading = $rig.db.reading().await.unwrap();
        $module::$function(reading.conn().unwrap(), $($argument),*).await
    }};
}

/// Writes with one of the store's functions. What is named in brackets is copied into the transaction:
/// `writing!(rig, [user] user::insert(&user))`.
macro_rules! writing {
    ($rig:expr, [$($kept:ident),*] $module:ident :: $function:ident ( $($argument:expr),* $(,)? )) => {{
        $(let $kept = $kept.to_owned();)*
        $rig.db
            .write(move |conn| Box::pin(async move { $module::$function(conn, $($argument),*).await }))
            .await
    }};
}

/// A store, and the folder that goes with it.
pub struct Rig {
    pub db: Db,
    pub settings: Settings,
    pub dir: TempDir,
}

impl Rig {
    /// A store with the schema and nothing else.
    pub async fn empty() -> Self {
        Self::tuned(|_| {}).await
    }

    /// A store with the instance and two organisations, `home` and `away`.
    pub async fn fresh() -> Self {
        let rig = Self::empty().await;
        sample::organisations(&rig).await;
        rig
    }

    /// As [`Rig::empty`], with other settings.
    pub async fn tuned(tune: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings {
            path: dir.path().join("store.db"),
            readers: 2,
            batch: 64,
            queue: 1024,
            busy: Duration::from_secs(5),
        };
        tune(&mut settings);
        let db = Db::open(settings.clone()).unwrap();
        migrate(&db).await.unwrap();
        Self { db, settings, dir }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The same store as another process sees it.
    pub fn neighbour(&self) -> Db {
        Db::open(self.settings.clone()).unwrap()
    }

    /// Runs a statement that no function of the store has.
    pub async fn sql(&self, sql: impl Into<String>) {
        let sql = sql.into();
        let done = self.db.write(move |conn| Box::pin(async move { conn.script(&sql).await }));
        done.await.unwrap();
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> usize {
        let mut reading = self.db.reading().await.unwrap();
        reading.conn().unwrap().all(&format!("SELECT 1 FROM {table}"), &[]).await.unwrap().len()
    }

    /// Whether a note was written, see [`note`].
    pub async fn has_note(&self, id: &str) -> bool {
        let mut reading = self.db.reading().await.unwrap();
        let sql = format!("SELECT 1 FROM instance WHERE id = '{id}'");
        reading.conn().unwrap().one(&sql, &[]).await.unwrap().is_some()
    }

    /// Lets the database grow no more: a disk that is full, without a disk.
    pub async fn fill_disk(&self) {
        // The engine never sets the limit below the size that the database has.
        self.sql("PRAGMA max_page_count = 1").await;
    }

    /// Makes room again.
    pub async fn free_disk(&self) {
        self.sql("PRAGMA max_page_count = 4000000000").await;
    }
}

/// The least write there is.
pub fn note(db: &Db, id: impl Into<String>) -> BoxFuture<'static, Result<()>> {
    let (db, id) = (db.clone(), id.into());
    Box::pin(async move {
        db.write(move |conn| {
            Box::pin(async move {
                let sql = format!("INSERT INTO instance (id, created) VALUES ('{id}', 0)");
                conn.run(&sql, &[]).await.map(drop)
            })
        })
        .await
    })
}

/// A write that fails after it wrote something.
pub fn failing(db: &Db, id: &'static str) -> BoxFuture<'static, Result<()>> {
    let db = db.clone();
    Box::pin(async move {
        db.write(move |conn| {
            Box::pin(async move {
                conn.run(&format!("INSERT INTO instance (id, created) VALUES ('{id}', 0)"), &[]).await?;
                Err(StoreError::Driver("on purpose".to_owned()))
            })
        })
        .await
    })
}

/// Hands over all writes, so that they wait in the queue, before anybody waits for them.
pub fn queued<T>(writes: impl IntoIterator<Item = BoxFuture<'static, T>>) -> JoinAll<BoxFuture<'static, T>>
where
    T: Send,
{
    let mut all = join_all(writes);
    assert!((&mut all).now_or_never().is_none(), "nothing may be answered yet");
    all
}

/// A write that is under way until it is let go.
pub struct Held {
    go: mpsc::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Held {
    /// Occupies the writer of a store.
    pub async fn start(db: &Db) -> Self {
        let (go, wait) = mpsc::channel();
        let (entered, inside) = oneshot::channel();
        let db = db.clone();
        let task = tokio::spawn(async move {
            db.write(move |_| {
                Box::pin(async move {
                    let _ = entered.send(());
                    let _ = wait.recv();
                    Ok(())
                })
            })
            .await
        });
        inside.await.unwrap();
        Self { go, task }
    }

    /// Lets the writer go on.
    pub async fn release(self) {
        self.go.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

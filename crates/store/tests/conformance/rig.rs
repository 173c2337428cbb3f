//! A fresh store on the engine that this binary tests, and ways to hold it up.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorward_postgres_rig::{Database, Server};
use doorward_store::{Db, PostgresSettings, Result, Settings, SqliteSettings, StoreError, migrate, session};
use futures_util::future::BoxFuture;
use tempfile::TempDir;

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

/// A store, and what goes when it does.
pub struct Rig {
    pub db: Db,
    pub settings: Settings,
    /// The folder of the embedded engine.
    pub _dir: TempDir,
    /// The database in a server, where the engine has one: it goes when this does.
    pub _database: Option<Database>,
}

/// Whether this binary tests PostgreSQL; its name says so.
pub fn on_postgres() -> bool {
    env!("CARGO_CRATE_NAME").ends_with("postgres")
}

/// What a story takes along that cannot be copied.
pub struct Once<T>(Arc<Mutex<Option<T>>>);

impl<T> Once<T> {
    pub fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(Some(value))))
    }

    pub fn take(&self) -> T {
        self.0.lock().unwrap().take().expect("a story that is told once")
    }
}

impl<T> Clone for Once<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl Rig {
    /// A store with the schema and nothing else.
    pub async fn empty() -> Self {
        let rig = Self::bare();
        migrate(&rig.db).await.unwrap();
        if on_postgres() && std::env::var_os("DOORWARD_TEST_PARTITIONED").is_some() {
            rig.partition().await;
        }
        rig
    }

    /// Splits the table of sessions, as an operator does on PostgreSQL.
    pub async fn partition(&self) {
        self.sql(include_str!("../../../../packaging/postgres/partition-sessions.sql")).await;
    }

    /// A store with the instance and two organisations, `home` and `away`.
    pub async fn fresh() -> Self {
        let rig = Self::empty().await;
        sample::organisations(&rig).await;
        rig
    }

    /// A database without a schema.
    pub fn bare() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = on_postgres().then(|| Server::shared().database());
        let settings = match &database {
            Some(database) => Settings::Postgres(postgres_settings(database.url())),
            None => Settings::Sqlite(sqlite_settings(dir.path().join("store.db"))),
        };
        Self { db: Db::open(settings.clone()).unwrap(), settings, _dir: dir, _database: database }
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
}

/// Settings of a file.
pub fn sqlite_settings(path: PathBuf) -> SqliteSettings {
    SqliteSettings { path, readers: 2, batch: 64, queue: 1024, busy: Duration::from_secs(5) }
}

/// Settings of a database in a server.
pub fn postgres_settings(url: &str) -> PostgresSettings {
    PostgresSettings {
        url: url.to_owned(),
        connections: 4,
        readers: 1,
        queue: 1024,
        connect: Duration::from_secs(5),
        wait: Duration::from_secs(20),
        statement: Duration::from_secs(20),
        pooler: false,
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

/// Adds one to the sequence of a session: read under the lock, written, acknowledged.
pub fn step(db: &Db, id: &str) -> BoxFuture<'static, Result<u64>> {
    let (db, id) = (db.clone(), id.to_owned());
    Box::pin(async move {
        db.write(move |conn| {
            Box::pin(async move {
                let mut session = session::lock(conn, &id).await?.expect("a session").session;
                session.sequence += 1;
                session::save(conn, &session).await?;
                Ok(session.sequence)
            })
        })
        .await
    })
}

/// Writes a note and panics.
pub fn panicking(db: &Db) -> BoxFuture<'static, Result<()>> {
    let db = db.clone();
    Box::pin(async move {
        db.write(|conn| {
            Box::pin(async move {
                conn.run("INSERT INTO instance (id, created) VALUES ('panic', 0)", &[]).await?;
                std::panic::resume_unwind(Box::new("on purpose"))
            })
        })
        .await
    })
}

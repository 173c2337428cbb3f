//! Fills a store with sessions far faster than the server takes them: rows like the server's own, in bulk, and the
//! indexes afterwards.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, InterruptHandle, params_from_iter};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::engine::Postgres;
use crate::filled::Filled;
use crate::row::{self, Row, from_sqlite};
use crate::sqlite;

/// A user like those that are filled in.
const USER: &str = "SELECT * FROM users WHERE human AND username LIKE 'user-%' LIMIT 1";
const USER_JSON: &str = "SELECT row_to_json(u) FROM users u WHERE human AND username LIKE 'user-%' LIMIT 1";
/// Rows for each transaction of SQLite.
const BATCH: u64 = 100_000;
/// Rows between two words about how far it is.
const TOLD: u64 = 500_000;
/// Bytes for each write to psql.
const CHUNK: usize = 256 * 1024;
/// Speed counts here; whoever loses power starts again.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;
    PRAGMA temp_store = FILE; PRAGMA foreign_keys = OFF;";
/// The indexes of a table of PostgreSQL that no constraint needs, name and statement.
const INDEXES: &str = "SELECT indexname || ' ' || replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes
    WHERE schemaname = current_schema() AND tablename = 'sessions' AND indexname NOT IN
    (SELECT conindid::regclass::text FROM pg_constraint WHERE conrelid = 'sessions'::regclass AND conindid <> 0)";

/// Tells how far it is.
struct Progress {
    what: &'static str,
    total: u64,
    began: Instant,
}

impl Progress {
    fn of(what: &'static str, total: u64) -> Self {
        Self { what, total, began: Instant::now() }
    }

    fn tell(&self, done: u64) {
        if done.is_multiple_of(TOLD) || done == self.total {
            let seconds = self.began.elapsed().as_secs_f64();
            let rate = done as f64 / seconds.max(f64::MIN_POSITIVE);
            eprintln!("{done} of {} {} after {seconds:.0} s, {rate:.0} a second", self.total, self.what);
        }
    }
}

/// Stops the work on SQLite when nobody waits for it any longer.
struct Interrupt(InterruptHandle, Arc<AtomicBool>);

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.1.store(true, Ordering::Relaxed);
        self.0.interrupt();
    }
}

/// Fills a database file that no server has open.
pub async fn sqlite(database: &Path, filled: Filled) -> Result<()> {
    let connection = Connection::open(database)?;
    let stop = Arc::new(AtomicBool::new(false));
    let guard = Interrupt(connection.get_interrupt_handle(), Arc::clone(&stop));
    tokio::task::spawn_blocking(move || into_sqlite(&connection, filled, &stop)).await??;
    drop(guard);
    Ok(())
}

fn into_sqlite(connection: &Connection, filled: Filled, stop: &AtomicBool) -> Result<()> {
    connection.execute_batch(SETTINGS)?;
    let (user, session) = (from_sqlite(connection, USER)?, from_sqlite(connection, sqlite::PATTERN)?);
    let schema = sqlite::schema(connection, "sessions")?;
    let indexes: Vec<&String> =
        schema.iter().filter(|sql| !sql.trim_start().starts_with("CREATE TABLE")).collect();
    for name in names(connection)? {
        connection.execute_batch(&format!("DROP INDEX {name}"))?;
    }
    let users = Progress::of("users", filled.users);
    insert(connection, ("users", &users), stop, |number| filled.user(&user, number))?;
    let sessions = Progress::of("sessions", filled.sessions);
    insert(connection, ("sessions", &sessions), stop, |number| filled.session(&session, number))?;
    for sql in indexes {
        ensure!(!stop.load(Ordering::Relaxed), "interrupted");
        connection.execute_batch(sql)?;
    }
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")?;
    eprintln!("indexes are made after {:.0} s", users.began.elapsed().as_secs_f64());
    Ok(())
}

fn names(connection: &Connection) -> Result<Vec<String>> {
    let sql =
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'sessions' AND sql IS NOT NULL";
    let mut statement = connection.prepare(sql)?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

fn insert(
    connection: &Connection,
    (table, progress): (&str, &Progress),
    stop: &AtomicBool,
    row: impl Fn(u64) -> Row,
) -> Result<()> {
    let first = row(0);
    let places = vec!["?"; first.len()].join(", ");
    let sql = format!("INSERT INTO {table} ({}) VALUES ({places})", columns(&first));
    let mut insert = connection.prepare(&sql)?;
    let mut next = 0;
    while next < progress.total {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let end = (next + BATCH).min(progress.total);
        for number in next..end {
            insert.execute(params_from_iter(row(number).into_iter().map(|(_, value)| value)))?;
        }
        connection.execute_batch("COMMIT")?;
        ensure!(!stop.load(Ordering::Relaxed), "interrupted");
        progress.tell(end);
        next = end;
    }
    Ok(())
}

/// Fills a database that no server is connected to.
pub async fn postgres(postgres: &Postgres, name: &str, filled: Filled) -> Result<()> {
    let user = row::from_json(&postgres.sql(name, USER_JSON))?;
    let session = row::from_json(&postgres.sql(name, row::PATTERN_JSON))?;
    let indexes = postgres.sql(name, INDEXES);
    let indexes: Vec<(&str, &str)> = indexes.lines().filter_map(|line| line.split_once(' ')).collect();
    for (index, _) in &indexes {
        postgres.sql(name, &format!("DROP INDEX {index}"));
    }
    let users = Progress::of("users", filled.users);
    copy(postgres, (name, "users"), &users, |number| filled.user(&user, number)).await?;
    let sessions = Progress::of("sessions", filled.sessions);
    copy(postgres, (name, "sessions"), &sessions, |number| filled.session(&session, number)).await?;
    for (_, sql) in &indexes {
        statement(postgres, name, sql).await?;
    }
    statement(postgres, name, "VACUUM ANALYZE sessions").await?;
    statement(postgres, name, "VACUUM ANALYZE users").await?;
    statement(postgres, name, "CHECKPOINT").await?;
    eprintln!("indexes are made after {:.0} s", users.began.elapsed().as_secs_f64());
    Ok(())
}

async fn copy(
    postgres: &Postgres,
    (database, table): (&str, &str),
    progress: &Progress,
    row: impl Fn(u64) -> Row,
) -> Result<()> {
    let sql = format!("COPY {table} ({}) FROM STDIN", columns(&row(0)));
    let mut psql = psql(postgres, database, &sql).stdin(Stdio::piped()).spawn()?;
    let mut input = psql.stdin.take().context("the input of psql")?;
    let mut text = String::with_capacity(2 * CHUNK);
    for number in 0..progress.total {
        for (place, (_, value)) in row(number).iter().enumerate() {
            if place > 0 {
                text.push('\t');
            }
            value.copy_to(&mut text);
        }
        text.push('\n');
        if text.len() > CHUNK {
            input.write_all(text.as_bytes()).await.context("psql takes no more rows")?;
            text.clear();
        }
        progress.tell(number + 1);
    }
    input.write_all(text.as_bytes()).await?;
    drop(input);
    ensure!(psql.wait().await?.success(), "psql could not copy into {table}");
    Ok(())
}

/// A statement that may take long, ended when nobody waits for it any longer.
async fn statement(postgres: &Postgres, database: &str, sql: &str) -> Result<()> {
    let done = psql(postgres, database, sql).stdin(Stdio::null()).status().await?;
    ensure!(done.success(), "psql failed: {sql}");
    Ok(())
}

fn psql(postgres: &Postgres, database: &str, sql: &str) -> Command {
    let mut command = Command::new(postgres.bin("psql"));
    command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, "-d", &postgres.server.url(database)]);
    command.env("PGCLIENTENCODING", "UTF8").stdout(Stdio::null()).kill_on_drop(true);
    command
}

fn columns(row: &Row) -> String {
    row.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Takes away what was added after the filling, so that each round meets the same store.
pub fn trim(database: &Path, filled: Filled) -> Result<()> {
    let connection = Connection::open(database)?;
    connection.execute("DELETE FROM sessions WHERE id > $1", [filled.last_id()])?;
    Ok(connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")?)
}

/// The same on PostgreSQL.
pub async fn trim_postgres(postgres: &Postgres, name: &str, filled: Filled) -> Result<()> {
    statement(postgres, name, &format!("DELETE FROM sessions WHERE id > '{}'", filled.last_id())).await?;
    statement(postgres, name, "VACUUM sessions").await
}

//! What the embedded engine can do alone: the rows of the server, its table, its indexes, its settings.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use parking_lot::Mutex;
use rusqlite::{Connection, params_from_iter};
use tempfile::TempDir;

use crate::load::{Tally, Window};
use crate::row::{Field, Row, from_sqlite};

/// A row to copy.
pub const PATTERN: &str = "SELECT * FROM sessions WHERE user_id IS NOT NULL LIMIT 1";
/// As the server sets its writer up.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
    PRAGMA wal_autocheckpoint = 8000; PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY;";
/// The rest of an id after its 16 digits of time.
const TAIL: usize = 20;

/// A database of its own that rows are inserted into.
#[derive(Clone)]
pub struct Limit {
    state: Arc<Mutex<State>>,
    group: usize,
}

struct State {
    connection: Connection,
    /// A row that the server wrote, by column.
    row: Row,
    written: i64,
    _dir: TempDir,
}

impl Limit {
    /// Takes a row of the server's database as the pattern, and makes a database with the same table.
    pub fn open(database: &Path, scratch: &Path, group: usize) -> Result<Self> {
        let row = from_sqlite(&Connection::open(database)?, PATTERN)?;
        let dir = TempDir::with_prefix_in("doorward-bench-", scratch)?;
        let connection = Connection::open(dir.path().join("limit.db"))?;
        connection.execute_batch(SETTINGS)?;
        for statement in schema(&Connection::open(database)?, "sessions")? {
            connection.execute_batch(&statement)?;
        }
        let state = State { connection, row, written: 0, _dir: dir };
        Ok(Self { state: Arc::new(Mutex::new(state)), group })
    }

    /// Inserts until the window ends; each row is counted with the time of its commit.
    pub fn insert(&self, window: Window) -> Result<Tally> {
        let mut state = self.state.lock();
        let mut tally = Tally::default();
        loop {
            let started = Instant::now();
            if started >= window.end {
                return Ok(tally);
            }
            state.commit(self.group)?;
            let done = Instant::now();
            if started >= window.start && done <= window.end {
                let took = u64::try_from((done - started).as_micros())?;
                tally.answered.extend(std::iter::repeat_n(took, self.group));
            }
        }
    }
}

impl State {
    fn commit(&mut self, rows: usize) -> Result<()> {
        let columns: Vec<&str> = self.row.iter().map(|(name, _)| name.as_str()).collect();
        let places = vec!["?"; columns.len()].join(", ");
        let sql = format!("INSERT INTO sessions ({}) VALUES ({places})", columns.join(", "));
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut insert = self.connection.prepare_cached(&sql)?;
        for _ in 0..rows {
            self.written += 1;
            insert.execute(params_from_iter(next(&self.row, self.written)))?;
        }
        drop(insert);
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }
}

/// The pattern with a later time: ids begin with it, so rows land at the end of the table as the server's do.
fn next(row: &Row, number: i64) -> impl Iterator<Item = Field> {
    row.iter().map(move |(name, value)| match (name.as_str(), value) {
        ("id", Field::Text(id)) => {
            let time: i64 = id.get(..id.len() - TAIL).and_then(|time| time.parse().ok()).unwrap_or(0);
            Field::Text(format!("{:016}{:020}", time + number, number.wrapping_mul(0x9e37_79b9)))
        }
        ("created" | "changed" | "user_verified", Field::Number(time)) => Field::Number(time + number),
        _ => value.clone(),
    })
}

/// The statements that make a table and its indexes, as the server's migrations left them.
pub fn schema(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let sql = "SELECT sql FROM sqlite_master WHERE tbl_name = $1 AND sql IS NOT NULL ORDER BY type DESC";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([table], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

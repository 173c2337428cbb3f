//! Copies a whole store into an empty one, on whatever engines, and compares the two.
//!
//! Rows go over in the order of their keys, in transactions of their own, table after table. So the last key of each
//! table of the target says where a move that was broken off goes on, and nothing else has to be remembered. Until the
//! two were found equal, a table in the target says that it is not whole; no server takes it then.

mod sum;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use futures_util::future::try_join;
use tokio::sync::mpsc;

use crate::db::{Conn, Db, Param, Row, Value};
use crate::error::{Result, StoreError};
use crate::migrate::{bring_up, check};
use crate::tables::{Kind, TABLES, Table};

pub use sum::{Sum, sums};

/// The table that a store has until a move into it is finished.
const UNFINISHED: &str = "unfinished_move";

/// The most rows that one statement adds.
const MOST_ROWS: usize = 256;

/// So many bytes are read at once if the rows allow it.
const WANTED_BYTES: usize = 1 << 20;

/// How many rows one statement reads at first.
const FIRST_ROWS: u32 = 64;

/// How far a move has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The table that is copied now.
    pub table: &'static str,
    /// How many rows the target has, of all tables.
    pub done: u64,
    /// How many the source has.
    pub total: u64,
    /// How many of them this call copied; the others were there already.
    pub copied: u64,
}

/// What the side that reads hands to the side that writes.
enum Handed {
    Total(u64),
    Rows(&'static Table, Vec<Row>),
}

/// Refuses a store that is only partly there.
pub(crate) async fn refuse_unfinished(db: &Db) -> Result<()> {
    if db.reading().await?.conn()?.has_table(UNFINISHED).await? {
        return Err(StoreError::Version(
            "the store is the target of a move that is not finished: run the same `doorward move` again to finish it"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Whether another process of ours is connected to that database, as far as its server tells. The embedded engine
/// does not: there the lock of the data folder does.
///
/// # Errors
/// When the store cannot be read.
pub async fn is_used(db: &Db) -> Result<bool> {
    db.reading().await?.conn()?.has_company().await
}

/// Copies everything that the target does not have yet, in one snapshot of the source. `told` hears of each batch when
/// it is durable, and may end the move by failing.
///
/// # Errors
/// When the source is not set up or its schema is behind, when the target holds anything but the beginning of a move
/// from that source, when a value is not what its column promises, and when one of them cannot be read or written.
pub async fn copy(from: &Db, to: &Db, mut told: impl FnMut(&Progress) -> Result<()>) -> Result<()> {
    begin(from, to).await?;
    let mut resume = Vec::new();
    let mut present = 0;
    for table in TABLES {
        let mut reading = to.reading().await?;
        present += count(reading.conn()?, table).await?;
        let last = reading.conn()?.one(&table.select_last(), &[]).await?;
        resume.push((table, last.map(Row::values)));
    }
    let (hand, mut handed) = mpsc::channel(2);
    let read = from.scan(move |conn| Box::pin(async move { read_all(conn, resume, hand).await }));
    let write = async {
        let mut progress = Progress { table: "", done: present, total: 0, copied: 0 };
        while let Some(handed) = handed.recv().await {
            match handed {
                Handed::Total(total) => progress.total = total,
                Handed::Rows(table, rows) => {
                    let added = rows.len() as u64;
                    add(to, table, rows).await?;
                    (progress.done, progress.copied) = (progress.done + added, progress.copied + added);
                    progress.table = table.name;
                    told(&progress)?;
                }
            }
        }
        Ok(())
    };
    try_join(read, write).await.map(|_| ())
}

/// Makes the target a whole store, after both were found equal.
///
/// # Errors
/// When it cannot be written.
pub async fn finish(to: &Db) -> Result<()> {
    to.write(|conn| Box::pin(async move { conn.script(&format!("DROP TABLE {UNFINISHED}")).await })).await
}

/// Checks both sides and marks the target as not whole.
async fn begin(from: &Db, to: &Db) -> Result<()> {
    let lacking = check(from).await?;
    if !lacking.is_empty() {
        let lacking = lacking.join(", ");
        return Err(StoreError::Version(format!(
            "the source lacks {lacking}: run `doorward migrate up` on it first"
        )));
    }
    let Some(instance) = first_text(from.reading().await?.conn()?, "instance").await? else {
        return Err(refused("the source was never set up: there is nothing to move"));
    };
    if to.reading().await?.conn()?.has_table(UNFINISHED).await? {
        if first_text(to.reading().await?.conn()?, UNFINISHED).await?.as_deref() != Some(&instance) {
            return Err(refused("the target holds a part of another store: empty it, or choose another"));
        }
        return bring_up(to).await.map(|_| ());
    }
    for table in TABLES {
        let mut reading = to.reading().await?;
        let sql = format!("SELECT 1 FROM {} LIMIT 1", table.name);
        if reading.conn()?.has_table(table.name).await? && reading.conn()?.one(&sql, &[]).await?.is_some() {
            let name = table.name;
            return Err(refused(&format!(
                "the target holds a store already (there are rows in {name}): choose an empty one"
            )));
        }
    }
    bring_up(to).await?;
    let marked = to.write(move |conn| {
        Box::pin(async move {
            conn.migration(&format!("CREATE TABLE {UNFINISHED} (id TEXT PRIMARY KEY)")).await?;
            conn.run(&format!("INSERT INTO {UNFINISHED} (id) VALUES ($1)"), &[(&instance).into()]).await
        })
    });
    marked.await.map(|_| ())
}

fn refused(text: &str) -> StoreError {
    StoreError::Settings(text.to_owned())
}

async fn first_text(conn: &mut Conn, table: &'static str) -> Result<Option<String>> {
    let row = conn.one(&format!("SELECT id FROM {table} ORDER BY id LIMIT 1"), &[]).await?;
    row.map(|row| row.read(table).text("id")).transpose()
}

async fn count(conn: &mut Conn, table: &'static Table) -> Result<u64> {
    let row = conn.one(&format!("SELECT COUNT(*) FROM {}", table.name), &[]).await?;
    row.map_or(Ok(0), |row| row.read(table.name).count("rows"))
}

/// Where a table goes on: after a key, if there is one.
type Resume = Vec<(&'static Table, Option<Vec<Value>>)>;

async fn read_all(conn: &mut Conn, resume: Resume, hand: mpsc::Sender<Handed>) -> Result<()> {
    let mut total = 0;
    for table in TABLES {
        total += count(conn, table).await?;
    }
    conn.hand_on(&hand, Handed::Total(total)).await?;
    for (table, after) in resume {
        let mut pages = Pages::after(table, after);
        while let Some(rows) = pages.next(conn).await? {
            conn.hand_on(&hand, Handed::Rows(table, rows)).await?;
        }
    }
    Ok(())
}

/// Reads a table in the order of its key, so much at a time that memory is bounded.
struct Pages {
    table: &'static Table,
    after: Option<Vec<Value>>,
    limit: u32,
    ended: bool,
}

impl Pages {
    fn after(table: &'static Table, after: Option<Vec<Value>>) -> Self {
        Self { table, after, limit: FIRST_ROWS.min(table.most), ended: false }
    }

    /// The next rows, until there are no more.
    async fn next(&mut self, conn: &mut Conn) -> Result<Option<Vec<Row>>> {
        if self.ended {
            return Ok(None);
        }
        let sql = self.table.select(self.after.is_none());
        let key = self.after.iter().flatten().zip(self.table.columns);
        let mut params =
            key.map(|(value, column)| param(self.table, column, value)).collect::<Result<Vec<_>>>()?;
        params.push(self.limit.into());
        let rows = conn.all(&sql, &params).await?;
        drop(params);
        self.ended = rows.len() < self.limit as usize;
        let Some(last) = rows.last() else { return Ok(None) };
        self.after = Some(last.values_ref().iter().take(self.table.key).cloned().collect());
        let bytes: usize = rows.iter().flat_map(Row::values_ref).map(Value::size).sum();
        if bytes > WANTED_BYTES {
            self.limit = (self.limit / 2).max(1);
        } else if bytes < WANTED_BYTES / 2 {
            self.limit = (self.limit * 2).min(self.table.most);
        }
        Ok(Some(rows))
    }
}

/// Adds rows in one transaction. There are statements for powers of two only, so that few have to be prepared.
async fn add(to: &Db, table: &'static Table, rows: Vec<Row>) -> Result<()> {
    let rows = Arc::new(rows);
    let added = to.write(move |conn| {
        Box::pin(async move {
            let mut rest = rows.as_slice();
            while !rest.is_empty() {
                let power = rest.len().min(MOST_ROWS).ilog2();
                let (now, later) = rest.split_at(1 << power);
                let values = now.iter().flat_map(|row| row.values_ref().iter().zip(table.columns));
                let params = values.map(|(value, column)| param(table, column, value));
                let params = params.collect::<Result<Vec<_>>>()?;
                conn.run(insertion(table, power), &params).await?;
                rest = later;
            }
            Ok(())
        })
    });
    added.await
}

/// The statement that adds 2 to the power of so many rows. They are long, so each is made once.
fn insertion(table: &Table, power: u32) -> &'static str {
    static ALL: LazyLock<HashMap<&'static str, Vec<String>>> = LazyLock::new(|| {
        let of = |table: &Table| (0..=MOST_ROWS.ilog2()).map(|power| table.insert(1 << power)).collect();
        TABLES.iter().map(|table| (table.name, of(table))).collect()
    });
    ALL.get(table.name).and_then(|powers| powers.get(power as usize)).map_or("", String::as_str)
}

/// A value on its way to the other side, if it is what its column promises.
fn param<'v>(table: &Table, column: &(&'static str, Kind), value: &'v Value) -> Result<Param<'v>> {
    Ok(match (column.1, value) {
        (_, Value::Null) => Param::Null,
        (Kind::Text, Value::Text(text)) => text.into(),
        (Kind::Int, Value::Int(number)) => (*number).into(),
        (Kind::Flag, Value::Int(flag @ (0 | 1))) => (*flag == 1).into(),
        (Kind::Bytes, Value::Bytes(bytes)) => bytes.into(),
        _ => {
            let problem = "is not of the kind that belongs there; the row was not moved".to_owned();
            let (table, column) = (table.name, column.0);
            return Err(StoreError::Corrupt { table, column, id: String::new(), problem });
        }
    })
}

//! The embedded engine: connections to one SQLite file.

use std::path::Path;
use std::time::Duration;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, ToSql};

use super::row::{Param, Row, Value};
use crate::error::{Result, StoreError};

/// Opens the connection that writes. WAL lets readers go on meanwhile; FULL makes every commit durable before it is
/// acknowledged; a checkpoint every 8,000 pages (32 MiB) rather than 1,000 leaves more writes in ascending order.
pub fn open_writer(path: &Path, busy: Duration) -> Result<Connection> {
    let connection = open(path, busy, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 8000; PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY;",
        )
        .map_err(fault)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub fn open_reader(path: &Path, busy: Duration) -> Result<Connection> {
    let connection = open(path, busy, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection
        .execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY;")
        .map_err(fault)?;
    Ok(connection)
}

fn open(path: &Path, busy: Duration, flags: OpenFlags) -> Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
    connection.busy_timeout(busy).map_err(fault)?;
    connection.set_prepared_statement_cache_capacity(128);
    // SQLite's own LOWER knows ASCII only; names are written in every script.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let lower = |context: &Context<'_>| Ok(context.get::<Option<String>>(0)?.map(|text| text.to_lowercase()));
    connection.create_scalar_function("LOWER", 1, flags, lower).map_err(fault)?;
    // The name by which PostgreSQL is asked to do the same; nothing in the file depends on it.
    connection.create_collation("und-x-icu", str::cmp).map_err(fault)?;
    Ok(connection)
}

/// All rows of a statement.
pub fn query(connection: &Connection, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    bind(&mut statement, params)?;
    let width = statement.column_count();
    let mut cursor = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = cursor.next().map_err(fault)? {
        // Collected from results, a list would not know how long it becomes.
        let mut values = Vec::with_capacity(width);
        for column in 0..width {
            values.push(row.get_ref(column).map(value_of).map_err(fault)?);
        }
        rows.push(Row(values));
    }
    Ok(rows)
}

/// Runs a statement; gives how many rows it changed.
pub fn execute(connection: &Connection, sql: &str, params: &[Param<'_>]) -> Result<u64> {
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    bind(&mut statement, params)?;
    statement.raw_execute().map(|changed| changed as u64).map_err(fault)
}

/// Runs a script of several statements.
pub fn script(connection: &Connection, sql: &str) -> Result<()> {
    connection.execute_batch(sql).map_err(fault)
}

/// Copies the whole database, as it is at one moment, into a new file, which only its owner may read: it holds
/// hashes of passwords. A copy that fails leaves nothing behind.
pub fn backup(connection: &Connection, target: &Path) -> Result<()> {
    let name = target.to_str().ok_or_else(|| StoreError::Driver("the path is not UTF-8".to_owned()))?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // The engine fills a file that is there and empty.
    options.open(target).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let copied = execute(connection, "VACUUM INTO $1", &[name.into()]).map(|_| ());
    if copied.is_err() {
        drop(std::fs::remove_file(target));
    }
    copied
}

/// Placeholders are `$1`, `$2`, … as in PostgreSQL. SQLite numbers them by first appearance, so they are bound by name.
fn bind(statement: &mut Statement<'_>, params: &[Param<'_>]) -> Result<()> {
    for index in 1..=statement.parameter_count() {
        let number = statement.parameter_name(index).and_then(|name| name.get(1..)?.parse::<usize>().ok());
        let param = number.and_then(|number| params.get(number.checked_sub(1)?));
        let param = param.ok_or_else(|| StoreError::Driver("a placeholder has no value".to_owned()))?;
        statement.raw_bind_parameter(index, param).map_err(fault)?;
    }
    Ok(())
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Bool(flag) => ValueRef::Integer(i64::from(*flag)),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// SQLite puts up with any kind of value in any column: what no column of ours holds is told from its place.
fn value_of(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Odd("a text that is not UTF-8"),
        },
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => Value::Odd("a fraction"),
    }
}

/// Sorts the driver's errors: what may pass by itself is unavailability, the rest is a fault of this program.
pub fn fault(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase,
        ) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Driver(error.to_string()),
    }
}

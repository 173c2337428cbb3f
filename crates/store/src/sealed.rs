//! What every column of bytes holds, and the sealed ones: counted by key, and sealed anew.

use std::collections::BTreeMap;

use doorward_core::base::Timestamp;
use doorward_core::master::KeyId;
use doorward_core::token::Digest;

use crate::db::{Conn, Value};
use crate::error::{Result, StoreError};
use crate::organisation::key_check;

/// A column with sealed values.
#[derive(Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The table.
    pub table: &'static str,
    /// Its primary key, which is one text.
    pub key: &'static str,
    /// The column.
    pub column: &'static str,
    /// What the values are sealed for, but for the key of the row.
    name: &'static str,
}

/// The secrets of time-based codes.
pub const TOTP: Sealed = Sealed { table: "totps", key: "user_id", column: "secret", name: "totp" };

/// What logins at identity providers keep.
pub const INTENT: Sealed = Sealed { table: "intents", key: "id", column: "secrets", name: "intent" };

/// Messages that wait.
pub const OUTBOX: Sealed = Sealed { table: "outbox", key: "id", column: "payload", name: "outbox" };

/// Keys.
pub const KEY: Sealed = Sealed { table: "sealed_keys", key: "id", column: "sealed", name: "key" };

/// Keys that sign tokens.
pub const SIGNING_KEY: Sealed =
    Sealed { table: "signing_keys", key: "id", column: "sealed", name: "signing key" };

/// All sealed columns. Whoever adds one names it here; a test asks of every column of bytes what it holds.
pub const SEALED: [&Sealed; 5] = [&TOTP, &INTENT, &OUTBOX, &KEY, &SIGNING_KEY];

/// Columns with keyed hashes, or with public values: what is in them is as much or as little worth without a key.
pub const UNSEALED: [(&str, &str); 14] = [
    ("instance", "key_check"),
    ("user_metadata", "value"),
    ("codes", "digest"),
    ("personal_access_tokens", "digest"),
    ("sessions", "token"),
    ("recovery_codes", "digest"),
    ("passkeys", "credential_id"),
    ("passkey_codes", "digest"),
    ("challenges", "digest"),
    ("intents", "token"),
    ("machine_secrets", "digest"),
    ("machine_keys", "public_key"),
    ("access_tokens", "digest"),
    ("signing_keys", "public_key"),
];

/// The row of [`KEY`] that holds the root of tokens and codes, once the master key was replaced.
pub const ROOT: &str = "root";

impl Sealed {
    /// What the value of a row is sealed for.
    #[must_use]
    pub fn purpose(&self, id: &str) -> String {
        format!("{} {id}", self.name)
    }
}

/// What a store tells about its keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Standing {
    /// What it has noted about its present master key.
    pub mark: Option<Digest>,
    /// The sealed root, once it is a value of its own.
    pub root: Option<Vec<u8>>,
}

/// What a store tells about its keys, all at one moment. Before the schema knows of sealed values there is no root.
///
/// # Errors
/// When the store cannot be read.
pub async fn standing(conn: &mut Conn) -> Result<Standing> {
    if !conn.has_table(KEY.table).await? {
        return Ok(Standing { mark: key_check(conn).await?, root: None });
    }
    let sql = "SELECT i.key_check, (SELECT k.sealed FROM sealed_keys k WHERE k.id = $1) FROM instance i";
    let row = conn.one(sql, &[ROOT.into()]).await?;
    let mut values = row.map(|row| row.values()).unwrap_or_default().into_iter();
    let mark = maybe_bytes(values.next(), "instance", "key_check")?;
    let mark = mark.map(|mark| Digest::try_from(mark.as_slice()));
    let mark = mark.transpose().map_err(|_| corrupt("instance", "key_check", "should be 32 bytes"))?;
    Ok(Standing { mark, root: maybe_bytes(values.next(), "sealed_keys", "sealed")? })
}

/// Notes which master key is the present one and keeps the root that is sealed under it, if the store still tells what
/// it told `before`. Gives whether it did.
///
/// # Errors
/// When the store cannot be written.
pub async fn switch(
    conn: &mut Conn,
    before: &Standing,
    mark: &Digest,
    root: &[u8],
    now: Timestamp,
) -> Result<bool> {
    // What is read in the same statement as the lock may be as old as the wait for it.
    conn.locked("SELECT id FROM instance FOR UPDATE OF instance", &[]).await?;
    if standing(conn).await? != *before {
        return Ok(false);
    }
    let keep = "INSERT INTO sealed_keys (id, sealed, created) VALUES ($1, $2, $3) \
                ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed";
    conn.run(keep, &[ROOT.into(), root.into(), now.into()]).await?;
    conn.run("UPDATE instance SET key_check = $1", &[mark.into()]).await?;
    Ok(true)
}

/// Notes which master key is the present one where nothing is noted.
///
/// # Errors
/// When the store cannot be written.
pub async fn adopt(conn: &mut Conn, mark: &Digest) -> Result<()> {
    conn.run("UPDATE instance SET key_check = $1 WHERE key_check IS NULL", &[mark.into()]).await.map(|_| ())
}

/// How many values of a column are sealed under which key. Those of no key at all are too short to be sealed.
///
/// # Errors
/// When the store cannot be read.
pub async fn count(conn: &mut Conn, column: &Sealed) -> Result<BTreeMap<Option<KeyId>, u64>> {
    let Sealed { table, column, .. } = *column;
    let sql = format!(
        "SELECT SUBSTR({column}, 1, 8), COUNT(*) FROM {table} WHERE {column} IS NOT NULL \
         GROUP BY SUBSTR({column}, 1, 8)"
    );
    let mut counts = BTreeMap::new();
    for row in conn.all(&sql, &[]).await? {
        let mut row = row.read(table);
        let (id, many) = (row.bytes(column)?, row.int("count")?);
        *counts.entry(KeyId::of(&id)).or_default() += many.unsigned_abs();
    }
    Ok(counts)
}

/// Rows of a column after one, in the order of their keys: those whose values are sealed under another key than this.
///
/// # Errors
/// When the store cannot be read.
pub async fn stale(
    conn: &mut Conn,
    column: &Sealed,
    present: KeyId,
    after: &str,
    most: u32,
) -> Result<Vec<(String, Vec<u8>)>> {
    let Sealed { table, key, column, .. } = *column;
    let sql = format!(
        "SELECT {key}, {column} FROM {table} WHERE {key} > $1 AND {column} IS NOT NULL AND \
         SUBSTR({column}, 1, 8) <> $2 ORDER BY {key} LIMIT $3"
    );
    let rows = conn.all(&sql, &[after.into(), present.bytes().into(), most.into()]).await?;
    let read = |row: crate::db::Row| {
        let mut row = row.read(table);
        Ok((row.id()?, row.bytes(column)?))
    };
    rows.into_iter().map(read).collect()
}

/// Puts a value in the place of another one, if that is still there. Gives whether it was.
///
/// # Errors
/// When the store cannot be written.
pub async fn swap(conn: &mut Conn, column: &Sealed, id: &str, old: &[u8], new: &[u8]) -> Result<bool> {
    let Sealed { table, key, column, .. } = *column;
    let sql = format!("UPDATE {table} SET {column} = $1 WHERE {key} = $2 AND {column} = $3");
    Ok(conn.run(&sql, &[new.into(), id.into(), old.into()]).await? == 1)
}

fn maybe_bytes(value: Option<Value>, table: &'static str, column: &'static str) -> Result<Option<Vec<u8>>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
        Some(_) => Err(corrupt(table, column, "should be bytes")),
    }
}

fn corrupt(table: &'static str, column: &'static str, problem: &str) -> StoreError {
    StoreError::Corrupt { table, column, id: String::new(), problem: problem.to_owned() }
}

//! The checksum of a table: the same on every engine and in every order.

use sha2::{Digest, Sha256};

use super::Pages;
use crate::db::{Conn, Db, Row, Value};
use crate::error::Result;
use crate::tables::{TABLES, Table};

/// What a table holds, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Its name.
    pub table: &'static str,
    /// How many rows.
    pub rows: u64,
    /// The sum of the first 128 bits of the SHA-256 of each row: the order of the rows does not matter, everything
    /// else does.
    pub checksum: u128,
}

/// Reads the whole store, in one snapshot, and sums up each table.
///
/// # Errors
/// When the store cannot be read.
pub async fn sums(db: &Db) -> Result<Vec<Sum>> {
    db.scan(|conn| {
        Box::pin(async move {
            let mut sums = Vec::new();
            for table in TABLES {
                sums.push(sum(conn, table).await?);
            }
            Ok(sums)
        })
    })
    .await
}

async fn sum(conn: &mut Conn, table: &'static Table) -> Result<Sum> {
    let mut sum = Sum { table: table.name, rows: 0, checksum: 0 };
    let mut pages = Pages::after(table, None);
    while let Some(rows) = pages.next(conn).await? {
        for row in rows {
            sum.rows += 1;
            sum.checksum = sum.checksum.wrapping_add(digest(&row));
        }
    }
    Ok(sum)
}

/// Each value with its kind and its length before it, so that no two rows look alike.
fn digest(row: &Row) -> u128 {
    let mut hash = Sha256::new();
    for value in row.values_ref() {
        match value {
            Value::Null => hash.update([0]),
            Value::Text(text) => part(&mut hash, 1, text.as_bytes()),
            Value::Int(number) => part(&mut hash, 2, &number.to_le_bytes()),
            Value::Bytes(bytes) => part(&mut hash, 3, bytes),
            Value::Odd(kind) => part(&mut hash, 4, kind.as_bytes()),
        }
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

fn part(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

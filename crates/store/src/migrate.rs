//! Numbered migrations, run at start, each in a transaction of its own and never twice.

use crate::db::{Conn, Db, Row};
use crate::error::{Result, StoreError};

/// The migrations, in order. A released one is never edited.
const MIGRATIONS: &[(i64, &str, &str)] =
    &[(1, "0001_initial", include_str!("../migrations/0001_initial.sql"))];

/// Brings the schema up to date. Gives the names of the migrations that were run. Of several nodes that start
/// together, one migrates and the others wait for it.
///
/// # Errors
/// When a migration fails, or the store was written by a newer version.
pub async fn migrate(db: &Db) -> Result<Vec<&'static str>> {
    let mut ran = Vec::new();
    for (number, name, script) in MIGRATIONS {
        if applied(db.reading().await?.conn()?, *number).await? {
            continue;
        }
        let fresh = db.write(move |conn| {
            Box::pin(async move {
                conn.alone().await?;
                if applied(conn, *number).await? {
                    return Ok(false);
                }
                if !conn.has_table("migrations").await? {
                    let table = "CREATE TABLE migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL)";
                    conn.migration(table).await?;
                }
                conn.migration(script).await?;
                let record = "INSERT INTO migrations (number, name) VALUES ($1, $2)";
                conn.run(record, &[(*number).into(), (*name).into()]).await.map(|_| true)
            })
        });
        if fresh.await? {
            ran.push(*name);
        }
    }
    refuse_newer(db).await?;
    Ok(ran)
}

/// Whether a migration was run, on a store that may be empty.
async fn applied(conn: &mut Conn, number: i64) -> Result<bool> {
    if !conn.has_table("migrations").await? {
        return Ok(false);
    }
    Ok(conn.one("SELECT 1 FROM migrations WHERE number = $1", &[number.into()]).await?.is_some())
}

async fn refuse_newer(db: &Db) -> Result<()> {
    let row = db.reading().await?.conn()?.one("SELECT MAX(number) FROM migrations", &[]).await?;
    let newest = row.map(|row: Row| row.read("migrations").int("number")).transpose()?;
    let known = MIGRATIONS.last().map_or(0, |(number, ..)| *number);
    match newest {
        Some(newest) if newest > known => Err(StoreError::Version(format!(
            "the store was written by a newer Doorward (schema {newest}, this one knows {known})"
        ))),
        _ => Ok(()),
    }
}

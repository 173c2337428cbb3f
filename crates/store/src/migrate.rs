//! Numbered migrations, run at start, each in a transaction of its own and never twice.

use crate::db::{Db, Row};
use crate::error::{Result, StoreError};

/// The migrations, in order. A released one is never edited.
const MIGRATIONS: &[(i64, &str, &str)] =
    &[(1, "0001_initial", include_str!("../migrations/0001_initial.sql"))];

/// Brings the schema up to date. Gives the names of the migrations that were run.
///
/// # Errors
/// When a migration fails, or the store was written by a newer version.
pub async fn migrate(db: &Db) -> Result<Vec<&'static str>> {
    db.write(|conn| {
        Box::pin(async move {
            conn.script(
                "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL)",
            )
            .await
        })
    })
    .await?;
    let mut ran = Vec::new();
    for (number, name, script) in MIGRATIONS {
        let fresh = db
            .write(move |conn| {
                Box::pin(async move {
                    let record =
                        "INSERT INTO migrations (number, name) VALUES ($1, $2) ON CONFLICT DO NOTHING";
                    if conn.run(record, &[(*number).into(), (*name).into()]).await? == 0 {
                        return Ok(false);
                    }
                    conn.script(script).await.map(|()| true)
                })
            })
            .await?;
        if fresh {
            ran.push(*name);
        }
    }
    refuse_newer(db).await?;
    Ok(ran)
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

//! The secrets by which machine users log in: only their digests are here.

use std::collections::HashSet;
use std::sync::LazyLock;

use doorward_core::base::Timestamp;
use doorward_core::token::Digest;

use crate::db::Conn;
use crate::error::Result;
use crate::where_clause::{ForMany, MOST_VALUES};

/// Stores the secret of a user in place of the one before.
///
/// # Errors
/// When the store cannot be written.
pub async fn save(conn: &mut Conn, user_id: &str, digest: &Digest, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO machine_secrets (user_id, digest, created) VALUES ($1, $2, $3) \
               ON CONFLICT (user_id) DO UPDATE SET digest = $2, created = $3";
    conn.run(sql, &[user_id.into(), digest.into(), now.into()]).await.map(|_| ())
}

/// The digest of a user's secret.
///
/// # Errors
/// When the store cannot be read.
pub async fn find(conn: &mut Conn, user_id: &str) -> Result<Option<Digest>> {
    let sql = "SELECT digest FROM machine_secrets WHERE user_id = $1";
    let row = conn.one(sql, &[user_id.into()]).await?;
    row.map(|row| row.read("machine_secrets").about(user_id).digest("digest")).transpose()
}

/// Those of some users who have a secret.
///
/// # Errors
/// When the store cannot be read.
pub async fn among(conn: &mut Conn, user_ids: &[&str]) -> Result<HashSet<String>> {
    static SQL: LazyLock<ForMany> = LazyLock::new(|| {
        ForMany::new(|places| format!("SELECT user_id FROM machine_secrets WHERE user_id IN ({places})"))
    });
    let mut found = HashSet::new();
    for ids in user_ids.chunks(MOST_VALUES) {
        let (sql, params) = SQL.with(ids);
        for row in conn.all(sql, &params).await? {
            found.insert(row.read("machine_secrets").text("user_id")?);
        }
    }
    Ok(found)
}

/// Removes the secret of a user. Gives `false` if there is none.
///
/// # Errors
/// When the store cannot be written.
pub async fn delete(conn: &mut Conn, user_id: &str) -> Result<bool> {
    Ok(conn.run("DELETE FROM machine_secrets WHERE user_id = $1", &[user_id.into()]).await? == 1)
}

//! Access tokens that machine users got for a secret or a key: only their digests are here.

use std::collections::HashMap;
use std::sync::LazyLock;

use doorward_core::base::Timestamp;
use doorward_core::token::Digest;

use crate::db::Conn;
use crate::error::Result;
use crate::token::{Bearer, all_bearers, bearers_in};
use crate::where_clause::ForMany;

pub(crate) const TABLE: &str = "access_tokens";

/// The most rows that are removed at once.
pub const BATCH: u32 = 512;

/// A token, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// The id, which the token's text names.
    pub id: String,
    /// The machine user it was given to.
    pub user_id: String,
    /// What it was given for: the id of a key, or nothing for the secret.
    pub source: Option<String>,
    /// What it may be used for, separated by blanks.
    pub scope: String,
    /// The digest of the only text that fits.
    pub digest: Digest,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops working.
    pub expires: Timestamp,
}

/// Adds a token.
///
/// # Errors
/// When the store cannot be written.
pub async fn insert(conn: &mut Conn, token: &AccessToken) -> Result<()> {
    let sql = "INSERT INTO access_tokens (id, user_id, source, scope, digest, created, expires) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let params = [
        (&token.id).into(),
        (&token.user_id).into(),
        token.source.as_deref().unwrap_or_default().into(),
        (&token.scope).into(),
        (&token.digest).into(),
        token.created.into(),
        token.expires.into(),
    ];
    conn.run(sql, &params).await.map(|_| ())
}

/// Removes the oldest tokens of a user until at most `most` are left.
///
/// # Errors
/// When the store cannot be written.
pub async fn trim(conn: &mut Conn, user_id: &str, most: u32) -> Result<u64> {
    // Ids begin with the time.
    let sql = "DELETE FROM access_tokens WHERE id IN (SELECT id FROM access_tokens WHERE user_id = $1 \
               ORDER BY id DESC LIMIT $2 OFFSET $3)";
    conn.run(sql, &[user_id.into(), BATCH.into(), most.into()]).await
}

/// The token with that id.
///
/// # Errors
/// When the store cannot be read.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<AccessToken>> {
    let sql = "SELECT user_id, source, scope, digest, created, expires FROM access_tokens WHERE id = $1";
    let Some(row) = conn.one(sql, &[id.into()]).await? else { return Ok(None) };
    let mut row = row.read(TABLE).about(id);
    Ok(Some(AccessToken {
        id: id.to_owned(),
        user_id: row.text("user_id")?,
        source: Some(row.text("source")?).filter(|source| !source.is_empty()),
        scope: row.text("scope")?,
        digest: row.digest("digest")?,
        created: row.time("created")?,
        expires: row.time("expires")?,
    }))
}

/// Everything about the bearers of the tokens with those ids, by id.
///
/// # Errors
/// When the store cannot be read.
pub async fn bearers(conn: &mut Conn, ids: &[&str]) -> Result<HashMap<String, Bearer>> {
    all_bearers(conn, ids, TABLE, &BEARERS).await
}

static BEARERS: LazyLock<ForMany> = LazyLock::new(|| bearers_in(TABLE));

/// Removes a token of a user. Gives `false` if there is none.
///
/// # Errors
/// When the store cannot be written.
pub async fn delete(conn: &mut Conn, user_id: &str, id: &str) -> Result<bool> {
    let sql = "DELETE FROM access_tokens WHERE id = $1 AND user_id = $2";
    Ok(conn.run(sql, &[id.into(), user_id.into()]).await? == 1)
}

/// Removes the tokens that a user got for a key, or for the secret if none is named.
///
/// # Errors
/// When the store cannot be written.
pub async fn delete_from(conn: &mut Conn, user_id: &str, source: Option<&str>) -> Result<()> {
    let sql = "DELETE FROM access_tokens WHERE user_id = $1 AND source = $2";
    conn.run(sql, &[user_id.into(), source.unwrap_or_default().into()]).await.map(|_| ())
}

/// Removes at most [`BATCH`] tokens that expired before a time. Gives how many.
///
/// # Errors
/// When the store cannot be written.
pub async fn remove_expired(conn: &mut Conn, before: Timestamp) -> Result<u64> {
    let sql = "DELETE FROM access_tokens WHERE id IN \
               (SELECT id FROM access_tokens WHERE expires < $1 ORDER BY expires, id LIMIT $2)";
    conn.run(sql, &[before.into(), BATCH.into()]).await
}

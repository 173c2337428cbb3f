//! Keys that sign tokens which others read. They are published before they sign and until what they signed is over.

use doorward_core::base::Timestamp;

use crate::db::Conn;
use crate::error::Result;

/// A key, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// The id, which is in the header of what is signed by it.
    pub id: String,
    /// SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
    /// The private half in PKCS #8, sealed.
    pub sealed: Vec<u8>,
    /// When it was made, and from then on is published.
    pub created: Timestamp,
    /// From when it signs.
    pub signs: Timestamp,
    /// When it stops being published; nothing as long as no other one is to follow.
    pub retires: Option<Timestamp>,
}

/// The keys that have not retired, the one that signs last first.
///
/// # Errors
/// When the store cannot be read.
pub async fn published(conn: &mut Conn, now: Timestamp) -> Result<Vec<SigningKey>> {
    let sql = "SELECT id, public_key, sealed, created, signs, retires FROM signing_keys \
               WHERE retires IS NULL OR retires > $1 ORDER BY signs DESC, id DESC";
    let rows = conn.all(sql, &[now.into()]).await?;
    let read = |row: crate::db::Row| {
        let mut row = row.read("signing_keys");
        Ok(SigningKey {
            id: row.id()?,
            public_key: row.bytes("public_key")?,
            sealed: row.bytes("sealed")?,
            created: row.time("created")?,
            signs: row.time("signs")?,
            retires: row.maybe_time("retires")?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// All keys, the one that signs last first.
///
/// # Errors
/// When the store cannot be read.
pub async fn all(conn: &mut Conn) -> Result<Vec<SigningKey>> {
    published(conn, Timestamp(i64::MIN)).await
}

/// Keeps others from changing the keys as long as this transaction lasts.
///
/// # Errors
/// When the store cannot be locked.
pub async fn lock(conn: &mut Conn) -> Result<()> {
    conn.locked("SELECT id FROM instance FOR UPDATE OF instance", &[]).await.map(|_| ())
}

/// Adds a key, and says when those before it stop being published.
///
/// # Errors
/// When the store cannot be written.
pub async fn succeed(conn: &mut Conn, key: &SigningKey, retires: Timestamp) -> Result<()> {
    conn.run("UPDATE signing_keys SET retires = $1 WHERE retires IS NULL", &[retires.into()]).await?;
    let sql = "INSERT INTO signing_keys (id, public_key, sealed, created, signs, retires) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    let params = [
        (&key.id).into(),
        (&key.public_key).into(),
        (&key.sealed).into(),
        key.created.into(),
        key.signs.into(),
        key.retires.into(),
    ];
    conn.run(sql, &params).await.map(|_| ())
}

/// Takes all keys out of use: from now on none of them is published.
///
/// # Errors
/// When the store cannot be written.
pub async fn withdraw(conn: &mut Conn, now: Timestamp) -> Result<()> {
    let sql = "UPDATE signing_keys SET retires = $1 WHERE retires IS NULL OR retires > $1";
    conn.run(sql, &[now.into()]).await.map(|_| ())
}

/// Removes the keys that have retired. Gives how many.
///
/// # Errors
/// When the store cannot be written.
pub async fn remove_retired(conn: &mut Conn, now: Timestamp) -> Result<u64> {
    conn.run("DELETE FROM signing_keys WHERE retires <= $1", &[now.into()]).await
}

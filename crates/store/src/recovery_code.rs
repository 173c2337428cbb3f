//! Recovery codes of users, as digests. A used code has no row any more.

use doorward_core::base::Timestamp;
use doorward_core::token::Digest;

use crate::db::Conn;
use crate::error::Result;

/// Gives the user these codes in place of all that were there.
///
/// # Errors
/// When the store cannot be written.
pub async fn replace(conn: &mut Conn, user_id: &str, digests: &[Digest], now: Timestamp) -> Result<()> {
    remove(conn, user_id).await?;
    let sql = "INSERT INTO recovery_codes (user_id, place, digest, created) VALUES ($1, $2, $3, $4)";
    for (place, digest) in digests.iter().enumerate() {
        let place = format!("{place:02}");
        conn.run(sql, &[user_id.into(), place.into(), digest.into(), now.into()]).await?;
    }
    Ok(())
}

/// Whether the user has that code.
///
/// # Errors
/// When the store cannot be read.
pub async fn has(conn: &mut Conn, user_id: &str, digest: &Digest) -> Result<bool> {
    let sql = "SELECT 1 FROM recovery_codes WHERE user_id = $1 AND digest = $2";
    Ok(conn.one(sql, &[user_id.into(), digest.into()]).await?.is_some())
}

/// Uses up a code. Gives `false` if the user has no such code, or has it no more.
///
/// # Errors
/// When the store cannot be written.
pub async fn take(conn: &mut Conn, user_id: &str, digest: &Digest) -> Result<bool> {
    let sql = "DELETE FROM recovery_codes WHERE user_id = $1 AND digest = $2";
    Ok(conn.run(sql, &[user_id.into(), digest.into()]).await? > 0)
}

/// How many codes are left.
///
/// # Errors
/// When the store cannot be read.
pub async fn count(conn: &mut Conn, user_id: &str) -> Result<u64> {
    let sql = "SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1";
    let row = conn.one(sql, &[user_id.into()]).await?;
    row.map_or(Ok(0), |row| row.read("recovery_codes").about(user_id).count("count"))
}

/// Removes all codes. Gives `false` if there were none.
///
/// # Errors
/// When the store cannot be written.
pub async fn remove(conn: &mut Conn, user_id: &str) -> Result<bool> {
    Ok(conn.run("DELETE FROM recovery_codes WHERE user_id = $1", &[user_id.into()]).await? > 0)
}

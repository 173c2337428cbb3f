//! Challenges of sessions. Whoever writes them has locked the session.

use doorward_core::challenge::MOST_FAILURES;

use crate::db::Conn;
use crate::error::Result;

pub use doorward_core::challenge::{ChallengeKind, NewChallenge, StoredChallenge};

/// The challenge of that kind, whether or not its time is over.
///
/// # Errors
/// When the store cannot be read.
pub async fn find(conn: &mut Conn, session_id: &str, kind: ChallengeKind) -> Result<Option<StoredChallenge>> {
    let sql =
        "SELECT digest, detail, failed, created, expires FROM challenges WHERE session_id = $1 AND kind = $2";
    let Some(row) = conn.one(sql, &[session_id.into(), kind.name().into()]).await? else { return Ok(None) };
    let mut row = row.read("challenges").about(session_id);
    Ok(Some(StoredChallenge {
        digest: row.maybe_digest("digest")?,
        detail: row.maybe_text("detail")?,
        failed: u32::try_from(row.count("failed")?).unwrap_or(u32::MAX),
        created: row.time("created")?,
        expires: row.time("expires")?,
    }))
}

/// Stores a challenge in place of the one of its kind.
///
/// # Errors
/// When the store cannot be written.
pub async fn save(conn: &mut Conn, session_id: &str, challenge: &NewChallenge) -> Result<()> {
    let sql = "INSERT INTO challenges (session_id, kind, digest, detail, failed, created, expires) \
               VALUES ($1, $2, $3, $4, 0, $5, $6) ON CONFLICT (session_id, kind) DO UPDATE SET digest = $3, \
               detail = $4, failed = 0, created = $5, expires = $6";
    let params = [
        session_id.into(),
        challenge.kind.name().into(),
        challenge.digest.as_ref().into(),
        challenge.detail.as_ref().into(),
        challenge.created.into(),
        challenge.expires.into(),
    ];
    conn.run(sql, &params).await.map(|_| ())
}

/// Removes a challenge: it was answered.
///
/// # Errors
/// When the store cannot be written.
pub async fn remove(conn: &mut Conn, session_id: &str, kind: ChallengeKind) -> Result<()> {
    let sql = "DELETE FROM challenges WHERE session_id = $1 AND kind = $2";
    conn.run(sql, &[session_id.into(), kind.name().into()]).await.map(|_| ())
}

/// Counts a wrong answer; the last one that is allowed removes the challenge.
///
/// # Errors
/// When the store cannot be written.
pub async fn fail(conn: &mut Conn, session_id: &str, kind: ChallengeKind) -> Result<()> {
    let sql = "UPDATE challenges SET failed = failed + 1 WHERE session_id = $1 AND kind = $2";
    conn.run(sql, &[session_id.into(), kind.name().into()]).await?;
    let sql = "DELETE FROM challenges WHERE session_id = $1 AND kind = $2 AND failed >= $3";
    conn.run(sql, &[session_id.into(), kind.name().into(), MOST_FAILURES.into()]).await.map(|_| ())
}

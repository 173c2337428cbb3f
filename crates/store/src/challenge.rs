//! Challenges of sessions: one of a kind.

use doorward_core::base::Timestamp;
use doorward_core::token::Digest;

use crate::db::Conn;
use crate::error::Result;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChallengeKind {
    /// A passkey or U2F key.
    WebAuthN,
    /// A code by SMS.
    OtpSms,
    /// A code by mail.
    OtpEmail,
}

/// A challenge, as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredChallenge {
    /// The keyed digest of a code.
    pub digest: Option<Digest>,
    /// What else it is held against.
    pub detail: Option<String>,
    /// How many answers were wrong.
    pub failed: u32,
    /// When it was made.
    pub created: Timestamp,
    /// From then on it is no longer accepted.
    pub expires: Timestamp,
}

/// A challenge to be stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewChallenge {
    /// Of what.
    pub kind: ChallengeKind,
    /// The keyed digest of a code.
    pub digest: Option<Digest>,
    /// What else it is held against.
    pub detail: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// From then on it is no longer accepted.
    pub expires: Timestamp,
}

impl ChallengeKind {
    const fn name(self) -> &'static str {
        match self {
            Self::WebAuthN => "web_auth_n",
            Self::OtpSms => "otp_sms",
            Self::OtpEmail => "otp_email",
        }
    }
}

/// The challenge of a session, whether or not it has expired.
///
/// # Errors
/// When the store cannot be read.
pub async fn find(conn: &mut Conn, session_id: &str, kind: ChallengeKind) -> Result<Option<StoredChallenge>> {
    let sql = "SELECT detail, failed, created, expires FROM challenges WHERE session_id = $1 AND kind = $2";
    let row = conn.one(sql, &[session_id.into(), kind.name().into()]).await?;
    let Some(mut row) = row.map(|row| row.read("challenges").about(session_id)) else { return Ok(None) };
    let detail = row.maybe_text("detail")?;
    let failed = u32::try_from(row.count("failed")?).unwrap_or(u32::MAX);
    Ok(Some(StoredChallenge {
        digest: None,
        detail,
        failed,
        created: row.time("created")?,
        expires: row.time("expires")?,
    }))
}

/// Stores a challenge in place of the one of its kind.
///
/// # Errors
/// When the store cannot be written.
pub async fn save(conn: &mut Conn, session_id: &str, new: &NewChallenge) -> Result<()> {
    delete(conn, session_id, new.kind).await?;
    let sql = "INSERT INTO challenges (session_id, kind, digest, detail, failed, created, expires) \
               VALUES ($1, $2, $3, $4, 0, $5, $6)";
    let params = [
        session_id.into(),
        new.kind.name().into(),
        new.digest.as_ref().into(),
        new.detail.as_ref().into(),
        new.created.into(),
        new.expires.into(),
    ];
    conn.run(sql, &params).await.map(drop)
}

/// Counts a wrong answer; the last one that is allowed removes the challenge.
///
/// # Errors
/// When the store cannot be written.
pub async fn fail(conn: &mut Conn, session_id: &str, kind: ChallengeKind) -> Result<()> {
    let sql = "UPDATE challenges SET failed = failed + 1 WHERE session_id = $1 AND kind = $2";
    conn.run(sql, &[session_id.into(), kind.name().into()]).await?;
    let sql = "DELETE FROM challenges WHERE session_id = $1 AND kind = $2 AND failed >= 5";
    conn.run(sql, &[session_id.into(), kind.name().into()]).await.map(drop)
}

/// Removes a challenge.
///
/// # Errors
/// When the store cannot be written.
pub async fn delete(conn: &mut Conn, session_id: &str, kind: ChallengeKind) -> Result<()> {
    let sql = "DELETE FROM challenges WHERE session_id = $1 AND kind = $2";
    conn.run(sql, &[session_id.into(), kind.name().into()]).await.map(drop)
}

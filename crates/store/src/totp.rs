//! Time-based codes of users: the sealed secret, and the step of the last code that counted.

use doorward_core::base::Timestamp;

use crate::db::Conn;
use crate::error::Result;

/// The time-based codes of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totp {
    /// The secret, sealed.
    pub secret: Vec<u8>,
    /// Whether a code has shown that the user has the secret, too.
    pub ready: bool,
    /// The step of the last code that counted.
    pub last_step: Option<u64>,
    /// When it was made.
    pub created: Timestamp,
}

/// The time-based codes of a user.
///
/// # Errors
/// When the store cannot be read.
pub async fn find(conn: &mut Conn, user_id: &str) -> Result<Option<Totp>> {
    let sql = "SELECT secret, ready, last_step, created FROM totps WHERE user_id = $1";
    let Some(row) = conn.one(sql, &[user_id.into()]).await? else { return Ok(None) };
    let mut row = row.read("totps").about(user_id);
    let (secret, ready) = (row.bytes("secret")?, row.flag("ready")?);
    let last_step = row.maybe_int("last_step")?.map(u64::try_from).transpose();
    let last_step = last_step.map_err(|_| row.corrupt("last_step", "is negative"))?;
    Ok(Some(Totp { secret, ready, last_step, created: row.time("created")? }))
}

/// Stores the time-based codes of a user in place of those that were there.
///
/// # Errors
/// When the store cannot be written.
pub async fn save(conn: &mut Conn, user_id: &str, totp: &Totp) -> Result<()> {
    let sql = "INSERT INTO totps (user_id, secret, ready, last_step, created) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (user_id) DO UPDATE SET secret = $2, ready = $3, last_step = $4, created = $5";
    let params = [
        user_id.into(),
        (&totp.secret).into(),
        totp.ready.into(),
        totp.last_step.into(),
        totp.created.into(),
    ];
    conn.run(sql, &params).await.map(|_| ())
}

/// Makes them ready, by the code of a step, which counts as used. Gives `false` if there is nothing that waits for it.
///
/// # Errors
/// When the store cannot be written.
pub async fn make_ready(conn: &mut Conn, user_id: &str, step: u64) -> Result<bool> {
    let sql = "UPDATE totps SET ready = TRUE, last_step = $2 WHERE user_id = $1 AND ready = FALSE";
    Ok(conn.run(sql, &[user_id.into(), step.into()]).await? == 1)
}

/// Uses up the code of a step and of all before it. Gives `false` if that was done before, or if nothing is ready.
///
/// # Errors
/// When the store cannot be written.
pub async fn accept_step(conn: &mut Conn, user_id: &str, step: u64) -> Result<bool> {
    let sql = "UPDATE totps SET last_step = $2 \
               WHERE user_id = $1 AND ready = TRUE AND (last_step IS NULL OR last_step < $2)";
    Ok(conn.run(sql, &[user_id.into(), step.into()]).await? == 1)
}

/// Removes them. Gives `false` if there were none.
///
/// # Errors
/// When the store cannot be written.
pub async fn remove(conn: &mut Conn, user_id: &str) -> Result<bool> {
    Ok(conn.run("DELETE FROM totps WHERE user_id = $1", &[user_id.into()]).await? == 1)
}

//! Who takes codes by SMS or mail. Where to, the user's row says.

use doorward_core::base::Timestamp;
use doorward_core::otp::Channel;

use crate::db::Conn;
use crate::error::Result;

/// Whether the user takes codes this way.
///
/// # Errors
/// When the store cannot be read.
pub async fn has(conn: &mut Conn, user_id: &str, channel: Channel) -> Result<bool> {
    let sql = "SELECT 1 FROM otp_factors WHERE user_id = $1 AND channel = $2";
    Ok(conn.one(sql, &[user_id.into(), channel.name().into()]).await?.is_some())
}

/// Notes that the user takes codes this way. Gives `false` if that was known.
///
/// # Errors
/// When the store cannot be written.
pub async fn add(conn: &mut Conn, user_id: &str, channel: Channel, now: Timestamp) -> Result<bool> {
    let sql =
        "INSERT INTO otp_factors (user_id, channel, created) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    Ok(conn.run(sql, &[user_id.into(), channel.name().into(), now.into()]).await? == 1)
}

/// Notes that the user takes no codes this way any more. Gives `false` if that was so.
///
/// # Errors
/// When the store cannot be written.
pub async fn remove(conn: &mut Conn, user_id: &str, channel: Channel) -> Result<bool> {
    let sql = "DELETE FROM otp_factors WHERE user_id = $1 AND channel = $2";
    Ok(conn.run(sql, &[user_id.into(), channel.name().into()]).await? == 1)
}

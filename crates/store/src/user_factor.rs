//! What users have set up to log in with, besides a password: everything at one glance, whatever table holds it.

use doorward_core::base::Timestamp;

use crate::db::{Columns, Conn};
use crate::error::Result;

/// Something to log in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Factor {
    /// Time-based codes.
    Totp,
    /// Codes by SMS.
    OtpSms,
    /// Codes by mail.
    OtpEmail,
    /// A key as a second factor.
    U2f,
    /// A key that suffices alone.
    Passkey,
    /// Recovery codes, as long as one is left.
    RecoveryCodes,
    /// An account at an identity provider.
    IdpLink,
}

/// What a user has set up. Of keys there may be many, of the rest there is one at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetUp {
    /// What it is.
    pub factor: Factor,
    /// The id of a key; empty for the rest.
    pub id: String,
    /// What the user calls a key; empty for the rest, and before the key is ready.
    pub name: String,
    /// The relying party that a key is bound to; empty for the rest.
    pub rp_id: String,
    /// Whether it can be used; otherwise its registration waits to be finished.
    pub ready: bool,
}

/// Everything that a user has set up, by factor, keys by id. Registrations that were not finished in time are left out.
///
/// # Errors
/// When the store cannot be read.
pub async fn of_user(conn: &mut Conn, user_id: &str, now: Timestamp) -> Result<Vec<SetUp>> {
    // One statement, so that it is one moment that is shown.
    let sql = "SELECT 'totp', '', '', '', ready FROM totps WHERE user_id = $1 \
         UNION ALL SELECT channel, '', '', '', TRUE FROM otp_factors WHERE user_id = $1 \
         UNION ALL SELECT CASE WHEN second_factor THEN 'u2f' ELSE 'passkey' END, id, name, rp_id, ready \
         FROM passkeys WHERE user_id = $1 AND (ready OR expires > $2) \
         UNION ALL SELECT 'recovery_codes', '', '', '', TRUE \
         WHERE EXISTS (SELECT 1 FROM recovery_codes WHERE user_id = $1) \
         UNION ALL SELECT 'idp_link', '', '', '', TRUE WHERE EXISTS (SELECT 1 FROM idp_links WHERE user_id = $1)";
    let rows = conn.all(sql, &[user_id.into(), now.into()]).await?;
    let found: Result<Vec<SetUp>> =
        rows.into_iter().map(|row| read(row.read("factors").about(user_id))).collect();
    let mut found = found?;
    // Here and not in the statement: no two engines need to agree on an order of texts.
    found.sort_unstable();
    Ok(found)
}

fn read(mut row: Columns) -> Result<SetUp> {
    let factor = match row.text("factor")?.as_str() {
        "totp" => Factor::Totp,
        "sms" => Factor::OtpSms,
        "email" => Factor::OtpEmail,
        "u2f" => Factor::U2f,
        "passkey" => Factor::Passkey,
        "recovery_codes" => Factor::RecoveryCodes,
        "idp_link" => Factor::IdpLink,
        _ => return Err(row.corrupt("channel", "is unknown")),
    };
    let (id, name, rp_id) = (row.text("id")?, row.text("name")?, row.text("rp_id")?);
    Ok(SetUp { factor, id, name, rp_id, ready: row.flag("ready")? })
}

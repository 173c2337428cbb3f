//! Keys of users: passkeys and second factors (U2F), finished or being registered, and the codes that let somebody
//! register a passkey. Whoever writes them has locked their user, except for the counter of a key.

use doorward_core::base::Timestamp;
use doorward_core::passkey::{KeyList, Registered};
use doorward_core::token::Digest;
use doorward_core::user::MOST_WRONG_CODES;

use crate::db::{Columns, Conn};
use crate::error::Result;

/// A finished key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Passkey {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// The list that it is in.
    pub list: KeyList,
    /// The relying party that it is bound to.
    pub rp_id: String,
    /// What its user calls it.
    pub name: String,
    /// What assertions are held against.
    pub registered: Registered,
    /// When its registration began.
    pub created: Timestamp,
    /// When it was finished or last used.
    pub changed: Timestamp,
}

/// A key that is being registered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Its id.
    pub id: String,
    /// Whose it will be.
    pub user_id: String,
    /// The list that it will be in.
    pub list: KeyList,
    /// The relying party that it will be bound to.
    pub rp_id: String,
    /// What the answer of the browser is held against.
    pub registration: String,
    /// When the registration began.
    pub created: Timestamp,
    /// Until when it has to be finished.
    pub expires: Timestamp,
}

/// A code that lets somebody register a passkey.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasskeyCode {
    /// Its id, which is told along with it.
    pub id: String,
    /// For whom.
    pub user_id: String,
    /// The keyed digest.
    pub digest: Digest,
    /// From then on it is no longer accepted.
    pub expires: Timestamp,
    /// How many wrong codes were presented under this id.
    pub failed: u32,
}

const READY: &str = "SELECT id, user_id, second_factor, rp_id, name, credential_id, credential, sign_count, created, \
                     changed FROM passkeys WHERE ready AND user_id = $1";

/// The finished keys of a user in a list, the oldest first.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(conn: &mut Conn, user_id: &str, list: KeyList) -> Result<Vec<Passkey>> {
    let sql = format!("{READY} AND second_factor = $2 ORDER BY id");
    let rows = conn.all(&sql, &[user_id.into(), is_second_factor(list).into()]).await?;
    rows.into_iter().map(|row| read(row.read("passkeys"))).collect()
}

/// A finished key of a user, locked until the transaction ends.
///
/// # Errors
/// When the store cannot be read, or this is no transaction that writes.
pub async fn lock(conn: &mut Conn, user_id: &str, id: &str) -> Result<Option<Passkey>> {
    let row = conn.locked(&format!("{READY} AND id = $2 FOR UPDATE"), &[user_id.into(), id.into()]).await?;
    row.map(|row| read(row.read("passkeys"))).transpose()
}

/// Begins a registration. One that was not finished in the same list of the user is over.
///
/// # Errors
/// When the store cannot be written.
pub async fn begin(conn: &mut Conn, pending: &Pending) -> Result<()> {
    let second_factor = is_second_factor(pending.list);
    let sql = "DELETE FROM passkeys WHERE user_id = $1 AND second_factor = $2 AND NOT ready";
    conn.run(sql, &[(&pending.user_id).into(), second_factor.into()]).await?;
    let sql = "INSERT INTO passkeys (id, user_id, second_factor, ready, rp_id, name, registration, expires, sign_count, \
               created, changed) VALUES ($1, $2, $3, FALSE, $4, '', $5, $6, 0, $7, $7)";
    let params = [
        (&pending.id).into(),
        (&pending.user_id).into(),
        second_factor.into(),
        (&pending.rp_id).into(),
        (&pending.registration).into(),
        pending.expires.into(),
        pending.created.into(),
    ];
    conn.run(sql, &params).await.map(drop)
}

/// A registration that was begun, whether or not its time is over.
///
/// # Errors
/// When the store cannot be read.
pub async fn pending(conn: &mut Conn, user_id: &str, list: KeyList, id: &str) -> Result<Option<Pending>> {
    if id.contains('\0') {
        return Ok(None);
    }
    let sql = "SELECT id, user_id, rp_id, registration, created, expires FROM passkeys WHERE id = $1 AND user_id = $2 \
               AND second_factor = $3 AND NOT ready";
    let row = conn.one(sql, &[id.into(), user_id.into(), is_second_factor(list).into()]).await?;
    let Some(mut row) = row.map(|row| row.read("passkeys")) else { return Ok(None) };
    Ok(Some(Pending {
        id: row.id()?,
        user_id: row.text("user_id")?,
        list,
        rp_id: row.text("rp_id")?,
        registration: row.text("registration")?,
        created: row.time("created")?,
        expires: row.time("expires")?,
    }))
}

/// Finishes a registration. Gives `false` if it is not there any more, or has been finished.
///
/// # Errors
/// When the store cannot be written.
pub async fn finish(
    conn: &mut Conn,
    pending: &Pending,
    name: &str,
    key: &Registered,
    now: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE passkeys SET ready = TRUE, name = $3, credential_id = $4, credential = $5, sign_count = $6, \
               changed = $7, registration = NULL, expires = NULL WHERE id = $1 AND user_id = $2 AND NOT ready \
               AND registration = $8";
    let params = [
        (&pending.id).into(),
        (&pending.user_id).into(),
        name.into(),
        (&key.credential_id).into(),
        (&key.credential).into(),
        key.sign_count.into(),
        now.into(),
        (&pending.registration).into(),
    ];
    Ok(conn.run(sql, &params).await? == 1)
}

/// Removes a key, finished or not. Gives `false` if there is none.
///
/// # Errors
/// When the store cannot be written.
pub async fn remove(conn: &mut Conn, user_id: &str, list: KeyList, id: &str) -> Result<bool> {
    if id.contains('\0') {
        return Ok(false);
    }
    let sql = "DELETE FROM passkeys WHERE id = $1 AND user_id = $2 AND second_factor = $3";
    Ok(conn.run(sql, &[id.into(), user_id.into(), is_second_factor(list).into()]).await? == 1)
}

/// Whether the user has the key in the list, finished or not.
///
/// # Errors
/// When the store cannot be read.
pub async fn exists(conn: &mut Conn, user_id: &str, list: KeyList, id: &str) -> Result<bool> {
    if id.contains('\0') {
        return Ok(false);
    }
    let sql = "SELECT 1 FROM passkeys WHERE id = $1 AND user_id = $2 AND second_factor = $3";
    Ok(conn.one(sql, &[id.into(), user_id.into(), is_second_factor(list).into()]).await?.is_some())
}

/// Notes how often a key has signed. Gives `false` if it has already signed as often or more, unless it counts nothing
/// at all.
///
/// # Errors
/// When the store cannot be written.
pub async fn advance(conn: &mut Conn, id: &str, sign_count: u32, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE passkeys SET sign_count = $2, changed = $3 WHERE id = $1 AND ready \
               AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))";
    Ok(conn.run(sql, &[id.into(), sign_count.into(), now.into()]).await? == 1)
}

/// Stores a code. Those of the user that have expired go.
///
/// # Errors
/// When the store cannot be written.
pub async fn insert_code(conn: &mut Conn, code: &PasskeyCode, now: Timestamp) -> Result<()> {
    let sql = "DELETE FROM passkey_codes WHERE user_id = $1 AND expires <= $2";
    conn.run(sql, &[(&code.user_id).into(), now.into()]).await?;
    let sql = "INSERT INTO passkey_codes (id, user_id, digest, expires, failed) VALUES ($1, $2, $3, $4, $5)";
    let params = [
        (&code.id).into(),
        (&code.user_id).into(),
        (&code.digest).into(),
        code.expires.into(),
        code.failed.into(),
    ];
    conn.run(sql, &params).await.map(drop)
}

/// A code of a user, whether or not it has expired.
///
/// # Errors
/// When the store cannot be read.
pub async fn code(conn: &mut Conn, user_id: &str, id: &str) -> Result<Option<PasskeyCode>> {
    if id.contains('\0') {
        return Ok(None);
    }
    let sql = "SELECT id, user_id, digest, expires, failed FROM passkey_codes WHERE id = $1 AND user_id = $2";
    let row = conn.one(sql, &[id.into(), user_id.into()]).await?;
    let Some(mut row) = row.map(|row| row.read("passkey_codes")) else { return Ok(None) };
    Ok(Some(PasskeyCode {
        id: row.id()?,
        user_id: row.text("user_id")?,
        digest: row.digest("digest")?,
        expires: row.time("expires")?,
        failed: u32::try_from(row.count("failed")?).unwrap_or(u32::MAX),
    }))
}

/// Counts a wrong code; the last one that is allowed voids it.
///
/// # Errors
/// When the store cannot be written.
pub async fn fail_code(conn: &mut Conn, id: &str) -> Result<()> {
    conn.run("UPDATE passkey_codes SET failed = failed + 1 WHERE id = $1", &[id.into()]).await?;
    let sql = "DELETE FROM passkey_codes WHERE id = $1 AND failed >= $2";
    conn.run(sql, &[id.into(), MOST_WRONG_CODES.into()]).await.map(drop)
}

/// Uses a code up. Gives `false` if somebody else has.
///
/// # Errors
/// When the store cannot be written.
pub async fn use_code(conn: &mut Conn, id: &str) -> Result<bool> {
    Ok(conn.run("DELETE FROM passkey_codes WHERE id = $1", &[id.into()]).await? == 1)
}

const fn is_second_factor(list: KeyList) -> bool {
    matches!(list, KeyList::SecondFactors)
}

fn read(mut row: Columns) -> Result<Passkey> {
    let (id, user_id) = (row.id()?, row.text("user_id")?);
    let list = if row.flag("second_factor")? { KeyList::SecondFactors } else { KeyList::Passkeys };
    let (rp_id, name) = (row.text("rp_id")?, row.text("name")?);
    let (credential_id, credential) = (row.bytes("credential_id")?, row.text("credential")?);
    let sign_count =
        u32::try_from(row.count("sign_count")?).map_err(|_| row.corrupt("sign_count", "is too large"))?;
    let registered = Registered { credential_id, credential, sign_count };
    let (created, changed) = (row.time("created")?, row.time("changed")?);
    Ok(Passkey { id, user_id, list, rp_id, name, registered, created, changed })
}

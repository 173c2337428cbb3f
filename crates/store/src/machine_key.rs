//! Public keys of machine users.

use doorward_core::base::Timestamp;
use doorward_core::search::{Page, UserView};

use crate::credential::{self, Credential, CredentialFilter, CredentialOrder};
use crate::db::Conn;
use crate::error::Result;
use crate::session_search::Found;

/// A key, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineKey {
    /// The id, which is in the header of what is signed by it.
    pub id: String,
    /// The machine user it belongs to.
    pub user_id: String,
    /// SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
    /// When it was added.
    pub created: Timestamp,
    /// When it stops working.
    pub expires: Timestamp,
}

/// Adds a key.
///
/// # Errors
/// When the store cannot be written.
pub async fn insert(conn: &mut Conn, key: &MachineKey) -> Result<()> {
    let sql =
        "INSERT INTO machine_keys (id, user_id, public_key, created, expires) VALUES ($1, $2, $3, $4, $5)";
    let params = [
        (&key.id).into(),
        (&key.user_id).into(),
        (&key.public_key).into(),
        key.created.into(),
        key.expires.into(),
    ];
    conn.run(sql, &params).await.map(|_| ())
}

/// The key with that id.
///
/// # Errors
/// When the store cannot be read.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<MachineKey>> {
    let sql = "SELECT user_id, public_key, created, expires FROM machine_keys WHERE id = $1";
    let Some(row) = conn.one(sql, &[id.into()]).await? else { return Ok(None) };
    let mut row = row.read("machine_keys").about(id);
    Ok(Some(MachineKey {
        id: id.to_owned(),
        user_id: row.text("user_id")?,
        public_key: row.bytes("public_key")?,
        created: row.time("created")?,
        expires: row.time("expires")?,
    }))
}

/// Removes a key of a user. Gives `false` if there is none.
///
/// # Errors
/// When the store cannot be written.
pub async fn delete(conn: &mut Conn, user_id: &str, id: &str) -> Result<bool> {
    let sql = "DELETE FROM machine_keys WHERE id = $1 AND user_id = $2";
    Ok(conn.run(sql, &[id.into(), user_id.into()]).await? == 1)
}

/// How many keys a user has.
///
/// # Errors
/// When the store cannot be read.
pub async fn count(conn: &mut Conn, user_id: &str) -> Result<u64> {
    let sql = "SELECT COUNT(*) FROM machine_keys WHERE user_id = $1";
    let row = conn.one(sql, &[user_id.into()]).await?;
    row.map_or(Ok(0), |row| row.read("machine_keys").about(user_id).count("count"))
}

/// Finds keys, those of users whom `view` shows.
///
/// # Errors
/// When the store cannot be read.
pub async fn search(
    conn: &mut Conn,
    filters: &[CredentialFilter],
    view: &UserView,
    order: CredentialOrder,
    page: Page,
) -> Result<Found<Credential>> {
    credential::search(conn, "machine_keys", filters, view, (order, page)).await
}

//! The instance and its organisations.

use doorward_core::base::Timestamp;
use doorward_core::token::Digest;

use crate::db::{Conn, Row};
use crate::error::Result;

/// The instance: everything in one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The id, which owns every session.
    pub id: String,
    /// The organisation that was made first, for users of which nothing else is said.
    pub default_organisation: String,
}

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// The id.
    pub id: String,
    /// The name, unique whatever its case.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
}

/// The instance, once the store was set up.
///
/// # Errors
/// When the store cannot be read.
pub async fn instance(conn: &mut Conn) -> Result<Option<Instance>> {
    let sql = "SELECT i.id, o.id FROM instance i, organisations o ORDER BY o.created, o.id LIMIT 1";
    let Some(row) = conn.one(sql, &[]).await? else { return Ok(None) };
    let mut row = row.read("instance");
    Ok(Some(Instance { id: row.id()?, default_organisation: row.text("organisation")? }))
}

/// Waits until no other node is setting up the store, and keeps others waiting until the transaction ends.
///
/// # Errors
/// When the store cannot be reached.
pub async fn set_up_alone(conn: &mut Conn) -> Result<()> {
    conn.alone().await
}

/// Makes the instance. Gives `false` if there is one already.
///
/// # Errors
/// When the store cannot be written.
pub async fn insert_instance(conn: &mut Conn, id: &str, now: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO instance (id, created) SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM instance)";
    Ok(conn.run(sql, &[id.into(), now.into()]).await? == 1)
}

/// What tells whether a master key is the one of this store.
///
/// # Errors
/// When the store cannot be read.
pub async fn key_check(conn: &mut Conn) -> Result<Option<Digest>> {
    let sql = "SELECT key_check FROM instance WHERE key_check IS NOT NULL";
    let row = conn.one(sql, &[]).await?;
    row.map(|row| row.read("instance").digest("key_check")).transpose()
}

/// Stores what [`key_check`] gives.
///
/// # Errors
/// When the store cannot be written.
pub async fn save_key_check(conn: &mut Conn, check: &Digest) -> Result<()> {
    conn.run("UPDATE instance SET key_check = $1", &[check.into()]).await.map(|_| ())
}

/// Makes an organisation. Gives `false` if the name is taken.
///
/// # Errors
/// When the store cannot be written.
pub async fn insert(conn: &mut Conn, organisation: &Organisation) -> Result<bool> {
    let sql = "INSERT INTO organisations (id, name, name_key, created) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    let key = organisation.name.to_lowercase();
    let params =
        [(&organisation.id).into(), (&organisation.name).into(), (&key).into(), organisation.created.into()];
    Ok(conn.run(sql, &params).await? == 1)
}

/// Whether there is an organisation with that id.
///
/// # Errors
/// When the store cannot be read.
pub async fn exists(conn: &mut Conn, id: &str) -> Result<bool> {
    Ok(conn.one("SELECT 1 FROM organisations WHERE id = $1", &[id.into()]).await?.is_some())
}

/// All organisations, oldest first.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(conn: &mut Conn) -> Result<Vec<Organisation>> {
    let rows = conn.all("SELECT id, name, created FROM organisations ORDER BY created, id", &[]).await?;
    rows.into_iter().map(read).collect()
}

fn read(row: Row) -> Result<Organisation> {
    let mut row = row.read("organisations");
    Ok(Organisation { id: row.id()?, name: row.text("name")?, created: row.time("created")? })
}

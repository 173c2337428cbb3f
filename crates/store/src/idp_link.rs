//! Links between users and their accounts at identity providers. An account is linked to one user at most.

use doorward_core::base::Timestamp;
use doorward_core::search::Page;

use crate::db::{Conn, Row};
use crate::error::Result;
use crate::session_search::Found;

/// A link, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdpLink {
    /// The provider.
    pub idp_id: String,
    /// The id of the account at the provider.
    pub external_id: String,
    /// The user.
    pub user_id: String,
    /// The name of the account at the provider, for people.
    pub username: String,
    /// When they were linked.
    pub created: Timestamp,
}

/// Adds a link. Gives `false` if the account is linked already, to whomever.
///
/// # Errors
/// When the store cannot be written.
pub async fn insert(conn: &mut Conn, link: &IdpLink) -> Result<bool> {
    let sql = "INSERT INTO idp_links (idp_id, external_id, user_id, username, created) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (idp_id, external_id) DO NOTHING";
    let params = [
        (&link.idp_id).into(),
        (&link.external_id).into(),
        (&link.user_id).into(),
        (&link.username).into(),
        link.created.into(),
    ];
    Ok(conn.run(sql, &params).await? == 1)
}

/// The link of an account.
///
/// # Errors
/// When the store cannot be read.
pub async fn find(conn: &mut Conn, idp_id: &str, external_id: &str) -> Result<Option<IdpLink>> {
    let sql = "SELECT idp_id, external_id, user_id, username, created FROM idp_links \
               WHERE idp_id = $1 AND external_id = $2";
    conn.one(sql, &[idp_id.into(), external_id.into()]).await?.map(read).transpose()
}

/// Whether a user is linked to any account at a provider.
///
/// # Errors
/// When the store cannot be read.
pub async fn has_any(conn: &mut Conn, user_id: &str, idp_id: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM idp_links WHERE user_id = $1 AND idp_id = $2 LIMIT 1";
    Ok(conn.one(sql, &[user_id.into(), idp_id.into()]).await?.is_some())
}

/// The ids of the active users who have shown that a mail address is theirs: two at most.
///
/// # Errors
/// When the store cannot be read.
pub async fn owners_of_mail(conn: &mut Conn, address: &str) -> Result<Vec<String>> {
    let sql = "SELECT id FROM users WHERE email IS NOT NULL AND email = $1 AND email_verified AND state = 1 \
               ORDER BY id LIMIT 2";
    let rows = conn.all(sql, &[address.into()]).await?;
    rows.into_iter().map(|row| row.read("users").id()).collect()
}

/// How many links a user has.
///
/// # Errors
/// When the store cannot be read.
pub async fn count(conn: &mut Conn, user_id: &str) -> Result<u64> {
    let row = conn.one("SELECT COUNT(*) FROM idp_links WHERE user_id = $1", &[user_id.into()]).await?;
    row.map_or(Ok(0), |row| row.read("idp_links").about(user_id).count("count"))
}

/// The links of a user, by provider and account, with the number of all.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(conn: &mut Conn, user_id: &str, page: Page) -> Result<Found<IdpLink>> {
    let total = count(conn, user_id).await?;
    let sql = if page.ascending {
        "SELECT idp_id, external_id, user_id, username, created FROM idp_links WHERE user_id = $1 \
         ORDER BY idp_id, external_id LIMIT $2 OFFSET $3"
    } else {
        "SELECT idp_id, external_id, user_id, username, created FROM idp_links WHERE user_id = $1 \
         ORDER BY idp_id DESC, external_id DESC LIMIT $2 OFFSET $3"
    };
    let rows = conn.all(sql, &[user_id.into(), page.limit.into(), page.offset.into()]).await?;
    Ok(Found { entries: rows.into_iter().map(read).collect::<Result<_>>()?, total })
}

/// Removes a link of a user. Gives `false` if there is none.
///
/// # Errors
/// When the store cannot be written.
pub async fn remove(conn: &mut Conn, user_id: &str, idp_id: &str, external_id: &str) -> Result<bool> {
    let sql = "DELETE FROM idp_links WHERE idp_id = $1 AND external_id = $2 AND user_id = $3";
    Ok(conn.run(sql, &[idp_id.into(), external_id.into(), user_id.into()]).await? == 1)
}

fn read(row: Row) -> Result<IdpLink> {
    let mut row = row.read("idp_links");
    Ok(IdpLink {
        idp_id: row.text("idp_id")?,
        external_id: row.text("external_id")?,
        user_id: row.text("user_id")?,
        username: row.text("username")?,
        created: row.time("created")?,
    })
}

//! Personal access tokens: only their digests are here.

use std::collections::HashMap;
use std::sync::LazyLock;

use doorward_core::base::Timestamp;
use doorward_core::caller::Membership;
use doorward_core::search::{Page, UserView};
use doorward_core::token::Digest;
use doorward_core::user::UserState;

use crate::credential;
use crate::db::{Columns, Conn};
use crate::error::Result;
use crate::grant;
use crate::session::{self, ShownSession, shown_columns};
use crate::session_search::Found;
use crate::where_clause::{ForMany, MOST_VALUES};

pub use crate::credential::{
    Credential as AccessToken, CredentialFilter as TokenFilter, CredentialOrder as TokenOrder,
};

pub(crate) const TABLE: &str = "personal_access_tokens";

/// What is needed to let the bearer of a token in, in one read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The digest of the only text that fits.
    pub digest: Digest,
    /// When the token stops working.
    pub expires: Timestamp,
    /// The user behind it.
    pub user_id: String,
    /// The organisation of the user.
    pub organisation: String,
    /// The state of the user.
    pub state: Option<UserState>,
    /// The roles of the user.
    pub memberships: Vec<Membership>,
}

/// Adds a token.
///
/// # Errors
/// When the store cannot be written.
pub async fn insert(conn: &mut Conn, token: &AccessToken, digest: &Digest) -> Result<()> {
    let sql = "INSERT INTO personal_access_tokens (id, user_id, digest, created, expires) VALUES ($1, $2, $3, $4, $5)";
    let params = [
        (&token.id).into(),
        (&token.user_id).into(),
        digest.into(),
        token.created.into(),
        token.expires.into(),
    ];
    conn.run(sql, &params).await.map(|_| ())
}

/// When the token with that id was made.
///
/// # Errors
/// When the store cannot be read.
pub async fn created(conn: &mut Conn, id: &str) -> Result<Option<Timestamp>> {
    let sql = "SELECT created FROM personal_access_tokens WHERE id = $1";
    let row = conn.one(sql, &[id.into()]).await?;
    row.map(|row| row.read("personal_access_tokens").about(id).time("created")).transpose()
}

/// Removes a token of a user. Gives `false` if there is none.
///
/// # Errors
/// When the store cannot be written.
pub async fn delete(conn: &mut Conn, user_id: &str, id: &str) -> Result<bool> {
    let sql = "DELETE FROM personal_access_tokens WHERE id = $1 AND user_id = $2";
    Ok(conn.run(sql, &[id.into(), user_id.into()]).await? == 1)
}

/// Everything about the bearer of the token with that id.
///
/// # Errors
/// When the store cannot be read.
pub async fn bearer(conn: &mut Conn, id: &str) -> Result<Option<Bearer>> {
    Ok(bearers(conn, &[id]).await?.remove(id))
}

/// Everything about the bearers of the tokens with those ids, by id.
///
/// # Errors
/// When the store cannot be read.
pub async fn bearers(conn: &mut Conn, ids: &[&str]) -> Result<HashMap<String, Bearer>> {
    all_bearers(conn, ids, TABLE, &BEARERS).await
}

/// Everything about the bearers of tokens in a table, by the id of the token.
pub(crate) async fn all_bearers(
    conn: &mut Conn,
    ids: &[&str],
    table: &'static str,
    question: &ForMany,
) -> Result<HashMap<String, Bearer>> {
    let mut bearers: HashMap<String, Bearer> = HashMap::new();
    for ids in ids.chunks(MOST_VALUES) {
        let (sql, params) = question.with(ids);
        for row in conn.all(sql, &params).await? {
            let mut row = row.read(table);
            let (id, bearer) = (row.id()?, read(&mut row)?);
            let membership = grant::read(&mut row)?;
            bearers.entry(id).or_insert(bearer).memberships.extend(membership);
        }
    }
    Ok(bearers)
}

/// A bearer without its roles.
fn read(row: &mut Columns) -> Result<Bearer> {
    let (digest, expires) = (row.digest("digest")?, row.time("expires")?);
    let (user_id, organisation) = (row.text("user_id")?, row.text("organisation_id")?);
    let state = UserState::numbered(row.int("state")?);
    Ok(Bearer { digest, expires, user_id, organisation, state, memberships: Vec::new() })
}

const COLUMNS: &str =
    "t.id, t.digest, t.expires, b.id, b.organisation_id, b.state, g.organisation_id, g.role";
const JOINED: &str = "JOIN users b ON b.id = t.user_id LEFT JOIN grants g ON g.user_id = b.id";

/// The question for the bearers of tokens in a table.
pub(crate) fn bearers_in(table: &'static str) -> ForMany {
    ForMany::new(|places| format!("SELECT {COLUMNS} FROM {table} t {JOINED} WHERE t.id IN ({places})"))
}

/// The bearer of a token, and the session of another id: found in one statement, which on the embedded engine is most of
/// what finding a row costs.
///
/// # Errors
/// When the store cannot be read.
pub async fn beside_session(
    conn: &mut Conn,
    (table, question): (&'static str, &str),
    (id, session_id): (&str, &str),
) -> Result<(Option<Bearer>, Option<ShownSession>)> {
    let (mut bearer, mut shown) = (None::<Bearer>, None);
    for row in conn.all(question, &[id.into(), session_id.into()]).await? {
        let mut row = row.read(table);
        row.id()?;
        let found = read(&mut row)?;
        let membership = grant::read(&mut row)?;
        bearer.get_or_insert(found).memberships.extend(membership);
        if shown.is_none() && !row.is_null() {
            shown = Some(session::read(row)?);
        }
    }
    Ok((bearer, shown))
}

/// The question of [`beside_session`] for the tokens in a table.
pub(crate) fn beside_session_in(table: &'static str) -> String {
    format!(
        "SELECT {COLUMNS}, {} FROM {table} t {JOINED} LEFT JOIN sessions s ON s.id = $2 \
         LEFT JOIN users u ON u.id = s.user_id WHERE t.id = $1",
        shown_columns!()
    )
}

static BEARERS: LazyLock<ForMany> = LazyLock::new(|| bearers_in(TABLE));

/// Finds tokens, those of users whom `view` shows.
///
/// # Errors
/// When the store cannot be read.
pub async fn search(
    conn: &mut Conn,
    filters: &[TokenFilter],
    view: &UserView,
    order: TokenOrder,
    page: Page,
) -> Result<Found<AccessToken>> {
    credential::search(conn, TABLE, filters, view, (order, page)).await
}

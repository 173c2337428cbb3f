//! Lists of what machine users log in with: personal access tokens and public keys, which differ in their table alone.
//! What the caller may not see is not even counted.

use doorward_core::base::Timestamp;
use doorward_core::search::{Comparison, Page, UserView};

use crate::db::{Conn, Row};
use crate::error::Result;
use crate::session_search::Found;
use crate::user_search::visible;
use crate::where_clause::{Where, join, operator};

/// A token or a key, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The id, which the token's text or the header of what is signed by the key names.
    pub id: String,
    /// The machine user it belongs to.
    pub user_id: String,
    /// The organisation of that user.
    pub organisation: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops working.
    pub expires: Timestamp,
}

/// One condition on tokens or keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialFilter {
    /// The id of the token or key.
    Id(String),
    /// The user.
    User(String),
    /// The organisation of the user.
    Organisation(String),
    /// When it was made.
    Created(Timestamp, Comparison),
    /// When it stops working.
    Expires(Timestamp, Comparison),
}

/// By what tokens and keys are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialOrder {
    /// The id, which is also the time of creation.
    Id,
    /// The user.
    User,
    /// The organisation.
    Organisation,
    /// The end.
    Expires,
}

/// Finds rows of a table, those of users whom `view` shows.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn search(
    conn: &mut Conn,
    table: &'static str,
    filters: &[CredentialFilter],
    view: &UserView,
    (order, page): (CredentialOrder, Page),
) -> Result<Found<Credential>> {
    let mut builder = Where::default();
    let mut conditions: Vec<_> = filters.iter().map(|filter| condition(&mut builder, filter)).collect();
    conditions.extend(visible(&mut builder, view));
    let conditions = join(&conditions, " AND ", "1 = 1");
    let source = format!("FROM {table} t JOIN users u ON u.id = t.user_id WHERE {conditions}");
    let total = conn.one(&format!("SELECT COUNT(*) {source}"), builder.params()).await?;
    let total = total.map_or(Ok(0), |row| row.read(table).count("count"))?;
    let (limit, offset) = (builder.bind(page.limit), builder.bind(page.offset));
    let direction = if page.ascending { "ASC" } else { "DESC" };
    let column = match order {
        CredentialOrder::Id => "t.id",
        CredentialOrder::User => "t.user_id",
        CredentialOrder::Organisation => "u.organisation_id",
        CredentialOrder::Expires => "t.expires",
    };
    let sql = format!(
        "SELECT t.id, t.user_id, u.organisation_id, t.created, t.expires {source} \
         ORDER BY {column} {direction}, t.id {direction} LIMIT {limit} OFFSET {offset}"
    );
    let rows = conn.all(&sql, builder.params()).await?;
    Ok(Found { entries: rows.into_iter().map(|row| read(row, table)).collect::<Result<_>>()?, total })
}

fn condition(builder: &mut Where, filter: &CredentialFilter) -> String {
    match filter {
        CredentialFilter::Id(id) => format!("t.id = {}", builder.bind(id.clone())),
        CredentialFilter::User(id) => format!("t.user_id = {}", builder.bind(id.clone())),
        CredentialFilter::Organisation(id) => format!("u.organisation_id = {}", builder.bind(id.clone())),
        CredentialFilter::Created(at, comparison) => {
            format!("t.created {} {}", operator(*comparison), builder.bind(*at))
        }
        CredentialFilter::Expires(at, comparison) => {
            format!("t.expires {} {}", operator(*comparison), builder.bind(*at))
        }
    }
}

fn read(row: Row, table: &'static str) -> Result<Credential> {
    let mut row = row.read(table);
    Ok(Credential {
        id: row.id()?,
        user_id: row.text("user_id")?,
        organisation: row.text("organisation_id")?,
        created: row.time("created")?,
        expires: row.time("expires")?,
    })
}

//! The search for users and for their metadata. What the caller may not see is not even counted.

use doorward_core::base::Timestamp;
use doorward_core::caller::Reach;
use doorward_core::search::{Page, TextFilter, TextMatch, UserFilter, UserOrder, UserText, UserView};
use doorward_core::user::User;

use crate::db::{Columns, Conn};
use crate::error::Result;
use crate::session_search::Found;
use crate::user::{read, select_users};
use crate::where_clause::{Where, join};

/// One metadata entry of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataEntry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Vec<u8>,
    /// When the key was first set.
    pub created: Timestamp,
    /// When the value was last set.
    pub changed: Timestamp,
}

/// Finds users.
///
/// # Errors
/// When the store cannot be read.
pub async fn search(
    conn: &mut Conn,
    filter: &UserFilter,
    view: &UserView,
    order: UserOrder,
    page: Page,
) -> Result<Found<User>> {
    let mut builder = Where::default();
    let mut conditions = vec!["u.state <> 3".to_owned(), condition(&mut builder, filter)];
    conditions.extend(visible(&mut builder, view));
    let conditions = join(&conditions, " AND ", "1 = 1");
    let counted = builder.params().len();
    let (limit, offset) = (builder.bind(page.limit), builder.bind(page.offset));
    let (column, direction) = (order_column(order), if page.ascending { "ASC" } else { "DESC" });
    let sql = format!(
        "{} WHERE {conditions} ORDER BY {column} {direction}, u.id {direction} LIMIT {limit} OFFSET {offset}",
        select_users!("")
    );
    let rows = conn.all(&sql, builder.params()).await?;
    let entries: Vec<_> = rows.into_iter().map(|row| read(row.read("users"))).collect::<Result<_>>()?;
    if entries.is_empty() {
        return Ok(Found { entries, total: 0 });
    }
    let sql = format!("SELECT COUNT(*) FROM users u WHERE {conditions}");
    let count = conn.one(&sql, builder.params().get(..counted).unwrap_or_default()).await?;
    let total = count.map_or(Ok(0), |row| row.read("users").count("count"))?;
    Ok(Found { entries, total })
}

pub(crate) fn visible(builder: &mut Where, view: &UserView) -> Option<String> {
    let Reach::Organisations(organisations) = &view.reach else { return None };
    let mut ways = vec![format!("u.id = {}", builder.bind(view.caller.clone()))];
    if !organisations.is_empty() {
        ways.push(builder.within("u.organisation_id", organisations));
    }
    Some(join(&ways, " OR ", "1 = 0"))
}

fn condition(builder: &mut Where, filter: &UserFilter) -> String {
    match filter {
        UserFilter::Text(text, filter) => matches(builder, text_column(*text), filter),
        UserFilter::State(number) => format!("u.state = {}", builder.bind(i64::from(*number))),
        UserFilter::Human(true) => "u.human".to_owned(),
        UserFilter::Human(false) => "NOT u.human".to_owned(),
        UserFilter::Ids(ids) => builder.within("u.id", ids),
        // A user without an address must not turn "not one of these" into neither yes nor no.
        UserFilter::Emails(emails) => {
            format!("(u.email IS NOT NULL AND {})", builder.within("u.email", emails))
        }
        UserFilter::Organisation(id) => format!("u.organisation_id = {}", builder.bind(id.clone())),
        UserFilter::MetadataKey(filter) => {
            let matching = matches(builder, "m.key", filter);
            format!("EXISTS (SELECT 1 FROM user_metadata m WHERE m.user_id = u.id AND {matching})")
        }
        UserFilter::MetadataValue(value, equal) => {
            let place = builder.bind(crate::db::Param::Bytes(value.clone().into()));
            let operator = if *equal { "=" } else { "<>" };
            format!(
                "EXISTS (SELECT 1 FROM user_metadata m WHERE m.user_id = u.id AND m.value {operator} {place})"
            )
        }
        UserFilter::Any(filters) => {
            let conditions: Vec<_> = filters.iter().map(|filter| condition(builder, filter)).collect();
            join(&conditions, " OR ", "1 = 0")
        }
        UserFilter::All(filters) => {
            let conditions: Vec<_> = filters.iter().map(|filter| condition(builder, filter)).collect();
            join(&conditions, " AND ", "1 = 1")
        }
        UserFilter::Not(filter) => format!("NOT ({})", condition(builder, filter)),
    }
}

const fn text_column(text: UserText) -> &'static str {
    match text {
        UserText::Username => "u.username",
        UserText::GivenName => "u.given_name",
        UserText::FamilyName => "u.family_name",
        UserText::NickName => "COALESCE(u.nick_name, '')",
        UserText::DisplayName => "u.display_name",
        UserText::Email => "COALESCE(u.email, '')",
        UserText::Phone => "COALESCE(u.phone, '')",
    }
}

const fn order_column(order: UserOrder) -> &'static str {
    match order {
        UserOrder::Id => "u.id",
        UserOrder::Text(text) => text_column(text),
        UserOrder::State => "u.state",
        UserOrder::Kind => "NOT u.human",
        UserOrder::Created => "u.created",
    }
}

/// LIKE differs between engines in how it treats case, so texts are compared by their parts instead.
fn matches(builder: &mut Where, column: &str, filter: &TextFilter) -> String {
    let (column, text) = if filter.ignore_case {
        (format!("LOWER({column} COLLATE \"und-x-icu\")"), filter.text.to_lowercase())
    } else {
        (column.to_owned(), filter.text.clone())
    };
    if text.is_empty() && filter.matching != TextMatch::Equals {
        return "1 = 1".to_owned();
    }
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let place = builder.bind(text);
    match filter.matching {
        TextMatch::Equals => format!("{column} = {place}"),
        TextMatch::StartsWith => format!("SUBSTR({column}, 1, {length}) = {place}"),
        TextMatch::Contains => format!("LENGTH(REPLACE({column}, {place}, '')) < LENGTH({column})"),
        TextMatch::EndsWith => format!(
            "(LENGTH({column}) >= {length} AND SUBSTR({column}, LENGTH({column}) - {length} + 1) = {place})"
        ),
    }
}

/// Sets metadata entries of a user.
///
/// # Errors
/// When the store cannot be written.
pub async fn save_metadata(
    conn: &mut Conn,
    user_id: &str,
    entries: &[(String, Vec<u8>)],
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO user_metadata (user_id, key, value, created, changed) VALUES ($1, $2, $3, $4, $4) \
               ON CONFLICT (user_id, key) DO UPDATE SET value = $3, changed = $4";
    for (key, value) in entries {
        conn.run(sql, &[user_id.into(), key.into(), value.into(), now.into()]).await?;
    }
    Ok(())
}

/// The keys of a user's metadata.
///
/// # Errors
/// When the store cannot be read.
pub async fn metadata_keys(conn: &mut Conn, user_id: &str) -> Result<Vec<String>> {
    let rows = conn.all("SELECT key FROM user_metadata WHERE user_id = $1", &[user_id.into()]).await?;
    rows.into_iter().map(|row| row.read("user_metadata").text("key")).collect()
}

/// Removes a metadata entry of a user. Gives `false` if there is none.
///
/// # Errors
/// When the store cannot be written.
pub async fn delete_metadata(conn: &mut Conn, user_id: &str, key: &str) -> Result<bool> {
    let sql = "DELETE FROM user_metadata WHERE user_id = $1 AND key = $2";
    Ok(conn.run(sql, &[user_id.into(), key.into()]).await? == 1)
}

/// Finds metadata entries of a user, by key.
///
/// # Errors
/// When the store cannot be read.
pub async fn list_metadata(
    conn: &mut Conn,
    user_id: &str,
    filters: &[TextFilter],
    page: Page,
) -> Result<Found<MetadataEntry>> {
    let mut builder = Where::default();
    let mut conditions = vec![format!("m.user_id = {}", builder.bind(user_id.to_owned()))];
    conditions.extend(filters.iter().map(|filter| matches(&mut builder, "m.key", filter)));
    let source = format!("FROM user_metadata m WHERE {}", join(&conditions, " AND ", "1 = 1"));
    let count = conn.one(&format!("SELECT COUNT(*) {source}"), builder.params()).await?;
    let total = count.map_or(Ok(0), |row| row.read("user_metadata").count("count"))?;
    let (limit, offset) = (builder.bind(page.limit), builder.bind(page.offset));
    let direction = if page.ascending { "ASC" } else { "DESC" };
    let sql = format!(
        "SELECT m.key, m.value, m.created, m.changed {source} ORDER BY m.key {direction} LIMIT {limit} OFFSET {offset}"
    );
    let rows = conn.all(&sql, builder.params()).await?;
    let entries = rows.into_iter().map(|row| read_metadata(row.read("user_metadata").about(user_id)));
    Ok(Found { entries: entries.collect::<Result<_>>()?, total })
}

fn read_metadata(mut row: Columns) -> Result<MetadataEntry> {
    Ok(MetadataEntry {
        key: row.text("key")?,
        value: row.bytes("value")?,
        created: row.time("created")?,
        changed: row.time("changed")?,
    })
}

//! The search for sessions. What the caller may not see is not even counted: the permission rule is part of the query.

use doorward_core::base::{Timestamp, first_id_at};
use doorward_core::caller::Reach;
use doorward_core::search::{Comparison, Page, SessionFilter, SessionView};

use crate::db::Conn;
use crate::error::Result;
use crate::session::{ShownSession, read, select_shown};
use crate::where_clause::{Where, join, operator};

/// One page of the matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// The entries of the page.
    pub entries: Vec<T>,
    /// How many match in all; 0 when the page is empty.
    pub total: u64,
}

/// Finds sessions that are not ended, sorted by creation.
///
/// # Errors
/// When the store cannot be read.
pub async fn search(
    conn: &mut Conn,
    filters: &[SessionFilter],
    view: &SessionView,
    page: Page,
) -> Result<Found<ShownSession>> {
    let mut builder = Where::default();
    let mut conditions = vec!["s.ended IS NULL".to_owned()];
    conditions.extend(filters.iter().map(|filter| condition(&mut builder, filter)));
    conditions.extend(visible(&mut builder, view));
    let conditions = join(&conditions, " AND ", "1 = 1");
    let direction = if page.ascending { "ASC" } else { "DESC" };
    let counted = builder.params().len();
    let (limit, offset) = (builder.bind(page.limit), builder.bind(page.offset));
    let sql = format!(
        "{} WHERE {conditions} ORDER BY s.id {direction} LIMIT {limit} OFFSET {offset}",
        select_shown!("")
    );
    let rows = conn.all(&sql, builder.params()).await?;
    let entries: Vec<_> = rows.into_iter().map(|row| read(row.read("sessions"))).collect::<Result<_>>()?;
    if entries.is_empty() {
        return Ok(Found { entries, total: 0 });
    }
    // A first page that is not full has shown all there is; only otherwise must be counted.
    let total = if page.offset == 0 && entries.len() < page.limit as usize {
        entries.len() as u64
    } else {
        let sql = format!("SELECT COUNT(*) FROM sessions s WHERE {conditions}");
        let params = builder.params().get(..counted).unwrap_or_default();
        conn.one(&sql, params).await?.map_or(Ok(0), |row| row.read("sessions").count("count"))?
    };
    Ok(Found { entries, total })
}

fn condition(builder: &mut Where, filter: &SessionFilter) -> String {
    match filter {
        SessionFilter::Ids(ids) => builder.within("s.id", ids),
        SessionFilter::User(id) => format!("s.user_id = {}", builder.bind(id.clone())),
        SessionFilter::Creator(id) => format!("s.creator_id = {}", builder.bind(id.clone())),
        SessionFilter::Fingerprint(id) => format!("s.fingerprint = {}", builder.bind(id.clone())),
        SessionFilter::Created(at, comparison) => created(builder, *at, *comparison),
        SessionFilter::Expires(at, comparison) => {
            let place = builder.bind(*at);
            let compared = format!("s.expires {} {place}", operator(*comparison));
            match comparison {
                Comparison::Greater | Comparison::GreaterOrEqual => {
                    format!("({compared} OR s.expires IS NULL)")
                }
                _ => compared,
            }
        }
    }
}

/// Ids begin with the time of creation, so a bound on time is also a bound on the primary key.
fn created(builder: &mut Where, at: Timestamp, comparison: Comparison) -> String {
    let compared = format!("s.created {} {}", operator(comparison), builder.bind(at));
    // Only times of sixteen digits sort as ids do; others match all sessions or none, and need no help.
    if !(0..9_999_999_999_999_999).contains(&at.0) {
        return compared;
    }
    let (first, after) = (first_id_at(at), first_id_at(Timestamp(at.0.saturating_add(1))));
    let range = match comparison {
        Comparison::Equal => {
            format!("s.id >= {} AND s.id < {}", builder.bind(first), builder.bind(after))
        }
        Comparison::Greater => format!("s.id >= {}", builder.bind(after)),
        Comparison::GreaterOrEqual => format!("s.id >= {}", builder.bind(first)),
        Comparison::Less => format!("s.id < {}", builder.bind(first)),
        Comparison::LessOrEqual => format!("s.id < {}", builder.bind(after)),
    };
    format!("({compared} AND {range})")
}

fn visible(builder: &mut Where, view: &SessionView) -> Option<String> {
    let Reach::Organisations(organisations) = &view.reach else { return None };
    let caller = builder.bind(view.caller.clone());
    let mut ways = vec![format!("s.creator_id = {caller}"), format!("s.user_id = {caller}")];
    if let Some(agent) = &view.agent {
        ways.push(format!("s.fingerprint = {}", builder.bind(agent.clone())));
    }
    if !organisations.is_empty() {
        ways.push(builder.within("s.organisation_id", organisations));
    }
    Some(join(&ways, " OR ", "1 = 0"))
}

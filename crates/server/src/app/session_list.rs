//! Searching sessions.

use doorward_core::failure::{self, Failure};
use doorward_core::search::{Page, SessionFilter, SessionView};
use doorward_store::session::ShownSession;
use doorward_store::session_search::{self, Found};

use super::user_list::MOST_CONDITIONS;
use super::{Call, store_failure};

/// A condition as the caller gives it: some stand for the caller.
#[derive(Debug, Clone)]
pub enum Asked {
    /// A condition.
    Plain(SessionFilter),
    /// Created by this user, or by the caller.
    Creator(Option<String>),
    /// From this browser, or from that of the caller.
    UserAgent(Option<String>),
}

/// Finds sessions that the caller may see.
///
/// # Errors
/// `GRPC-x8n24uh` or `GRPC-x8n23uh` for an empty creator or browser, `DOORWARD-Qu3ry` for too many conditions, and
/// those of the store.
pub async fn list(call: &Call, asked: Vec<Asked>, page: Page) -> Result<Found<ShownSession>, Failure> {
    let filters: Vec<_> = asked.into_iter().map(|asked| resolve(call, asked)).collect::<Result<_, _>>()?;
    let count = |filter: &SessionFilter| match filter {
        SessionFilter::Ids(ids) => ids.len().max(1),
        _ => 1,
    };
    if filters.iter().map(count).sum::<usize>() > MOST_CONDITIONS {
        return Err(failure::QUERY_TOO_LARGE);
    }
    let view = SessionView::of(&call.caller);
    let found = call
        .app
        .db
        .scan(move |conn| Box::pin(async move { session_search::search(conn, &filters, &view, page).await }));
    found.await.map_err(store_failure)
}

fn resolve(call: &Call, asked: Asked) -> Result<SessionFilter, Failure> {
    match asked {
        Asked::Plain(filter) => Ok(filter),
        Asked::Creator(None) => Ok(SessionFilter::Creator(call.caller.user_id.clone())),
        Asked::Creator(Some(id)) if id.is_empty() => Err(failure::CREATOR_QUERY_EMPTY),
        Asked::Creator(Some(id)) => Ok(SessionFilter::Creator(id)),
        Asked::UserAgent(fingerprint) => fingerprint
            .or_else(|| call.caller.agent.clone())
            .filter(|fingerprint| !fingerprint.is_empty())
            .map(SessionFilter::Fingerprint)
            .ok_or(failure::USER_AGENT_QUERY_EMPTY),
    }
}

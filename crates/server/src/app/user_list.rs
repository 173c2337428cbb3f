//! Searching users.

use doorward_core::failure::{self, Failure};
use doorward_core::search::{Page, UserFilter, UserOrder, UserView};
use doorward_core::user::User;
use doorward_store::session_search::Found;
use doorward_store::user_search;

use super::{Call, store_failure};

/// The deepest nesting of conditions.
const DEEPEST: usize = 20;

/// The most values that one search compares with: a database takes only so many.
pub const MOST_CONDITIONS: usize = 10_000;

/// Finds users that the caller may see.
///
/// # Errors
/// `USER-zsQ97` when conditions are nested too deeply, `DOORWARD-Qu3ry` when there are too many, those of the store.
pub async fn list(
    call: &Call,
    filter: UserFilter,
    order: UserOrder,
    page: Page,
) -> Result<Found<User>, Failure> {
    if depth(&filter) > DEEPEST + 1 {
        return Err(failure::QUERY_TOO_DEEP);
    }
    if count(&filter) > MOST_CONDITIONS {
        return Err(failure::QUERY_TOO_LARGE);
    }
    let view = UserView::of(&call.caller);
    let found = call.app.db.scan(move |conn| {
        Box::pin(async move { user_search::search(conn, &filter, &view, order, page).await })
    });
    found.await.map_err(store_failure)
}

fn depth(filter: &UserFilter) -> usize {
    match filter {
        UserFilter::Any(inner) | UserFilter::All(inner) => 1 + inner.iter().map(depth).max().unwrap_or(0),
        UserFilter::Not(inner) => 1 + depth(inner),
        _ => 0,
    }
}

fn count(filter: &UserFilter) -> usize {
    match filter {
        UserFilter::Any(inner) | UserFilter::All(inner) => inner.iter().map(count).sum(),
        UserFilter::Not(inner) => count(inner),
        UserFilter::Ids(list) | UserFilter::Emails(list) => list.len().max(1),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_the_levels_and_count_the_leaves() {
        let leaf = UserFilter::Human(true);
        let nested = (0..20).fold(leaf.clone(), |inner, _| UserFilter::Not(Box::new(inner)));
        assert_eq!(depth(&nested), 20);
        let several = UserFilter::All(vec![leaf.clone(), UserFilter::Any(vec![leaf.clone(), leaf])]);
        assert_eq!((depth(&several), count(&several)), (2, 3));
    }
}

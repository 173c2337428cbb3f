//! From the queries of user messages to the filters and orders of the stories.

use doorward_core::base::Timestamp;
use doorward_core::failure::{self, Failure, Kind};
use doorward_core::search::{
    Comparison, Page, SearchPolicy, TextFilter, TextMatch, UserFilter, UserOrder, UserText,
};
use doorward_proto::filter::{PaginationRequest, PaginationResponse, TimestampFilter};
use doorward_proto::{metadata, user as wire};
use doorward_store::credential::{CredentialFilter, CredentialOrder};

use super::wire::{comparison, from_timestamp};

/// How deep queries are followed. The story draws the exact line; this one only keeps the stack from growing.
const DEEPEST: usize = 25;

/// All of the queries together.
///
/// # Errors
/// `USER-zsQ97` when they are nested beyond all measure, and a "not" without anything in it.
pub fn filter(queries: Vec<wire::SearchQuery>) -> Result<UserFilter, Failure> {
    several(queries, 0).map(UserFilter::All)
}

fn several(queries: Vec<wire::SearchQuery>, level: usize) -> Result<Vec<UserFilter>, Failure> {
    queries.into_iter().filter_map(|query| query.query).map(|query| one(query, level)).collect()
}

fn one(query: wire::search_query::Query, level: usize) -> Result<UserFilter, Failure> {
    use wire::search_query::Query;
    if level > DEEPEST {
        return Err(failure::QUERY_TOO_DEEP);
    }
    let text = |field, value, method| UserFilter::Text(field, matching(value, method));
    Ok(match query {
        Query::UserNameQuery(query) => text(UserText::Username, query.user_name, query.method.to_i32()),
        Query::FirstNameQuery(query) => text(UserText::GivenName, query.first_name, query.method.to_i32()),
        Query::LastNameQuery(query) => text(UserText::FamilyName, query.last_name, query.method.to_i32()),
        Query::NickNameQuery(query) => text(UserText::NickName, query.nick_name, query.method.to_i32()),
        Query::DisplayNameQuery(query) => {
            text(UserText::DisplayName, query.display_name, query.method.to_i32())
        }
        Query::EmailQuery(query) => text(UserText::Email, query.email_address, query.method.to_i32()),
        Query::PhoneQuery(query) => text(UserText::Phone, query.number, query.method.to_i32()),
        // The user name is the only login name.
        Query::LoginNameQuery(query) => text(UserText::Username, query.login_name, query.method.to_i32()),
        Query::StateQuery(query) => UserFilter::State(query.state.to_i32()),
        Query::TypeQuery(query) => match query.r#type.to_i32() {
            1 => UserFilter::Human(true),
            2 => UserFilter::Human(false),
            _ => UserFilter::All(Vec::new()),
        },
        Query::InUserIdsQuery(query) => UserFilter::Ids(query.user_ids),
        Query::InUserEmailsQuery(query) => UserFilter::Emails(query.user_emails),
        Query::OrganizationIdQuery(query) => UserFilter::Organisation(query.organization_id),
        Query::MetadataKeyFilter(query) => {
            UserFilter::MetadataKey(matching(query.key, query.method.to_i32()))
        }
        Query::MetadataValueFilter(query) => {
            UserFilter::MetadataValue(query.value, query.method.to_i32() != 1)
        }
        Query::OrQuery(query) => UserFilter::Any(several(query.queries, level + 1)?),
        Query::AndQuery(query) => UserFilter::All(several(query.queries, level + 1)?),
        Query::NotQuery(query) => {
            // Validation does not ask for the inner query, but "not" means nothing without one.
            let inner = query.query.into_option().and_then(|inner| inner.query);
            let missing =
                || Failure::bare(Kind::InvalidArgument, "invalid NotQuery.Query: value is required");
            UserFilter::Not(Box::new(one(inner.ok_or_else(missing)?, level + 1)?))
        }
    })
}

/// A condition on a text. Both of the API's enumerations of methods have these numbers, and odd ones ignore case.
fn matching(text: String, method: i32) -> TextFilter {
    let matching = match method {
        2 | 3 => TextMatch::StartsWith,
        4 | 5 => TextMatch::Contains,
        6 | 7 => TextMatch::EndsWith,
        _ => TextMatch::Equals,
    };
    TextFilter { text, matching, ignore_case: matches!(method, 1 | 3 | 5 | 7) }
}

/// The order of users for the number of a column.
pub const fn order(column: i32) -> UserOrder {
    match column {
        1 => UserOrder::Text(UserText::Username),
        2 => UserOrder::Text(UserText::GivenName),
        3 => UserOrder::Text(UserText::FamilyName),
        4 => UserOrder::Text(UserText::NickName),
        5 => UserOrder::Text(UserText::DisplayName),
        6 => UserOrder::Text(UserText::Email),
        7 => UserOrder::State,
        8 => UserOrder::Kind,
        9 => UserOrder::Created,
        _ => UserOrder::Id,
    }
}

/// The conditions on tokens or keys, whose messages differ in names alone.
macro_rules! credential_filters {
    ($filters:expr, $module:ident :: $id:ident) => {{
        use wire::$module::Filter;
        let filter = |filter| match filter {
            Filter::$id(filter) => CredentialFilter::Id(filter.id),
            Filter::UserIdFilter(filter) => CredentialFilter::User(filter.id),
            Filter::OrganizationIdFilter(filter) => CredentialFilter::Organisation(filter.id),
            Filter::CreatedDateFilter(filter) => {
                let (at, how) = moment(&filter);
                CredentialFilter::Created(at, how)
            }
            Filter::ExpirationDateFilter(filter) => {
                let (at, how) = moment(&filter);
                CredentialFilter::Expires(at, how)
            }
        };
        $filters.into_iter().filter_map(|one| one.filter).map(filter).collect()
    }};
}

fn moment(filter: &TimestampFilter) -> (Timestamp, Comparison) {
    (from_timestamp(filter.timestamp.as_option()), comparison(filter.method.to_i32()))
}

/// The conditions on tokens.
pub fn token_filters(filters: Vec<wire::PersonalAccessTokensSearchFilter>) -> Vec<CredentialFilter> {
    credential_filters!(filters, personal_access_tokens_search_filter::TokenIdFilter)
}

/// The conditions on keys.
pub fn key_filters(filters: Vec<wire::KeysSearchFilter>) -> Vec<CredentialFilter> {
    credential_filters!(filters, keys_search_filter::KeyIdFilter)
}

/// The order of tokens or keys for the number of a column, which both number alike. Ids sort by time of creation.
pub const fn credential_order(column: i32) -> CredentialOrder {
    match column {
        3 => CredentialOrder::User,
        4 => CredentialOrder::Organisation,
        5 => CredentialOrder::Expires,
        _ => CredentialOrder::Id,
    }
}

/// The conditions on the keys of metadata.
pub fn metadata_filters(filters: Vec<metadata::MetadataSearchFilter>) -> Vec<TextFilter> {
    use metadata::metadata_search_filter::Filter;
    let filter = |Filter::KeyFilter(filter)| matching(filter.key, filter.method.to_i32());
    filters.into_iter().filter_map(|one| one.filter).map(filter).collect()
}

/// The page that a list of the newer kind asks for.
pub fn pagination(asked: Option<&PaginationRequest>, policy: SearchPolicy) -> Result<Page, Failure> {
    let (offset, limit, ascending) = asked.map_or((0, 0, false), |page| (page.offset, page.limit, page.asc));
    Page::new(offset, limit, ascending, policy)
}

/// What a list of the newer kind tells about its page.
pub fn paginated(total: u64, page: Page) -> PaginationResponse {
    PaginationResponse { total_result: total, applied_limit: page.limit.into() }
}

#[cfg(test)]
#[path = "user_search_tests.rs"]
mod tests;

//! Tests of the translation of queries.

use buffa::MessageField;
use doorward_proto::filter::{ByteFilterMethod, TextFilterMethod, TimestampFilterMethod};
use doorward_proto::object::TextQueryMethod;
use wire::search_query::Query;

use super::*;

fn query(query: impl Into<Query>) -> wire::SearchQuery {
    wire::SearchQuery { query: Some(query.into()) }
}

fn by_name(name: &str, method: TextQueryMethod) -> wire::SearchQuery {
    query(wire::UserNameQuery { user_name: name.to_owned(), method: method.into() })
}

fn people() -> wire::SearchQuery {
    query(wire::TypeQuery { r#type: 1.into() })
}

fn not(inner: wire::SearchQuery) -> wire::SearchQuery {
    query(wire::NotQuery { query: MessageField::some(inner) })
}

/// What a single query becomes.
fn single(query: wire::SearchQuery) -> Result<UserFilter, Failure> {
    filter(vec![query]).map(|all| match all {
        UserFilter::All(mut one) => one.pop().unwrap(),
        other => panic!("{other:?}"),
    })
}

#[test]
fn methods_are_told_apart_and_odd_ones_ignore_case() {
    let table = [
        (TextQueryMethod::Equals, TextMatch::Equals, false),
        (TextQueryMethod::EqualsIgnoreCase, TextMatch::Equals, true),
        (TextQueryMethod::StartsWith, TextMatch::StartsWith, false),
        (TextQueryMethod::StartsWithIgnoreCase, TextMatch::StartsWith, true),
        (TextQueryMethod::Contains, TextMatch::Contains, false),
        (TextQueryMethod::ContainsIgnoreCase, TextMatch::Contains, true),
        (TextQueryMethod::EndsWith, TextMatch::EndsWith, false),
        (TextQueryMethod::EndsWithIgnoreCase, TextMatch::EndsWith, true),
    ];
    for (method, matching, ignore_case) in table {
        let expected = TextFilter { text: "mini".to_owned(), matching, ignore_case };
        let expected = UserFilter::Text(UserText::Username, expected);
        assert_eq!(single(by_name("mini", method)), Ok(expected), "{method:?}");
    }
}

#[test]
fn several_queries_must_all_hold() {
    let both = filter(vec![people(), not(people())]);
    let human = UserFilter::Human(true);
    assert_eq!(both, Ok(UserFilter::All(vec![human.clone(), UserFilter::Not(Box::new(human))])));
    assert_eq!(filter(Vec::new()), Ok(UserFilter::All(Vec::new())));
}

#[test]
fn or_and_and_keep_their_queries_and_an_empty_or_keeps_none() {
    let any = query(wire::OrQuery { queries: vec![people()] });
    let all = query(wire::AndQuery { queries: vec![any, people()] });
    let human = UserFilter::Human(true);
    let expected = UserFilter::All(vec![UserFilter::Any(vec![human.clone()]), human]);
    assert_eq!(single(all), Ok(expected));
    assert_eq!(single(query(wire::OrQuery::default())), Ok(UserFilter::Any(Vec::new())));
}

#[test]
fn a_type_that_is_not_named_restricts_nothing() {
    assert_eq!(single(query(wire::TypeQuery::default())), Ok(UserFilter::All(Vec::new())));
    let machines = query(wire::TypeQuery { r#type: 2.into() });
    assert_eq!(single(machines), Ok(UserFilter::Human(false)));
}

#[test]
fn a_login_name_is_a_user_name() {
    let login = wire::LoginNameQuery { login_name: "mini".to_owned(), ..Default::default() };
    assert_eq!(single(query(login)), single(by_name("mini", TextQueryMethod::Equals)));
}

#[test]
fn metadata_can_be_searched_by_key_and_by_value() {
    let key = metadata::MetadataKeyFilter {
        key: "k".to_owned(),
        method: TextFilterMethod::StartsWithIgnoreCase.into(),
    };
    let expected = TextFilter { text: "k".to_owned(), matching: TextMatch::StartsWith, ignore_case: true };
    assert_eq!(single(query(key)), Ok(UserFilter::MetadataKey(expected)));
    for (method, equal) in [(ByteFilterMethod::Equals, true), (ByteFilterMethod::NotEquals, false)] {
        let value = metadata::MetadataValueFilter { value: vec![7], method: method.into() };
        assert_eq!(single(query(value)), Ok(UserFilter::MetadataValue(vec![7], equal)));
    }
}

#[test]
fn nesting_beyond_all_measure_is_refused_and_what_the_story_judges_is_not() {
    let nested = |levels| (0..levels).fold(people(), |inner, _| not(inner));
    assert!(single(nested(DEEPEST)).is_ok());
    assert_eq!(single(nested(DEEPEST + 1)), Err(failure::QUERY_TOO_DEEP));
}

#[test]
fn a_not_with_nothing_in_it_is_refused() {
    let refusal = single(query(wire::NotQuery::default())).unwrap_err();
    assert_eq!(refusal.kind, Kind::InvalidArgument);
}

#[test]
fn columns_have_their_orders_and_unknown_ones_mean_the_id() {
    assert_eq!(order(wire::UserFieldName::DisplayName as i32), UserOrder::Text(UserText::DisplayName));
    assert_eq!(order(wire::UserFieldName::CreationDate as i32), UserOrder::Created);
    assert_eq!(order(wire::UserFieldName::Type as i32), UserOrder::Kind);
    assert_eq!((order(0), order(99)), (UserOrder::Id, UserOrder::Id));
    for (column, expected) in [
        (wire::KeyFieldName::UserId as i32, CredentialOrder::User),
        (wire::KeyFieldName::OrganizationId as i32, CredentialOrder::Organisation),
        (wire::KeyFieldName::KeyExpirationDate as i32, CredentialOrder::Expires),
        (wire::PersonalAccessTokenFieldName::UserId as i32, CredentialOrder::User),
        (wire::PersonalAccessTokenFieldName::OrganizationId as i32, CredentialOrder::Organisation),
        (wire::PersonalAccessTokenFieldName::ExpirationDate as i32, CredentialOrder::Expires),
    ] {
        assert_eq!(credential_order(column), expected);
    }
    assert_eq!([0, 1, 2, 99].map(credential_order), [CredentialOrder::Id; 4]);
}

#[test]
fn tokens_and_keys_can_be_searched_by_time() {
    use wire::personal_access_tokens_search_filter::Filter;
    let time = TimestampFilter {
        timestamp: super::super::wire::time(Timestamp(5_000_000)),
        method: TimestampFilterMethod::BeforeOrEquals.into(),
    };
    let filter = Some(Filter::ExpirationDateFilter(Box::new(time.clone())));
    let search = wire::PersonalAccessTokensSearchFilter { filter };
    let expected = CredentialFilter::Expires(Timestamp(5_000_000), Comparison::LessOrEqual);
    assert_eq!(token_filters(vec![search]), [expected]);
    let filter = Some(wire::keys_search_filter::Filter::CreatedDateFilter(Box::new(time)));
    let expected = CredentialFilter::Created(Timestamp(5_000_000), Comparison::LessOrEqual);
    assert_eq!(key_filters(vec![wire::KeysSearchFilter { filter }]), [expected]);
}

#[test]
fn the_default_limit_is_told_when_none_was_asked_for() {
    let page = pagination(None, SearchPolicy { default_limit: 100, most: 1000 }).unwrap();
    let told = paginated(7, page);
    assert_eq!((told.total_result, told.applied_limit), (7, 100));
}

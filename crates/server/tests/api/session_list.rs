//! ListSessions: every filter, sorting, paging, and what a caller may see.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::rig::Rig;

/// Five sessions a second apart, the second one of a user, the third with a lifetime, the fourth with a browser.
async fn five(rig: &Rig) -> Vec<String> {
    let user = rig.add_human("mini@mouse.com").await;
    let requests = [
        json!({}),
        json!({ "checks": { "user": { "userId": user } } }),
        json!({ "lifetime": "10s" }),
        json!({ "userAgent": { "fingerprintId": "fp" } }),
        json!({}),
    ];
    let mut ids = Vec::new();
    for request in requests {
        ids.push(rig.session(request).await.0);
        rig.clock.advance(Span::seconds(1));
    }
    ids
}

async fn found(rig: &Rig, token: &str, request: Value) -> (Vec<String>, Value) {
    let answer = rig.ok("session.ListSessions", token, request).await;
    let sessions = answer["sessions"].as_array().cloned().unwrap_or_default();
    let ids = sessions.iter().map(|session| session["id"].as_str().unwrap().to_owned()).collect();
    (ids, answer["details"]["totalResult"].clone())
}

/// A request for one filter, oldest first.
fn by(query: Value) -> Value {
    json!({
        "queries": [query], "query": { "asc": true }, "sortingColumn": "SESSION_FIELD_NAME_CREATION_DATE",
    })
}

#[tokio::test]
async fn every_filter_finds_what_it_names() {
    let rig = Rig::start().await;
    let ids = five(&rig).await;
    let user = rig.shown(&ids[1]).await["factors"]["user"]["id"].clone();
    let date = |query: &str, second: u32, method: &str| {
        let name = if query == "creationDateQuery" { "creationDate" } else { "expirationDate" };
        let at = format!("2025-11-20T10:00:{second:02}.123456Z");
        json!({ query: { name: at, "method": format!("TIMESTAMP_QUERY_METHOD_{method}") } })
    };
    let created = |second, method| date("creationDateQuery", second, method);
    let expires = |second, method| date("expirationDateQuery", second, method);
    let creator = rig
        .ok(
            "user.ListUsers",
            &rig.admin,
            json!({ "queries": [{ "userNameQuery": { "userName": "login-client" } }] }),
        )
        .await;
    let creator = creator["result"][0]["userId"].clone();
    let cases: Vec<(Value, &[usize])> = vec![
        (json!({ "idsQuery": { "ids": [ids[0], ids[3], "17"] } }), &[0, 3]),
        (json!({ "idsQuery": {} }), &[]),
        (json!({ "userIdQuery": { "id": user } }), &[1]),
        (json!({ "userIdQuery": {} }), &[]),
        (json!({ "userAgentQuery": { "fingerprintId": "fp" } }), &[3]),
        (json!({ "creatorQuery": {} }), &[0, 1, 2, 3, 4]),
        (json!({ "creatorQuery": { "id": creator } }), &[0, 1, 2, 3, 4]),
        (json!({ "creatorQuery": { "id": "17" } }), &[]),
        (created(2, "EQUALS"), &[2]),
        (created(2, "GREATER"), &[3, 4]),
        (created(2, "GREATER_OR_EQUALS"), &[2, 3, 4]),
        (created(2, "LESS"), &[0, 1]),
        (created(2, "LESS_OR_EQUALS"), &[0, 1, 2]),
        (json!({ "creationDateQuery": { "method": "TIMESTAMP_QUERY_METHOD_GREATER" } }), &[0, 1, 2, 3, 4]),
        (expires(12, "EQUALS"), &[2]),
        (expires(12, "GREATER"), &[0, 1, 3, 4]),
        (expires(12, "GREATER_OR_EQUALS"), &[0, 1, 2, 3, 4]),
        (expires(12, "LESS"), &[]),
        (expires(13, "LESS"), &[2]),
        (expires(12, "LESS_OR_EQUALS"), &[2]),
    ];
    for (query, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|index| ids[*index].clone()).collect();
        let (found, total) = found(&rig, &rig.login, by(query.clone())).await;
        assert_eq!(found, expected, "{query}");
        let count = if expected.is_empty() { Value::Null } else { json!(expected.len().to_string()) };
        assert_eq!(total, count, "{query}");
    }
    let both = json!({ "queries": [{ "userIdQuery": { "id": user } }, { "idsQuery": { "ids": [ids[0]] } }] });
    assert_eq!(found(&rig, &rig.login, both).await.0, Vec::<String>::new(), "filters are joined by and");
}

#[tokio::test]
async fn an_empty_creator_or_browser_is_refused() {
    let rig = Rig::start().await;
    let refused = |query: Value| {
        let rig = &rig;
        async move { rig.id("session.ListSessions", &rig.login, json!({ "queries": [query] })).await }
    };
    assert_eq!(refused(json!({ "creatorQuery": { "id": "" } })).await, "GRPC-x8n24uh");
    assert_eq!(refused(json!({ "userAgentQuery": { "fingerprintId": "" } })).await, "GRPC-x8n23uh");
    assert_eq!(refused(json!({ "userAgentQuery": {} })).await, "GRPC-x8n23uh");
}

#[tokio::test]
async fn pages_are_sorted_and_the_total_counts_all_matches() {
    let rig = Rig::start().await;
    let ids = five(&rig).await;
    let page = |offset: u32, limit: u32, ascending: bool| {
        json!({
            "query": { "offset": offset, "limit": limit, "asc": ascending },
            "sortingColumn": "SESSION_FIELD_NAME_CREATION_DATE",
        })
    };
    assert_eq!(found(&rig, &rig.login, page(1, 2, true)).await, (ids[1..3].to_vec(), json!("5")));
    let newest_first: Vec<_> = ids[3..].iter().rev().cloned().collect();
    assert_eq!(found(&rig, &rig.login, page(0, 2, false)).await, (newest_first, json!("5")));
    assert_eq!(found(&rig, &rig.login, page(9, 2, true)).await, (Vec::new(), Value::Null), "beyond the end");
}

#[tokio::test]
async fn a_limit_is_bounded_and_has_a_default() {
    let rig = Rig::start_with(&["search.default_limit=2", "search.max_limit=3"]).await;
    five(&rig).await;
    assert_eq!(found(&rig, &rig.login, json!({})).await.0.len(), 2);
    assert_eq!(found(&rig, &rig.login, json!({ "query": { "limit": 3 } })).await.0.len(), 3);
    assert_eq!(
        rig.id("session.ListSessions", &rig.login, json!({ "query": { "limit": 4 } })).await,
        "QUERY-4M0fs"
    );
}

#[tokio::test]
async fn what_a_caller_may_not_see_is_neither_shown_nor_counted() {
    let rig = Rig::start().await;
    let ids = five(&rig).await;
    let other = rig.add_organisation("Elsewhere").await;
    let home = rig.app.instance.default_organisation.clone();
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    let (_, foreign) = rig.add_machine("foreign", &[(Some(&other), "ORG_OWNER")]).await;
    let (_, owner) = rig.add_machine("owner", &[(Some(&home), "ORG_OWNER")]).await;
    let (own_id, own) = rig.log_in("mini@mouse.com").await;
    let all = by(json!({ "idsQuery": { "ids": ids } }));
    assert_eq!(found(&rig, &nobody, all.clone()).await, (Vec::new(), Value::Null));
    assert_eq!(found(&rig, &foreign, all.clone()).await, (Vec::new(), Value::Null));
    assert_eq!(found(&rig, &owner, all.clone()).await, (vec![ids[1].clone()], json!("1")));
    assert_eq!(found(&rig, &own, json!({})).await, (vec![own_id, ids[1].clone()], json!("2")));
    assert_eq!(found(&rig, &rig.admin, all).await.1, json!("5"));
    let page = json!({ "query": { "limit": 1, "asc": true }, "sortingColumn": 1 });
    assert_eq!(found(&rig, &owner, page).await, (vec![ids[1].clone()], json!("2")), "pages are full");
}

#[tokio::test]
async fn ended_sessions_are_gone_and_expired_ones_are_listed() {
    let rig = Rig::start().await;
    let ids = five(&rig).await;
    rig.clock.advance(Span::minutes(5));
    rig.ok("session.DeleteSession", &rig.login, json!({ "sessionId": ids[0] })).await;
    let (found, total) = found(&rig, &rig.login, by(json!({ "creatorQuery": {} }))).await;
    assert_eq!(found, ids[1..]);
    assert_eq!(total, json!("4"));
}

//! Personal access tokens: adding, listing, removing, expiring.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::rig::Rig;
use crate::tools::{add_machine_in, home, text, with};

const ADD: &str = "user.AddPersonalAccessToken";
const LIST: &str = "user.ListPersonalAccessTokens";
const REMOVE: &str = "user.RemovePersonalAccessToken";

async fn add(rig: &Rig, user: &str, expires: &str) -> (String, String) {
    rig.clock.advance(Span::seconds(1));
    let request = json!({ "userId": user, "expirationDate": expires });
    let token = rig.ok(ADD, &rig.admin, request).await;
    (text(&token["tokenId"]), text(&token["token"]))
}

/// The ids of a search, in its order, and its total.
async fn ids(rig: &Rig, caller: &str, request: Value) -> (Vec<String>, String) {
    let answer = rig.ok(LIST, caller, request).await;
    let none = Vec::new();
    let found = answer["result"].as_array().unwrap_or(&none).iter().map(|token| text(&token["id"])).collect();
    (found, answer["pagination"]["totalResult"].as_str().unwrap_or("0").to_owned())
}

#[tokio::test]
async fn tokens_are_for_machines_and_must_still_have_something_to_live() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (bot, own) = rig.add_machine("bot", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let request = |user: &str| json!({ "userId": user, "expirationDate": "2025-11-20T10:00:01Z" });
    let refusal = rig.call(ADD, &rig.admin, request(&id)).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (9, "DOORWARD-M4ch1"));
    assert_eq!(rig.id(ADD, &rig.admin, request("none")).await, "COMMAND-4g3xq");
    assert_eq!(rig.id(ADD, &viewer, request(&bot)).await, "AUTH-AWfge");
    let past = json!({ "userId": bot, "expirationDate": "2025-11-20T10:00:00Z" });
    let refusal = rig.call(ADD, &rig.admin, past).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (3, "DOORWARD-T0k3x"));
    let refusal = rig.call(ADD, &rig.admin, json!({ "userId": bot })).await.unwrap_err();
    assert_eq!(refusal.message, "invalid AddPersonalAccessTokenRequest.ExpirationDate: value is required");

    let made = rig.ok(ADD, &own, request(&bot)).await;
    assert_eq!(made["creationDate"], "2025-11-20T10:00:00.123456Z");
    let token = text(&made["token"]);
    assert_ne!(token, own);
    let get = json!({ "userId": bot });
    rig.ok("user.GetUserByID", &token, get.clone()).await;
    rig.clock.advance(Span::millis(876));
    rig.ok("user.GetUserByID", &token, get.clone()).await;
    rig.clock.advance(Span::millis(1));
    assert_eq!(rig.id("user.GetUserByID", &token, get.clone()).await, "AUTH-7fs1e", "expired by the clock");
    rig.ok("user.GetUserByID", &own, get).await;
}

#[tokio::test]
async fn a_removed_token_is_refused_at_the_very_next_call() {
    let rig = Rig::start().await;
    let (bot, own) = rig.add_machine("bot", &[]).await;
    let (other, _) = rig.add_machine("other", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let (id, token) = add(&rig, &bot, "2030-01-01T00:00:00Z").await;
    let request = json!({ "userId": bot, "tokenId": id });
    assert_eq!(rig.id(REMOVE, &viewer, request.clone()).await, "AUTH-AWfge");
    let foreign = with(request.clone(), json!({ "userId": other }));
    assert_eq!(rig.id(REMOVE, &rig.admin, foreign).await, "DOORWARD-T0k3n", "it is not that user's");
    assert_eq!(
        rig.id(REMOVE, &rig.admin, with(request.clone(), json!({ "userId": "none" }))).await,
        "COMMAND-4g3xq"
    );
    rig.ok("user.GetUserByID", &token, json!({ "userId": bot })).await;
    let removed = rig.ok(REMOVE, &token, request.clone()).await;
    assert_eq!(removed, json!({ "deletionDate": "2025-11-20T10:00:01.123456Z" }));
    assert_eq!(rig.id("user.GetUserByID", &token, json!({ "userId": bot })).await, "AUTH-7fs1e");
    let refusal = rig.call(REMOVE, &own, request).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (5, "DOORWARD-T0k3n"));
    assert_eq!(ids(&rig, &own, json!({})).await.1, "1", "the other token stays");
}

/// Three tokens, made a second apart: two of a machine at home, one of a machine elsewhere.
struct Three {
    tokens: [(String, String); 3],
    away: String,
    home_bot: String,
    away_bot: String,
    /// Leaves out the tokens that were there before.
    first: Value,
}

async fn three(rig: &Rig) -> Three {
    let away = rig.add_organisation("away").await;
    let home_bot = add_machine_in(rig, &home(rig), "home-bot").await;
    let away_bot = add_machine_in(rig, &away, "away-bot").await;
    let tokens = [
        add(rig, &home_bot, "2031-01-01T00:00:00Z").await,
        add(rig, &home_bot, "2030-01-01T00:00:00Z").await,
        add(rig, &away_bot, "2032-01-01T00:00:00Z").await,
    ];
    let first = json!({ "createdDateFilter": { "timestamp": "2025-11-20T10:00:01Z", "method": 1 } });
    Three { tokens, away, home_bot, away_bot, first }
}

#[tokio::test]
async fn tokens_are_filtered_and_never_shown_again() {
    let rig = Rig::start().await;
    let Three { tokens: [(a, _), (b, secret), (c, _)], away, home_bot, first, .. } = three(&rig).await;
    let created = |method: &str| json!({ "createdDateFilter": { "timestamp": "2025-11-20T10:00:02.123456Z", "method": format!("TIMESTAMP_FILTER_METHOD_{method}") } });
    let expires = |method: &str| json!({ "expirationDateFilter": { "timestamp": "2031-01-01T00:00:00Z", "method": format!("TIMESTAMP_FILTER_METHOD_{method}") } });
    for (filter, expected) in [
        (json!({ "userIdFilter": { "id": home_bot } }), vec![&a, &b]),
        (json!({ "tokenIdFilter": { "id": c } }), vec![&c]),
        (json!({ "organizationIdFilter": { "id": away } }), vec![&c]),
        (created("EQUALS"), vec![&b]),
        (created("AFTER"), vec![&c]),
        (created("AFTER_OR_EQUALS"), vec![&b, &c]),
        (created("BEFORE"), vec![&a]),
        (created("BEFORE_OR_EQUALS"), vec![&a, &b]),
        (expires("EQUALS"), vec![&a]),
        (expires("AFTER"), vec![&c]),
        (expires("BEFORE"), vec![&b]),
        (json!({ "tokenIdFilter": { "id": "' OR 1=1 --" } }), vec![]),
    ] {
        let request = json!({ "pagination": { "asc": true }, "filters": [first, filter] });
        let (found, total) = ids(&rig, &rig.admin, request).await;
        assert_eq!(
            (found.iter().collect::<Vec<_>>(), total),
            (expected.clone(), expected.len().to_string()),
            "{filter}"
        );
    }
    let one = rig.ok(LIST, &rig.admin, json!({ "filters": [{ "tokenIdFilter": { "id": b } }] })).await;
    let made = "2025-11-20T10:00:02.123456Z";
    assert_eq!(one["pagination"], json!({ "totalResult": "1", "appliedLimit": "1000" }));
    assert_eq!(
        one["result"],
        json!([{ "id": b, "userId": home_bot, "organizationId": home(&rig), "creationDate": made, "changeDate": made, "expirationDate": "2030-01-01T00:00:00Z" }])
    );
    assert!(!one.to_string().contains(&secret), "the text is shown once");
    let empty = rig.call(LIST, &rig.admin, json!({ "filters": [{}] })).await.unwrap_err();
    assert!(empty.message.ends_with("Filter: value is required"), "{empty:?}");
}

#[tokio::test]
async fn tokens_are_sorted_by_any_column_and_cut_into_pages() {
    let rig = Rig::start().await;
    let Three { tokens: [(a, _), (b, _), (c, _)], away, home_bot, away_bot, first } = three(&rig).await;
    let (by_user, by_organisation) = (
        if home_bot < away_bot { [&a, &b, &c] } else { [&c, &a, &b] },
        if home(&rig) < away { [&a, &b, &c] } else { [&c, &a, &b] },
    );
    for (column, expected) in [
        ("UNSPECIFIED", [&a, &b, &c]),
        ("CREATED_DATE", [&a, &b, &c]),
        ("ID", [&a, &b, &c]),
        ("USER_ID", by_user),
        ("ORGANIZATION_ID", by_organisation),
        ("EXPIRATION_DATE", [&b, &a, &c]),
    ] {
        let column = format!("PERSONAL_ACCESS_TOKEN_FIELD_NAME_{column}");
        let request =
            |page: Value| json!({ "pagination": page, "sortingColumn": column, "filters": [first] });
        assert_eq!(
            ids(&rig, &rig.admin, request(json!({ "asc": true }))).await.0.iter().collect::<Vec<_>>(),
            expected,
            "{column}"
        );
        let (second, total) = ids(&rig, &rig.admin, request(json!({ "offset": 1, "limit": 1 }))).await;
        assert_eq!(
            (second.as_slice(), total.as_str()),
            ([expected[1].clone()].as_slice(), "3"),
            "{column}, largest first"
        );
    }
    assert_eq!(rig.id(LIST, &rig.admin, json!({ "pagination": { "limit": 1001 } })).await, "QUERY-4M0fs");
}

#[tokio::test]
async fn tokens_of_a_foreign_organisation_are_out_of_reach() {
    let rig = Rig::start().await;
    let away = rig.add_organisation("away").await;
    let away_bot = add_machine_in(&rig, &away, "away-bot").await;
    let (id, token) = add(&rig, &away_bot, "2030-01-01T00:00:00Z").await;
    let (own, owner) = rig.add_machine("owner", &[(Some(&home(&rig)), "ORG_OWNER")]).await;
    let request = json!({ "userId": away_bot, "tokenId": id, "expirationDate": "2030-01-01T00:00:00Z" });
    assert_eq!(rig.id(ADD, &owner, request.clone()).await, "AUTHZ-cdgFk");
    assert_eq!(rig.id(REMOVE, &owner, request).await, "AUTHZ-cdgFk");
    let filter = json!({ "filters": [{ "tokenIdFilter": { "id": id } }] });
    assert_eq!(ids(&rig, &owner, filter.clone()).await, (vec![], "0".to_owned()));
    assert_eq!(ids(&rig, &token, json!({})).await, (vec![id], "1".to_owned()), "everybody sees their own");
    let (seen, _) = ids(&rig, &owner, json!({ "filters": [{ "userIdFilter": { "id": own } }] })).await;
    assert_eq!(seen.len(), 1);
}

//! What a caller may not see is neither shown nor counted: the permission is part of the query.

use serde_json::{Value, json};

use crate::rig::{Rig, human};

struct Two {
    rig: Rig,
    home: String,
    away: String,
    away_token: String,
}

/// Three persons at home and two away, each with a session; and three sessions without a user.
async fn two_organisations() -> Two {
    let rig = Rig::start().await;
    let home = rig.app.instance.default_organisation.clone();
    let away = rig.add_organisation("Away").await;
    let (_, away_token) = rig.add_machine("foreigner", &[(Some(&away), "ORG_OWNER")]).await;
    for (organisation, count) in [(&home, 3), (&away, 2)] {
        for number in 0..count {
            let email = format!("{number}@{}.com", if *organisation == home { "home" } else { "away" });
            let mut request = human(&email);
            request["organization"] = json!({ "orgId": organisation });
            rig.ok("user.AddHumanUser", &rig.admin, request).await;
            rig.log_in(&email).await;
        }
    }
    for _ in 0..3 {
        rig.session(json!({})).await;
    }
    Two { rig, home, away, away_token }
}

/// How many a list shows and how many it counts.
async fn seen(rig: &Rig, method: &str, token: &str, request: Value) -> (usize, u64) {
    let list = rig.ok(method, token, request).await;
    let entries = list.get("sessions").or(list.get("result")).and_then(Value::as_array).map_or(0, Vec::len);
    let details = if list["details"].is_object() { &list["details"] } else { &list["pagination"] };
    (entries, details["totalResult"].as_str().map_or(0, |total| total.parse().unwrap()))
}

#[tokio::test]
async fn sessions_out_of_reach_are_neither_shown_nor_counted() {
    let two = two_organisations().await;
    let (rig, list) = (&two.rig, "session.ListSessions");
    let (_, owner) = rig.add_machine("owner", &[(Some(&two.home), "ORG_OWNER")]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(Some(&two.home), "ORG_OWNER_VIEWER")]).await;
    let (_, both) = rig
        .add_machine("both", &[(Some(&two.home), "ORG_OWNER"), (Some(&two.away), "ORG_USER_MANAGER")])
        .await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    for (token, count) in
        [(&rig.admin, 8), (&owner, 3), (&two.away_token, 2), (&both, 5), (&viewer, 0), (&nobody, 0)]
    {
        for beta in [list, "beta.ListSessions"] {
            assert_eq!(seen(rig, beta, token, json!({})).await, (count, count as u64), "{beta} {count}");
        }
    }
}

#[tokio::test]
async fn pages_of_sessions_are_full_and_their_total_counts_what_may_be_seen() {
    let two = two_organisations().await;
    let (_, owner) = two.rig.add_machine("owner", &[(Some(&two.home), "ORG_OWNER")]).await;
    let page = |offset: u32| json!({ "query": { "limit": 2, "offset": offset } });
    let list = "session.ListSessions";
    assert_eq!(seen(&two.rig, list, &owner, page(0)).await, (2, 3));
    assert_eq!(seen(&two.rig, list, &owner, page(2)).await, (1, 3));
    assert_eq!(seen(&two.rig, list, &owner, page(3)).await, (0, 0), "an empty page counts nothing");
}

#[tokio::test]
async fn filters_do_not_tell_of_sessions_out_of_reach() {
    let two = two_organisations().await;
    let rig = &two.rig;
    let all = rig.ok("session.ListSessions", &rig.admin, json!({})).await;
    let ids: Vec<_> = all["sessions"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    let by_ids = json!({ "queries": [{ "idsQuery": { "ids": ids } }] });
    assert_eq!(seen(rig, "session.ListSessions", &two.away_token, by_ids).await, (2, 2));
    let creator = rig.ok(
        "user.ListUsers",
        &rig.admin,
        json!({ "queries": [
            { "userNameQuery": { "userName": "login-client" } },
        ]}),
    );
    let creator = creator.await["result"][0]["userId"].clone();
    let by_creator = json!({ "queries": [{ "creatorQuery": { "id": creator } }] });
    assert_eq!(seen(rig, "session.ListSessions", &two.away_token, by_creator.clone()).await, (2, 2));
    assert_eq!(seen(rig, "session.ListSessions", &rig.login, by_creator).await, (8, 8));
}

#[tokio::test]
async fn a_caller_without_roles_sees_the_own_and_the_created_sessions() {
    let two = two_organisations().await;
    let (_, token) = two.rig.log_in("0@home.com").await;
    assert_eq!(seen(&two.rig, "session.ListSessions", &token, json!({})).await, (2, 2));
    let by_user = json!({ "queries": [{ "creatorQuery": {} }] });
    assert_eq!(seen(&two.rig, "session.ListSessions", &token, by_user).await, (0, 0));
}

#[tokio::test]
async fn users_out_of_reach_are_neither_shown_nor_counted() {
    let two = two_organisations().await;
    let (rig, list) = (&two.rig, "user.ListUsers");
    let persons = json!({ "queries": [{ "typeQuery": { "type": "TYPE_HUMAN" } }] });
    let (_, owner) = rig.add_machine("owner", &[(Some(&two.home), "ORG_OWNER_VIEWER")]).await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    for (token, count) in [(&rig.admin, 5), (&owner, 3), (&two.away_token, 2), (&nobody, 0)] {
        assert_eq!(seen(rig, list, token, persons.clone()).await, (count, count as u64), "{count}");
    }
    let mut page = persons.clone();
    page["query"] = json!({ "limit": 2 });
    assert_eq!(seen(rig, list, &owner, page.clone()).await, (2, 3));
    assert_eq!(seen(rig, list, &two.away_token, page).await, (2, 2));
    assert_eq!(seen(rig, list, &nobody, json!({})).await, (1, 1), "the own user");
    let mail = json!({ "queries": [{ "emailQuery": { "emailAddress": "0@home.com" } }] });
    assert_eq!(seen(rig, list, &owner, mail.clone()).await, (1, 1));
    assert_eq!(seen(rig, list, &two.away_token, mail.clone()).await, (0, 0));
    let not = json!({ "queries": [{ "notQuery": { "query": mail["queries"][0] } }, persons["queries"][0]] });
    assert_eq!(seen(rig, list, &two.away_token, not).await, (2, 2), "not even by asking for the others");
    let any = json!({ "queries": [{ "orQuery": { "queries": [persons["queries"][0]] } }] });
    assert_eq!(seen(rig, list, &two.away_token, any).await, (2, 2));
}

#[tokio::test]
async fn tokens_out_of_reach_are_neither_shown_nor_counted() {
    let two = two_organisations().await;
    let (rig, list) = (&two.rig, "user.ListPersonalAccessTokens");
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    // admin, login-client, foreigner and nobody have one each, all of them at home.
    for (token, count) in [(&rig.admin, 4), (&nobody, 1), (&two.away_token, 1)] {
        assert_eq!(seen(rig, list, token, json!({})).await, (count, count as u64), "{count}");
    }
}

#[tokio::test]
async fn keys_out_of_reach_are_neither_shown_nor_counted() {
    let two = two_organisations().await;
    let (rig, list) = (&two.rig, "user.ListKeys");
    let (nobody, own) = rig.add_machine("nobody", &[]).await;
    let new = json!({ "organizationId": two.away, "machine": { "name": "away-bot" } });
    let away = rig.ok("user.CreateUser", &rig.admin, new).await["id"].as_str().unwrap().to_owned();
    // The public key of P-256 whose private half is 1.
    let public = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8\
                  D54WK84zV2sxXs7LtkBoN79R9Q==";
    for user in [&nobody, &away, &away] {
        let key = json!({ "userId": user, "expirationDate": "2099-01-01T00:00:00Z", "publicKey": public });
        rig.ok("user.AddKey", &rig.admin, key).await;
    }
    for (token, count) in [(&rig.admin, 3), (&own, 1), (&two.away_token, 2)] {
        assert_eq!(seen(rig, list, token, json!({})).await, (count, count as u64), "{count}");
    }
}

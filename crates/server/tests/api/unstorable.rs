//! NUL in texts: refused alike on every engine where it would become a text of the store, kept where it does not.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::rig::{PASSWORD, Rig, human};

const REFUSED: &str = "DOORWARD-Nu1ch";

async fn refused(rig: &Rig, method: &str, request: Value) {
    let shown = request.to_string();
    match rig.call(method, &rig.admin, request).await {
        Ok(answer) => panic!("{method} {shown}: {answer}"),
        Err(refusal) => assert_eq!((refusal.code, refusal.id().as_str()), (3, REFUSED), "{method} {shown}"),
    }
}

#[tokio::test]
async fn what_is_looked_up_by_a_text_with_nul_is_not_there() {
    let rig = Rig::start().await;
    let asked = |text: &str| {
        let mut calls: Vec<(&str, Value)> = Vec::new();
        for check in [json!({ "loginName": text }), json!({ "userId": text })] {
            let both =
                [json!({ "user": check }), json!({ "user": check, "password": { "password": PASSWORD } })];
            calls.extend(both.map(|checks| ("session.CreateSession", json!({ "checks": checks }))));
        }
        for method in ["session.GetSession", "session.SetSession", "session.DeleteSession"] {
            calls.push((method, json!({ "sessionId": text })));
        }
        calls.push(("user.GetUserByID", json!({ "userId": text })));
        calls
    };
    let told = |outcome: crate::client::Outcome| outcome.err().map(|refusal| (refusal.code, refusal.id()));
    for ((method, strange), (_, unknown)) in asked("mini\0").into_iter().zip(asked("nobody")) {
        let expected = told(rig.call(method, &rig.admin, unknown).await);
        let shown = strange.to_string();
        assert_eq!(told(rig.call(method, &rig.admin, strange).await), expected, "{method} {shown}");
    }
}

#[tokio::test]
async fn a_search_by_a_text_with_nul_is_refused() {
    let rig = Rig::start().await;
    let text = "mini\0";
    for query in [
        json!({ "idsQuery": { "ids": ["1", text] } }),
        json!({ "userIdQuery": { "id": text } }),
        json!({ "creatorQuery": { "id": text } }),
        json!({ "userAgentQuery": { "fingerprintId": text } }),
    ] {
        refused(&rig, "session.ListSessions", json!({ "queries": [query] })).await;
    }
    for query in [
        json!({ "userNameQuery": { "userName": text } }),
        json!({ "emailQuery": { "emailAddress": text, "method": "TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE" } }),
        json!({ "inUserIdsQuery": { "userIds": [text] } }),
    ] {
        refused(&rig, "user.ListUsers", json!({ "queries": [query] })).await;
    }
}

#[tokio::test]
async fn a_user_with_nul_in_a_text_is_refused_and_leaves_nothing() {
    let rig = Rig::start().await;
    let text = "a\0b";
    let home = rig.app.instance.default_organisation.clone();
    for (place, value) in [
        ("/username", json!(text)),
        ("/userId", json!(text)),
        ("/profile/givenName", json!(text)),
        ("/profile/familyName", json!(text)),
        ("/profile/nickName", json!(text)),
        ("/profile/displayName", json!(text)),
        ("/organization", json!({ "orgId": text })),
        ("/metadata", json!([{ "key": text, "value": "YQ==" }])),
    ] {
        let mut request = human("mini@mouse.com");
        let (parent, name) = place.rsplit_once('/').unwrap();
        request.pointer_mut(parent).unwrap()[name] = value;
        refused(&rig, "user.AddHumanUser", request).await;
    }
    for machine in [json!({ "name": text }), json!({ "name": "robot", "description": text })] {
        let request = json!({ "organizationId": home, "username": "robot", "machine": machine });
        refused(&rig, "user.CreateUser", request).await;
    }
    let listed = rig.ok("user.ListUsers", &rig.admin, json!({})).await;
    assert_eq!(listed["details"]["totalResult"], "2", "those of the first start");

    let id = rig.add_human("mini@mouse.com").await;
    let before = rig.ok("user.GetUserByID", &rig.admin, json!({ "userId": id })).await;
    refused(&rig, "user.UpdateUser", json!({ "userId": id, "username": text })).await;
    let profile = json!({ "profile": { "displayName": text } });
    refused(&rig, "user.UpdateUser", json!({ "userId": id, "human": profile })).await;
    let metadata = json!([{ "key": "fine", "value": "YQ==" }, { "key": text, "value": "YQ==" }]);
    refused(&rig, "user.SetUserMetadata", json!({ "userId": id, "metadata": metadata })).await;
    assert_eq!(rig.ok("user.GetUserByID", &rig.admin, json!({ "userId": id })).await, before);
    let kept = rig.ok("user.ListUserMetadata", &rig.admin, json!({ "userId": id })).await;
    assert!(kept.get("metadata").is_none(), "all or nothing: {kept}");
}

#[tokio::test]
async fn a_fingerprint_with_nul_is_refused_and_takes_nobody_along() {
    let rig = Rig::start().await;
    let request = |number: usize| {
        let fingerprint = if number.is_multiple_of(4) { "fp\0" } else { "fp" };
        json!({ "userAgent": { "fingerprintId": fingerprint } })
    };
    let many = (0..40).map(|number| rig.call("session.CreateSession", &rig.login, request(number)));
    for (number, outcome) in join_all(many).await.into_iter().enumerate() {
        let id = outcome.err().map(|refusal| refusal.id());
        assert_eq!(id.as_deref(), (number.is_multiple_of(4)).then_some(REFUSED), "{number}");
    }
    let listed = rig.ok("session.ListSessions", &rig.login, json!({})).await;
    assert_eq!(listed["details"]["totalResult"], "30");
}

#[tokio::test]
async fn metadata_and_browser_of_a_session_and_a_password_may_hold_nul() {
    let rig = Rig::start().await;
    let agent = json!({
        "fingerprintId": "fp", "description": "a\0b\u{1}",
        "header": { "x\0": { "values": ["\0", "a\0"] } },
    });
    let metadata = json!({ "\0": "AA==", "a\0b": "AAAA" });
    let (id, _) = rig.session(json!({ "userAgent": agent, "metadata": metadata })).await;
    let shown = rig.shown(&id).await;
    assert_eq!((&shown["userAgent"], &shown["metadata"]), (&agent, &metadata));
    let request = json!({ "sessionId": id, "metadata": { "\0": "", "a\0b": "AQ==", "\0\0": "AA==" } });
    rig.ok("session.SetSession", &rig.login, request).await;
    assert_eq!(rig.shown(&id).await["metadata"], json!({ "a\0b": "AQ==", "\0\0": "AA==" }));

    let mut person = human("mini@mouse.com");
    person["password"]["password"] = json!("Secr3t!\0pass");
    person["metadata"] = json!([{ "key": "k", "value": "AAA=" }]);
    let user = rig.ok("user.AddHumanUser", &rig.admin, person).await["userId"].clone();
    let log_in = |password: &str| {
        let checks = json!({ "user": { "userId": user }, "password": { "password": password } });
        rig.call("session.CreateSession", &rig.login, json!({ "checks": checks }))
    };
    assert!(log_in("Secr3t!\0pass").await.is_ok());
    assert_eq!(log_in("Secr3t!").await.unwrap_err().id(), "COMMAND-3M0fs");
}

//! SetSession: tokens, merging, refusals, and what a race leaves.

use doorward_core::base::Span;
use serde_json::json;

use crate::rig::{PASSWORD, Rig};

#[tokio::test]
async fn a_change_gives_a_new_token_and_the_old_one_dies_at_once() {
    let rig = Rig::start().await;
    let (id, first) = rig.session(json!({})).await;
    rig.clock.advance(Span::seconds(1));
    let request = json!({ "sessionId": id, "sessionToken": first, "metadata": { "a": "YQ==" } });
    let changed = rig.ok("session.SetSession", &rig.login, request.clone()).await;
    let second = changed["sessionToken"].as_str().unwrap();
    assert_ne!(first, second);
    assert_eq!(changed["details"]["sequence"], "4");
    assert_eq!(changed["details"]["changeDate"], "2025-11-20T10:00:01.123456Z");
    let shown = rig.shown(&id).await;
    assert_eq!(shown["changeDate"], changed["details"]["changeDate"]);
    assert_eq!(shown["creationDate"], "2025-11-20T10:00:00.123456Z");
    assert_eq!(rig.id("session.SetSession", &rig.login, request).await, "COMMAND-sGr42");
    let get = |token: &str| json!({ "sessionId": id, "sessionToken": token });
    assert_eq!(rig.id("session.GetSession", &rig.login, get(&first)).await, "QUERY-dsfr3");
    assert_eq!(rig.id("session.DeleteSession", &rig.login, get(&first)).await, "COMMAND-sGr42");
    rig.ok("session.GetSession", &rig.login, get(second)).await;
}

#[tokio::test]
async fn nothing_to_change_gives_no_token_and_keeps_the_old_one() {
    let rig = Rig::start().await;
    let (id, token) = rig.session(json!({ "metadata": { "a": "YQ==" } })).await;
    for metadata in [json!({}), json!({ "unknown": "" })] {
        let request = json!({ "sessionId": id, "sessionToken": token, "metadata": metadata });
        let answer = rig.ok("session.SetSession", &rig.login, request).await;
        assert!(answer.get("sessionToken").is_none(), "{answer}");
        assert_eq!(answer["details"]["sequence"], "3");
    }
    rig.ok("session.GetSession", &rig.login, json!({ "sessionId": id, "sessionToken": token })).await;
}

#[tokio::test]
async fn metadata_merges_and_an_empty_value_deletes_its_key() {
    let rig = Rig::start().await;
    let (id, _) = rig.session(json!({ "metadata": { "a": "MQ==", "b": "Mg==" } })).await;
    let request = json!({ "sessionId": id, "metadata": { "a": "", "c": "Mw==", "": "NA==" } });
    rig.ok("session.SetSession", &rig.login, request).await;
    assert_eq!(rig.shown(&id).await["metadata"], json!({ "b": "Mg==", "c": "Mw==", "": "NA==" }));
    let request = json!({ "sessionId": id, "metadata": { "b": "", "c": "", "": "" } });
    rig.ok("session.SetSession", &rig.login, request).await;
    assert!(rig.shown(&id).await.get("metadata").is_none(), "the last key can go too");
}

#[tokio::test]
async fn the_token_decides_alone_and_without_one_the_permission_does() {
    let rig = Rig::start().await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let (id, token) = rig.session(json!({})).await;
    let set = |token: &str| json!({ "sessionId": id, "sessionToken": token, "metadata": { "a": "YQ==" } });
    assert_eq!(rig.id("session.SetSession", &rig.admin, set("d3Jvbmc")).await, "COMMAND-sGr42");
    assert_eq!(rig.id("session.SetSession", &rig.admin, set("no base64!")).await, "COMMAND-hi6Ph");
    assert_eq!(rig.id("session.SetSession", &nobody, set("")).await, "AUTHZ-cdgFk");
    assert_eq!(rig.id("session.SetSession", &viewer, set("")).await, "AUTH-AWfge");
    rig.ok("session.SetSession", &nobody, set(&token)).await;
    rig.ok("session.SetSession", &rig.admin, set("")).await;
}

#[tokio::test]
async fn the_own_session_and_the_creator_have_no_special_right_to_change() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let (_, bearer) = rig.log_in("mini@mouse.com").await;
    let (id, _) = rig.session(json!({ "checks": { "user": { "userId": user } } })).await;
    let request = json!({ "sessionId": id, "metadata": { "a": "YQ==" } });
    assert_eq!(rig.id("session.SetSession", &bearer, request).await, "AUTHZ-cdgFk");
}

#[tokio::test]
async fn an_unknown_session_is_not_found_after_the_permission_was_asked() {
    let rig = Rig::start().await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    let set = |token: &str| json!({ "sessionId": "17", "sessionToken": token, "metadata": { "a": "YQ==" } });
    assert_eq!(rig.id("session.SetSession", &nobody, set("")).await, "AUTHZ-cdgFk");
    assert_eq!(rig.id("session.SetSession", &rig.login, set("")).await, "QUERY-SFeaa");
    assert_eq!(rig.id("session.SetSession", &rig.login, set("d3Jvbmc")).await, "COMMAND-sGr42");
    assert_eq!(rig.id("session.GetSession", &rig.login, json!({ "sessionId": "17" })).await, "QUERY-SFeaa");
}

#[tokio::test]
async fn an_ended_or_expired_session_cannot_be_changed() {
    let rig = Rig::start().await;
    let (id, token) = rig.session(json!({ "lifetime": "60s" })).await;
    let set = json!({ "sessionId": id, "sessionToken": token, "lifetime": "60s" });
    rig.clock.advance(Span::seconds(60));
    assert_eq!(rig.id("session.SetSession", &rig.login, set.clone()).await, "COMMAND-Hkl3d");
    let read = json!({ "sessionId": id, "sessionToken": token });
    rig.ok("session.GetSession", &rig.login, read.clone()).await;
    rig.ok("session.DeleteSession", &rig.login, read.clone()).await;
    assert_eq!(rig.id("session.SetSession", &rig.login, set).await, "COMMAND-Hewfq");
    assert_eq!(rig.id("session.GetSession", &rig.login, read).await, "QUERY-SFeaa");
}

#[tokio::test]
async fn a_lifetime_can_be_shortened_and_lengthened_but_counts_from_now() {
    let rig = Rig::start().await;
    let (id, _) = rig.session(json!({ "lifetime": "60s" })).await;
    rig.clock.advance(Span::seconds(30));
    rig.ok("session.SetSession", &rig.login, json!({ "sessionId": id, "lifetime": "5s" })).await;
    assert_eq!(rig.shown(&id).await["expirationDate"], "2025-11-20T10:00:35.123456Z");
}

#[tokio::test]
async fn a_user_can_be_checked_again_and_then_the_password_but_not_exchanged() {
    let rig = Rig::start().await;
    rig.add_human("mini@mouse.com").await;
    rig.add_human("mickey@mouse.com").await;
    let (id, _) = rig.session(json!({})).await;
    let set = |checks: serde_json::Value| json!({ "sessionId": id, "checks": checks });
    let password = json!({ "password": PASSWORD });
    assert_eq!(
        rig.id("session.SetSession", &rig.login, set(json!({ "password": password }))).await,
        "COMMAND-Sfw3f"
    );
    let user = json!({ "user": { "loginName": "mini@mouse.com" } });
    rig.ok("session.SetSession", &rig.login, set(user.clone())).await;
    rig.clock.advance(Span::seconds(1));
    rig.ok("session.SetSession", &rig.login, set(json!({ "password": password }))).await;
    rig.clock.advance(Span::seconds(1));
    rig.ok("session.SetSession", &rig.login, set(user)).await;
    let factors = &rig.shown(&id).await["factors"];
    assert_eq!(factors["password"]["verifiedAt"], "2025-11-20T10:00:01.123456Z");
    assert_eq!(factors["user"]["verifiedAt"], "2025-11-20T10:00:02.123456Z");
    let other = set(json!({ "user": { "loginName": "mickey@mouse.com" } }));
    let refusal = rig.call("session.SetSession", &rig.login, other).await.unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (3, "user change not possible ()"));
    assert_eq!(refusal.details[0]["id"], serde_json::Value::Null, "an empty id is left out");
}

#[tokio::test]
async fn of_many_changes_with_the_same_token_exactly_one_wins() {
    let rig = Rig::start().await;
    let (id, token) = rig.session(json!({})).await;
    let race = (0..50).map(|number| {
        let request =
            json!({ "sessionId": id, "sessionToken": token, "metadata": { format!("k{number}"): "YQ==" } });
        rig.call("session.SetSession", &rig.login, request)
    });
    let outcomes = futures_util::future::join_all(race).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let losers = outcomes.into_iter().filter_map(Result::err);
    assert!(losers.into_iter().all(|refusal| refusal.id() == "COMMAND-sGr42"));
    assert_eq!(rig.shown(&id).await["metadata"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn of_many_changes_by_permission_none_is_lost() {
    let rig = Rig::start().await;
    let (id, _) = rig.session(json!({})).await;
    let race = (0..50).map(|number| {
        let request = json!({ "sessionId": id, "metadata": { format!("k{number}"): "YQ==" } });
        rig.call("session.SetSession", &rig.login, request)
    });
    assert!(futures_util::future::join_all(race).await.iter().all(Result::is_ok));
    let shown = rig.shown(&id).await;
    assert_eq!(shown["metadata"].as_object().unwrap().len(), 50);
    assert_eq!(shown["sequence"], "102", "two at birth and two for each change");
}

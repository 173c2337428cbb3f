//! Letting a caller in by the header of the request.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::client::Protocol;
use crate::rig::Rig;

/// Status, and error id or message, of a request with these headers.
async fn refused(rig: &Rig, headers: &[(&str, &str)]) -> (u16, String) {
    let answer = rig.http.raw("POST", "/v2/sessions/search", headers, b"{}".to_vec(), false).await;
    let said = answer.json();
    let id = said["details"][0]["id"].as_str().or(said["message"].as_str()).unwrap_or_default();
    (answer.status.as_u16(), id.to_owned())
}

#[tokio::test]
async fn the_header_must_fall_into_two_parts_at_bearer() {
    let rig = Rig::start().await;
    let token = &rig.login;
    assert_eq!(refused(&rig, &[]).await, (401, "auth header missing".to_owned()));
    for wrong in [
        format!("bearer {token}"),
        format!("BEARER {token}"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer{token}"),
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer {token} Bearer {token}"),
        format!("Bearer Bearer {token}"),
    ] {
        let headers = [("authorization", wrong.as_str())];
        assert_eq!(refused(&rig, &headers).await, (401, "AUTH-toLo1".to_owned()), "{wrong}");
    }
    for right in [format!("Bearer {token}"), format!("fooBearer {token}"), format!("foo Bearer {token}")] {
        let headers = [("authorization", right.as_str())];
        assert_eq!(refused(&rig, &headers).await.0, 200, "{right}");
    }
}

#[tokio::test]
async fn what_is_no_token_is_invalid() {
    let rig = Rig::start().await;
    let token = &rig.login;
    for wrong in [
        "garbage".to_owned(),
        "dwp_".to_owned(),
        "no base64!".to_owned(),
        "Z2FyYmFnZQ".to_owned(),
        format!(" {token}"),
        format!("{token} x"),
        format!("{token},{token}"),
        "A".repeat(8000),
    ] {
        let value = format!("Bearer {wrong}");
        let headers = [("authorization", value.as_str())];
        assert_eq!(refused(&rig, &headers).await, (401, "AUTH-7fs1e".to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn a_refused_caller_is_told_the_same_over_every_protocol() {
    let rig = Rig::start().await;
    for protocol in Protocol::ALL {
        let none = rig.http.call(protocol, "session.ListSessions", None, json!({})).await.unwrap_err();
        assert_eq!((none.code, none.message.as_str(), none.details.len()), (16, "auth header missing", 0));
        let garbage =
            rig.http.call(protocol, "session.ListSessions", Some("x"), json!({})).await.unwrap_err();
        assert_eq!((garbage.code, garbage.message.as_str()), (16, "Errors.Token.Invalid (AUTH-7fs1e)"));
        let detail = json!([{
            "@type": "type.googleapis.com/zitadel.v1.ErrorDetail",
            "id": "AUTH-7fs1e", "message": "Errors.Token.Invalid",
        }]);
        assert_eq!(json!(garbage.details), detail, "{protocol:?}");
    }
}

#[tokio::test]
async fn an_expired_token_is_invalid_from_the_moment_of_its_expiry() {
    let rig = Rig::start().await;
    let (id, _) = rig.add_machine("robot", &[]).await;
    let request = json!({ "userId": id, "expirationDate": "2025-11-20T10:00:10Z" });
    let token = rig.ok("user.AddPersonalAccessToken", &rig.admin, request).await["token"].clone();
    let token = token.as_str().unwrap();
    rig.ok("session.ListSessions", token, json!({})).await;
    rig.clock.advance(Span(9_876_543));
    rig.ok("session.ListSessions", token, json!({})).await;
    rig.clock.advance(Span(1));
    assert_eq!(rig.id("session.ListSessions", token, json!({})).await, "AUTH-7fs1e");
}

#[tokio::test]
async fn a_revoked_token_is_invalid_at_the_very_next_call() {
    let rig = Rig::start().await;
    let (id, token) = rig.add_machine("robot", &[]).await;
    rig.ok("session.ListSessions", &token, json!({})).await;
    let filter = json!({ "filters": [{ "userIdFilter": { "id": id } }] });
    let listed = rig.ok("user.ListPersonalAccessTokens", &rig.admin, filter).await;
    let request = json!({ "userId": id, "tokenId": listed["result"][0]["id"] });
    rig.ok("user.RemovePersonalAccessToken", &rig.admin, request).await;
    for protocol in Protocol::ALL {
        let refusal = rig.http.call(protocol, "session.ListSessions", Some(&token), json!({})).await;
        assert_eq!(refusal.unwrap_err().id(), "AUTH-7fs1e", "{protocol:?}");
    }
}

#[tokio::test]
async fn a_token_of_a_user_who_is_not_active_is_invalid() {
    let rig = Rig::start().await;
    for (method, back) in [
        ("user.LockUser", Some("user.UnlockUser")),
        ("user.DeactivateUser", Some("user.ReactivateUser")),
        ("user.DeleteUser", None),
    ] {
        let (id, token) = rig.add_machine(method, &[]).await;
        rig.ok(method, &rig.admin, json!({ "userId": id })).await;
        assert_eq!(rig.id("session.ListSessions", &token, json!({})).await, "AUTH-7fs1e", "{method}");
        if let Some(back) = back {
            rig.ok(back, &rig.admin, json!({ "userId": id })).await;
            rig.ok("session.ListSessions", &token, json!({})).await;
        }
    }
}

#[tokio::test]
async fn an_organisation_that_is_not_there_is_refused_and_one_that_is_there_is_not() {
    let rig = Rig::start().await;
    let away = rig.add_organisation("Away").await;
    let bearer = format!("Bearer {}", rig.login);
    for (organisation, expected) in
        [("5", "AUTH-Bs7Ds"), ("' OR 1=1 --", "AUTH-Bs7Ds"), ("", ""), (&away, "")]
    {
        let headers = [("authorization", bearer.as_str()), ("x-zitadel-orgid", organisation)];
        let (status, id) = refused(&rig, &headers).await;
        assert_eq!((status, id.as_str()), if expected.is_empty() { (200, "") } else { (403, expected) });
    }
    let headers = [("authorization", "Bearer garbage"), ("x-zitadel-orgid", "5")];
    assert_eq!(refused(&rig, &headers).await.1, "AUTH-7fs1e", "the token comes first");
}

#[tokio::test]
async fn the_header_of_the_organisation_gives_no_permission() {
    let rig = Rig::start().await;
    let away = rig.add_organisation("Away").await;
    let user = rig.add_human("mini@mouse.com").await;
    let (_, owner) = rig.add_machine("owner", &[(Some(&away), "ORG_OWNER")]).await;
    let bearer = format!("Bearer {owner}");
    let headers = [("authorization", bearer.as_str()), ("x-zitadel-orgid", away.as_str())];
    let path = format!("/v2/users/{user}/lock");
    let answer = rig.http.raw("POST", &path, &headers, b"{}".to_vec(), false).await;
    assert_eq!(answer.json()["details"][0]["id"], "AUTHZ-cdgFk");
    assert_eq!(rig.rest("GET", &format!("/v2/users/{user}"), &owner, Value::Null).await.status, 404);
}

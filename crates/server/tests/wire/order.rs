//! The order in which a request is looked at: body, caller, permission of the method, limits, story.

use serde_json::{Value, json};

use crate::client::Protocol;
use crate::rig::{Rig, human};

#[tokio::test]
async fn an_invalid_request_without_a_token_is_unauthenticated() {
    let rig = Rig::start().await;
    let invalid = [
        ("session.CreateSession", json!({ "lifetime": "0s" })),
        ("session.SetSession", json!({ "sessionId": "x".repeat(201) })),
        ("beta.ListSessions", json!({ "queries": [{}] })),
        ("user.CreateUser", json!({})),
        ("user.AddHumanUser", json!({})),
        ("user.RegisterTOTP", json!({ "userId": "x".repeat(201) })),
        ("user.CreatePasskeyRegistrationLink", json!({ "userId": "x".repeat(201) })),
        ("user.StartIdentityProviderIntent", json!({})),
    ];
    for protocol in Protocol::ALL {
        for (method, request) in &invalid {
            let refusal = rig.http.call(protocol, method, None, request.clone()).await.unwrap_err();
            assert_eq!((refusal.code, refusal.message.as_str()), (16, "auth header missing"), "{method}");
            let refusal =
                rig.http.call(protocol, method, Some("garbage"), request.clone()).await.unwrap_err();
            assert_eq!((refusal.code, refusal.id().as_str()), (16, "AUTH-7fs1e"), "{protocol:?} {method}");
            let refusal =
                rig.http.call(protocol, method, Some(&rig.admin), request.clone()).await.unwrap_err();
            assert_eq!((refusal.code, refusal.details.len()), (3, 0), "{protocol:?} {method} {refusal:?}");
            assert!(refusal.message.starts_with("invalid "), "{}", refusal.message);
        }
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_an_invalid_argument_whoever_sends_it() {
    let rig = Rig::start().await;
    for (verb, path) in [("POST", "/v2/sessions"), ("POST", "/v2/users/human"), ("DELETE", "/v2/sessions/1")]
    {
        let answer = rig.http.rest(verb, path, None, "{").await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (400, &json!(3)), "{verb} {path}");
    }
}

#[tokio::test]
async fn add_human_user_asks_for_the_permission_before_the_limits() {
    let rig = Rig::start().await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let id = async |token: &str, request: Value| rig.id("user.AddHumanUser", token, request).await;
    for request in [json!({}), human("mini@mouse.com")] {
        assert_eq!(id(&nobody, request.clone()).await, "AUTHZ-cdgFk");
        assert_eq!(id(&viewer, request).await, "AUTH-5mWD2");
    }
    assert!(id(&rig.admin, json!({})).await.starts_with("invalid AddHumanUserRequest."));
}

#[tokio::test]
async fn add_human_user_takes_the_organisation_of_the_request_before_that_of_the_header() {
    let rig = Rig::start().await;
    let home = rig.app.instance.default_organisation.clone();
    let away = rig.add_organisation("Away").await;
    let (_, owner) = rig.add_machine("owner", &[(Some(&away), "ORG_OWNER")]).await;
    let bearer = format!("Bearer {owner}");
    let add = async |named: &str, header: &str, email: &str| {
        let mut request = human(email);
        if !named.is_empty() {
            request["organization"] = json!({ "orgId": named });
        }
        let headers = [("authorization", bearer.as_str()), ("x-zitadel-orgid", header)];
        let body = request.to_string().into_bytes();
        rig.http.raw("POST", "/v2/users/human", &headers, body, false).await.json()
    };
    assert_eq!(add("", "", "a@a.aa").await["details"][0]["id"], "AUTHZ-cdgFk", "the caller's own is home");
    assert_eq!(add("", &away, "b@b.bb").await["details"]["resourceOwner"], json!(away));
    assert_eq!(add(&away, &home, "c@c.cc").await["details"]["resourceOwner"], json!(away));
    assert_eq!(add(&home, &away, "d@d.dd").await["details"][0]["id"], "AUTHZ-cdgFk");
    assert_eq!(add("5", &away, "e@e.ee").await["details"][0]["id"], "AUTH-Bs7Ds");
}

#[tokio::test]
async fn the_other_methods_check_limits_before_the_permission() {
    let rig = Rig::start().await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    for (method, request) in [
        ("session.CreateSession", json!({ "lifetime": "-1s" })),
        ("session.SetSession", json!({ "sessionId": "" })),
        ("session.DeleteSession", json!({})),
        ("user.CreateUser", json!({})),
        ("user.LockUser", json!({ "userId": "" })),
        ("user.RegisterPasskey", json!({})),
        ("user.AddOTPEmail", json!({})),
        ("user.ListAuthenticationFactors", json!({})),
        ("user.HumanMFAInitSkipped", json!({ "userId": "x".repeat(201) })),
    ] {
        let text = rig.id(method, &nobody, request).await;
        assert!(text.starts_with("invalid "), "{method} {text}");
    }
}

#[tokio::test]
async fn creating_a_session_asks_for_the_permission_before_it_looks_up_the_user() {
    let rig = Rig::start().await;
    rig.add_human("mini@mouse.com").await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    for name in ["mini@mouse.com", "nobody@mouse.com"] {
        let request = json!({ "checks": { "user": { "loginName": name } } });
        assert_eq!(rig.id("session.CreateSession", &nobody, request).await, "AUTHZ-cdgFk", "{name}");
    }
}

//! What JSON an answer is written in.

use serde_json::{Value, json};

use crate::rig::{PASSWORD, Rig};

/// The keys of an object in order of their names: JSON itself knows no order.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn fields_at_their_zero_value_are_left_out() {
    let rig = Rig::start().await;
    let empty = rig.rest("POST", "/v2/sessions/search", &rig.login, json!({})).await.json();
    assert_eq!(keys(&empty), ["details"]);
    assert_eq!(keys(&empty["details"]), ["processedSequence", "timestamp"], "totalResult 0 is left out");
    let unknown = rig.rest("DELETE", "/v2/sessions/12345", &rig.admin, Value::Null).await;
    assert_eq!((unknown.status.as_u16(), unknown.json()), (200, json!({ "details": {} })));
    let (id, _) = rig.session(json!({})).await;
    let shown = rig.rest("GET", &format!("/v2/sessions/{id}"), &rig.login, Value::Null).await.json();
    assert_eq!(keys(&shown["session"]), ["changeDate", "creationDate", "id", "sequence"]);
}

#[tokio::test]
async fn an_explicit_field_is_shown_even_if_empty() {
    let rig = Rig::start().await;
    let agent = json!({ "description": "", "fingerprintId": "" });
    let (id, _) = rig.session(json!({ "userAgent": agent })).await;
    let shown = rig.rest("GET", &format!("/v2/sessions/{id}"), &rig.login, Value::Null).await.json();
    assert_eq!(shown["session"]["userAgent"], agent);
    let (id, _) = rig.session(json!({ "userAgent": {} })).await;
    assert_eq!(rig.shown(&id).await.get("userAgent"), None);
}

#[tokio::test]
async fn answers_have_the_shapes_of_the_documented_samples() {
    let rig = Rig::start_with(&["policy.backoff.enabled=false"]).await;
    let user = rig.add_human("mini@mouse.com").await;
    let request = json!({
        "checks": { "user": { "loginName": "mini@mouse.com" }, "password": { "password": PASSWORD } },
        "metadata": { "foo": "YmFy" },
        "userAgent": {
            "fingerprintId": "fp", "ip": "1.2.3.4", "description": "D",
            "header": { "foo": { "values": ["foo", "bar"] } },
        },
        "lifetime": "300s",
    });
    let created = rig.rest("POST", "/v2/sessions", &rig.login, request).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.headers["content-type"], "application/json");
    let created = created.json();
    assert_eq!(keys(&created), ["details", "sessionId", "sessionToken"]);
    let now = "2025-11-20T10:00:00.123456Z";
    let instance = rig.app.instance.id.clone();
    let details = json!({ "sequence": "6", "changeDate": now, "resourceOwner": instance });
    assert_eq!(created["details"], details);
    let id = created["sessionId"].as_str().unwrap();
    let shown = rig.rest("GET", &format!("/v2/sessions/{id}"), &rig.login, Value::Null).await.json();
    let expected = json!({ "session": {
        "id": id, "creationDate": now, "changeDate": now, "sequence": "6",
        "factors": {
            "user": {
                "verifiedAt": now, "id": user, "loginName": "mini@mouse.com", "displayName": "Mini Mouse",
                "organizationId": rig.app.instance.default_organisation,
            },
            "password": { "verifiedAt": now },
        },
        "metadata": { "foo": "YmFy" },
        "userAgent": {
            "fingerprintId": "fp", "ip": "1.2.3.4", "description": "D",
            "header": { "foo": { "values": ["foo", "bar"] } },
        },
        "expirationDate": "2025-11-20T10:05:00.123456Z",
    }});
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn times_have_zero_three_or_six_digits() {
    let rig = Rig::start().await;
    let shown_after = async |micros: i64| {
        rig.clock.advance(doorward_core::base::Span(micros));
        let (id, _) = rig.session(json!({})).await;
        rig.shown(&id).await["creationDate"].as_str().unwrap().to_owned()
    };
    assert_eq!(shown_after(44).await, "2025-11-20T10:00:00.123500Z");
    assert_eq!(shown_after(500).await, "2025-11-20T10:00:00.124Z");
    assert_eq!(shown_after(876_000).await, "2025-11-20T10:00:01Z");
}

#[tokio::test]
async fn refusals_have_the_shapes_of_the_documented_samples() {
    let rig = Rig::start().await;
    rig.add_human("mini@mouse.com").await;
    let checks = json!({ "user": { "loginName": "mini@mouse.com" }, "password": { "password": "nope" } });
    let request = json!({ "checks": checks });
    let refused = rig.rest("POST", "/v2/sessions", &rig.login, request.clone()).await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json(),
        json!({ "code": 3, "message": "Password is invalid (COMMAND-3M0fs)", "details": [{
            "@type": "type.googleapis.com/zitadel.v1.CredentialsCheckError",
            "id": "COMMAND-3M0fs", "message": "Password is invalid", "failedAttempts": 1,
        }]})
    );
    let path = "/zitadel.session.v2.SessionService/CreateSession";
    let body = request.to_string();
    let refused =
        crate::talk::connect(&rig, path, "application/json", Some(&rig.login), body.as_bytes()).await;
    let mut said = refused.json();
    assert!(!said["details"][0]["value"].take().as_str().unwrap().contains('='), "no padding");
    assert_eq!(
        said,
        json!({ "code": "invalid_argument", "message": "Password is invalid (COMMAND-3M0fs)", "details": [{
            "type": "zitadel.v1.CredentialsCheckError", "value": null,
            "debug": { "id": "COMMAND-3M0fs", "message": "Password is invalid", "failedAttempts": 2 },
        }]})
    );
}

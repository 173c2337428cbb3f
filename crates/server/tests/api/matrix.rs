//! Every method of both session versions gives the same answer and the same error over every protocol.

use serde_json::{Value, json};

use crate::client::{Outcome, Protocol};
use crate::rig::{PASSWORD, Rig};

/// Makes answers comparable: what is new in each call is replaced by its shape.
fn without_chance(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                *field = match name.as_str() {
                    "sessionId" | "id" if field.as_str().is_some_and(|text| text.len() == 36) => {
                        json!("an id")
                    }
                    "sessionToken" => json!("a token"),
                    "processedSequence" => json!("a position"),
                    _ => without_chance(field.take()),
                };
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|entry| *entry = without_chance(entry.take())),
        _ => {}
    }
    value
}

/// Runs the same call over every protocol and compares what comes back.
async fn alike<F, G>(what: &str, call: F) -> Outcome
where
    F: Fn(Protocol) -> G,
    G: Future<Output = Outcome>,
{
    let mut first: Option<Outcome> = None;
    for protocol in Protocol::ALL {
        let outcome = call(protocol).await.map(without_chance);
        match &first {
            None => first = Some(outcome),
            Some(first) => assert_eq!(&outcome, first, "{what} over {protocol:?}"),
        }
    }
    first.unwrap()
}

#[tokio::test]
async fn five_methods_of_two_versions_answer_alike_over_every_protocol() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let mut versions = Vec::new();
    for version in ["session", "beta"] {
        versions.push(answers(&rig, version, &user).await);
    }
    assert_eq!(versions[0], versions[1], "both versions answer alike");
}

async fn answers(rig: &Rig, version: &str, user: &str) -> Vec<Outcome> {
    let token = Some(rig.login.as_str());
    let name = |method: &str| format!("{version}.{method}");
    let create = json!({
        "checks": { "user": { "loginName": "mini@mouse.com" }, "password": { "password": PASSWORD } },
        "metadata": { "foo": "YmFy" },
        "userAgent": {
            "fingerprintId": "fp", "ip": "1.2.3.4", "description": "",
            "header": { "foo": { "values": ["foo", "bar"] } },
        },
        "lifetime": "300s",
    });
    let mut all = Vec::new();
    let (method, request) = (name("CreateSession"), &create);
    all.push(alike("create", |protocol| rig.http.call(protocol, &method, token, request.clone())).await);
    assert!(all.iter().all(Result::is_ok), "{all:?}");

    let (id, _) = rig.session(create.clone()).await;
    let (method, request) = (name("GetSession"), json!({ "sessionId": id }));
    all.push(alike("get", |protocol| rig.http.call(protocol, &method, token, request.clone())).await);

    let method = name("SetSession");
    let set = |protocol| {
        let method = method.clone();
        let create = create.clone();
        async move {
            let (id, session_token) = rig.session(create).await;
            let request = json!({ "sessionId": id, "sessionToken": session_token, "metadata": { "foo": "", "x": "eA==" } });
            rig.http.call(protocol, &method, token, request).await
        }
    };
    all.push(alike("set", set).await);

    let method = name("ListSessions");
    let request = json!({
        "query": { "limit": 1, "asc": true },
        "sortingColumn": "SESSION_FIELD_NAME_CREATION_DATE",
        "queries": [{ "userIdQuery": { "id": user } }, { "idsQuery": { "ids": [id] } }],
    });
    all.push(alike("list", |protocol| rig.http.call(protocol, &method, token, request.clone())).await);

    let method = name("DeleteSession");
    let delete = |protocol| {
        let method = method.clone();
        let create = create.clone();
        async move {
            let (id, _) = rig.session(create).await;
            rig.http.call(protocol, &method, token, json!({ "sessionId": id })).await
        }
    };
    all.push(alike("delete", delete).await);
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    all
}

#[tokio::test]
async fn five_methods_of_two_versions_fail_alike_over_every_protocol() {
    let rig = Rig::start_with(&["policy.backoff.enabled=false"]).await;
    rig.add_human("mini@mouse.com").await;
    let (id, session_token) = rig.session(json!({})).await;
    let ended = rig.session(json!({})).await;
    rig.ok("session.DeleteSession", &rig.login, json!({ "sessionId": ended.0 })).await;
    let long = "x".repeat(201);
    let cases = [
        ("CreateSession", json!({ "checks": { "user": { "loginName": "nobody" } } }), 5),
        ("CreateSession", json!({ "checks": { "user": {} } }), 12),
        ("CreateSession", json!({ "lifetime": "0s" }), 3),
        ("GetSession", json!({ "sessionId": "1" }), 5),
        ("GetSession", json!({ "sessionId": id, "sessionToken": "wrong" }), 7),
        ("SetSession", json!({ "sessionId": id, "sessionToken": "no base64!" }), 3),
        ("SetSession", json!({ "sessionId": ended.0, "sessionToken": ended.1 }), 9),
        ("SetSession", json!({ "sessionId": long, "sessionToken": session_token }), 3),
        ("ListSessions", json!({ "query": { "limit": 1001 } }), 3),
        ("ListSessions", json!({ "queries": [{}] }), 3),
        ("DeleteSession", json!({ "sessionId": id, "sessionToken": "d3Jvbmc" }), 7),
    ];
    for (method, request, code) in cases {
        for version in ["session", "beta"] {
            let method = format!("{version}.{method}");
            let token = Some(rig.login.as_str());
            let outcome =
                alike(&method, |protocol| rig.http.call(protocol, &method, token, request.clone())).await;
            assert_eq!(outcome.unwrap_err().code, code, "{method} {request}");
        }
    }
    let missing =
        alike("no token", |protocol| rig.http.call(protocol, "session.ListSessions", None, json!({})));
    assert_eq!(missing.await.unwrap_err().message, "auth header missing");
}

#[tokio::test]
async fn a_wrong_password_tells_the_failed_attempts_over_every_protocol() {
    let rig = Rig::start_with(&["policy.backoff.enabled=false"]).await;
    rig.add_human("mini@mouse.com").await;
    let checks = json!({ "user": { "loginName": "mini@mouse.com" }, "password": { "password": "wrong" } });
    for (count, protocol) in Protocol::ALL.into_iter().enumerate() {
        let request = json!({ "checks": checks });
        let refusal =
            rig.http.call(protocol, "session.CreateSession", Some(&rig.login), request).await.unwrap_err();
        assert_eq!(refusal.code, 3);
        assert_eq!(refusal.message, "Password is invalid (COMMAND-3M0fs)");
        let expected = json!([{
            "@type": "type.googleapis.com/zitadel.v1.CredentialsCheckError",
            "id": "COMMAND-3M0fs",
            "message": "Password is invalid",
            "failedAttempts": count + 1,
        }]);
        assert_eq!(json!(refusal.details), expected, "{protocol:?}");
    }
}

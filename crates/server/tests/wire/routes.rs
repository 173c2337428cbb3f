//! REST: which path and verb leads where, and where the fields of a request come from.

use doorward_proto::RPCS;
use serde_json::{Value, json};

use crate::rig::Rig;

#[tokio::test]
async fn every_route_answers_with_and_without_the_prefix_of_the_management_api() {
    let rig = Rig::start().await;
    for rpc in RPCS {
        let path: Vec<_> =
            rpc.path.split('/').map(|part| if part.starts_with('{') { "5" } else { part }).collect();
        let path = path.join("/");
        for prefix in ["", "/management/v1"] {
            let answer = rig.http.rest(rpc.verb, &format!("{prefix}{path}"), None, "").await;
            assert_eq!(answer.status, 401, "{} {prefix}{path}", rpc.verb);
            assert_eq!(answer.json()["message"], "auth header missing");
        }
    }
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_not_found() {
    let rig = Rig::start().await;
    let expected = json!({ "code": 5, "message": "Not Found" });
    for path in [
        "/",
        "/v2",
        "/v2/session",
        "/v2/sessions/",
        "/v2/sessions/1/2",
        "/v3/sessions",
        "/management/v1",
        "/management/v2/v2/sessions",
        "/v2/users/1/nothing",
        "/unknown.v1.Service/Method",
    ] {
        for verb in ["GET", "POST", "DELETE"] {
            let answer = rig.rest(verb, path, &rig.admin, Value::Null).await;
            assert_eq!((answer.status.as_u16(), answer.json()), (404, expected.clone()), "{verb} {path}");
            assert_eq!(answer.headers["content-type"], "application/json");
        }
    }
}

#[tokio::test]
async fn a_known_path_with_another_verb_is_not_allowed() {
    let rig = Rig::start().await;
    let expected = json!({ "code": 12, "message": "Method Not Allowed" });
    for (verb, path) in [
        ("GET", "/v2/sessions"),
        ("PUT", "/v2/sessions/1"),
        ("POST", "/v2/sessions/1"),
        ("DELETE", "/v2beta/sessions"),
        ("OPTIONS", "/v2/sessions"),
        ("GET", "/v2/users/1/lock"),
        ("PATCH", "/management/v1/v2/sessions"),
        ("POST", "/v2/users/1"),
    ] {
        let answer = rig.rest(verb, path, &rig.admin, Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (405, expected.clone()), "{verb} {path}");
    }
    let head = rig.http.rest("HEAD", "/v2/sessions", Some(&rig.admin), "").await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (405, 0));
}

#[tokio::test]
async fn a_literal_segment_goes_before_a_variable() {
    let rig = Rig::start().await;
    let answer = rig.rest("POST", "/v2/users/human", &rig.admin, json!({})).await;
    assert!(answer.json()["message"].as_str().unwrap().starts_with("invalid AddHumanUserRequest."));
    let found = rig.rest("GET", "/v2/users/human", &rig.admin, Value::Null).await;
    assert_eq!(found.json()["details"][0]["id"], "QUERY-Dfbg2", "the user whose id is human");
}

#[tokio::test]
async fn creating_a_session_is_201_over_rest_only() {
    let rig = Rig::start().await;
    for path in ["/v2/sessions", "/v2beta/sessions", "/management/v1/v2/sessions"] {
        assert_eq!(rig.rest("POST", path, &rig.login, json!({})).await.status, 201, "{path}");
    }
    for service in ["zitadel.session.v2", "zitadel.session.v2beta"] {
        let path = format!("/{service}.SessionService/CreateSession");
        let answer = crate::talk::connect(&rig, &path, "application/json", Some(&rig.login), b"{}").await;
        assert_eq!(answer.status, 200, "{path}");
    }
    let new = crate::rig::human("mini@mouse.com");
    assert_eq!(rig.rest("POST", "/v2/users/human", &rig.admin, new).await.status, 200);
}

#[tokio::test]
async fn a_variable_of_the_path_goes_before_the_same_field_of_the_body() {
    let rig = Rig::start().await;
    let (first, _) = rig.session(json!({})).await;
    let (second, _) = rig.session(json!({})).await;
    let body = json!({ "sessionId": second, "metadata": { "key": "eA==" } });
    let answer = rig.rest("PATCH", &format!("/v2/sessions/{first}"), &rig.login, body).await;
    assert_eq!(answer.status, 200, "{:?}", answer.bytes);
    assert_eq!(rig.shown(&first).await["metadata"], json!({ "key": "eA==" }));
    assert_eq!(rig.shown(&second).await.get("metadata"), None);
    let body = json!({ "session_id": second });
    assert_eq!(rig.rest("DELETE", &format!("/v2/sessions/{first}"), &rig.admin, body).await.status, 200);
    assert_eq!(rig.shown(&second).await["id"], json!(second));
}

#[tokio::test]
async fn the_query_is_ignored_where_the_body_is_the_message() {
    let rig = Rig::start().await;
    let (id, _) = rig.session(json!({})).await;
    let path = format!("/v2/sessions/{id}?sessionToken=wrong&session_token=wrong&lifetime=1s");
    let body = json!({ "metadata": { "key": "eA==" } });
    assert_eq!(rig.rest("PATCH", &path, &rig.login, body).await.status, 200);
    assert_eq!(rig.shown(&id).await.get("expirationDate"), None);
    let answer = rig.rest("POST", "/v2/sessions/search?query.limit=0&queries=x", &rig.login, json!({})).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn reading_takes_the_session_token_from_the_query_under_either_name() {
    let rig = Rig::start().await;
    let (id, token) = rig.session(json!({})).await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    for name in ["sessionToken", "session_token"] {
        let path = format!("/v2/sessions/{id}?{name}={token}");
        assert_eq!(rig.rest("GET", &path, &nobody, Value::Null).await.status, 200, "{name}");
        let path = format!("/v2/sessions/{id}?x=1&{name}=wrong");
        let refused = rig.rest("GET", &path, &rig.admin, Value::Null).await;
        assert_eq!(refused.json()["details"][0]["id"], "QUERY-dsfr3", "{name}");
    }
    let unknown = format!("/v2/sessions/{id}?token={token}&SessionToken={token}");
    let refused = rig.rest("GET", &unknown, &nobody, Value::Null).await;
    assert_eq!(refused.json()["details"][0]["id"], "AUTHZ-cdgFk", "unknown parameters are ignored");
    let twice = format!("/v2/sessions/{id}?sessionToken={token}&session_token={token}");
    let refused = rig.rest("GET", &twice, &nobody, Value::Null).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (400, &json!(3)));
}

#[tokio::test]
async fn deleting_takes_the_session_token_from_the_body_only() {
    let rig = Rig::start().await;
    let (id, token) = rig.session(json!({})).await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    let path = format!("/v2/sessions/{id}?sessionToken={token}");
    let refused = rig.rest("DELETE", &path, &nobody, Value::Null).await;
    assert_eq!(refused.json()["details"][0]["id"], "AUTHZ-cdgFk");
    let body = json!({ "sessionToken": token });
    let path = format!("/v2/sessions/{id}?sessionToken=wrong");
    assert_eq!(rig.rest("DELETE", &path, &nobody, body).await.status, 200);
}

#[tokio::test]
async fn variables_of_the_path_may_be_percent_encoded() {
    let rig = Rig::start().await;
    let (id, _) = rig.session(json!({})).await;
    let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let shown = rig.rest("GET", &format!("/v2/sessions/{encoded}"), &rig.login, Value::Null).await;
    assert_eq!(shown.json()["session"]["id"], json!(id));
    for strange in ["a%2Fb", "%00", "%FF", "%C3%A9", "100%", "%zz", ".."] {
        let answer = rig.rest("GET", &format!("/v2/sessions/{strange}"), &rig.login, Value::Null).await;
        assert_eq!(answer.json()["details"][0]["id"], "QUERY-SFeaa", "{strange}");
    }
}

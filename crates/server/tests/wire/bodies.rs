//! How large a body may be, and what becomes of one that is larger.

use serde_json::{Value, json};

use crate::rig::Rig;
use crate::talk::{SESSIONS, USERS, connect, grpc};

const MEBI: usize = 1024 * 1024;

fn padded(size: usize) -> String {
    let body = json!({ "unknown": "" }).to_string();
    body.replace(r#""""#, &format!(r#""{}""#, "x".repeat(size - body.len())))
}

async fn sessions(rig: &Rig) -> u64 {
    let list = rig.ok("session.ListSessions", &rig.admin, json!({})).await;
    list["details"]["totalResult"].as_str().map_or(0, |total| total.parse().unwrap())
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_over_every_protocol_and_nothing_is_lost() {
    let rig = Rig::start().await;
    rig.session(json!({})).await;
    let path = format!("{SESSIONS}/CreateSession");
    let large = padded(MEBI + 1);
    for token in [None, Some(rig.login.as_str())] {
        let answer = rig.http.rest("POST", "/v2/sessions", token, &large).await;
        assert_eq!(answer.status, 429, "{:?}", answer.bytes);
        assert_eq!(answer.json()["code"], 8);
        assert_eq!(answer.json().get("details"), None);
        let answer = connect(&rig, &path, "application/json", token, large.as_bytes()).await;
        assert_eq!(answer.status, 429, "{:?}", answer.bytes);
        assert_eq!(answer.json()["code"], "resource_exhausted");
        for kind in ["application/grpc", "application/grpc-web"] {
            let answer = grpc(&rig, &path, kind, token, &vec![0x7a; MEBI + 1]).await;
            assert_eq!(answer.code, 8, "{kind} {answer:?}");
        }
    }
    assert_eq!(sessions(&rig).await, 1);
    rig.session(json!({})).await;
    assert_eq!(sessions(&rig).await, 2);
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_read() {
    let rig = Rig::start().await;
    let answer = rig.http.rest("POST", "/v2/sessions", Some(&rig.login), &padded(MEBI)).await;
    assert_eq!(answer.status, 201, "{:?}", answer.bytes);
    let path = format!("{SESSIONS}/CreateSession");
    let body = padded(MEBI);
    let answer = connect(&rig, &path, "application/json", Some(&rig.login), body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{:?}", answer.bytes);
}

#[tokio::test]
async fn requests_about_users_may_be_larger() {
    let rig = Rig::start().await;
    let (body, too_large) = (padded(4 * MEBI), padded(4 * MEBI + 1));
    for prefix in ["", "/management/v1"] {
        let path = format!("{prefix}/v2/users");
        assert_eq!(rig.http.rest("POST", &path, Some(&rig.admin), &body).await.status, 200);
        assert_eq!(rig.http.rest("POST", &path, Some(&rig.admin), &too_large).await.status, 429);
    }
    let path = format!("{USERS}/ListUsers");
    let kind = "application/json";
    assert_eq!(connect(&rig, &path, kind, Some(&rig.admin), body.as_bytes()).await.status, 200);
    assert_eq!(connect(&rig, &path, kind, Some(&rig.admin), too_large.as_bytes()).await.status, 429);
}

#[tokio::test]
async fn the_limit_is_what_the_configuration_says() {
    let rig = Rig::start_with(&["limits.body_bytes=2048"]).await;
    assert_eq!(rig.http.rest("POST", "/v2/sessions", Some(&rig.login), &padded(2048)).await.status, 201);
    assert_eq!(rig.http.rest("POST", "/v2/sessions", Some(&rig.login), &padded(2049)).await.status, 429);
    assert_eq!(rig.rest("GET", "/v2/sessions/1", &rig.login, Value::Null).await.status, 404);
}

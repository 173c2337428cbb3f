//! The RPC paths: which protocols are spoken there, and how the others are refused.

use serde_json::json;

use crate::client::Protocol;
use crate::rig::Rig;
use crate::talk::{SESSIONS, connect, frame, grpc, header, read_grpc};

#[tokio::test]
async fn every_documented_content_type_is_accepted() {
    let rig = Rig::start().await;
    let path = format!("{SESSIONS}/CreateSession");
    let token = Some(rig.login.as_str());
    for kind in ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8"] {
        let answer = connect(&rig, &path, kind, token, b"{}").await;
        assert_eq!(answer.status, 200, "{kind} {answer:?}");
        assert_eq!(header(&answer, "content-type"), Some("application/json"), "{kind}");
        assert!(answer.json()["sessionId"].is_string());
    }
    let answer = connect(&rig, &path, "application/proto", token, b"").await;
    assert_eq!((answer.status.as_u16(), header(&answer, "content-type")), (200, Some("application/proto")));
    for kind in
        ["application/grpc", "application/grpc+proto", "application/grpc-web", "application/grpc-web+proto"]
    {
        let answer = grpc(&rig, &path, kind, token, b"").await;
        assert_eq!((answer.http, answer.code, answer.messages.len()), (200, 0, 1), "{kind} {answer:?}");
    }
    for kind in
        ["application/grpc+json", "application/grpc-web+json", "application/grpc-web+json; charset=utf-8"]
    {
        let answer = grpc(&rig, &path, kind, token, b"{}").await;
        assert_eq!((answer.http, answer.code), (200, 0), "{kind} {answer:?}");
        let message: serde_json::Value = serde_json::from_slice(&answer.messages[0]).unwrap();
        assert!(message["sessionToken"].is_string(), "{kind}");
    }
}

#[tokio::test]
async fn grpc_is_answered_in_the_content_type_that_was_asked_in() {
    let rig = Rig::start().await;
    let path = format!("{SESSIONS}/ListSessions");
    for kind in ["application/grpc", "application/grpc+proto", "application/grpc-web+proto"] {
        let answer = grpc(&rig, &path, kind, Some(&rig.login), b"").await;
        let said = answer.headers["content-type"].to_str().unwrap();
        assert!(said.starts_with(kind.strip_suffix("+proto").unwrap_or(kind)), "{kind} {said}");
    }
}

#[tokio::test]
async fn another_content_type_is_unsupported_and_the_right_ones_are_named() {
    let rig = Rig::start().await;
    let path = format!("{SESSIONS}/CreateSession");
    for kind in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "json", ""] {
        let answer = connect(&rig, &path, kind, Some(&rig.login), b"{}").await;
        assert_eq!(answer.status, 415, "{kind}");
        let named = header(&answer, "accept-post").unwrap();
        for right in [
            "application/grpc",
            "application/grpc+json",
            "application/grpc-web+proto",
            "application/json",
            "application/proto",
        ] {
            assert!(named.split(", ").any(|name| name == right), "{right} {named}");
        }
    }
    let answer = rig.http.raw("POST", &path, &[], b"{}".to_vec(), false).await;
    assert_eq!(answer.status, 415, "no content type at all");
}

#[tokio::test]
async fn another_verb_on_an_rpc_path_is_not_allowed() {
    let rig = Rig::start().await;
    for method in ["GetSession", "ListSessions", "CreateSession"] {
        for verb in ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] {
            let path = format!("{SESSIONS}/{method}");
            let headers = [("content-type", "application/json")];
            let answer = rig.http.raw(verb, &path, &headers, Vec::new(), false).await;
            assert_eq!(answer.status, 405, "{verb} {method}");
            assert_eq!(header(&answer, "allow"), Some("POST"), "{verb}");
            assert!(answer.bytes.is_empty(), "{verb}");
        }
    }
    let get = format!("{SESSIONS}/ListSessions?connect=v1&encoding=json&message=%7B%7D");
    assert_eq!(rig.http.raw("GET", &get, &[], Vec::new(), false).await.status, 405, "no Connect GET");
}

#[tokio::test]
async fn the_text_form_of_grpc_web_is_refused() {
    let rig = Rig::start().await;
    let path = format!("{SESSIONS}/CreateSession");
    for kind in ["application/grpc-web-text", "application/grpc-web-text+proto"] {
        let answer = grpc(&rig, &path, kind, Some(&rig.login), b"AAAAAAA=").await;
        assert!(answer.http == 415 || answer.code == 12, "{kind} {answer:?}");
    }
    let list = rig.ok("session.ListSessions", &rig.admin, json!({})).await;
    assert_eq!(list.get("sessions"), None, "nothing was created");
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented_in_the_words_of_each_protocol() {
    let rig = Rig::start().await;
    for path in [format!("{SESSIONS}/Nothing"), "/zitadel.nothing.v2.Service/Nothing".to_owned()] {
        for token in [None, Some(rig.login.as_str())] {
            let answer = connect(&rig, &path, "application/json", token, b"{}").await;
            assert!([404, 501].contains(&answer.status.as_u16()), "{answer:?}");
            assert_eq!(answer.json()["code"], "unimplemented", "{path}");
            for kind in ["application/grpc", "application/grpc-web+proto"] {
                let answer = grpc(&rig, &path, kind, token, b"").await;
                assert_eq!((answer.http, answer.code), (200, 12), "{kind} {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn http_1_and_http_2_share_the_port() {
    let rig = Rig::start().await;
    let bearer = format!("Bearer {}", rig.login);
    for h2 in [false, true] {
        let headers = [("authorization", bearer.as_str())];
        let answer = rig.http.raw("POST", "/v2/sessions", &headers, b"{}".to_vec(), h2).await;
        assert_eq!(answer.status, 201, "h2 {h2}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let path = format!("{SESSIONS}/CreateSession");
        assert_eq!(rig.http.raw("POST", &path, &headers, b"{}".to_vec(), h2).await.status, 200, "h2 {h2}");
        assert_eq!(rig.http.raw("GET", "/debug/healthz", &[], Vec::new(), h2).await.status, 200, "h2 {h2}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/grpc-web")];
        let answer = read_grpc(rig.http.raw("POST", &path, &headers, frame(0, b""), h2).await);
        assert_eq!(answer.code, 0, "h2 {h2}");
    }
    for protocol in Protocol::ALL {
        let done = rig.http.call(protocol, "session.CreateSession", Some(&rig.login), json!({})).await;
        assert!(done.is_ok(), "{protocol:?} {done:?}");
    }
}

//! Bodies that cannot be read are refused alike over every protocol, before anybody asks who sent them.

use serde_json::{Value, json};

use crate::rig::Rig;
use crate::talk::{SESSIONS, connect, grpc};

const BROKEN: [&str; 13] = [
    "{",
    "}",
    "[]",
    "[{}]",
    "\"text\"",
    "12",
    "{}{}",
    r#"{"userAgent":"no message"}"#,
    r#"{"metadata":{"key":"***"}}"#,
    r#"{"metadata":[]}"#,
    r#"{"lifetime":"soon"}"#,
    r#"{"checks":{"password":{"password":5}}}"#,
    r#"{"checks":{"user":{"userId":"a","loginName":"b"}}}"#,
];

#[tokio::test]
async fn broken_json_over_rest_is_refused_before_authentication() {
    let rig = Rig::start().await;
    for token in [None, Some("garbage"), Some(rig.login.as_str())] {
        for body in BROKEN {
            let answer = rig.http.rest("POST", "/v2/sessions", token, body).await;
            assert_eq!(answer.status, 400, "{body} {:?}", answer.bytes);
            let said = answer.json();
            assert_eq!(said["code"], 3, "{body}");
            assert_eq!(said.get("details"), None, "{body}");
            let text = said["message"].as_str().unwrap();
            assert!(!text.is_empty() && !text.starts_with("unmarshal message"), "{text}");
            assert_eq!(answer.headers.get("www-authenticate"), None);
        }
    }
}

#[tokio::test]
async fn broken_json_over_connect_is_refused_before_authentication() {
    let rig = Rig::start().await;
    let path = format!("{SESSIONS}/CreateSession");
    for token in [None, Some("garbage"), Some(rig.login.as_str())] {
        for body in BROKEN {
            let answer = connect(&rig, &path, "application/json", token, body.as_bytes()).await;
            assert_eq!(answer.status, 400, "{body} {:?}", answer.bytes);
            let said = answer.json();
            assert_eq!(said["code"], "invalid_argument", "{body}");
            assert_eq!(said.get("details"), None, "{body}");
            assert!(said["message"].as_str().unwrap().starts_with("unmarshal message: "), "{said}");
        }
    }
}

#[tokio::test]
async fn broken_messages_over_binary_protocols_are_refused_before_authentication() {
    let rig = Rig::start().await;
    let path = format!("{SESSIONS}/CreateSession");
    // An unfinished tag, a field longer than the message, a text that is not UTF-8, a field of the wrong type.
    let broken: [&[u8]; 4] = [&[0xff], &[0x0a, 0x20, 0x01], &[0x22, 0x03, 0x0a, 0x01, 0xff], &[0x08, 0x01]];
    for (number, body) in broken.iter().enumerate() {
        for token in [None, Some("garbage")] {
            for kind in ["application/grpc", "application/grpc-web+proto"] {
                let answer = grpc(&rig, &path, kind, token, body).await;
                assert_eq!((answer.http, answer.code), (200, 3), "{number} {kind} {answer:?}");
                assert!(answer.text.starts_with("unmarshal message: "), "{number} {kind} {}", answer.text);
            }
            let answer = connect(&rig, &path, "application/proto", token, body).await;
            assert_eq!(answer.status, 400, "{number}");
            assert_eq!(answer.headers["content-type"], "application/json");
            assert_eq!(answer.json()["code"], "invalid_argument");
        }
    }
}

#[tokio::test]
async fn broken_json_in_grpc_frames_is_refused_before_authentication() {
    let rig = Rig::start().await;
    let path = format!("{SESSIONS}/CreateSession");
    for kind in ["application/grpc+json", "application/grpc-web+json"] {
        for body in BROKEN {
            let answer = grpc(&rig, &path, kind, None, body.as_bytes()).await;
            assert_eq!(answer.code, 3, "{kind} {body} {answer:?}");
            assert!(answer.text.starts_with("unmarshal message: "), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn an_empty_payload_is_no_json_over_connect() {
    let rig = Rig::start().await;
    for token in [None, Some(rig.login.as_str())] {
        let path = format!("{SESSIONS}/CreateSession");
        let answer = connect(&rig, &path, "application/json", token, b"").await;
        assert_eq!(answer.status, 400);
        let said = answer.json();
        assert_eq!(said["code"], "invalid_argument");
        let text = said["message"].as_str().unwrap();
        assert!(text.starts_with("unmarshal message: "), "{text}");
        assert!(text.ends_with("zero-length payload is not a valid JSON object"), "{text}");
    }
    let path = format!("{SESSIONS}/CreateSession");
    let answer = connect(&rig, &path, "application/proto", Some(&rig.login), b"").await;
    assert_eq!(answer.status, 200, "an empty binary message is a message");
}

#[tokio::test]
async fn broken_queries_are_refused_before_authentication() {
    let rig = Rig::start().await;
    let path = "/v2/sessions/1?sessionToken=a&session_token=b";
    let answer = rig.http.rest("GET", path, None, "").await;
    assert_eq!(answer.status, 400);
    let said = answer.json();
    assert_eq!((&said["code"], said.get("details")), (&json!(3), None));
    assert!(said["message"].as_str().unwrap().starts_with("too many values for field"), "{said}");
    let answer = rig.http.rest("GET", "/v2/sessions/1?sessionToken=a&sessionToken=a", None, "").await;
    assert_eq!(answer.status, 400);
}

fn nested(levels: usize) -> Value {
    (0..levels)
        .fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) })
}

#[tokio::test]
async fn json_that_is_nested_too_deeply_is_refused_and_json_below_that_is_not() {
    let rig = Rig::start().await;
    let body = |levels: usize| {
        json!({ "checks": { "webAuthN": { "credentialAssertionData": { "a": nested(levels) } } } })
            .to_string()
    };
    let path = format!("{SESSIONS}/CreateSession");
    // Four brackets are around the nested ones, and 64 are allowed.
    let kind = "application/json";
    for (levels, code) in
        [(60, "failed_precondition"), (61, "invalid_argument"), (100_000, "invalid_argument")]
    {
        let said = connect(&rig, &path, kind, Some(&rig.login), deep(levels).as_bytes()).await.json();
        assert_eq!(said["code"], code, "{levels} {said}");
        let answer = rig.http.rest("POST", "/v2/sessions", Some(&rig.login), &deep(levels)).await;
        assert_eq!(answer.json()["code"], if levels == 60 { 9 } else { 3 }, "{levels}");
    }
    let unknown = format!(r#"{{"unknown":{}}}"#, "[".repeat(100_000));
    let answer = rig.http.rest("POST", "/v2/sessions", Some(&rig.login), &unknown).await;
    assert_eq!(answer.status, 400);
    assert_eq!(body(60), deep(60));
}

/// A check with that many brackets inside of its assertion.
fn deep(levels: usize) -> String {
    let (mut open, mut close) = (String::new(), String::new());
    for level in (0..levels).rev() {
        open.push_str(if level % 2 == 0 { "[" } else { r#"{"a":"# });
        close.insert(0, if level % 2 == 0 { ']' } else { '}' });
    }
    format!(r#"{{"checks":{{"webAuthN":{{"credentialAssertionData":{{"a":{open}1{close}}}}}}}}}"#)
}

#[tokio::test]
async fn a_binary_struct_that_is_nested_without_end_is_refused() {
    let rig = Rig::start().await;
    // google.protobuf.Value { list_value { values … } } around itself, inside of a Struct.
    let wrap = |tag: u8, inner: &[u8]| {
        let mut outer = vec![tag];
        prost_reflect::prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        outer.extend(inner);
        outer
    };
    let value = (0..5000).fold(vec![0x20, 0x01], |inner, _| wrap(0x32, &wrap(0x0a, &inner)));
    let entry = [wrap(0x0a, b"a"), wrap(0x12, &value)].concat();
    let request = wrap(0x0a, &wrap(0x1a, &wrap(0x0a, &wrap(0x0a, &entry))));
    let path = format!("{SESSIONS}/CreateSession");
    for token in [None, Some(rig.login.as_str())] {
        let answer = grpc(&rig, &path, "application/grpc", token, &request).await;
        assert_eq!(answer.code, 3, "{answer:?}");
    }
}

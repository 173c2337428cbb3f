//! Headers of requests that carry metadata, and headers of answers.

use http::HeaderMap;
use serde_json::{Value, json};

use crate::rig::Rig;
use crate::talk::{SESSIONS, connect, grpc, header};

fn none_of(headers: &HeaderMap, names: &[&str]) -> bool {
    names.iter().all(|name| !headers.contains_key(*name))
}

const PLAIN: [&str; 3] = ["cache-control", "expires", "pragma"];
const PREFIXED: [&str; 3] = ["grpcgateway-cache-control", "grpcgateway-expires", "grpcgateway-pragma"];

#[tokio::test]
async fn success_over_rest_carries_prefixed_cache_headers() {
    let rig = Rig::start().await;
    let answer = rig.rest("POST", "/v2/sessions", &rig.login, json!({})).await;
    assert_eq!(header(&answer, "grpcgateway-cache-control"), Some("no-store"));
    assert_eq!(header(&answer, "grpcgateway-expires"), Some("Thu, 20 Nov 2025 10:00:00 GMT"));
    assert_eq!(header(&answer, "grpcgateway-pragma"), Some("no-cache"));
    assert!(none_of(&answer.headers, &PLAIN), "{answer:?}");
    assert_eq!(header(&answer, "content-type"), Some("application/json"));
}

#[tokio::test]
async fn success_over_connect_and_grpc_carries_plain_cache_headers() {
    let rig = Rig::start().await;
    let path = format!("{SESSIONS}/CreateSession");
    let mut all = Vec::new();
    for (kind, body) in [("application/json", b"{}".as_slice()), ("application/proto", b"")] {
        all.push(connect(&rig, &path, kind, Some(&rig.login), body).await.headers);
    }
    for kind in ["application/grpc", "application/grpc-web"] {
        all.push(grpc(&rig, &path, kind, Some(&rig.login), b"").await.headers);
    }
    for headers in all {
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["expires"], "Thu, 20 Nov 2025 10:00:00 GMT");
        assert_eq!(headers["pragma"], "no-cache");
        assert!(none_of(&headers, &PREFIXED), "{headers:?}");
    }
}

#[tokio::test]
async fn refusals_carry_no_cache_headers() {
    let rig = Rig::start().await;
    let unknown = json!({ "sessionId": "1" }).to_string();
    let path = format!("{SESSIONS}/GetSession");
    for token in [None, Some(rig.login.as_str())] {
        let mut all = vec![rig.http.rest("GET", "/v2/sessions/1", token, "").await.headers];
        all.push(connect(&rig, &path, "application/json", token, unknown.as_bytes()).await.headers);
        all.push(grpc(&rig, &path, "application/grpc", token, b"").await.headers);
        all.push(grpc(&rig, &path, "application/grpc-web", token, b"").await.headers);
        all.push(rig.http.rest("GET", "/v2/nothing", token, "").await.headers);
        for headers in all {
            assert!(none_of(&headers, &PLAIN) && none_of(&headers, &PREFIXED), "{headers:?}");
        }
    }
}

#[tokio::test]
async fn unauthenticated_over_rest_says_why_in_www_authenticate() {
    let rig = Rig::start().await;
    let answer = rig.http.rest("POST", "/v2/sessions", None, "{}").await;
    assert_eq!(answer.status, 401);
    assert_eq!(header(&answer, "www-authenticate"), Some("auth header missing"));
    assert_eq!(answer.json(), json!({ "code": 16, "message": "auth header missing" }));
    let answer = rig.rest("POST", "/v2/sessions", "garbage", json!({})).await;
    assert_eq!(header(&answer, "www-authenticate"), Some("Errors.Token.Invalid (AUTH-7fs1e)"));
    let refused = rig.rest("GET", "/v2/sessions/1", &rig.login, Value::Null).await;
    assert_eq!((refused.status.as_u16(), header(&refused, "www-authenticate")), (404, None));
}

#[tokio::test]
async fn metadata_headers_of_the_gateway_carry_metadata_over_rest() {
    let rig = Rig::start().await;
    let bearer = format!("Bearer {}", rig.login);
    for name in ["Grpc-Metadata-Authorization", "grpc-metadata-authorization", "authorization"] {
        let headers = [(name, bearer.as_str())];
        let answer = rig.http.raw("POST", "/v2/sessions", &headers, b"{}".to_vec(), false).await;
        assert_eq!(answer.status, 201, "{name}");
    }
    for name in ["x-zitadel-orgid", "grpc-metadata-x-zitadel-orgid"] {
        let headers = [("authorization", bearer.as_str()), (name, "5")];
        let answer = rig.http.raw("POST", "/v2/sessions", &headers, b"{}".to_vec(), false).await;
        assert_eq!(answer.json()["details"][0]["id"], "AUTH-Bs7Ds", "{name}");
    }
}

#[tokio::test]
async fn metadata_headers_of_the_gateway_mean_nothing_outside_of_rest() {
    let rig = Rig::start().await;
    let bearer = format!("Bearer {}", rig.login);
    let path = format!("{SESSIONS}/CreateSession");
    let headers = [("content-type", "application/json"), ("grpc-metadata-authorization", bearer.as_str())];
    let answer = rig.http.raw("POST", &path, &headers, b"{}".to_vec(), false).await;
    assert_eq!(answer.json()["message"], "auth header missing");
}

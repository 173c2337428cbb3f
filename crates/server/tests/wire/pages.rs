//! Pages that are not part of the API: health, readiness, metrics, the OpenAPI document.

use bytes::Bytes;
use doorward::api::cors::Cors;
use doorward::api::http::{BodyLimits, Front};
use doorward::telemetry::Metrics;
use doorward_proto::RPCS;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use crate::client::Protocol;
use crate::rig::Rig;
use crate::talk::header;

#[tokio::test]
async fn health_and_readiness_need_no_token() {
    let rig = Rig::start().await;
    for path in ["/debug/healthz", "/debug/ready"] {
        let answer = rig.http.rest("GET", path, None, "").await;
        assert_eq!((answer.status.as_u16(), &answer.bytes[..]), (200, b"ok".as_slice()), "{path}");
        let head = rig.http.rest("HEAD", path, None, "").await;
        assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0), "{path}");
        assert_eq!(rig.http.rest("POST", path, None, "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_server_that_is_stopping_is_alive_but_not_ready() {
    let rig = Rig::start().await;
    let limits = BodyLimits { sessions: 1024, users: 1024 };
    let front = Front::new(rig.app.clone(), Metrics::new("1", 0), Cors::default(), limits).unwrap();
    let ask = async |path: &str| {
        let request = Request::get(path).body(Full::new(Bytes::new())).unwrap();
        front.clone().answer(request).await.status().as_u16()
    };
    assert_eq!((ask("/debug/healthz").await, ask("/debug/ready").await), (200, 200));
    front.not_ready();
    assert_eq!((ask("/debug/healthz").await, ask("/debug/ready").await), (200, 503));
    let request = Request::post("/grpc.health.v1.Health/Check")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from_static(b"{}")))
        .unwrap();
    let answer = front.clone().answer(request).await.into_body().collect().await.unwrap().to_bytes();
    let said: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(said["status"], "NOT_SERVING");
}

#[tokio::test]
async fn metrics_count_by_method_protocol_and_code() {
    let rig = Rig::start().await;
    for protocol in Protocol::ALL {
        rig.http.call(protocol, "session.CreateSession", Some(&rig.login), json!({})).await.unwrap();
        rig.http.call(protocol, "session.ListSessions", None, json!({})).await.unwrap_err();
    }
    rig.id("user.GetUserByID", &rig.admin, json!({ "userId": "1" })).await;
    rig.http.rest("POST", "/v2/sessions", None, "{").await;
    let answer = rig.http.rest("GET", "/metrics", None, "").await;
    assert_eq!(answer.status, 200);
    assert!(header(&answer, "content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    let count = |service: &str, method: &str, protocol: &str, code: &str| {
        let line = format!(
            "doorward_requests_total{{service=\"{service}\",method=\"{method}\",protocol=\"{protocol}\",code=\"{code}\"}} "
        );
        text.lines().find_map(|found| found.strip_prefix(&line)).map_or(0, |number| number.parse().unwrap())
    };
    let sessions = "zitadel.session.v2.SessionService";
    for (protocol, calls) in [("grpc", 1), ("grpc_web", 1), ("connect", 2), ("rest", 1)] {
        assert_eq!(count(sessions, "CreateSession", protocol, "ok"), calls, "{protocol}\n{text}");
        assert_eq!(count(sessions, "ListSessions", protocol, "unauthenticated"), calls, "{protocol}");
        assert_eq!(count(sessions, "ListSessions", protocol, "ok"), 0, "{protocol}");
    }
    assert_eq!(count(sessions, "CreateSession", "rest", "invalid_argument"), 1);
    assert_eq!(count("zitadel.user.v2.UserService", "GetUserByID", "connect", "not_found"), 1);
    assert!(text.contains("doorward_store_batch_size_count"), "{text}");
}

#[tokio::test]
async fn paths_that_lead_nowhere_make_no_time_series() {
    let rig = Rig::start().await;
    for path in ["/v2/made-up", "/zitadel.session.v2.SessionService/MadeUp", "/made.up.Service/MadeUp"] {
        rig.rest("POST", path, &rig.login, json!({})).await;
    }
    let text = rig.http.rest("GET", "/metrics", None, "").await.bytes;
    let text = String::from_utf8(text.to_vec()).unwrap().to_lowercase();
    assert!(!text.contains("madeup") && !text.contains("made-up"), "{text}");
}

#[tokio::test]
async fn the_openapi_document_lists_every_route() {
    let rig = Rig::start().await;
    let answer = rig.http.rest("GET", "/openapi.json", None, "").await;
    assert_eq!((answer.status.as_u16(), header(&answer, "content-type")), (200, Some("application/json")));
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."), "{}", document["openapi"]);
    let mut listed = 0;
    for rpc in RPCS {
        let operation = &document["paths"][rpc.path][rpc.verb.to_lowercase()];
        assert!(operation["responses"][rpc.success.to_string()].is_object(), "{} {}", rpc.verb, rpc.path);
        for variable in rpc.path.split('/').filter_map(|part| part.strip_prefix('{')) {
            let name = variable.trim_end_matches('}');
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(parameters.iter().any(|one| one["name"] == name && one["in"] == "path"), "{}", rpc.path);
        }
        listed += 1;
    }
    let routes =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().keys());
    let routes = routes.filter(|verb| ["get", "post", "put", "patch", "delete"].contains(&verb.as_str()));
    assert_eq!(routes.count(), listed, "no route that is not served");
}

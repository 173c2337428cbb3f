//! Web pages of other origins: what they are told they may do.

use http::StatusCode;

use crate::client::Answer;
use crate::rig::Rig;
use crate::talk::{SESSIONS, header};

async fn preflight(rig: &Rig, path: &str, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,connect-protocol-version"),
    ];
    rig.http.raw("OPTIONS", path, &headers, Vec::new(), false).await
}

fn words(answer: &Answer, name: &str) -> Vec<String> {
    header(answer, name).unwrap().split(',').map(|word| word.trim().to_lowercase()).collect()
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token_on_every_path() {
    let rig = Rig::start().await;
    for path in ["/v2/sessions", "/v2/sessions/1", &format!("{SESSIONS}/CreateSession")] {
        let answer = preflight(&rig, path, "https://login.example").await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{path}");
        assert!(answer.bytes.is_empty());
        assert_eq!(header(&answer, "access-control-allow-origin"), Some("https://login.example"));
        assert_eq!(header(&answer, "access-control-allow-credentials"), Some("true"));
        assert_eq!(header(&answer, "vary"), Some("Origin"));
        let methods = words(&answer, "access-control-allow-methods");
        for method in ["options", "get", "head", "post", "put", "patch", "delete"] {
            assert!(methods.contains(&method.to_owned()), "{method} {methods:?}");
        }
        let allowed = words(&answer, "access-control-allow-headers");
        for name in [
            "origin",
            "content-type",
            "accept",
            "accept-language",
            "authorization",
            "x-zitadel-orgid",
            "x-user-agent",
            "x-grpc-web",
            "x-requested-with",
            "connect-protocol-version",
            "connect-timeout-ms",
            "grpc-timeout",
        ] {
            assert!(allowed.contains(&name.to_owned()), "{name} {allowed:?}");
        }
    }
}

#[tokio::test]
async fn answers_and_refusals_reflect_any_origin_and_expose_what_grpc_web_needs() {
    let rig = Rig::start().await;
    let bearer = format!("Bearer {}", rig.login);
    for origin in ["https://login.example", "http://localhost:3000", "null"] {
        for headers in [vec![("origin", origin)], vec![("origin", origin), ("authorization", &bearer)]] {
            let answer = rig.http.raw("POST", "/v2/sessions", &headers, b"{}".to_vec(), false).await;
            assert_eq!(header(&answer, "access-control-allow-origin"), Some(origin));
            assert_eq!(header(&answer, "access-control-allow-credentials"), Some("true"));
            let exposed = words(&answer, "access-control-expose-headers");
            for name in
                ["location", "content-length", "grpc-status", "grpc-message", "grpc-status-details-bin"]
            {
                assert!(exposed.contains(&name.to_owned()), "{name} {exposed:?}");
            }
        }
    }
    let answer = rig.http.raw("POST", "/v2/sessions", &[], b"{}".to_vec(), false).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), None, "no origin, nothing to allow");
}

#[tokio::test]
async fn with_a_list_only_its_origins_may_call() {
    let rig = Rig::start_with(&["cors.allowed_origins=https://a.example,https://b.example:8443"]).await;
    for origin in ["https://a.example", "https://b.example:8443"] {
        let answer = preflight(&rig, "/v2/sessions", origin).await;
        assert_eq!(header(&answer, "access-control-allow-origin"), Some(origin));
        assert_eq!(header(&answer, "access-control-allow-credentials"), Some("true"));
    }
    for origin in [
        "https://evil.example",
        "http://a.example",
        "https://a.example.evil",
        "https://b.example",
        "null",
        "*",
    ] {
        let answers = [
            preflight(&rig, "/v2/sessions", origin).await,
            rig.http.raw("POST", "/v2/sessions", &[("origin", origin)], b"{}".to_vec(), false).await,
        ];
        for answer in answers {
            let named: Vec<_> = answer.headers.keys().map(http::HeaderName::as_str).collect();
            assert!(!named.iter().any(|name| name.starts_with("access-control-allow")), "{origin} {named:?}");
            assert_eq!(header(&answer, "vary"), Some("Origin"), "a cache must tell origins apart");
        }
    }
}

#[tokio::test]
async fn options_without_the_marks_of_a_preflight_is_no_preflight() {
    let rig = Rig::start().await;
    let answer = rig.http.raw("OPTIONS", "/v2/sessions", &[], Vec::new(), false).await;
    assert_eq!(answer.status, 405);
    let answer =
        rig.http.raw("OPTIONS", "/v2/sessions", &[("origin", "https://a.example")], Vec::new(), false).await;
    assert_eq!(answer.status, 405);
}

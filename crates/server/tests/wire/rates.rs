//! Callers and addresses that send too many requests.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::client::{Answer, Protocol, Refusal};
use crate::rig::Rig;

const SEARCH: &str = "/v2/sessions/search";

/// A request for anything, from where a proxy says.
async fn from(rig: &Rig, address: &str, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("x-forwarded-for", address)];
    rig.http.raw("POST", SEARCH, &headers, b"{}".to_vec(), false).await.status.as_u16()
}

async fn search(rig: &Rig, token: &str) -> Answer {
    rig.rest("POST", SEARCH, token, json!({})).await
}

fn assert_too_often(refusal: &Refusal) {
    assert_eq!((refusal.code, refusal.id().as_str()), (8, "DOORWARD-R4te1"));
    assert_eq!(refusal.message, "Too many requests, try again later (DOORWARD-R4te1)");
    assert_eq!(refusal.details[1]["@type"], "type.googleapis.com/google.rpc.RetryInfo");
}

#[tokio::test]
async fn a_caller_has_a_burst_and_then_a_rate() {
    let rig = Rig::start_with(&["rate.caller_per_second=2", "rate.caller_burst=3"]).await;
    for _ in 0..3 {
        assert_eq!(search(&rig, &rig.login).await.status, 200);
    }
    let refused = search(&rig, &rig.login).await;
    assert_eq!((refused.status.as_u16(), refused.headers["retry-after"].to_str().unwrap()), (429, "1"));
    assert_eq!(refused.json()["details"][0]["id"], "DOORWARD-R4te1");
    assert_eq!(search(&rig, &rig.admin).await.status, 200, "another caller has a bucket of its own");
    for protocol in Protocol::ALL {
        let call = rig.http.call(protocol, "session.ListSessions", Some(&rig.login), json!({}));
        assert_too_often(&call.await.unwrap_err());
    }
    rig.clock.advance(Span::millis(501));
    assert_eq!(search(&rig, &rig.login).await.status, 200);
    assert_eq!(search(&rig, &rig.login).await.status, 429);
    rig.clock.advance(Span::seconds(60));
    for expected in [200, 200, 200, 429] {
        assert_eq!(search(&rig, &rig.login).await.status, expected);
    }
}

#[tokio::test]
async fn every_token_of_a_caller_takes_from_one_bucket() {
    let rig = Rig::start_with(&["rate.caller_per_second=1", "rate.caller_burst=2"]).await;
    let (id, one) = rig.add_machine("robot", &[]).await;
    rig.clock.advance(Span::seconds(60));
    let request = json!({ "userId": id, "expirationDate": "2099-01-01T00:00:00Z" });
    let other = rig.ok("user.AddPersonalAccessToken", &rig.admin, request).await["token"].clone();
    assert_eq!(search(&rig, &one).await.status, 200);
    assert_eq!(search(&rig, other.as_str().unwrap()).await.status, 200);
    for token in [one.as_str(), other.as_str().unwrap()] {
        assert_eq!(search(&rig, token).await.status, 429);
    }
}

#[tokio::test]
async fn an_address_has_a_rate_whoever_calls_and_whatever() {
    let rig = Rig::start_with(&["rate.address_per_second=1", "rate.address_burst=4"]).await;
    assert_eq!(search(&rig, &rig.login).await.status, 200);
    assert_eq!(search(&rig, "garbage").await.status, 401);
    assert_eq!(rig.rest("GET", "/openapi.json", "", Value::Null).await.status, 200);
    assert_eq!(rig.rest("GET", "/nowhere", "", Value::Null).await.status, 404);
    for token in [rig.login.as_str(), rig.admin.as_str(), "garbage"] {
        assert_eq!(search(&rig, token).await.status, 429);
    }
    for path in ["/openapi.json", "/nowhere", "/idps/callback?state=1"] {
        let refused = rig.rest("GET", path, "", Value::Null).await;
        assert_eq!((refused.status.as_u16(), refused.headers["retry-after"].to_str().unwrap()), (429, "1"));
        assert_eq!(refused.json()["details"][0]["id"], "DOORWARD-R4te1");
    }
    for protocol in Protocol::ALL {
        let call = rig.http.call(protocol, "session.ListSessions", Some(&rig.login), json!({}));
        assert_too_often(&call.await.unwrap_err());
    }
    rig.clock.advance(Span::millis(1_001));
    assert_eq!(search(&rig, &rig.login).await.status, 200);
    assert_eq!(search(&rig, &rig.login).await.status, 429);
}

#[tokio::test]
async fn health_is_never_refused_and_the_refused_are_counted() {
    let set = ["rate.address_per_second=1", "rate.caller_per_second=1", "rate.address_burst=3"];
    let rig = Rig::start_with(&set).await;
    for expected in [200, 429, 429, 429, 429] {
        assert_eq!(search(&rig, &rig.login).await.status, expected);
    }
    for _ in 0..5 {
        for path in ["/debug/healthz", "/debug/ready"] {
            assert_eq!(rig.rest("GET", path, "", Value::Null).await.status, 200);
        }
        let headers = [("content-type", "application/json")];
        let health =
            rig.http.raw("POST", "/grpc.health.v1.Health/Check", &headers, b"{}".to_vec(), false).await;
        assert_eq!(health.status, 200, "{health:?}");
    }
    let metrics = rig.rest("GET", "/metrics", "", Value::Null).await;
    let text = String::from_utf8(metrics.bytes.to_vec()).unwrap();
    for line in [
        "doorward_rate_refused_total{reason=\"caller\"} 2",
        "doorward_rate_refused_total{reason=\"address\"} 2",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_rate() {
    let set = ["rate.address_per_second=1", "rate.trusted_proxies=127.0.0.0/8,10.0.0.0/8"];
    let rig = Rig::start_with(&set).await;
    for address in ["192.0.2.1", "192.0.2.2", "198.51.100.9, 192.0.2.3, 10.1.1.1"] {
        assert_eq!(from(&rig, address, &rig.login).await, 200, "{address}");
        assert_eq!(from(&rig, address, &rig.login).await, 429, "{address}");
    }
    assert_eq!(
        from(&rig, "203.0.113.5, 192.0.2.3", &rig.login).await,
        429,
        "what a client writes is not believed"
    );
    assert_eq!(from(&rig, "2001:db8::1", &rig.login).await, 200);
    assert_eq!(from(&rig, "2001:db8::2", &rig.login).await, 429, "one network");
}

#[tokio::test]
async fn nobody_is_believed_who_is_no_trusted_proxy() {
    let rig = Rig::start_with(&["rate.address_per_second=1"]).await;
    assert_eq!(from(&rig, "192.0.2.1", &rig.login).await, 200);
    assert_eq!(from(&rig, "192.0.2.2", &rig.login).await, 429);
}

#[tokio::test]
async fn the_endpoints_of_oauth_refuse_in_their_own_words() {
    let rig = Rig::start_with(&["rate.address_per_second=1"]).await;
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let ask = || rig.http.raw("POST", "/oauth/v2/token", &headers, b"grant_type=x".to_vec(), false);
    assert_eq!(ask().await.status, 400);
    let refused = ask().await;
    assert_eq!((refused.status.as_u16(), &refused.headers["retry-after"]), (429, &"1".parse().unwrap()));
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
}

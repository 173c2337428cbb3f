//! What libraries learn before they log in.

use serde_json::{Value, json};

use crate::rig::Rig;
use crate::tools::{INTROSPECT, TOKEN, bot, keys, post, token};

#[tokio::test]
async fn a_library_finds_every_endpoint_and_no_log_in_of_people() {
    let rig = Rig::start_with(&["public_url=https://door.example/"]).await;
    let answer = rig.http.rest("GET", "/.well-known/openid-configuration", None, "").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    let told = answer.json();
    assert_eq!(told["issuer"], "https://door.example");
    for (name, path) in [
        ("token_endpoint", TOKEN),
        ("introspection_endpoint", "/oauth/v2/introspect"),
        ("revocation_endpoint", "/oauth/v2/revoke"),
        ("jwks_uri", "/oauth/v2/keys"),
        ("authorization_endpoint", "/oauth/v2/authorize"),
    ] {
        assert_eq!(told[name], format!("https://door.example{path}"));
    }
    assert_eq!(told["response_types_supported"], json!([]));
    assert_eq!(told["browser_flows_supported"], false);
    assert_eq!(
        told["grant_types_supported"],
        json!(["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"])
    );
    let other = rig.http.rest("GET", "/.well-known/oauth-authorization-server", None, "").await;
    assert_eq!(other.json(), told);
    let refused = rig.http.rest("GET", "/oauth/v2/authorize?response_type=code", None, "").await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"], "unsupported_response_type");
}

#[tokio::test]
async fn the_first_key_is_there_as_soon_as_somebody_asks_and_is_the_only_one() {
    let rig = Rig::start().await;
    let (first, second) = tokio::join!(keys(&rig.http), keys(&rig.http));
    assert_eq!((first.keys.len(), &first), (1, &second));
    let answer = rig.http.rest("GET", "/oauth/v2/keys", None, "").await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    let key = &answer.json()["keys"][0];
    assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&json!("RSA"), &json!("RS256"), &json!("sig")));
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        assert_eq!(key[private], Value::Null, "{private}");
    }
    let (other, _stop) = rig.second().await;
    assert_eq!(keys(&other).await, first, "every node publishes the same");
}

#[tokio::test]
async fn every_endpoint_has_its_methods() {
    let rig = Rig::start().await;
    for (path, method, allowed) in [
        ("/.well-known/openid-configuration", "POST", "GET, HEAD"),
        ("/oauth/v2/keys", "DELETE", "GET, HEAD"),
        ("/oauth/v2/authorize", "POST", "GET, HEAD"),
        (TOKEN, "GET", "POST"),
        (TOKEN, "OPTIONS", "POST"),
        ("/oauth/v2/introspect", "PUT", "POST"),
        ("/oauth/v2/revoke", "HEAD", "POST"),
    ] {
        let answer = rig.http.rest(method, path, None, "").await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.headers["allow"], allowed, "{method} {path}");
    }
    let head = rig.http.rest("HEAD", "/oauth/v2/keys", None, "").await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    let headers = [("origin", "https://app.example"), ("access-control-request-method", "POST")];
    let preflight = rig.http.raw("OPTIONS", TOKEN, &headers, Vec::new(), false).await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.headers["access-control-allow-origin"], "https://app.example");
}

#[tokio::test]
async fn the_numbers_of_the_server_tell_how_requests_ended() {
    let rig = Rig::start().await;
    let bot = bot(&rig, "bot", None).await;
    token(&rig, &bot).await;
    post(&rig.http, TOKEN, &[], &[]).await;
    post(&rig.http, INTROSPECT, &[], &[]).await;
    rig.http.rest("GET", "/oauth/v2/keys", None, "").await;
    let text = String::from_utf8(rig.http.rest("GET", "/metrics", None, "").await.bytes.to_vec()).unwrap();
    for (method, code) in
        [("token", "ok"), ("token", "invalid_argument"), ("introspect", "unauthenticated"), ("keys", "ok")]
    {
        let line = format!(
            "doorward_requests_total{{service=\"oauth\",method=\"{method}\",protocol=\"http\",code=\"{code}\"}} 1\n"
        );
        assert!(text.contains(&line), "{line} is missing in\n{text}");
    }
}

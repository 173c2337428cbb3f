//! Providers that are slow, huge, elsewhere or not there.

use doorward_core::base::Span;
use serde_json::json;

use crate::flow::{FAILURE, SUCCESS, begin, log_in, promise, refused, with_stub};
use crate::stub::{Reply, Stub};

const QUICK: &str = "[intents]\nprovider_timeout_ms = 300";

/// Replies that no endpoint may give, and the error that a login page sees then.
fn bad(elsewhere: &Stub) -> Vec<(Reply, &'static str)> {
    vec![
        (Reply::Never, "temporarily_unavailable"),
        (Reply::Status(503, String::new()), "temporarily_unavailable"),
        (Reply::Huge(1 << 20), "server_error"),
        (Reply::Redirect(format!("{}/token", elsewhere.issuer)), "server_error"),
        (Reply::Status(200, "<html>".to_owned()), "server_error"),
        (Reply::Status(404, String::new()), "server_error"),
        (Reply::Object(json!({})), "server_error"),
        (Reply::Object(json!({ "access_token": "a", "token_type": "mac" })), "server_error"),
        (Reply::Status(400, r#"{"error":"invalid_grant"}"#.to_owned()), "access_denied"),
    ]
}

#[tokio::test]
async fn a_token_endpoint_that_does_not_behave_is_refused() {
    let (rig, stub) = with_stub(QUICK).await;
    let elsewhere = Stub::start().await;
    for (reply, error) in bad(&elsewhere) {
        let login = begin(&rig).await;
        stub.set("/token", reply.clone());
        assert_eq!(refused(&rig, &stub, &login).await, error, "{reply:?}");
    }
    assert!(elsewhere.seen("/token").is_empty(), "no redirect is followed");
    log_in(&rig, &stub).await;
}

#[tokio::test]
async fn keys_and_user_endpoint_must_behave_as_well() {
    let elsewhere = Stub::start().await;
    for path in ["/keys", "/userinfo"] {
        for (reply, error) in bad(&elsewhere).into_iter().take(6) {
            let (rig, stub) = with_stub(QUICK).await;
            let login = begin(&rig).await;
            promise(&stub, &login);
            stub.set(path, reply.clone());
            assert_eq!(refused(&rig, &stub, &login).await, error, "{path} {reply:?}");
        }
    }
}

#[tokio::test]
async fn without_the_provider_no_login_starts_and_the_next_try_works() {
    let (rig, stub) = with_stub(QUICK).await;
    let request = json!({ "idpId": "stub", "urls": { "successUrl": SUCCESS, "failureUrl": FAILURE } });
    let elsewhere = Stub::start().await;
    let mut others = vec![Reply::Object(elsewhere.document())];
    others.extend(bad(&elsewhere).into_iter().take(7).map(|(reply, _)| reply));
    for reply in others {
        stub.set("/.well-known/openid-configuration", reply.clone());
        let id = rig.id("user.StartIdentityProviderIntent", &rig.login, request.clone()).await;
        assert_eq!(id, "DOORWARD-1dpun", "{reply:?}");
        rig.clock.advance(Span::seconds(2));
    }
    stub.set("/.well-known/openid-configuration", Reply::Object(stub.document()));
    rig.ok("user.StartIdentityProviderIntent", &rig.login, request).await;
}

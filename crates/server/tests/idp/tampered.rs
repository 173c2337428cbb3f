//! Answers that a provider did not give, or not about this login.

use doorward_core::base::{Span, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Map, Value, json};

use crate::flow::{
    Login, answer, begin, claims, come_back, failure, log_in, place, promise, promise_signed, query, refused,
    with_stub,
};
use crate::rig::{Rig, START};
use crate::stub::{Key, Reply, Stub};

/// A login whose token says something else; gives the error.
async fn with_claims(rig: &Rig, stub: &Stub, edit: impl FnOnce(&mut Map<String, Value>)) -> String {
    let login = begin(rig).await;
    let mut claims = claims(stub, &login, START);
    edit(&mut claims);
    stub.give(&stub.key.sign(&claims));
    refused(rig, stub, &login).await
}

#[tokio::test]
async fn a_token_with_a_wrong_claim_is_refused() {
    let (rig, stub) = with_stub("").await;
    let seconds = START.0 / 1_000_000;
    for (name, value) in [
        ("iss", json!("https://somebody.example")),
        ("aud", json!("somebody")),
        ("aud", json!(["doorward", "somebody"])),
        ("azp", json!("somebody")),
        ("nonce", json!("another")),
        ("exp", json!(seconds - 61)),
        ("iat", json!(seconds + 3600)),
    ] {
        let error = with_claims(&rig, &stub, |claims| drop(claims.insert(name.to_owned(), value.clone()))).await;
        assert_eq!(error, "server_error", "{name} {value}");
    }
    for name in ["iss", "aud", "nonce", "exp", "iat", "sub"] {
        let error = with_claims(&rig, &stub, |claims| drop(claims.remove(name))).await;
        assert_eq!(error, "server_error", "without {name}");
    }
}

#[tokio::test]
async fn a_token_of_another_login_is_refused() {
    let (rig, stub) = with_stub("").await;
    let (one, two) = (begin(&rig).await, begin(&rig).await);
    promise(&stub, &one);
    assert_eq!(refused(&rig, &stub, &two).await, "server_error");
    promise(&stub, &one);
    place(&answer(&rig, &stub, &one).await);
}

/// A login whose ID token is this; gives the error.
async fn with_token(rig: &Rig, stub: &Stub, token: impl FnOnce(&Login) -> String) -> String {
    let login = begin(rig).await;
    stub.give(&token(&login));
    refused(rig, stub, &login).await
}

fn unsigned(stub: &Stub, login: &Login, head: &Value) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(head), part(&Value::Object(claims(stub, login, START))))
}

#[tokio::test]
async fn a_token_that_the_provider_did_not_sign_is_refused() {
    let (rig, stub) = with_stub("").await;
    for head in [json!({ "alg": "none" }), json!({ "alg": "none", "kid": "one" }), json!({})] {
        assert_eq!(with_token(&rig, &stub, |login| unsigned(&stub, login, &head)).await, "server_error");
    }
    let shared = serde_json::to_vec(&stub.key.public).unwrap();
    let symmetric = |login: &Login| {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("one".to_owned());
        encode(&header, &claims(&stub, login, START), &EncodingKey::from_secret(&shared)).unwrap()
    };
    assert_eq!(with_token(&rig, &stub, symmetric).await, "server_error");
    let imposter = Key::new("one");
    let login = begin(&rig).await;
    promise_signed(&stub, &imposter, &login);
    assert_eq!(refused(&rig, &stub, &login).await, "server_error");
    for text in ["", "a.b.c", "garbage"] {
        assert_eq!(with_token(&rig, &stub, |_| text.to_owned()).await, "server_error");
    }
}

#[tokio::test]
async fn a_new_key_is_found_and_an_unknown_one_is_not_asked_for_again_and_again() {
    let (rig, stub) = with_stub("").await;
    log_in(&rig, &stub).await;
    let unknown = Key::new("two");
    for _ in 0..5 {
        let login = begin(&rig).await;
        promise_signed(&stub, &unknown, &login);
        assert_eq!(refused(&rig, &stub, &login).await, "server_error");
    }
    assert_eq!(stub.seen("/keys").len(), 1, "the keys are fresh");
    stub.publish(&[&stub.key, &unknown]);
    rig.clock.advance(Span::seconds(30));
    let now = Timestamp(START.0 + Span::seconds(30).0);
    let logins: Vec<Login> = {
        let mut logins = Vec::new();
        for _ in 0..5 {
            logins.push(begin(&rig).await);
        }
        logins
    };
    for login in &logins {
        stub.give(&unknown.sign(&claims(&stub, login, now)));
        place(&answer(&rig, &stub, login).await);
    }
    assert_eq!(stub.seen("/keys").len(), 2, "they are read once more");
}

#[tokio::test]
async fn a_state_that_is_not_known_leads_nowhere() {
    let (rig, stub) = with_stub("").await;
    let login = begin(&rig).await;
    promise(&stub, &login);
    let other = |digit: char| if digit == '9' { '0' } else { '9' };
    let mut tampered: Vec<char> = login.id.chars().collect();
    tampered[35] = other(tampered[35]);
    let tampered: String = tampered.into_iter().collect();
    let queries = [
        format!("state={tampered}&code=c"),
        "state=&code=c".to_owned(),
        "code=c".to_owned(),
        format!("state={}%00&code=c", login.id),
        format!("state={0}&state={0}&code=c", login.id),
        String::new(),
    ];
    for query in queries {
        let answer = come_back(&rig, &query).await;
        assert_eq!((answer.status.as_u16(), answer.headers.get("location")), (400, None), "{query}");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    assert!(stub.seen("/token").is_empty());
    place(&answer(&rig, &stub, &login).await);
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_refused() {
    let (rig, stub) = with_stub("").await;
    for (name, issuer) in [("another", Some("https://evil.example")), ("none", None)] {
        let login = begin(&rig).await;
        promise(&stub, &login);
        let issuer = issuer.map(|issuer| format!("&iss={issuer}")).unwrap_or_default();
        let answer = come_back(&rig, &format!("state={}&code=c{issuer}", login.id)).await;
        assert_eq!(failure(&answer, &login), "server_error", "{name}");
    }
    assert!(stub.seen("/token").is_empty(), "the code goes to nobody");
    let (rig, stub) = with_stub("").await;
    let mut document = stub.document();
    document.as_object_mut().unwrap().remove("authorization_response_iss_parameter_supported");
    stub.set("/.well-known/openid-configuration", Reply::Object(document));
    let login = begin(&rig).await;
    promise(&stub, &login);
    let answer = come_back(&rig, &format!("state={}&code=c", login.id)).await;
    assert!(query(&place(&answer), "token").is_some(), "who does not announce it need not say it");
}

#[tokio::test]
async fn the_user_endpoint_must_tell_about_the_same_account() {
    let (rig, stub) = with_stub("").await;
    for object in [json!({ "sub": "somebody", "name": "Somebody" }), json!({ "name": "Somebody" })] {
        stub.set("/userinfo", Reply::Object(object));
        let login = begin(&rig).await;
        promise(&stub, &login);
        assert_eq!(refused(&rig, &stub, &login).await, "server_error");
    }
    let login = begin(&rig).await;
    promise(&stub, &login);
    let more = json!({ "sub": "248289761001", "email": "evil@mouse.example", "nick": "mini" });
    stub.set("/userinfo", Reply::Object(more));
    let token = query(&place(&answer(&rig, &stub, &login).await), "token").unwrap();
    let asking = crate::flow::asking(&login.id, &token);
    let told = rig.ok("user.RetrieveIdentityProviderIntent", &rig.login, asking).await;
    let raw = &told["idpInformation"]["rawInformation"];
    assert_eq!((&raw["email"], &raw["nick"]), (&json!("mini@mouse.example"), &json!("mini")));
}

//! Logging in with a key: the grant of RFC 7523.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward::config::SigningAlgorithm;
use doorward_core::base::Span;
use doorward_store::machine_key;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::rig::Rig;
use crate::tools::{
    JWT_BEARER, Key, SCOPE, TOKEN, add_key, assertion, basic, bot, claims, granted, lets_in, part, post,
    refusal, token_by_key,
};

async fn ask(rig: &Rig, text: &str) -> Answer {
    let fields = [("grant_type", JWT_BEARER), ("assertion", text), ("scope", SCOPE)];
    post(&rig.http, TOKEN, &[], &fields).await
}

async fn refused(rig: &Rig, text: &str, why: &str) {
    assert_eq!(refusal(&ask(rig, text).await), (400, "invalid_grant".to_owned()), "{why}");
}

/// A token with that head and the usual claims but for a change.
fn with(rig: &Rig, key: &Key, head: &Value, change: &Value) -> String {
    let mut claims = claims(rig, &key.user);
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    key.signer.token(head, &claims).unwrap()
}

fn rsa(rig: &Rig, key: &Key, name: &str, encoding: &'static dyn RsaEncoding) -> String {
    let pair = RsaKeyPair::from_pkcs8(&key.private).unwrap();
    let head = json!({ "alg": name, "kid": key.id });
    let signed = format!("{}.{}", part(&head), part(&claims(rig, &key.user)));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn keys_of_every_kind_give_a_token() {
    let rig = Rig::start().await;
    let (id, _) = rig.add_machine("bot", &[]).await;
    for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::Eddsa] {
        let key = add_key(&rig, &id, algorithm).await;
        assert!(lets_in(&rig, &token_by_key(&rig, &key).await, &id).await, "{algorithm:?}");
    }
    let key = add_key(&rig, &id, SigningAlgorithm::Rs256).await;
    let others: [(&str, &'static dyn RsaEncoding); 5] = [
        ("RS384", &RSA_PKCS1_SHA384),
        ("RS512", &RSA_PKCS1_SHA512),
        ("PS256", &RSA_PSS_SHA256),
        ("PS384", &RSA_PSS_SHA384),
        ("PS512", &RSA_PSS_SHA512),
    ];
    for (name, encoding) in others {
        granted(&ask(&rig, &rsa(&rig, &key, name, encoding)).await);
        let lied = rsa(&rig, &key, "RS256", encoding);
        refused(&rig, &lied, name).await;
    }
    // A library names a client that is none.
    let fields = [("grant_type", JWT_BEARER), ("assertion", &assertion(&rig, &key)), ("client_id", "None")];
    granted(&post(&rig.http, TOKEN, &[], &fields).await);
}

#[tokio::test]
async fn an_assertion_is_for_this_server_by_its_user_and_of_now() {
    let rig = Rig::start().await;
    let (id, _) = rig.add_machine("bot", &[]).await;
    let key = add_key(&rig, &id, SigningAlgorithm::Es256).await;
    let head = json!({ "alg": "ES256", "kid": key.id });
    let (now, issuer) = (rig.now().seconds_and_nanos().0, rig.app.policy.issuer.clone());
    for fine in [
        json!({}),
        json!({ "aud": format!("{issuer}/") }),
        json!({ "aud": [format!("{issuer}{TOKEN}"), "https://other.example"] }),
        json!({ "iat": now - 60, "exp": now + 1 }),
        json!({ "jti": "1", "other": { "deep": [1] } }),
    ] {
        granted(&ask(&rig, &with(&rig, &key, &head, &fine)).await);
    }
    for wrong in [
        json!({ "aud": "https://other.example" }),
        json!({ "aud": format!("{issuer}/oauth/v2/introspect") }),
        json!({ "aud": null }),
        json!({ "iss": "bot" }),
        json!({ "sub": "other" }),
        json!({ "exp": null }),
        json!({ "iat": null }),
        json!({ "exp": now - 61, "iat": now - 100 }),
        json!({ "exp": now + 3661 }),
        json!({ "iat": now + 62 }),
        json!({ "nbf": now + 62 }),
    ] {
        refused(&rig, &with(&rig, &key, &head, &wrong), &wrong.to_string()).await;
    }
}

#[tokio::test]
async fn only_the_registered_key_signs_and_only_as_such_keys_do() {
    let rig = Rig::start().await;
    let ((id, _), (other, _)) = (rig.add_machine("bot", &[]).await, rig.add_machine("other", &[]).await);
    let key = add_key(&rig, &id, SigningAlgorithm::Rs256).await;
    let (curve, foreign) = (
        add_key(&rig, &id, SigningAlgorithm::Es256).await,
        add_key(&rig, &other, SigningAlgorithm::Rs256).await,
    );
    let none = json!({});
    for (head, why) in [
        (json!({ "alg": "RS256" }), "no kid"),
        (json!({ "alg": "RS256", "kid": "1" }), "unknown kid"),
        (json!({ "alg": "RS256", "kid": "a\u{0}b" }), "kid with NUL"),
        (json!({ "alg": "RS256", "kid": curve.id }), "another key of the user"),
        (json!({ "alg": "RS256", "kid": foreign.id }), "the key of another user"),
        (json!({ "alg": "ES256", "kid": key.id }), "an algorithm of other keys"),
        (json!({ "alg": "none", "kid": key.id }), "none"),
        (json!({ "alg": "RS256", "kid": key.id, "typ": "at+jwt" }), "another type"),
        (json!({ "alg": "RS256", "kid": key.id, "crit": ["b64"], "b64": true }), "critical"),
    ] {
        refused(&rig, &with(&rig, &key, &head, &none), why).await;
    }
    let head = part(&json!({ "alg": "none", "kid": key.id }));
    let unsigned = format!("{head}.{}.", part(&claims(&rig, &id)));
    refused(&rig, &unsigned, "unsigned").await;
    // The public key is known to all: as a shared secret it must be worth nothing.
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64::engine::general_purpose::STANDARD.encode(&key.public)
    );
    for secret in [key.public.as_slice(), pem.as_bytes()] {
        let header = Header { kid: Some(key.id.clone()), ..Header::default() };
        let text = encode(&header, &claims(&rig, &id), &EncodingKey::from_secret(secret)).unwrap();
        refused(&rig, &text, "a shared secret").await;
    }
    granted(&ask(&rig, &assertion(&rig, &key)).await);
}

#[tokio::test]
async fn a_changed_byte_makes_an_assertion_void() {
    let rig = Rig::start().await;
    let (id, _) = rig.add_machine("bot", &[]).await;
    let key = add_key(&rig, &id, SigningAlgorithm::Eddsa).await;
    let text = assertion(&rig, &key);
    for place in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        // The last character of a part holds bits that mean nothing; another bit than those is changed.
        changed[place] = if changed[place] == b'A' { b'Q' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        refused(&rig, &changed, &format!("byte {place}")).await;
    }
    for length in (0..text.len()).step_by(37) {
        let answer = ask(&rig, &text[..length]).await;
        assert_eq!(answer.status, 400, "first {length}");
    }
    granted(&ask(&rig, &text).await);
}

#[tokio::test]
async fn a_key_that_is_gone_or_over_gives_nothing_and_its_tokens_end_with_it() {
    let rig = Rig::start().await;
    let (id, _) = rig.add_machine("bot", &[]).await;
    let key = add_key(&rig, &id, SigningAlgorithm::Es256).await;
    let lasts = Span::minutes(24 * 60 - 10);
    rig.clock.advance(lasts);
    let answer = ask(&rig, &assertion(&rig, &key)).await;
    assert_eq!(answer.json()["expires_in"], 600, "no longer than the key");
    let token = granted(&answer);
    rig.clock.advance(Span::minutes(9));
    assert!(lets_in(&rig, &token, &id).await);
    rig.clock.advance(Span::minutes(1));
    assert!(!lets_in(&rig, &token, &id).await);
    refused(&rig, &assertion(&rig, &key), "expired").await;

    let key = add_key(&rig, &id, SigningAlgorithm::Es256).await;
    let (user, gone) = (id.clone(), key.id.clone());
    let removed =
        rig.app.db.write(move |conn| Box::pin(async move { machine_key::delete(conn, &user, &gone).await }));
    assert!(removed.await.unwrap());
    refused(&rig, &assertion(&rig, &key), "removed").await;
    let key = add_key(&rig, &id, SigningAlgorithm::Es256).await;
    rig.ok("user.LockUser", &rig.admin, json!({ "userId": id })).await;
    refused(&rig, &assertion(&rig, &key), "locked").await;
}

#[tokio::test]
async fn an_assertion_is_the_only_proof_of_its_grant() {
    let rig = Rig::start().await;
    let bot = bot(&rig, "bot", None).await;
    let key = add_key(&rig, &bot.id, SigningAlgorithm::Es256).await;
    let text = assertion(&rig, &key);
    let fields = [("grant_type", JWT_BEARER), ("assertion", text.as_str())];
    let header = basic(&bot.id, &bot.secret);
    let both = post(&rig.http, TOKEN, &[("authorization", &header)], &fields).await;
    assert_eq!(refusal(&both), (400, "invalid_request".to_owned()));
    let none = post(&rig.http, TOKEN, &[], &fields[..1]).await;
    assert_eq!(refusal(&none), (400, "invalid_request".to_owned()));
}

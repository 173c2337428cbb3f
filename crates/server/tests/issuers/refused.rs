//! Tokens that an issuer has signed, and that let nobody in all the same.

use serde_json::{Value, json};

use crate::rig::START;
use crate::stub::Stub;
use crate::tools::{AUDIENCE, claims, is_let_in, sign_with, token, token_with, with_issuer};

const NOW: i64 = START.0 / 1_000_000;

#[tokio::test]
async fn every_claim_has_to_be_right() {
    let (rig, stub) = with_issuer("").await;
    for (name, value) in [
        ("iss", json!("https://somebody.example")),
        ("iss", json!(format!("{}/", stub.issuer))),
        ("iss", json!([stub.issuer])),
        ("aud", json!("somebody")),
        ("aud", json!("https://doorward.example/")),
        ("aud", json!([])),
        ("aud", json!(["somebody", 7])),
        ("aud", json!({ "https://doorward.example": true })),
        ("exp", json!(NOW - 60)),
        ("exp", json!(NOW + 86_401)),
        ("exp", json!("tomorrow")),
        ("exp", json!(1e300)),
        ("iat", json!(NOW + 62)),
        ("iat", json!(NOW - 86_400)),
        ("iat", json!("now")),
        ("nbf", json!(NOW + 62)),
        ("nbf", json!("now")),
        ("sub", json!("")),
        ("sub", json!(" ")),
        ("sub", json!(["alice"])),
        ("sub", json!("a\u{0}b")),
        ("sub", json!("x".repeat(193))),
        ("cnf", json!({ "jkt": "AAAA" })),
    ] {
        let wrong = token_with(&rig, &stub, |claims| drop(claims.insert(name.to_owned(), value.clone())));
        assert!(!is_let_in(&rig, &wrong).await, "{name} {value}");
    }
    for name in ["iss", "aud", "exp", "iat", "sub"] {
        let without = token_with(&rig, &stub, |claims| drop(claims.remove(name)));
        assert!(!is_let_in(&rig, &without).await, "without {name}");
    }
    for (name, value) in [
        ("aud", json!([AUDIENCE])),
        ("aud", json!(["somebody", "other"])),
        ("exp", json!(NOW - 58)),
        ("exp", json!(NOW + 86_400)),
        ("iat", json!(NOW + 58)),
        ("iat", json!(1_763_632_799.5)),
        ("nbf", json!(NOW)),
        ("sub", json!("x".repeat(192))),
        ("jti", Value::Null),
    ] {
        let right = token_with(&rig, &stub, |claims| {
            claims.insert(name.to_owned(), value.clone());
            if value.is_null() {
                claims.remove(name);
            }
        });
        assert!(is_let_in(&rig, &right).await, "{name} {value}");
    }
}

#[tokio::test]
async fn a_token_is_over_when_it_says_so_though_it_was_remembered() {
    let (rig, stub) = with_issuer("clock_skew_s = 10").await;
    let short = token_with(&rig, &stub, |claims| drop(claims.insert("exp".to_owned(), json!(NOW + 100))));
    for _ in 0..3 {
        assert!(is_let_in(&rig, &short).await);
    }
    rig.clock.advance(doorward_core::base::Span::seconds(109));
    assert!(is_let_in(&rig, &short).await, "the clocks may be apart");
    rig.clock.advance(doorward_core::base::Span::seconds(1));
    assert!(!is_let_in(&rig, &short).await);
}

#[tokio::test]
async fn a_token_of_another_type_lets_nobody_in() {
    let (rig, stub) = with_issuer("").await;
    let claims = claims(&stub, rig.now());
    let with =
        |kind: Option<&str>| sign_with(&stub.key, &claims, |header| header.typ = kind.map(str::to_owned));
    for kind in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
        assert!(is_let_in(&rig, &with(Some(kind))).await, "{kind}");
    }
    for kind in ["", "logout+jwt", "dpop+jwt", "secevent+jwt", "JWS", "application/", "at"] {
        assert!(!is_let_in(&rig, &with(Some(kind))).await, "{kind}");
    }
    assert!(!is_let_in(&rig, &with(None)).await);
    let critical = sign_with(&stub.key, &claims, |header| header.crit = Some(vec!["b64".to_owned()]));
    assert!(!is_let_in(&rig, &critical).await);
}

#[tokio::test]
async fn a_token_of_an_issuer_that_is_not_trusted_lets_nobody_in() {
    let (rig, _) = with_issuer("").await;
    let stranger = Stub::start().await;
    assert!(!is_let_in(&rig, &token(&rig, &stranger, &stranger.key)).await);
    assert!(stranger.seen("/keys").is_empty(), "nobody is asked because a token says so");
}

#[tokio::test]
async fn a_token_says_neither_where_its_key_is_nor_what_it_is() {
    let (rig, stub) = with_issuer("").await;
    let stranger = Stub::start().await;
    let claims = claims(&stub, rig.now());
    for kid in [Some("two".to_owned()), None] {
        let forged = sign_with(&stranger.key, &claims, |header| {
            header.kid.clone_from(&kid);
            header.jku = Some(format!("{}/keys", stranger.issuer));
            header.x5u = Some(format!("{}/keys", stranger.issuer));
            header.jwk = Some(stranger.key.public.clone());
        });
        assert!(!is_let_in(&rig, &forged).await, "{kid:?}");
    }
    assert!(stranger.seen("/keys").is_empty());
}

//! Tokens that no issuer has signed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData};
use serde_json::{Value, json};

use crate::stub::{Key, Reply};
use crate::tools::{claims, is_let_in, other, sign_with, token, with_issuer};

#[tokio::test]
async fn every_mutation_of_a_token_is_refused_though_it_was_let_in_before() {
    let (rig, stub) = with_issuer("").await;
    let good = token(&rig, &stub, &stub.key);
    assert!(is_let_in(&rig, &good).await);
    let mut changed = Vec::new();
    for (position, byte) in good.bytes().enumerate() {
        let mut one = good.clone();
        one.replace_range(position..=position, &other(byte).to_string());
        changed.push(one);
        if position > 0 && position % 7 == 0 {
            changed.push(good[..position].to_owned());
            changed.push(good[position..].to_owned());
        }
    }
    changed.extend(["A", "=", ".", ".A", " ", "%00"].map(|tail| format!("{good}{tail}")));
    changed.extend(["A", "=", "."].map(|head| format!("{head}{good}")));
    for one in changed.into_iter().filter(|one| one.trim_end() != good) {
        assert!(!is_let_in(&rig, &one).await, "{one}");
    }
    assert!(is_let_in(&rig, &good).await);
    assert!(stub.seen("/keys").len() <= 2, "kids that are not known do not make this server ask each time");
}

#[tokio::test]
async fn garbage_in_three_parts_is_refused() {
    let (rig, stub) = with_issuer("").await;
    let part = |value: &[u8]| URL_SAFE_NO_PAD.encode(value);
    let (head, body) = (json!({ "alg": "ES256", "typ": "JWT", "kid": "one" }), claims(&stub, rig.now()));
    let (head, body) = (part(head.to_string().as_bytes()), part(&serde_json::to_vec(&body).unwrap()));
    let wide = part(json!({ "iss": stub.issuer, "x": "y".repeat(7000) }).to_string().as_bytes());
    for text in [
        "a.b.c".to_owned(),
        "..".to_owned(),
        format!("{head}.{body}."),
        format!("{head}.{body}.AAAA"),
        format!(".{body}.AAAA"),
        format!("{}.{body}.AAAA", part(b"{}")),
        format!("{}.{body}.AAAA", part(b"[]")),
        format!("{}.{body}.AAAA", part(b"not json")),
        format!("{head}.{}.AAAA", part(b"{}")),
        format!("{head}.{wide}.AAAA"),
        format!("{head}.{body}.{}", "A".repeat(2000)),
        format!("{head}.{body}.AAAA.AAAA.AAAA"),
    ] {
        assert!(!is_let_in(&rig, &text).await, "{text}");
    }
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    let (rig, stub) = with_issuer("").await;
    let claims = serde_json::to_vec(&claims(&stub, rig.now())).unwrap();
    for algorithm in ["none", "None", "NONE", "nOnE", "", "HS1"] {
        for head in [json!({ "alg": algorithm, "kid": "one", "typ": "JWT" }), json!({ "alg": algorithm })] {
            let part = |value: &[u8]| URL_SAFE_NO_PAD.encode(value);
            for tail in ["", "AAAA"] {
                let text = format!("{}.{}.{tail}", part(head.to_string().as_bytes()), part(&claims));
                assert!(!is_let_in(&rig, &text).await, "{head} {tail}");
            }
        }
    }
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let (rig, stub) = with_issuer("").await;
    let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let der = pair.serialize_der();
    // Of an RSA key the bare one is wanted, without the 26 bytes that say of what kind it is.
    let signing = EncodingKey::from_rsa_der(&der[26..]);
    let mut public = Jwk::from_encoding_key(&signing, Algorithm::RS256).unwrap();
    public.common.key_id = Some("rsa".to_owned());
    public.common.key_algorithm = None;
    let rsa = Key { signing, public };
    stub.publish(&[&stub.key, &rsa]);
    let claims = claims(&stub, rig.now());
    for algorithm in [Algorithm::RS256, Algorithm::PS384] {
        assert!(is_let_in(&rig, &sign_with(&rsa, &claims, |header| header.alg = algorithm)).await);
    }
    let (pem, jwk) = (pair.public_key_pem(), serde_json::to_vec(&rsa.public).unwrap());
    let ec = serde_json::to_vec(&stub.key.public).unwrap();
    for secret in [
        pair.subject_public_key_info().as_slice(),
        pair.der_bytes(),
        pem.as_bytes(),
        jwk.as_slice(),
        ec.as_slice(),
        b"",
    ] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            for kid in ["rsa", "one"] {
                let mut header = Header::new(algorithm);
                header.kid = Some(kid.to_owned());
                let forged = encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap();
                assert!(!is_let_in(&rig, &forged).await, "{algorithm:?} {kid}");
            }
        }
    }
    let elsewhere = sign_with(&stub.key, &claims, |header| header.kid = Some("rsa".to_owned()));
    assert!(!is_let_in(&rig, &elsewhere).await, "an elliptic signature under the name of an RSA key");
}

#[tokio::test]
async fn a_shared_secret_is_no_key_even_if_the_issuer_publishes_it() {
    let (rig, stub) = with_issuer("").await;
    let shared = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256" });
    let keys: Vec<Value> = vec![shared, serde_json::to_value(&stub.key.public).unwrap()];
    stub.set("/keys", Reply::Object(json!({ "keys": keys })));
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("shared".to_owned());
    let claims = claims(&stub, rig.now());
    let forged = encode(&header, &claims, &EncodingKey::from_secret(b"secret")).unwrap();
    assert!(!is_let_in(&rig, &forged).await);
    assert!(is_let_in(&rig, &token(&rig, &stub, &stub.key)).await, "the other key counts all the same");
}

#[tokio::test]
async fn a_key_of_the_same_name_is_another_key() {
    let (rig, stub) = with_issuer("").await;
    let imposter = Key::new("one");
    assert!(!is_let_in(&rig, &token(&rig, &stub, &imposter)).await);
    assert!(is_let_in(&rig, &token(&rig, &stub, &stub.key)).await);
    let unnamed = sign_with(&stub.key, &claims(&stub, rig.now()), |header| header.kid = None);
    assert!(is_let_in(&rig, &unnamed).await, "the only one it can be");
    let unnamed = sign_with(&imposter, &claims(&stub, rig.now()), |header| header.kid = None);
    assert!(!is_let_in(&rig, &unnamed).await);
}

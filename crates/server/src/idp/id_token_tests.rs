//! Every way in which an ID token can be wrong.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{EncodingKey, Header, encode};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData,
};
use serde_json::{Map, json};

use super::*;
use crate::idp::signed::MOST;

const NOW: Timestamp = Timestamp(1_763_632_800_000_000);
const SECONDS: i64 = 1_763_632_800;

const EXPECTED: Expected<'static> =
    Expected { issuer: "https://id.example", client_id: "doorward", nonce: "n0nce", now: NOW };

struct Made {
    pair: KeyPair,
    key: EncodingKey,
    jwk: Jwk,
    algorithm: Algorithm,
}

fn made(algorithm: Algorithm, kid: &str) -> Made {
    let (kind, of): (_, fn(&[u8]) -> EncodingKey) = match algorithm {
        Algorithm::ES256 => (&PKCS_ECDSA_P256_SHA256, EncodingKey::from_ec_der),
        Algorithm::ES384 => (&PKCS_ECDSA_P384_SHA384, EncodingKey::from_ec_der),
        Algorithm::EdDSA => (&PKCS_ED25519, EncodingKey::from_ed_der),
        _ => (&PKCS_RSA_SHA256, EncodingKey::from_rsa_der),
    };
    let pair = KeyPair::generate_for(kind).unwrap();
    let der = pair.serialize_der();
    // Of an RSA key the bare one is wanted, without the 26 bytes that say of what kind it is.
    let key = of(if kind == &PKCS_RSA_SHA256 { &der[26..] } else { &der });
    let mut jwk = match algorithm {
        Algorithm::EdDSA => {
            let x = URL_SAFE_NO_PAD.encode(pair.der_bytes());
            serde_json::from_value(json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x })).unwrap()
        }
        _ => Jwk::from_encoding_key(&key, algorithm).unwrap(),
    };
    jwk.common.key_id = Some(kid.to_owned());
    Made { pair, key, jwk, algorithm }
}

fn claims() -> Map<String, Value> {
    let Value::Object(claims) = json!({
        "iss": "https://id.example", "aud": "doorward", "sub": "1", "nonce": "n0nce",
        "iat": SECONDS, "exp": SECONDS + 300,
    }) else {
        panic!("no object")
    };
    claims
}

fn sign(made: &Made, claims: &Map<String, Value>) -> String {
    let mut header = Header::new(made.algorithm);
    header.kid.clone_from(&made.jwk.common.key_id);
    encode(&header, claims, &made.key).unwrap()
}

fn accept(token: &str, keys: &[Jwk]) -> Result<Object, Trouble> {
    match signer(token, keys)? {
        Signer::Key(key, algorithm) => verify(token, &key, algorithm, EXPECTED),
        Signer::Unknown => Err(Trouble::untrusted("unknown")),
    }
}

fn refused(token: &str, keys: &[Jwk]) -> String {
    accept(token, keys).unwrap_err().to_string()
}

#[test]
fn a_good_token_of_every_algorithm_is_accepted() {
    for algorithm in
        [Algorithm::RS256, Algorithm::PS512, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA]
    {
        let made = made(algorithm, "1");
        let token = sign(&made, &claims());
        assert_eq!(accept(&token, std::slice::from_ref(&made.jwk)).unwrap(), claims(), "{algorithm:?}");
        let mut unnamed = made.jwk;
        (unnamed.common.key_algorithm, unnamed.common.public_key_use) = (None, None);
        assert!(accept(&token, &[unnamed]).is_ok(), "{algorithm:?} by the kind of the key alone");
    }
}

#[test]
fn every_claim_has_to_be_right() {
    let made = made(Algorithm::ES256, "1");
    let keys = [made.jwk.clone()];
    let cases = [
        ("iss", json!("https://id.example/"), "another issuer"),
        ("iss", Value::Null, "another issuer"),
        ("aud", json!("somebody"), "another client"),
        ("aud", json!([]), "another client"),
        ("aud", json!(["somebody"]), "another client"),
        ("aud", json!(["doorward", "somebody"]), "on behalf of whom"),
        ("azp", json!("somebody"), "on behalf of another"),
        ("exp", json!(SECONDS - 60), "expired"),
        ("exp", json!("tomorrow"), "how long it holds"),
        ("iat", json!(SECONDS + 61), "future"),
        ("nbf", json!(SECONDS + 61), "not hold yet"),
        ("nbf", json!("now"), "not hold yet"),
        ("nonce", json!("other"), "another login"),
        ("nonce", Value::Null, "another login"),
        ("sub", json!(""), "about whom"),
        ("sub", json!(1), "about whom"),
    ];
    for (name, value, why) in cases {
        let mut wrong = claims();
        wrong.insert(name.to_owned(), value.clone());
        let text = refused(&sign(&made, &wrong), &keys);
        assert!(text.contains(why), "{name} {value}: {text}");
    }
    for name in ["iss", "aud", "exp", "iat", "nonce", "sub"] {
        let mut without = claims();
        without.remove(name);
        assert!(accept(&sign(&made, &without), &keys).is_err(), "without {name}");
    }
    for (name, value) in [
        ("aud", json!(["doorward"])),
        ("azp", json!("doorward")),
        ("exp", json!(SECONDS - 59)),
        ("iat", json!(SECONDS + 60)),
        ("iat", json!(1_763_632_799.5)),
        ("nbf", json!(SECONDS)),
    ] {
        let mut right = claims();
        right.insert(name.to_owned(), value.clone());
        assert!(accept(&sign(&made, &right), &keys).is_ok(), "{name} {value}");
    }
    let mut several = claims();
    several.insert("aud".to_owned(), json!(["somebody", "doorward"]));
    several.insert("azp".to_owned(), json!("doorward"));
    assert!(accept(&sign(&made, &several), &keys).is_ok());
}

#[test]
fn a_signature_of_another_key_or_of_a_changed_text_is_refused() {
    let (one, other) = (made(Algorithm::ES256, "1"), made(Algorithm::ES256, "1"));
    let token = sign(&one, &claims());
    assert!(refused(&token, &[other.jwk]).contains("signature"));
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut changed = claims();
    changed.insert("sub".to_owned(), json!("2"));
    parts[1] = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&changed).unwrap());
    assert!(refused(&parts.join("."), std::slice::from_ref(&one.jwk)).contains("signature"));
    for text in ["", ".", "..", "a.b.c", &token[..token.len() - 4], &"x".repeat(MOST + 1)] {
        assert!(accept(text, std::slice::from_ref(&one.jwk)).is_err());
    }
}

/// A token with any head.
fn with_head(head: &Value, tail: &str) -> String {
    let part = |value: &[u8]| URL_SAFE_NO_PAD.encode(value);
    let claims = serde_json::to_vec(&claims()).unwrap();
    format!("{}.{}.{tail}", part(head.to_string().as_bytes()), part(&claims))
}

#[test]
fn an_unsigned_token_is_refused() {
    let made = made(Algorithm::ES256, "1");
    for algorithm in ["none", "None", "NONE", "", "ES256K"] {
        for tail in ["", "AAAA"] {
            let token = with_head(&json!({ "alg": algorithm, "kid": "1" }), tail);
            assert!(accept(&token, std::slice::from_ref(&made.jwk)).is_err(), "{algorithm}");
        }
    }
    assert!(accept(&with_head(&json!({ "kid": "1" }), ""), std::slice::from_ref(&made.jwk)).is_err());
    let crit = with_head(&json!({ "alg": "ES256", "kid": "1", "crit": ["b64"], "b64": false }), "AAAA");
    assert!(refused(&crit, &[made.jwk]).contains("not understood"));
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let made = made(Algorithm::RS256, "1");
    let der = made.pair.subject_public_key_info();
    let pem = made.pair.public_key_pem();
    let jwk = serde_json::to_vec(&made.jwk).unwrap();
    for secret in [der.as_slice(), made.pair.der_bytes(), pem.as_bytes(), jwk.as_slice(), b""] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let mut header = Header::new(algorithm);
            header.kid = Some("1".to_owned());
            let token = encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
            assert!(refused(&token, std::slice::from_ref(&made.jwk)).contains("not accepted"));
        }
    }
    let shared = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "1", "alg": "HS256" });
    let shared: Jwk = serde_json::from_value(shared).unwrap();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("1".to_owned());
    let token = encode(&header, &claims(), &EncodingKey::from_secret(b"secret")).unwrap();
    assert!(accept(&token, &[shared]).is_err(), "not even one that the provider publishes");
}

#[test]
fn the_key_is_the_one_that_is_named_and_meant_for_it() {
    let (one, other) = (made(Algorithm::ES256, "1"), made(Algorithm::ES256, "2"));
    let token = sign(&one, &claims());
    assert!(accept(&token, &[other.jwk.clone(), one.jwk.clone()]).is_ok());
    for keys in [vec![], vec![other.jwk.clone()]] {
        assert!(matches!(signer(&token, &keys), Ok(Signer::Unknown)));
    }
    let change = |change: fn(&mut Jwk)| {
        let mut jwk = one.jwk.clone();
        change(&mut jwk);
        jwk
    };
    for unfit in [
        change(|jwk| jwk.common.public_key_use = Some(PublicKeyUse::Encryption)),
        change(|jwk| jwk.common.key_operations = Some(vec![KeyOperations::Encrypt])),
        change(|jwk| jwk.common.key_algorithm = Some(KeyAlgorithm::ES384)),
    ] {
        assert!(matches!(signer(&token, &[unfit]), Ok(Signer::Unknown)));
    }
    let unnamed = encode(&Header::new(Algorithm::ES256), &claims(), &one.key).unwrap();
    assert!(accept(&unnamed, std::slice::from_ref(&one.jwk)).is_ok(), "the only one it can be");
    assert!(refused(&unnamed, &[one.jwk, other.jwk]).contains("which key"));
}

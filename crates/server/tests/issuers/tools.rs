//! A trusted issuer, and tokens as it makes them.

use doorward_core::base::Timestamp;
use doorward_core::caller::Role;
use jsonwebtoken::{Algorithm, Header, encode};
use serde_json::{Map, Value, json};

use crate::rig::Rig;
use crate::stub::{Key, Stub};

/// What this server is called in tokens.
pub const AUDIENCE: &str = "https://doorward.example";
/// How a token that is not valid is answered.
pub const INVALID: (u16, &str) = (401, "AUTH-7fs1e");

/// The configuration of an issuer with more keys behind it. Every role follows from a group of the same name.
pub fn trusting(issuer: &str, more: &str) -> String {
    let roles: Vec<String> =
        Role::ALL.iter().map(|role| format!("\"group {0}\" = \"{0}\"", role.name())).collect();
    format!(
        "[[trusted_issuer]]\nid = \"company\"\nissuer = \"{issuer}\"\naudience = [\"other\", \"{AUDIENCE}\"]\n\
         roles_claim = \"groups\"\nroles = {{ {} }}\ntimeout_ms = 500\n{more}\n",
        roles.join(", ")
    )
}

/// A server that trusts a stub.
pub async fn with_issuer(more: &str) -> (Rig, Stub) {
    let stub = Stub::start().await;
    (Rig::start_from(&[], &trusting(&stub.issuer, more)).await, stub)
}

/// What a good token says.
pub fn claims(stub: &Stub, now: Timestamp) -> Map<String, Value> {
    let seconds = now.0 / 1_000_000;
    let Value::Object(claims) = json!({
        "iss": stub.issuer, "aud": AUDIENCE, "sub": "alice", "iat": seconds, "exp": seconds + 3600,
        "groups": ["group IAM_LOGIN_CLIENT"], "jti": "17",
    }) else {
        panic!("no object")
    };
    claims
}

/// Signs claims with a key, under a head that was changed.
pub fn sign_with(key: &Key, claims: &Map<String, Value>, edit: impl FnOnce(&mut Header)) -> String {
    let mut header = Header::new(Algorithm::ES256);
    header.kid.clone_from(&key.public.common.key_id);
    edit(&mut header);
    encode(&header, claims, &key.signing).unwrap()
}

/// A good token, made now.
pub fn token(rig: &Rig, stub: &Stub, key: &Key) -> String {
    key.sign(&claims(stub, rig.now()))
}

/// A good token that says something else.
pub fn token_with(rig: &Rig, stub: &Stub, edit: impl FnOnce(&mut Map<String, Value>)) -> String {
    let mut claims = claims(stub, rig.now());
    edit(&mut claims);
    stub.key.sign(&claims)
}

/// Status, and error id if there is one, of a call that anybody may make who is let in.
pub async fn tried(rig: &Rig, token: &str) -> (u16, String) {
    let answer = rig.rest("POST", "/v2/sessions/search", token, json!({})).await;
    let id = answer.json()["details"][0]["id"].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), id)
}

/// Whether a token lets somebody in; anything but that or `AUTH-7fs1e` fails.
pub async fn is_let_in(rig: &Rig, token: &str) -> bool {
    let (status, id) = tried(rig, token).await;
    if status == 200 {
        return true;
    }
    assert_eq!((status, id.as_str()), INVALID, "{token}");
    false
}

/// The next character of base64url: the form stays right.
pub fn other(byte: u8) -> char {
    match byte {
        b'z' | b'Z' | b'9' => '-',
        b'-' => '_',
        b'_' => 'A',
        b'.' => 'A',
        byte => char::from(byte + 1),
    }
}

//! What several of these tests need: machine users with secrets and keys, and the requests of their libraries.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorward::app::signer::{Signer, make};
use doorward::config::SigningAlgorithm;
use doorward_core::base::Span;
use doorward_core::spki::PublicKey;
use doorward_core::token::TokenKind;
use doorward_core::user::{AccessTokenType, UserKind};
use doorward_store::machine_key::{self, MachineKey};
use doorward_store::{machine_secret, user};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::client::{Answer, Http};
use crate::rig::Rig;

pub const TOKEN: &str = "/oauth/v2/token";
pub const INTROSPECT: &str = "/oauth/v2/introspect";
pub const REVOKE: &str = "/oauth/v2/revoke";
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What the SDKs ask for.
pub const SCOPE: &str = "openid urn:zitadel:iam:org:project:id:zitadel:aud";

/// A machine user with a secret.
pub struct Bot {
    pub id: String,
    pub name: String,
    pub secret: String,
    /// A personal access token.
    pub token: String,
}

/// A key of a machine user.
pub struct Key {
    pub id: String,
    pub user: String,
    pub public: Vec<u8>,
    pub private: Vec<u8>,
    pub signer: Signer,
}

/// A machine user with a secret and a role on the instance.
pub async fn bot(rig: &Rig, name: &str, role: Option<&str>) -> Bot {
    let roles: Vec<_> = role.iter().map(|role| (None, *role)).collect();
    let (id, token) = rig.add_machine(name, &roles).await;
    let secret = add_secret(rig, &id).await;
    Bot { id, name: name.to_owned(), secret, token }
}

/// A new secret for a user in place of the one before.
pub async fn add_secret(rig: &Rig, user: &str) -> String {
    let minted = rig.app.mint_token(TokenKind::ClientSecret, user);
    let (user, now, digest) = (user.to_owned(), rig.now(), minted.digest);
    let saved = rig
        .app
        .db
        .write(move |conn| Box::pin(async move { machine_secret::save(conn, &user, &digest, now).await }));
    saved.await.unwrap();
    minted.text.expose().to_owned()
}

/// A new key for a user, for a day.
pub async fn add_key(rig: &Rig, user: &str, algorithm: SigningAlgorithm) -> Key {
    let made = make(algorithm).unwrap();
    let id = rig.app.mint_id(rig.now());
    let key = MachineKey {
        id: id.clone(),
        user_id: user.to_owned(),
        public_key: made.public.clone(),
        created: rig.now(),
        expires: rig.now().plus(Span::minutes(24 * 60)),
    };
    let added = rig.app.db.write(move |conn| Box::pin(async move { machine_key::insert(conn, &key).await }));
    added.await.unwrap();
    let signer = Signer::open(&made.private, &PublicKey::read(&made.public).unwrap()).unwrap();
    Key { id, user: user.to_owned(), public: made.public, private: made.private.to_vec(), signer }
}

/// Changes what a machine user is like.
pub async fn set_access_token(rig: &Rig, id: &str, kind: AccessTokenType) {
    let id = id.to_owned();
    let changed = rig.app.db.write(move |conn| {
        Box::pin(async move {
            let mut user = user::lock(conn, &id).await?.unwrap();
            let UserKind::Machine(machine) = &mut user.kind else { panic!("no machine") };
            machine.access_token = kind;
            user::save(conn, &user).await
        })
    });
    assert!(changed.await.unwrap());
}

/// The claims of an assertion of a user, for an hour.
pub fn claims(rig: &Rig, user: &str) -> Value {
    let now = rig.now().seconds_and_nanos().0;
    json!({ "iss": user, "sub": user, "aud": rig.app.policy.issuer, "iat": now, "exp": now + 3600 })
}

/// The assertion that a library makes.
pub fn assertion(rig: &Rig, key: &Key) -> String {
    let algorithm = doorward::app::signer::algorithm(&PublicKey::read(&key.public).unwrap());
    let head = json!({ "alg": algorithm, "typ": "JWT", "kid": key.id });
    key.signer.token(&head, &claims(rig, &key.user)).unwrap()
}

/// A request with a form.
pub async fn post(http: &Http, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
    all.extend_from_slice(headers);
    http.raw("POST", path, &all, body.into_bytes(), false).await
}

/// The header of a client with a secret.
pub fn basic(name: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")))
}

/// A request with a form by a client with a secret.
pub async fn post_as(rig: &Rig, bot: &Bot, path: &str, fields: &[(&str, &str)]) -> Answer {
    post(&rig.http, path, &[("authorization", &basic(&bot.id, &bot.secret))], fields).await
}

/// An access token for a secret.
pub async fn token(rig: &Rig, bot: &Bot) -> String {
    let fields = [("grant_type", "client_credentials"), ("scope", SCOPE)];
    granted(&post_as(rig, bot, TOKEN, &fields).await)
}

/// An access token for a key.
pub async fn token_by_key(rig: &Rig, key: &Key) -> String {
    let assertion = assertion(rig, key);
    let fields = [("grant_type", JWT_BEARER), ("assertion", assertion.as_str()), ("scope", SCOPE)];
    granted(&post(&rig.http, TOKEN, &[], &fields).await)
}

/// The token of an answer.
pub fn granted(answer: &Answer) -> String {
    let told = answer.json();
    assert_eq!(answer.status, 200, "{told}");
    told["access_token"].as_str().unwrap().to_owned()
}

/// Status and error of a refusal.
pub fn refusal(answer: &Answer) -> (u16, String) {
    let told = answer.json();
    assert!(told["error_description"].is_string(), "{told}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    (answer.status.as_u16(), told["error"].as_str().unwrap_or_default().to_owned())
}

/// Whether a token lets its user read itself.
pub async fn lets_in(rig: &Rig, token: &str, user: &str) -> bool {
    rig.call("user.GetUserByID", token, json!({ "userId": user })).await.is_ok()
}

/// The published keys.
pub async fn keys(http: &Http) -> JwkSet {
    let answer = http.rest("GET", "/oauth/v2/keys", None, "").await;
    serde_json::from_slice(&answer.bytes).unwrap()
}

/// What a token says, by a library that knows the published keys alone; and which key signed it.
pub fn verified(token: &str, keys: &JwkSet) -> Result<(Value, String), String> {
    let header = decode_header(token).map_err(|error| error.to_string())?;
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let id = header.kid.unwrap();
    let key = keys.find(&id).ok_or_else(|| format!("the key {id} is not published"))?;
    let mut validation = Validation::new(header.alg);
    // The clock of these tests stands at another time.
    validation.validate_exp = false;
    validation.validate_aud = false;
    let key = DecodingKey::from_jwk(key).unwrap();
    let claims = decode::<Value>(token, &key, &validation).map_err(|error| error.to_string())?.claims;
    Ok((claims, id))
}

/// A part of a token.
pub fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

//! The steps of a login at a provider, as a login page and a browser make them.

use doorward_core::base::Timestamp;
use http::StatusCode;
use serde_json::{Map, Value, json};
use url::Url;

use crate::client::Answer;
use crate::rig::{Rig, START};
use crate::stub::{CLIENT, Key, SECRET, Stub};

/// Where the login page wants its people back.
pub const SUCCESS: &str = "https://login.example/yes?for=me";
pub const FAILURE: &str = "https://login.example/no";

/// The configuration of a provider with more keys behind it.
pub fn provider(issuer: &str, more: &str) -> String {
    format!(
        "public_url = \"https://doorward.example\"\n[[idp]]\nid = \"stub\"\nissuer = \"{issuer}\"\n\
         client_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\n{more}\n"
    )
}

/// A server that knows a stub as its provider.
pub async fn with_stub(more: &str) -> (Rig, Stub) {
    let stub = Stub::start().await;
    (Rig::start_from(&[], &provider(&stub.issuer, more)).await, stub)
}

/// A login that was started.
#[derive(Debug, Clone)]
pub struct Login {
    pub url: Url,
    pub id: String,
    pub nonce: String,
}

/// Starts a login.
pub async fn begin(rig: &Rig) -> Login {
    let urls = json!({ "successUrl": SUCCESS, "failureUrl": FAILURE });
    let started =
        rig.ok("user.StartIdentityProviderIntent", &rig.login, json!({ "idpId": "stub", "urls": urls }));
    let url = Url::parse(started.await["authUrl"].as_str().unwrap()).unwrap();
    let get = |name: &str| query(&url, name).unwrap_or_default();
    Login { id: get("state"), nonce: get("nonce"), url: url.clone() }
}

/// A parameter of an address.
pub fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// What a good ID token says about a login.
pub fn claims(stub: &Stub, login: &Login, now: Timestamp) -> Map<String, Value> {
    let seconds = now.0 / 1_000_000;
    let Value::Object(claims) = json!({
        "iss": stub.issuer, "aud": CLIENT, "sub": "248289761001", "nonce": login.nonce, "iat": seconds,
        "exp": seconds + 300, "email": "mini@mouse.example", "email_verified": true, "given_name": "Mini",
    }) else {
        panic!("no object")
    };
    claims
}

/// The stub gives a good token for a login, signed with its key.
pub fn promise(stub: &Stub, login: &Login) {
    promise_signed(stub, &stub.key, login);
}

/// The stub gives a good token for a login, signed with some key.
pub fn promise_signed(stub: &Stub, key: &Key, login: &Login) {
    stub.give(&key.sign(&claims(stub, login, START)));
}

/// The browser comes back with a query.
pub async fn come_back(rig: &Rig, query: &str) -> Answer {
    rig.http.raw("GET", &format!("/idps/callback?{query}"), &[], Vec::new(), false).await
}

/// The browser comes back as the stub would send it.
pub async fn answer(rig: &Rig, stub: &Stub, login: &Login) -> Answer {
    come_back(rig, &format!("state={}&code=code-hunter4&iss={}", login.id, stub.issuer)).await
}

/// Where a redirect leads.
pub fn place(answer: &Answer) -> Url {
    assert_eq!(answer.status, StatusCode::FOUND, "{answer:?}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    Url::parse(answer.headers["location"].to_str().unwrap()).unwrap()
}

/// A whole login; gives the id of the intent, its token, and the user.
pub async fn log_in(rig: &Rig, stub: &Stub) -> (String, String, Option<String>) {
    let login = begin(rig).await;
    promise(stub, &login);
    let place = place(&answer(rig, stub, &login).await);
    assert!(place.as_str().starts_with(SUCCESS), "{place}");
    let token = query(&place, "token").unwrap();
    (query(&place, "id").unwrap(), token, query(&place, "user"))
}

/// A login that goes wrong; gives the error that the login page sees.
pub async fn refused(rig: &Rig, stub: &Stub, login: &Login) -> String {
    failure(&answer(rig, stub, login).await, login)
}

/// The error with which the browser was sent back to the login page.
pub fn failure(answer: &Answer, login: &Login) -> String {
    let place = place(answer);
    assert!(place.as_str().starts_with(FAILURE), "{place}");
    assert_eq!(query(&place, "id").as_ref(), Some(&login.id));
    assert!(query(&place, "token").is_none() && query(&place, "error_description").is_some());
    query(&place, "error").unwrap()
}

/// The request that asks what is known about a login.
pub fn asking(id: &str, token: &str) -> Value {
    json!({ "idpIntentId": id, "idpIntentToken": token })
}

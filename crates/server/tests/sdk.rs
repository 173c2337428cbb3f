//! The server as its users' client libraries see it: unmodified SDKs from the registries walk through the Session API,
//! and a browser logs in on a page that calls it.
//!
//! `cargo xtask test` installs them. They are never skipped: where one is missing, its test fails and says so.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test panics"
)]

#[path = "sdk/home.rs"]
mod home;
#[path = "sdk/provider.rs"]
mod provider;
#[path = "sdk/server.rs"]
mod server;

use serde_json::{Value, json};

use home::Sdk;
use provider::Provider;
use server::{LOGIN_NAME, Server};

/// What every SDK must have seen of one session: made, read, changed, listed, ended, and a wrong password refused.
fn assert_walked(seen: &Value) {
    let id = seen["created"]["id"].as_str().expect("no id");
    assert!(!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()), "an odd id in {seen}");
    let tokens = ["created", "changed"].map(|step| seen[step]["token"].as_str().expect("no token"));
    assert!(tokens.iter().all(|token| !token.is_empty()), "an empty token in {seen}");
    assert_ne!(tokens[0], tokens[1], "the token did not change");
    let read = json!({ "id": id, "loginName": LOGIN_NAME, "passwordVerified": true });
    assert_eq!(seen["read"], read);
    assert_eq!(seen["metadata"], json!({ "colour": "blue" }));
    assert_eq!(seen["listed"], json!([id]));
    assert_eq!(seen["total"], 1);
    let expected = json!({
        "code": "invalid_argument",
        "message": "Password is invalid (COMMAND-3M0fs)",
        "id": "COMMAND-3M0fs",
        "failedAttempts": 1,
    });
    assert_eq!(seen["refused"], expected);
    let expected = json!({ "code": "not_found", "message": "Session does not exist (QUERY-SFeaa)" });
    assert_eq!(seen["gone"], expected);
}

/// Starts a server and walks with an SDK.
fn walk(sdk: &Sdk) -> Value {
    let server = Server::start();
    sdk.walk(&server)
}

#[test]
fn the_python_sdk_creates_reads_changes_lists_and_deletes_a_session() {
    let mut seen = walk(&Sdk::python("with_zitadel_client.py", &["v2"]));
    assert_eq!(take(&mut seen, "refused", "status"), 400);
    assert_eq!(take(&mut seen, "gone", "status"), 404);
    assert_walked(&seen);
}

#[test]
fn the_python_sdk_does_the_same_with_the_beta_service() {
    let mut seen = walk(&Sdk::python("with_zitadel_client.py", &["v2beta"]));
    assert_eq!(take(&mut seen, "refused", "status"), 400);
    assert_eq!(take(&mut seen, "gone", "status"), 404);
    assert_walked(&seen);
}

#[test]
fn grpcio_learns_the_api_from_reflection_and_creates_reads_changes_lists_and_deletes_a_session() {
    let seen = walk(&Sdk::python("with_reflection.py", &[]));
    let services = seen["services"].as_array().expect("no services");
    for service in ["session.v2.Session", "session.v2beta.Session", "user.v2.User"] {
        assert!(services.contains(&json!(format!("zitadel.{service}Service"))), "no {service} in {seen}");
    }
    assert_walked(&seen);
}

#[test]
fn the_node_sdk_creates_reads_changes_lists_and_deletes_a_session_over_grpc() {
    assert_walked(&walk(&Sdk::node("walk.mjs", &["grpc", "v2"])));
}

#[test]
fn the_node_sdk_creates_reads_changes_lists_and_deletes_a_session_over_grpc_web() {
    assert_walked(&walk(&Sdk::node("walk.mjs", &["grpc-web", "v2"])));
}

#[test]
fn the_node_sdk_creates_reads_changes_lists_and_deletes_a_session_over_connect_with_json() {
    assert_walked(&walk(&Sdk::node("walk.mjs", &["connect-json", "v2"])));
}

#[test]
fn the_node_sdk_creates_reads_changes_lists_and_deletes_a_session_over_connect_with_binary_messages() {
    assert_walked(&walk(&Sdk::node("walk.mjs", &["connect-binary", "v2"])));
}

#[test]
fn the_node_sdk_does_the_same_with_the_beta_service_over_grpc() {
    assert_walked(&walk(&Sdk::node("walk.mjs", &["grpc", "v2beta"])));
}

#[test]
fn the_rust_sdk_creates_reads_changes_lists_and_deletes_a_session() {
    assert_walked(&walk(&Sdk::rust()));
}

/// What an SDK must have seen of a person who set up all factors there are and logged in with them.
fn assert_every_factor(seen: &Value) {
    let methods = ["IDP", "OTP_EMAIL", "OTP_SMS", "PASSKEY", "PASSWORD", "RECOVERY_CODE", "TOTP", "U2F"];
    assert_eq!(seen["methods"], json!(methods));
    let factors =
        ["intent", "otp_email", "otp_sms", "password", "recovery_code", "totp", "user", "web_auth_n"];
    let all: serde_json::Map<_, _> =
        factors.iter().map(|factor| ((*factor).to_owned(), Value::Bool(true))).collect();
    assert_eq!(seen["factors"], Value::Object(all), "each with the time at which it was verified");
    assert_eq!((&seen["tokenVerifiedUser"], &seen["passkeyVerifiedUser"]), (&json!(false), &json!(true)));
}

/// Starts a server with a provider and logs in with every factor.
fn log_in_with_all(sdk: &Sdk) -> Value {
    let provider = Provider::start();
    sdk.walk(&Server::start_with(&provider.configuration()))
}

#[test]
fn the_python_sdk_sets_up_every_factor_and_logs_in_with_it() {
    assert_every_factor(&log_in_with_all(&Sdk::python("with_every_factor.py", &[])));
}

#[test]
fn the_node_sdk_sets_up_every_factor_and_logs_in_with_it() {
    assert_every_factor(&log_in_with_all(&Sdk::node("factors.mjs", &[])));
}

#[test]
fn chromium_registers_a_passkey_and_logs_in_with_it_on_a_page_of_another_origin() {
    let seen = walk(&Sdk::browser());
    let factors = &seen["factors"];
    assert_eq!(factors["webAuthN"]["userVerified"], true, "{seen}");
    assert!(factors["webAuthN"]["verifiedAt"].is_string(), "{seen}");
    assert_eq!(factors["user"]["loginName"], LOGIN_NAME);
    assert_eq!(factors.get("password"), None, "the passkey was enough");
    assert_eq!(seen["domains"], json!(["localhost"]), "the passkeys that the authenticator has");
}

/// A field that only some SDKs show.
fn take(seen: &mut Value, step: &str, field: &str) -> Value {
    seen[step].as_object_mut().and_then(|shown| shown.remove(field)).unwrap_or_default()
}

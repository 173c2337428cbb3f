//! Two authenticators that others wrote: a passkey that verifies its user, and keys that do not.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use passkey::authenticator::Authenticator;
use passkey::client::{Client, DefaultClientData};
use passkey::crypto::rust_crypto::RustCryptoBackend;
use passkey::types::ctap2::Aaguid;
use serde_json::{Value, json};
use url::Url;
use webauthn_authenticator_rs::WebauthnAuthenticator;
use webauthn_authenticator_rs::softpasskey::SoftPasskey;
use webauthn_authenticator_rs::softtoken::SoftToken;

use super::super::*;
use super::present::Present;
use super::{USER, creation};
use crate::failure::{self, Failure};

const ORIGIN: &str = "https://login.example.com";

fn registered(list: KeyList, state: &str, credential: &Value) -> Result<Registered, Failure> {
    let origins = Origins { rp_id: "example.com", android: &[] };
    verify_registration(&Expected { state, list, origins }, credential)
}

fn asserted(stored: &Registered, state: &str, credential: &Value) -> Result<Asserted, Failure> {
    let owner = Owner { user_id: USER, android: &[], refuse_backward_counter: true };
    let key = Candidate {
        credential_id: &stored.credential_id,
        credential: &stored.credential,
        sign_count: stored.sign_count,
    };
    verify_assertion(&Asked::read(state).unwrap(), &owner, &[key], credential)
}

/// The options as the library of the authenticator wants them.
fn registration(verification: &str) -> (Value, String) {
    let (mut options, state) = creation_options(&creation(None, &[]));
    let selection = &mut options["publicKey"]["authenticatorSelection"];
    selection["requireResidentKey"] = false.into();
    selection["userVerification"] = verification.into();
    (options, state)
}

fn round_trip(
    authenticator: &mut impl WebauthnAuthenticator,
    verification: &str,
    requirement: Requirement,
) -> (Result<Registered, Failure>, Option<Asserted>) {
    let list = requirement.list();
    let origin = Url::parse(ORIGIN).unwrap();
    let (options, state) = registration(verification);
    let options = serde_json::from_value(options).unwrap();
    let made = authenticator.do_registration(origin.clone(), options).unwrap();
    let made = match registered(list, &state, &serde_json::to_value(made).unwrap()) {
        Ok(made) => made,
        refused => return (refused, None),
    };
    let ids = [made.credential_id.clone()];
    let (options, state) = request_options("example.com", requirement, &ids, [5; 32]);
    let options = serde_json::from_value(options).unwrap();
    let answer = authenticator.do_authentication(origin, options).unwrap();
    let answer = serde_json::to_value(answer).unwrap();
    let proven = asserted(&made, &state, &answer).unwrap();
    let (_, other) = request_options("example.com", requirement, &ids, [6; 32]);
    assert_eq!(asserted(&made, &other, &answer), Err(failure::WEBAUTHN_INVALID), "another challenge");
    let used = Registered { sign_count: proven.sign_count, ..made.clone() };
    assert_eq!(asserted(&used, &state, &answer), Err(failure::WEBAUTHN_INVALID), "once more");
    (Ok(made), Some(proven))
}

#[test]
fn a_soft_passkey_that_verifies_its_user_logs_in() {
    let mut authenticator = SoftPasskey::new(true);
    let (_, proven) = round_trip(&mut authenticator, "required", Requirement::Required);
    assert!(proven.unwrap().user_verified);
}

#[test]
fn a_soft_passkey_that_does_not_is_a_second_factor_alone() {
    let mut authenticator = SoftPasskey::new(false);
    let (_, proven) = round_trip(&mut authenticator, "discouraged", Requirement::Discouraged);
    assert!(!proven.unwrap().user_verified);
    let (refused, _) = round_trip(&mut authenticator, "discouraged", Requirement::Required);
    assert_eq!(refused, Err(failure::PASSKEY_INVALID));
}

#[test]
fn a_soft_token_with_a_certificate_is_a_second_factor() {
    let (mut authenticator, _) = SoftToken::new(false).unwrap();
    let (made, proven) = round_trip(&mut authenticator, "discouraged", Requirement::Discouraged);
    assert!(made.unwrap().credential.contains(r#""attestation":"packed""#));
    assert!(!proven.unwrap().user_verified);
}

#[test]
fn the_certificate_of_a_soft_token_must_have_signed_this_registration() {
    let (mut authenticator, _) = SoftToken::new(true).unwrap();
    let (options, state) = registration("required");
    let options = serde_json::from_value(options).unwrap();
    let made = authenticator.do_registration(Url::parse(ORIGIN).unwrap(), options).unwrap();
    let mut made = serde_json::to_value(made).unwrap();
    assert!(registered(KeyList::Passkeys, &state, &made).is_ok());
    let client_data = json!({"type": "webauthn.create", "challenge": state, "origin": "https://example.com"});
    made["response"]["clientDataJSON"] = base64url(client_data.to_string().as_bytes()).into();
    assert_eq!(registered(KeyList::Passkeys, &state, &made), Err(failure::PASSKEY_INVALID));
}

/// Finishes what never waits.
fn finish<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1000 {
        if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return done;
        }
    }
    panic!("it waits");
}

#[test]
fn the_passkey_of_another_library_logs_in() {
    let authenticator = Authenticator::new(Aaguid::new_empty(), None, Present, RustCryptoBackend);
    let mut client = Client::new(authenticator);
    let origin = Url::parse(ORIGIN).unwrap();
    let (options, state) = creation_options(&creation(None, &[]));
    let options = serde_json::from_value(options).unwrap();
    let made = finish(client.register(&origin, options, DefaultClientData)).unwrap();
    let made = registered(KeyList::Passkeys, &state, &serde_json::to_value(made).unwrap()).unwrap();
    for (requirement, user_verified) in [(Requirement::Required, true), (Requirement::Discouraged, false)] {
        let ids = [made.credential_id.clone()];
        let (options, state) = request_options("example.com", requirement, &ids, [5; 32]);
        let options = serde_json::from_value(options).unwrap();
        let answer = finish(client.authenticate(&origin, options, DefaultClientData)).unwrap();
        let proven = asserted(&made, &state, &serde_json::to_value(answer).unwrap()).unwrap();
        assert_eq!(proven.user_verified, user_verified, "{requirement:?}");
    }
}

//! Both ceremonies, as they should be and as they should not.

mod algorithms;
mod assertions;
mod forge;
mod mutations;
mod present;
mod registrations;
mod software;

use serde_json::{Value, json};

use super::*;
use crate::failure;

/// The user of these tests.
const USER: &str = "000173";

fn creation<'a>(attachment: Option<Attachment>, exclude: &'a [Vec<u8>]) -> Creation<'a> {
    Creation {
        rp_name: "Doorward",
        rp_id: "example.com",
        user: (USER, "mini@mouse.com", "Mini Mouse"),
        attachment,
        exclude,
        challenge: [1; 32],
    }
}

#[test]
fn the_options_of_a_registration_are_as_documented() {
    let (options, state) = creation_options(&creation(None, &[]));
    let challenge = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    let algorithms: Vec<Value> = [-7, -35, -36, -257, -258, -259, -37, -38, -39, -8]
        .map(|algorithm| json!({"type": "public-key", "alg": algorithm}))
        .to_vec();
    let expected = json!({"publicKey": {
        "rp": {"name": "Doorward", "id": "example.com"},
        "user": {"name": "mini@mouse.com", "displayName": "Mini Mouse", "id": "MDAwMTcz"},
        "challenge": challenge,
        "pubKeyCredParams": algorithms,
        "timeout": 300_000,
        "authenticatorSelection": {"userVerification": "required"},
        "attestation": "none",
    }});
    assert_eq!(options, expected);
    assert_eq!(state, challenge);
}

#[test]
fn a_registration_can_name_a_place_and_what_is_there_already() {
    for (attachment, name) in
        [(Attachment::Platform, "platform"), (Attachment::CrossPlatform, "cross-platform")]
    {
        let exclude = [vec![255; 3], vec![0]];
        let (options, _) = creation_options(&creation(Some(attachment), &exclude));
        let options = &options["publicKey"];
        assert_eq!(options["authenticatorSelection"]["authenticatorAttachment"], name);
        let excluded = json!([{"type": "public-key", "id": "____"}, {"type": "public-key", "id": "AA"}]);
        assert_eq!(options["excludeCredentials"], excluded);
    }
}

#[test]
fn the_options_of_a_login_are_as_documented() {
    for (requirement, name, timeout) in [
        (Requirement::Required, "required", 300_000),
        (Requirement::Preferred, "preferred", 300_000),
        (Requirement::Discouraged, "discouraged", 120_000),
    ] {
        let (options, state) = request_options("example.com", requirement, &[vec![255; 3]], [1; 32]);
        let expected = json!({"publicKey": {
            "challenge": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
            "timeout": timeout,
            "rpId": "example.com",
            "allowCredentials": [{"type": "public-key", "id": "____"}],
            "userVerification": name,
        }});
        assert_eq!(options, expected);
        let asked = Asked::read(&state).unwrap();
        assert_eq!((asked.rp_id.as_str(), asked.requirement), ("example.com", requirement));
        assert_eq!(requirement.lasts().0, timeout * 1000);
    }
}

#[test]
fn what_was_not_remembered_by_us_is_no_challenge() {
    for text in ["", "{}", "null", r#"{"challenge":"a","rp_id":"b","requirement":"some","allowed":[]}"#] {
        assert_eq!(Asked::read(text), None, "{text}");
    }
}

#[test]
fn a_relying_party_is_a_domain_in_the_form_of_browsers() {
    for (domain, id) in [
        ("example.com", "example.com"),
        ("Login.EXAMPLE.com", "login.example.com"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("bücher.example", "xn--bcher-kva.example"),
    ] {
        assert_eq!(relying_party_id(domain).as_deref(), Ok(id));
    }
    let too_long = format!("{}example.com", "a.".repeat(130));
    for domain in [
        "",
        "127.0.0.1:80",
        "https://example.com",
        "example.com/",
        "example.com:443",
        "user@example.com",
        "exa mple.com",
        "[::1]",
        "::1",
        "1",
        "0x7f.1",
        "example.com\0",
        too_long.as_str(),
    ] {
        assert_eq!(relying_party_id(domain), Err(failure::WEBAUTHN_DOMAIN), "{domain}");
    }
}

#[test]
fn pages_at_or_below_the_relying_party_may_use_a_key() {
    let allowed = |rp_id, origin| Origins { rp_id, android: &[] }.allow(origin);
    for (rp_id, origin) in [
        ("example.com", "https://example.com"),
        ("example.com", "https://example.com:443"),
        ("example.com", "https://example.com:8443"),
        ("example.com", "https://a.b.example.com"),
        ("example.com", "https://example.com/"),
        ("localhost", "http://localhost"),
        ("localhost", "http://localhost:3000"),
        ("localhost", "https://localhost:3000"),
        ("127.0.0.1", "http://127.0.0.1:8080"),
    ] {
        assert!(allowed(rp_id, origin), "{origin}");
    }
    for (rp_id, origin) in [
        ("example.com", "http://example.com"),
        ("example.com", "http://localhost"),
        ("example.com", "https://badexample.com"),
        ("example.com", "https://example.com.evil.org"),
        ("example.com", "https://example.org"),
        ("a.example.com", "https://example.com"),
        ("example.com", "https://example.com//"),
        ("example.com", "https://example.com/path"),
        ("example.com", "https://example.com?q"),
        ("example.com", "https://user@example.com"),
        ("example.com", "https://evil.org#example.com"),
        ("example.com", "https:example.com"),
        ("example.com", "https:\\\\example.com"),
        ("example.com", " https://example.com"),
        ("example.com", "HTTPS://example.com"),
        ("example.com", "https://EXAMPLE.com"),
        ("example.com", "example.com"),
        ("example.com", "ftp://example.com"),
        ("example.com", "chrome-extension://example.com"),
        ("example.com", "null"),
        ("example.com", ""),
        ("example.com", "android:apk-key-hash:example.com"),
        ("localhost", "http://a.localhost"),
        ("127.0.0.1", "https://1.127.0.0.1"),
    ] {
        assert!(!allowed(rp_id, origin), "{origin}");
    }
}

#[test]
fn apps_may_use_a_key_only_if_they_are_configured() {
    let apps = ["android:apk-key-hash:abc".to_owned()];
    let origins = Origins { rp_id: "example.com", android: &apps };
    assert!(origins.allow("android:apk-key-hash:abc"));
    for origin in ["android:apk-key-hash:abd", "android:apk-key-hash:", "android:apk-key-hash:abc/"] {
        assert!(!origins.allow(origin), "{origin}");
    }
}

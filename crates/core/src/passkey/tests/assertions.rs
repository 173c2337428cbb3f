//! Assertions that are not what was asked for, or nothing at all.

use serde_json::{Value, json};

use super::super::*;
use super::USER;
use super::forge::{AT, BE, BS, Forge, Says, UP, UV};
use crate::failure::{self, Failure};

/// A challenge for one key, and what is held against it.
struct Scene {
    forge: Forge,
    stored: Registered,
    options: Value,
    asked: Asked,
}

impl Scene {
    fn of(requirement: Requirement) -> Self {
        let forge = Forge::new();
        let stored = forge.registered(UP | UV);
        let ids = [forge.id.clone()];
        let (options, state) = request_options("example.com", requirement, &ids, [3; 32]);
        Self { forge, stored, options, asked: Asked::read(&state).unwrap() }
    }

    fn says(&self) -> Says {
        Says::assertion(&self.options)
    }

    fn verify(&self, json: &Value) -> Result<Asserted, Failure> {
        self.verify_with(json, true)
    }

    fn verify_with(&self, json: &Value, refuse_backward_counter: bool) -> Result<Asserted, Failure> {
        let owner = Owner { user_id: USER, android: &[], refuse_backward_counter };
        let key = candidate(&self.stored);
        verify_assertion(&self.asked, &owner, &[key], json)
    }

    fn outcome(&self, says: &Says) -> Result<Asserted, Failure> {
        self.verify(&self.forge.get(says))
    }
}

fn candidate(stored: &Registered) -> Candidate<'_> {
    Candidate {
        credential_id: &stored.credential_id,
        credential: &stored.credential,
        sign_count: stored.sign_count,
    }
}

#[test]
fn a_good_assertion_tells_the_key_its_counter_and_whether_it_verified_the_user() {
    let scene = Scene::of(Requirement::Preferred);
    for (flags, user_verified) in [(UP, false), (UP | UV, true)] {
        let says = Says { flags, sign_count: 9, ..scene.says() };
        let asserted = Asserted { place: 0, sign_count: 9, user_verified };
        assert_eq!(scene.outcome(&says), Ok(asserted));
    }
}

#[test]
fn the_user_must_be_verified_only_where_that_was_required() {
    for (requirement, enough) in
        [(Requirement::Required, false), (Requirement::Preferred, true), (Requirement::Discouraged, true)]
    {
        let scene = Scene::of(requirement);
        let outcome = scene.outcome(&Says { flags: UP, ..scene.says() });
        assert_eq!(outcome.is_ok(), enough, "{requirement:?}");
        assert!(scene.outcome(&scene.says()).is_ok());
    }
}

#[test]
fn whatever_is_not_as_it_was_asked_for_is_refused() {
    let scene = Scene::of(Requirement::Required);
    let refused = |change: fn(&mut Says)| {
        let mut says = scene.says();
        change(&mut says);
        assert_eq!(scene.outcome(&says), Err(failure::WEBAUTHN_INVALID));
    };
    refused(|says| says.kind = "webauthn.create".to_owned());
    refused(|says| says.challenge = base64url(&[4; 32]));
    refused(|says| says.challenge.push('='));
    refused(|says| says.origin = "https://example.org".to_owned());
    refused(|says| says.origin = "http://login.example.com".to_owned());
    refused(|says| says.origin = "android:apk-key-hash:abc".to_owned());
    refused(|says| says.cross_origin = Some(true));
    refused(|says| says.rp_id = "login.example.com".to_owned());
    refused(|says| says.flags = UV);
    refused(|says| says.flags = UP);
    refused(|says| says.flags = UP | UV | BS);
    refused(|says| says.flags = UP | UV | BE);
    refused(|says| says.user_handle = Some(b"000174".to_vec()));
}

#[test]
fn a_user_handle_need_not_be_there() {
    let scene = Scene::of(Requirement::Required);
    for handle in [None, Some(Vec::new()), Some(USER.as_bytes().to_vec())] {
        assert!(scene.outcome(&Says { user_handle: handle, ..scene.says() }).is_ok());
    }
    let mut json = scene.forge.get(&scene.says());
    json["response"]["userHandle"] = Value::Null;
    assert!(scene.verify(&json).is_ok());
}

#[test]
fn a_counter_must_grow_unless_it_never_counted() {
    for (stored, now, grows) in [
        (0, 0, true),
        (0, 1, true),
        (5, 6, true),
        (5, 5, false),
        (5, 4, false),
        (5, 0, false),
        (u32::MAX - 1, u32::MAX, true),
    ] {
        let mut scene = Scene::of(Requirement::Required);
        scene.stored.sign_count = stored;
        let json = scene.forge.get(&Says { sign_count: now, ..scene.says() });
        assert_eq!(scene.verify(&json).is_ok(), grows, "{stored} {now}");
        assert!(scene.verify_with(&json, false).is_ok(), "{stored} {now}");
    }
}

#[test]
fn only_the_credentials_of_the_challenge_count() {
    let scene = Scene::of(Requirement::Required);
    let owner = Owner { user_id: USER, android: &[], refuse_backward_counter: true };
    let mut other = Forge::new();
    other.id = b"of another".to_vec();
    let (mine, foreign) = (scene.stored.clone(), other.registered(UP | UV));
    let both = [candidate(&foreign), candidate(&mine)];
    let good = scene.forge.get(&scene.says());
    let found = verify_assertion(&scene.asked, &owner, &both, &good).unwrap();
    assert_eq!(found.place, 1);
    let refused = Err(failure::WEBAUTHN_INVALID);
    assert_eq!(verify_assertion(&scene.asked, &owner, &[], &good), refused, "a removed key");
    let stolen = other.get(&scene.says());
    assert_eq!(verify_assertion(&scene.asked, &owner, &both, &stolen), refused, "not in the challenge");
    other.id.clone_from(&scene.forge.id);
    let faked = other.get(&scene.says());
    assert_eq!(verify_assertion(&scene.asked, &owner, &both, &faked), refused, "another private key");
}

#[test]
fn an_authenticator_may_stand_in_the_list_twice() {
    let scene = Scene::of(Requirement::Required);
    let owner = Owner { user_id: USER, android: &[], refuse_backward_counter: true };
    let mut before = Forge::new();
    before.id.clone_from(&scene.forge.id);
    let (stale, mine) = (before.registered(UP | UV), scene.stored.clone());
    let keys = [candidate(&stale), candidate(&mine)];
    let found = verify_assertion(&scene.asked, &owner, &keys, &scene.forge.get(&scene.says())).unwrap();
    assert_eq!(found.place, 1);
}

#[test]
fn what_is_stored_but_cannot_be_read_proves_nothing() {
    let mut scene = Scene::of(Requirement::Required);
    let good = scene.forge.get(&scene.says());
    for broken in ["", "{}", r#"{"key":"AA","backup_eligible":false,"attestation":"none"}"#] {
        scene.stored.credential = broken.to_owned();
        assert_eq!(scene.verify(&good), Err(failure::WEBAUTHN_INVALID));
    }
}

#[test]
fn what_cannot_be_read_is_told_apart() {
    let scene = Scene::of(Requirement::Required);
    let good = scene.forge.get(&scene.says());
    let malformed = |json: &Value| assert_eq!(scene.verify(json), Err(failure::WEBAUTHN_MALFORMED), "{json}");
    for json in [json!(null), json!({}), json!([]), json!("x"), json!({"id": "AA", "type": "public-key"})] {
        malformed(&json);
    }
    for (pointer, value) in [
        ("/id", json!("")),
        ("/id", json!("?")),
        ("/rawId", json!("AA")),
        ("/type", json!("public")),
        ("/response", json!(null)),
        ("/response/clientDataJSON", json!("bm8ganNvbg")),
        ("/response/clientDataJSON", json!("e30")),
        ("/response/authenticatorData", json!("")),
        ("/response/authenticatorData", json!(base64url(&[0; 36]))),
        ("/response/authenticatorData", json!(base64url(&[0; 38]))),
        ("/response/authenticatorData", json!("not base64!")),
        ("/response/signature", json!(null)),
        ("/response/userHandle", json!(7)),
    ] {
        let mut bad = good.clone();
        match bad.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => bad["response"]["userHandle"] = value,
        }
        malformed(&bad);
    }
    malformed(&scene.forge.get(&Says { tail: vec![0], ..scene.says() }));
    malformed(&scene.forge.get(&Says { flags: UP | UV | AT, ..scene.says() }));
    let mut padded = good.clone();
    let text = padded["response"]["signature"].as_str().unwrap().to_owned();
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    padded["response"]["signature"] = format!("{text}{padding}").into();
    assert!(scene.verify(&padded).is_ok(), "some clients pad");
}

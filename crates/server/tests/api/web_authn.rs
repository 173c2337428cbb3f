//! Logging in with a passkey or a U2F key: challenges and the assertions that answer them.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::authenticator::{Key, PASSKEYS, Says, U2F, UP, UV, register};
use crate::client::Outcome;
use crate::rig::Rig;

const SET: &str = "session.SetSession";

/// A server with a person who has a passkey and a U2F key.
pub struct Scene {
    pub rig: Rig,
    pub user: String,
    pub passkey: Key,
    pub u2f: Key,
}

impl Scene {
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    async fn open_with(set: &[&str]) -> Self {
        let rig = Rig::start_with(set).await;
        let user = rig.add_human("mini@mouse.com").await;
        let (passkey, u2f) = (Key::new("the passkey"), Key::new("the U2F key"));
        register(&rig, &user, PASSKEYS, &passkey).await;
        register(&rig, &user, U2F, &u2f).await;
        Self { rig, user, passkey, u2f }
    }

    /// A session of the user that was asked for a key; gives its id and the options.
    pub async fn asked(&self, requirement: &str) -> (String, Value) {
        let request = json!({
            "checks": { "user": { "userId": self.user } },
            "challenges": wish("example.com", requirement),
        });
        let made = self.rig.ok("session.CreateSession", &self.rig.login, request).await;
        let options = made["challenges"]["webAuthN"]["publicKeyCredentialRequestOptions"].clone();
        (made["sessionId"].as_str().unwrap().to_owned(), options)
    }

    pub async fn present(&self, session: &str, assertion: &Value) -> Outcome {
        self.rig.call(SET, &self.rig.login, presenting(session, assertion)).await
    }

    async fn refused(&self, session: &str, assertion: &Value) -> String {
        self.present(session, assertion).await.unwrap_err().id()
    }

    async fn factor(&self, session: &str) -> Value {
        self.rig.shown(session).await["factors"]["webAuthN"].clone()
    }
}

pub fn wish(domain: &str, requirement: &str) -> Value {
    let requirement = format!("USER_VERIFICATION_REQUIREMENT_{requirement}");
    json!({ "webAuthN": { "domain": domain, "userVerificationRequirement": requirement } })
}

fn presenting(session: &str, assertion: &Value) -> Value {
    let checks = json!({ "webAuthN": { "credentialAssertionData": assertion } });
    json!({ "sessionId": session, "checks": checks })
}

#[tokio::test]
async fn a_passkey_that_verifies_the_user_is_a_factor() {
    let scene = Scene::open().await;
    let (session, options) = scene.asked("REQUIRED").await;
    let named = &options["publicKey"];
    assert_eq!(named["rpId"], "example.com");
    assert_eq!(named["timeout"], 300_000);
    assert_eq!(named["userVerification"], "required");
    assert_eq!(named["allowCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(named["challenge"].as_str().unwrap().len(), 43);
    let says = Says { user_handle: Some(scene.user.clone().into_bytes()), ..Says::counted(1) };
    scene.present(&session, &scene.passkey.get(&options, &says)).await.unwrap();
    let factor = scene.factor(&session).await;
    assert_eq!(factor["userVerified"], true);
    assert_eq!(factor["verifiedAt"], "2025-11-20T10:00:00.123456Z");
}

#[tokio::test]
async fn a_u2f_key_is_a_factor_without_verifying_the_user() {
    let scene = Scene::open().await;
    for (requirement, timeout, count) in [("PREFERRED", 300_000, 1), ("DISCOURAGED", 120_000, 2)] {
        let (session, options) = scene.asked(requirement).await;
        assert_eq!(options["publicKey"]["timeout"], timeout);
        let says = Says { flags: UP, ..Says::counted(count) };
        scene.present(&session, &scene.u2f.get(&options, &says)).await.unwrap();
        let factor = scene.factor(&session).await;
        assert_eq!(factor.get("userVerified").unwrap_or(&json!(false)), &json!(false));
        let foreign = scene.asked(requirement).await;
        let other = scene.passkey.get(&foreign.1, &Says::counted(1));
        assert_eq!(scene.refused(&foreign.0, &other).await, "WEBAU-3M9si", "a passkey is no U2F key");
    }
}

#[tokio::test]
async fn a_bad_assertion_is_refused_and_leaves_the_session_as_it_was() {
    let scene = Scene::open().await;
    let (session, options) = scene.asked("REQUIRED").await;
    let sequence = scene.rig.shown(&session).await["sequence"].clone();
    let (good, unknown) = (Says::counted(1), Key::new("the passkey"));
    let refused = [
        scene.passkey.get(&options, &Says { origin: "https://example.org".to_owned(), ..good.clone() }),
        scene.passkey.get(&options, &Says { rp_id: Some("example.org"), ..good.clone() }),
        scene.passkey.get(&options, &Says { flags: UP, ..good.clone() }),
        unknown.get(&options, &good),
    ];
    for assertion in &refused {
        let refusal = scene.present(&session, assertion).await.unwrap_err();
        assert_eq!((refusal.code, refusal.id().as_str()), (3, "WEBAU-3M9si"));
    }
    assert_eq!(scene.rig.shown(&session).await["sequence"], sequence);
    scene.present(&session, &scene.passkey.get(&options, &good)).await.unwrap();
}

#[tokio::test]
async fn more_that_is_not_as_it_was_asked_for() {
    let scene = Scene::open().await;
    let good = Says::counted(1);
    for says in [
        Says { flags: UV, ..good.clone() },
        Says { kind: Some("webauthn.create"), ..good.clone() },
        Says { challenge: Some("AAAA".to_owned()), ..good.clone() },
        Says { origin: "http://login.example.com".to_owned(), ..good.clone() },
        Says { origin: "android:apk-key-hash:abc".to_owned(), ..good.clone() },
        Says { user_handle: Some(b"1".to_vec()), ..good.clone() },
    ] {
        let (session, options) = scene.asked("REQUIRED").await;
        let refusal = scene.present(&session, &scene.passkey.get(&options, &says)).await.unwrap_err();
        assert_eq!((refusal.code, refusal.id().as_str()), (3, "WEBAU-3M9si"));
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_apart() {
    let scene = Scene::open().await;
    let (session, options) = scene.asked("REQUIRED").await;
    let good = scene.passkey.get(&options, &Says::counted(1));
    let mut cut = good.clone();
    cut["response"]["authenticatorData"] = "AAAA".into();
    let mut typed = good.clone();
    typed["type"] = "password".into();
    let mut noise = good.clone();
    noise["response"]["clientDataJSON"] = "AAAA".into();
    for malformed in [cut, typed, noise, json!({})] {
        let refusal = scene.present(&session, &malformed).await.unwrap_err();
        assert_eq!((refusal.code, refusal.id().as_str()), (3, "WEBAU-ADgv4"));
    }
    scene.present(&session, &good).await.unwrap();
}

#[tokio::test]
async fn an_assertion_is_used_once() {
    let scene = Scene::open().await;
    let (session, options) = scene.asked("REQUIRED").await;
    let assertion = scene.passkey.get(&options, &Says::counted(1));
    scene.present(&session, &assertion).await.unwrap();
    let again = scene.present(&session, &assertion).await.unwrap_err();
    assert_eq!((again.code, again.id().as_str()), (9, "COMMAND-Ioqu5"));
    let (other, _) = scene.asked("REQUIRED").await;
    assert_eq!(scene.refused(&other, &assertion).await, "WEBAU-3M9si", "of another challenge");
}

#[tokio::test]
async fn a_counter_that_goes_backwards_is_refused_unless_that_is_switched_off() {
    for (set, refuses) in [(vec![], true), (vec!["webauthn.refuse_backward_counter=false"], false)] {
        let scene = Scene::open_with(&set).await;
        for (count, grows) in [(7, true), (7, false), (6, false), (0, false), (8, true)] {
            let (session, options) = scene.asked("REQUIRED").await;
            let outcome = scene.present(&session, &scene.passkey.get(&options, &Says::counted(count))).await;
            let outcome = outcome.map(drop).map_err(|refusal| refusal.id());
            let expected = if grows || !refuses { Ok(()) } else { Err("WEBAU-3M9si".to_owned()) };
            assert_eq!(outcome, expected, "{count}");
        }
    }
}

#[tokio::test]
async fn a_key_that_does_not_count_can_be_used_again_and_again() {
    let scene = Scene::open().await;
    for _ in 0..3 {
        let (session, options) = scene.asked("REQUIRED").await;
        scene.present(&session, &scene.passkey.get(&options, &Says::default())).await.unwrap();
    }
}

#[tokio::test]
async fn a_challenge_ends_with_the_time_that_it_announced() {
    let scene = Scene::open().await;
    for (requirement, key, lasts) in [("REQUIRED", &scene.passkey, 300), ("DISCOURAGED", &scene.u2f, 120)] {
        let (session, options) = scene.asked(requirement).await;
        let assertion = key.get(&options, &Says::counted(1));
        scene.rig.clock.advance(Span::seconds(lasts));
        assert_eq!(scene.refused(&session, &assertion).await, "COMMAND-Ioqu5");
        let (session, options) = scene.asked(requirement).await;
        scene.rig.clock.advance(Span(Span::seconds(lasts).0 - 1));
        scene.present(&session, &key.get(&options, &Says::counted(2))).await.unwrap();
    }
}

#[tokio::test]
async fn the_fifth_failure_voids_a_challenge() {
    let scene = Scene::open().await;
    let (session, options) = scene.asked("REQUIRED").await;
    let (good, bad) = (Says::counted(1), Says { flags: UP, ..Says::counted(1) });
    for _ in 0..5 {
        let refusal = scene.refused(&session, &scene.passkey.get(&options, &bad)).await;
        assert_eq!(refusal, "WEBAU-3M9si");
    }
    let right = scene.passkey.get(&options, &good);
    assert_eq!(scene.refused(&session, &right).await, "COMMAND-Ioqu5");
    let (session, options) = scene.asked("REQUIRED").await;
    for _ in 0..4 {
        scene.refused(&session, &scene.passkey.get(&options, &bad)).await;
    }
    scene.present(&session, &scene.passkey.get(&options, &good)).await.unwrap();
}

#[tokio::test]
async fn a_key_that_was_removed_answers_nothing() {
    let scene = Scene::open().await;
    let (session, options) = scene.asked("REQUIRED").await;
    let keys = scene.rig.ok("user.ListPasskeys", &scene.rig.admin, json!({ "userId": scene.user })).await;
    let request = json!({ "userId": scene.user, "passkeyId": keys["result"][0]["id"] });
    scene.rig.ok(PASSKEYS.remove, &scene.rig.admin, request).await;
    let assertion = scene.passkey.get(&options, &Says::counted(1));
    assert_eq!(scene.refused(&session, &assertion).await, "WEBAU-3M9si");
}

#[tokio::test]
async fn a_challenge_that_is_replaced_is_void_and_failed_checks_leave_the_others_alone() {
    let scene = Scene::open().await;
    let (session, old) = scene.asked("REQUIRED").await;
    let request = json!({ "sessionId": session, "challenges": wish("example.com", "DISCOURAGED") });
    let set = scene.rig.ok(SET, &scene.rig.login, request).await;
    let new = &set["challenges"]["webAuthN"]["publicKeyCredentialRequestOptions"];
    let stale = scene.passkey.get(&old, &Says::counted(1));
    assert_eq!(scene.refused(&session, &stale).await, "WEBAU-3M9si");
    let mut request = presenting(&session, &scene.u2f.get(new, &Says::counted(1)));
    request["checks"]["totp"] = json!({ "code": "123456" });
    assert_eq!(scene.rig.id(SET, &scene.rig.login, request.clone()).await, "COMMAND-3Mif9s");
    request["checks"].as_object_mut().unwrap().remove("totp");
    scene.rig.ok(SET, &scene.rig.login, request).await;
}

#[tokio::test]
async fn pages_below_the_domain_and_configured_apps_may_use_a_key() {
    let app = "android:apk-key-hash:abc";
    let set = format!("webauthn.android_origins={app}");
    let scene = Scene::open_with(&[&set]).await;
    for (count, origin) in (1..).zip(["https://example.com", "https://a.b.example.com:8443", app]) {
        let (session, options) = scene.asked("REQUIRED").await;
        let says = Says { origin: origin.to_owned(), ..Says::counted(count) };
        scene.present(&session, &scene.passkey.get(&options, &says)).await.unwrap();
    }
}

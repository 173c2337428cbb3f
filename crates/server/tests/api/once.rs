//! What can be used once is used once, however many try at the same time and on however many nodes: on PostgreSQL two
//! servers share the store, on SQLite there is one.

use doorward_core::base::Secret;
use doorward_core::totp;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::authenticator::{Key, PASSKEYS, Says, register};
use crate::client::{Http, Outcome, Protocol};
use crate::rig::Rig;

/// How many try.
const MANY: usize = 100;

/// A rig with two ways in.
struct Doors {
    rig: Rig,
    ways: [Http; 2],
    _second: Option<oneshot::Sender<()>>,
}

impl Doors {
    async fn open() -> Self {
        let rig = Rig::start().await;
        let (other, second) = rig.second().await;
        Self { ways: [rig.http, other], rig, _second: second }
    }

    /// The same request many times at once, spread over both ways. Gives the ids of the refusals; one may pass.
    async fn rush(&self, method: &str, request: Value) -> Vec<String> {
        self.rush_as(&self.rig.login, method, request).await
    }

    async fn rush_as(&self, token: &str, method: &str, request: Value) -> Vec<String> {
        let calls = self.ways.iter().cycle().take(MANY).map(|way| {
            let request = request.clone();
            way.call(Protocol::ConnectJson, method, Some(token), request)
        });
        let outcomes: Vec<Outcome> = join_all(calls).await;
        let refusals: Vec<_> = outcomes.into_iter().filter_map(Result::err).map(|error| error.id()).collect();
        assert_eq!(refusals.len(), MANY - 1, "one passed: {refusals:?}");
        refusals
    }

    /// A person with a verified phone, and a session of theirs that has proven nothing.
    async fn somebody(&self) -> (String, String) {
        let mut request = crate::rig::human("mini@mouse.com");
        request["phone"] = json!({ "phone": "+41791234567", "isVerified": true });
        let user = self.ok("user.AddHumanUser", request).await["userId"].as_str().unwrap().to_owned();
        let (session, _) = self.rig.session(json!({ "checks": { "user": { "userId": user } } })).await;
        (user, session)
    }

    async fn ok(&self, method: &str, request: Value) -> Value {
        self.rig.ok(method, &self.rig.admin, request).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_based_code_is_used_once() {
    let doors = Doors::open().await;
    let (user, session) = doors.somebody().await;
    let registered = doors.ok("user.RegisterTOTP", json!({ "userId": user })).await;
    let secret = totp::read_secret(registered["secret"].as_str().unwrap()).unwrap();
    let step = totp::step_at(doors.rig.now());
    let code = |step: u64| -> Secret { totp::code_at(&secret, step) };
    let proof = json!({ "userId": user, "code": code(step).expose() });
    doors.ok("user.VerifyTOTPRegistration", proof).await;
    let checks = json!({ "totp": { "code": code(step + 1).expose() } });
    let refusals = doors.rush("session.SetSession", json!({ "sessionId": session, "checks": checks })).await;
    let expected = ["EVENT-8isk2", "DOORWARD-B4ck0"];
    assert!(refusals.iter().all(|id| expected.contains(&id.as_str())), "{refusals:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_by_sms_or_mail_is_used_once() {
    let doors = Doors::open().await;
    let (user, session) = doors.somebody().await;
    for (add, factor, wish) in [
        ("user.AddOTPSMS", "otpSms", json!({ "returnCode": true })),
        ("user.AddOTPEmail", "otpEmail", json!({ "returnCode": {} })),
    ] {
        doors.ok(add, json!({ "userId": user })).await;
        let asked = json!({ "sessionId": session, "challenges": { factor: wish } });
        let code =
            doors.rig.ok("session.SetSession", &doors.rig.login, asked).await["challenges"][factor].clone();
        let request = json!({ "sessionId": session, "checks": { factor: { "code": code } } });
        let refusals = doors.rush("session.SetSession", request).await;
        assert!(refusals.iter().all(|id| id == "COMMAND-S34gh"), "{factor}: {refusals:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_code_is_used_once() {
    let doors = Doors::open().await;
    let (user, session) = doors.somebody().await;
    let made = doors.ok("user.GenerateRecoveryCodes", json!({ "userId": user, "count": 2 })).await;
    let checks = json!({ "recoveryCode": { "code": made["recoveryCodes"][0] } });
    let refusals = doors.rush("session.SetSession", json!({ "sessionId": session, "checks": checks })).await;
    let expected = ["DOORWARD-R3c0i", "DOORWARD-B4ck0"];
    assert!(refusals.iter().all(|id| expected.contains(&id.as_str())), "{refusals:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_is_used_once() {
    let doors = Doors::open().await;
    let (user, session) = doors.somebody().await;
    let key = Key::new("a key");
    register(&doors.rig, &user, PASSKEYS, &key).await;
    for count in [0, 1] {
        let wish = json!({
            "domain": "example.com",
            "userVerificationRequirement": "USER_VERIFICATION_REQUIREMENT_REQUIRED",
        });
        let asked = json!({ "sessionId": session, "challenges": { "webAuthN": wish } });
        let asked = doors.rig.ok("session.SetSession", &doors.rig.login, asked).await;
        let options = &asked["challenges"]["webAuthN"]["publicKeyCredentialRequestOptions"];
        let assertion = key.get(options, &Says::counted(count));
        let checks = json!({ "webAuthN": { "credentialAssertionData": assertion } });
        let request = json!({ "sessionId": session, "checks": checks });
        let refusals = doors.rush("session.SetSession", request).await;
        let expected = ["COMMAND-Ioqu5", "WEBAU-3M9si"];
        assert!(refusals.iter().all(|id| expected.contains(&id.as_str())), "{refusals:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_sessions_that_bring_the_same_count_of_a_key_one_passes() {
    let doors = Doors::open().await;
    let (user, _) = doors.somebody().await;
    let key = Key::new("a key");
    register(&doors.rig, &user, PASSKEYS, &key).await;
    let mut requests = Vec::new();
    for _ in 0..20 {
        let wish = json!({
            "domain": "example.com",
            "userVerificationRequirement": "USER_VERIFICATION_REQUIREMENT_REQUIRED",
        });
        let request = json!({ "checks": { "user": { "userId": user } }, "challenges": { "webAuthN": wish } });
        let made = doors.rig.ok("session.CreateSession", &doors.rig.login, request).await;
        let options = &made["challenges"]["webAuthN"]["publicKeyCredentialRequestOptions"];
        let assertion = key.get(options, &Says::counted(1));
        let checks = json!({ "webAuthN": { "credentialAssertionData": assertion } });
        requests.push(json!({ "sessionId": made["sessionId"], "checks": checks }));
    }
    let calls = requests.into_iter().zip(doors.ways.iter().cycle()).map(|(request, way)| {
        way.call(Protocol::ConnectJson, "session.SetSession", Some(&doors.rig.login), request)
    });
    let outcomes: Vec<Outcome> = join_all(calls).await;
    let refusals: Vec<_> = outcomes.into_iter().filter_map(Result::err).map(|error| error.id()).collect();
    assert_eq!(refusals, vec!["WEBAU-3M9si"; 19]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_for_a_passkey_is_used_once() {
    let doors = Doors::open().await;
    let (user, _) = doors.somebody().await;
    let made = json!({ "userId": user, "returnCode": {} });
    let code = doors.ok("user.CreatePasskeyRegistrationLink", made).await["code"].clone();
    let request = json!({ "userId": user, "code": code, "domain": "example.com" });
    let refusals = doors.rush_as(&doors.rig.admin, "user.RegisterPasskey", request).await;
    assert!(refusals.iter().all(|id| id == "COMMAND-Eeb2a"), "{refusals:?}");
}

//! SMS by a signed hook and by Twilio's API.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_core::base::{Span, Timestamp};
use doorward_core::signature::sign;
use doorward_store::outbox::State;
use serde_json::{Value, json};

use crate::receiver::{Got, Receiver};
use crate::rig::{Rig, START, human};
use crate::tools::{only, outbox, start};

const SECRET: &str = "a secret of the hook";

async fn with_hook(receiver: &Receiver) -> Rig {
    let settings = [
        "sms.transport=hook".to_owned(),
        format!("sms.hook.url=http://{}/sms", receiver.address),
        format!("sms.hook.secret={SECRET}"),
        "delivery.poll_interval_ms=20".to_owned(),
    ];
    start(&settings).await
}

async fn with_twilio(receiver: &Receiver, from: &str) -> Rig {
    let settings = [
        "sms.transport=twilio".to_owned(),
        format!("sms.twilio.url=http://{}", receiver.address),
        "sms.twilio.account=AC123".to_owned(),
        "sms.twilio.token=t0ken".to_owned(),
        format!("sms.twilio.from={from}"),
        "delivery.poll_interval_ms=20".to_owned(),
    ];
    start(&settings).await
}

/// A person whose phone waits for its code; gives the id.
async fn add_with_phone(rig: &Rig) -> String {
    let mut request = human("mini@mouse.example");
    request["phone"] = json!({ "phone": "+41 79 123 45 67", "sendCode": {} });
    let made = rig.ok("user.AddHumanUser", &rig.admin, request).await;
    assert!(made["phoneCode"].is_null(), "{made}");
    made["userId"].as_str().unwrap().to_owned()
}

/// Whether the request carries the signature of its body at a time.
fn assert_signed(got: &Got, at: Timestamp) {
    assert_eq!(got.header("doorward-signature"), sign(SECRET.as_bytes(), &got.body, at));
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.header("idempotency-key"), got.json()["id"]);
}

#[tokio::test]
async fn the_hook_gets_a_signed_request_whose_code_verifies_the_phone() {
    let mut receiver = Receiver::start().await;
    let rig = with_hook(&receiver).await;
    let user = add_with_phone(&rig).await;
    let got = receiver.next().await;
    assert_signed(&got, START);
    assert_eq!(got.path, "/sms");
    let body = got.json();
    let code = body["code"].as_str().unwrap();
    let expected = json!({
        "id": outbox(&rig).await[0].id,
        "to": "+41791234567",
        "text": format!("{code} is the code that confirms your phone number."),
        "purpose": "verify_phone",
        "code": code,
        "link": Value::Null,
        "userId": user,
        "sessionId": Value::Null,
        "language": Value::Null,
        "expires": START.0 / 1_000_000 + 3600,
    });
    assert_eq!(body, expected);
    rig.ok("user.VerifyPhone", &rig.admin, json!({ "userId": user, "verificationCode": code })).await;
    assert_eq!(rig.id("user.ResendPhoneCode", &rig.admin, json!({ "userId": user })).await, "DOORWARD-R3s3v");
}

#[tokio::test]
async fn a_code_that_a_session_asks_for_and_one_of_a_reset_come_by_sms() {
    let mut receiver = Receiver::start().await;
    let rig = with_hook(&receiver).await;
    let user = add_with_phone(&rig).await;
    receiver.next().await;
    rig.ok("user.ResendPhoneCode", &rig.admin, json!({ "userId": user })).await;
    let code = receiver.next().await.json()["code"].clone();
    rig.ok("user.VerifyPhone", &rig.admin, json!({ "userId": user, "verificationCode": code })).await;
    rig.ok("user.AddOTPSMS", &rig.admin, json!({ "userId": user })).await;
    let (id, token) = rig
        .session(json!({ "checks": { "user": { "userId": user } }, "challenges": { "otpSms": {} } }))
        .await;
    let body = receiver.next().await.json();
    assert_eq!((&body["purpose"], &body["sessionId"]), (&json!("otp_sms"), &json!(id)));
    let check =
        json!({ "sessionId": id, "sessionToken": token, "checks": { "otpSms": { "code": body["code"] } } });
    rig.ok("session.SetSession", &rig.login, check).await;
    let reset = json!({ "userId": user, "sendLink": { "notificationType": "NOTIFICATION_TYPE_SMS" } });
    rig.ok("user.PasswordReset", &rig.admin, reset.clone()).await;
    let body = receiver.next().await.json();
    assert_eq!((&body["purpose"], &body["to"]), (&json!("password_reset"), &json!("+41791234567")));
    let without = rig.add_human("max@mouse.example").await;
    let reset = json!({ "userId": without, "sendLink": { "notificationType": "NOTIFICATION_TYPE_SMS" } });
    assert_eq!(rig.id("user.PasswordReset", &rig.admin, reset).await, "COMMAND-ieJ2e");
}

#[tokio::test]
async fn the_hook_is_tried_again_with_the_same_key_and_a_fresh_signature() {
    let mut receiver = Receiver::start().await;
    for status in [503, 429, 302] {
        receiver.answer(status, "");
    }
    let rig = with_hook(&receiver).await;
    add_with_phone(&rig).await;
    let (mut at, mut bodies) = (START, Vec::new());
    for pause in [2, 4, 8] {
        let got = receiver.next().await;
        assert_signed(&got, at);
        bodies.push(got.body);
        let attempts = u32::try_from(bodies.len()).unwrap();
        only(&rig, |entry| entry.attempts == attempts && entry.due == at.plus(Span::seconds(pause))).await;
        rig.clock.advance(Span::seconds(pause));
        at = at.plus(Span::seconds(pause));
    }
    let got = receiver.next().await;
    assert_signed(&got, at);
    assert!(bodies.iter().all(|body| *body == got.body), "the very same message");
    assert_eq!(only(&rig, |entry| entry.ended.is_some()).await.state, State::Sent);
}

#[tokio::test]
async fn a_hook_that_refuses_for_good_is_not_asked_again_and_its_answer_is_not_kept() {
    let mut receiver = Receiver::start().await;
    receiver.answer(422, "the code was 123456");
    let rig = with_hook(&receiver).await;
    add_with_phone(&rig).await;
    receiver.next().await;
    let entry = only(&rig, |entry| entry.ended.is_some()).await;
    assert_eq!((entry.state, entry.error.as_deref()), (State::GivenUp, Some("the answer was 422")));
}

#[tokio::test]
async fn twilio_gets_a_form_with_a_login() {
    let mut receiver = Receiver::start().await;
    for (from, field) in [("+15005550006", "From"), ("MG123", "MessagingServiceSid")] {
        receiver.answer(201, "{}");
        let rig = with_twilio(&receiver, from).await;
        let user = add_with_phone(&rig).await;
        let got = receiver.next().await;
        assert_eq!(got.path, "/2010-04-01/Accounts/AC123/Messages.json");
        assert_eq!(got.header("authorization"), format!("Basic {}", STANDARD.encode("AC123:t0ken")));
        assert_eq!(got.header("content-type"), "application/x-www-form-urlencoded");
        let form: Vec<(String, String)> = url::form_urlencoded::parse(&got.body).into_owned().collect();
        let text = &form[2].1;
        let code = text.split(' ').next().unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(form[..2], [pair("To", "+41791234567"), pair(field, from)]);
        assert_eq!(form[2], pair("Body", &format!("{code} is the code that confirms your phone number.")));
        rig.ok("user.VerifyPhone", &rig.admin, json!({ "userId": user, "verificationCode": code })).await;
        assert_eq!(only(&rig, |entry| entry.ended.is_some()).await.state, State::Sent);
    }
}

#[tokio::test]
async fn what_twilio_refuses_is_known_by_its_number() {
    for (status, body, state, error) in [
        (
            400,
            r#"{"code": 21211, "message": "…"}"#,
            State::GivenUp,
            "the answer was 400: Twilio's error 21211",
        ),
        (401, r#"{"code": 20003}"#, State::Waiting, "the answer was 401: Twilio's error 20003"),
        (500, "<html>", State::Waiting, "the answer was 500"),
    ] {
        let mut receiver = Receiver::start().await;
        receiver.answer(status, body);
        let rig = with_twilio(&receiver, "+15005550006").await;
        add_with_phone(&rig).await;
        receiver.next().await;
        let entry = only(&rig, |entry| entry.error.is_some()).await;
        assert_eq!((entry.state, entry.error.as_deref()), (state, Some(error)));
    }
}

//! The check of time-based codes: what passes once, what wrong ones lead to.

use doorward_core::base::Span;
use doorward_core::totp::{code_at, read_secret, step_at};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::client::Outcome;
use crate::rig::{PASSWORD, Rig, human};

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// A person whose app has [`SECRET`], and a session of theirs; gives the ids.
async fn enrolled(rig: &Rig) -> (String, String) {
    let mut request = human("mini@mouse.com");
    request["totpSecret"] = json!(SECRET);
    request["phone"] = json!({ "phone": "+41791234567", "isVerified": true });
    let made = rig.ok("user.AddHumanUser", &rig.admin, request).await;
    let user = made["userId"].as_str().unwrap().to_owned();
    let (session, _) = rig.session(json!({ "checks": { "user": { "userId": user } } })).await;
    (user, session)
}

/// What the app shows, so many steps from now.
fn code(rig: &Rig, steps: i64) -> String {
    let step = step_at(rig.now()).checked_add_signed(steps).unwrap();
    code_at(&read_secret(SECRET).unwrap(), step).expose().to_owned()
}

/// A code that the app shows at no near time.
fn wrong(rig: &Rig) -> String {
    let near = [-1, 0, 1].map(|steps| code(rig, steps));
    let guesses = (0..4).map(|digit: u32| digit.to_string().repeat(6));
    guesses.into_iter().find(|guess| !near.contains(guess)).unwrap()
}

async fn present(rig: &Rig, session: &str, code: &str) -> Outcome {
    let request = json!({ "sessionId": session, "checks": { "totp": { "code": code } } });
    rig.call("session.SetSession", &rig.login, request).await
}

async fn refused(rig: &Rig, session: &str, code: &str) -> String {
    present(rig, session, code).await.unwrap_err().id()
}

#[tokio::test]
async fn a_code_passes_once_and_is_shown_as_a_factor() {
    let rig = Rig::start().await;
    let (_, session) = enrolled(&rig).await;
    let right = code(&rig, 0);
    let set = present(&rig, &session, &right).await.unwrap();
    assert_eq!(set["details"]["sequence"], "5");
    let shown = rig.shown(&session).await;
    assert_eq!(shown["factors"]["totp"]["verifiedAt"], "2025-11-20T10:00:00.123456Z", "{shown}");
    let replayed = present(&rig, &session, &right).await.unwrap_err();
    assert_eq!((replayed.code, replayed.message.as_str()), (3, "Invalid code (EVENT-8isk2)"));
    rig.clock.advance(Span::seconds(30));
    assert_eq!(refused(&rig, &session, &right).await, "EVENT-8isk2", "near, and used");
    let second = rig.session(json!({ "checks": { "user": { "loginName": "mini@mouse.com" } } })).await.0;
    assert_eq!(refused(&rig, &second, &right).await, "EVENT-8isk2", "in whatever session");
    present(&rig, &second, &code(&rig, 0)).await.unwrap();
}

#[tokio::test]
async fn clocks_may_differ_by_one_step_each_way() {
    let rig = Rig::start().await;
    let (_, session) = enrolled(&rig).await;
    for (steps, passes) in [(-2, false), (2, false), (-1, true), (0, true), (1, true)] {
        assert_eq!(present(&rig, &session, &code(&rig, steps)).await.is_ok(), passes, "{steps}");
    }
    rig.clock.advance(Span::seconds(30));
    assert_eq!(
        refused(&rig, &session, &code(&rig, -1)).await,
        "EVENT-8isk2",
        "before the last one that passed"
    );
    assert_eq!(refused(&rig, &session, &code(&rig, 0)).await, "EVENT-8isk2", "the last one itself");
    present(&rig, &session, &code(&rig, 1)).await.unwrap();
}

#[tokio::test]
async fn a_code_that_proved_its_registration_does_not_log_in_as_well() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let (session, _) = rig.session(json!({ "checks": { "user": { "userId": user } } })).await;
    let not_ready = present(&rig, &session, "123456").await.unwrap_err();
    let message = "Multifactor OTP (OneTimePassword) isn't ready (COMMAND-3Mif9s)";
    assert_eq!((not_ready.code, not_ready.message.as_str()), (9, message));
    let made = rig.ok("user.RegisterTOTP", &rig.admin, json!({ "userId": user })).await;
    let secret = read_secret(made["secret"].as_str().unwrap()).unwrap();
    let code = |steps: u64| code_at(&secret, step_at(rig.now()) + steps).expose().to_owned();
    assert_eq!(refused(&rig, &session, &code(0)).await, "COMMAND-3Mif9s", "not proven yet");
    let proof = json!({ "userId": user, "code": code(0) });
    rig.ok("user.VerifyTOTPRegistration", &rig.admin, proof).await;
    assert_eq!(refused(&rig, &session, &code(0)).await, "EVENT-8isk2");
    present(&rig, &session, &code(1)).await.unwrap();
    rig.ok("user.RemoveTOTP", &rig.admin, json!({ "userId": user })).await;
    rig.clock.advance(Span::minutes(5));
    assert_eq!(refused(&rig, &session, &code(0)).await, "COMMAND-3Mif9s", "removed");
}

#[tokio::test]
async fn a_session_without_user_and_a_code_of_another_length_are_refused() {
    let rig = Rig::start().await;
    let checks = |code: &str| json!({ "checks": { "totp": { "code": code } } });
    let refusal = rig.call("session.CreateSession", &rig.login, checks("123456")).await.unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (3, "User ID missing (COMMAND-8N9ds)"));
    let short = rig.call("session.CreateSession", &rig.login, checks("12345")).await.unwrap_err();
    assert!(short.message.contains("Code: value length must be 6 runes"), "{}", short.message);
}

#[tokio::test]
async fn wrong_codes_lock_at_the_limit_and_a_locked_user_is_told_so_even_with_the_right_one() {
    let rig = Rig::start_with(&["policy.lockout.max_otp_attempts=2"]).await;
    let (user, session) = enrolled(&rig).await;
    for _ in 0..2 {
        assert_eq!(refused(&rig, &session, &wrong(&rig)).await, "EVENT-8isk2");
    }
    for code in [code(&rig, 0), wrong(&rig)] {
        let locked = present(&rig, &session, &code).await.unwrap_err();
        assert_eq!((locked.code, locked.message.as_str()), (9, "Errors.User.Locked (COMMAND-SF3fg)"));
    }
    rig.ok("user.UnlockUser", &rig.admin, json!({ "userId": user })).await;
    assert_eq!(refused(&rig, &session, &wrong(&rig)).await, "EVENT-8isk2", "counted from one again");
    present(&rig, &session, &code(&rig, 0)).await.unwrap();
}

#[tokio::test]
async fn after_five_wrong_codes_each_further_one_waits_twice_as_long() {
    let rig = Rig::start().await;
    let (_, session) = enrolled(&rig).await;
    for _ in 0..5 {
        assert_eq!(refused(&rig, &session, &wrong(&rig)).await, "EVENT-8isk2");
    }
    let held = present(&rig, &session, &code(&rig, 0)).await.unwrap_err();
    assert_eq!((held.code, held.id().as_str()), (8, "DOORWARD-B4ck0"));
    assert_eq!(held.details[1]["retryDelay"], "1s");
    rig.clock.advance(Span::seconds(1));
    assert_eq!(refused(&rig, &session, &wrong(&rig)).await, "EVENT-8isk2");
    rig.clock.advance(Span::seconds(1));
    assert_eq!(refused(&rig, &session, &code(&rig, 0)).await, "DOORWARD-B4ck0", "now it is two seconds");
    rig.clock.advance(Span::seconds(1));
    present(&rig, &session, &code(&rig, 0)).await.unwrap();
    for _ in 0..5 {
        assert_eq!(refused(&rig, &session, &wrong(&rig)).await, "EVENT-8isk2", "five are free again");
    }
}

#[tokio::test]
async fn parallel_guesses_gain_nothing_over_serial_ones() {
    let rig = Rig::start().await;
    let (_, session) = enrolled(&rig).await;
    let near = [-1, 0, 1].map(|steps| code(&rig, steps));
    let guesses = (0..60).map(|guess| format!("{guess:06}")).filter(|guess| !near.contains(guess));
    let outcomes = join_all(guesses.map(|guess| {
        let (rig, session) = (&rig, &session);
        async move { refused(rig, session, &guess).await }
    }));
    let ids: Vec<_> = outcomes.await;
    assert_eq!(ids.iter().filter(|id| *id == "EVENT-8isk2").count(), 5, "{ids:?}");
    assert!(ids.iter().all(|id| id == "EVENT-8isk2" || id == "DOORWARD-B4ck0"), "{ids:?}");
}

#[tokio::test]
async fn a_success_resets_the_counter_of_its_own_factor_and_no_other() {
    let rig = Rig::start().await;
    let (user, session) = enrolled(&rig).await;
    rig.ok("user.GenerateRecoveryCodes", &rig.admin, json!({ "userId": user })).await;
    let check = |checks: Value| {
        rig.call("session.SetSession", &rig.login, json!({ "sessionId": session, "checks": checks }))
    };
    for _ in 0..4 {
        assert_eq!(refused(&rig, &session, &wrong(&rig)).await, "EVENT-8isk2");
    }
    for _ in 0..5 {
        check(json!({ "recoveryCode": { "code": "2222-2222-2222" } })).await.unwrap_err();
        check(json!({ "password": { "password": "wrong" } })).await.unwrap_err();
    }
    present(&rig, &session, &code(&rig, 0)).await.unwrap();
    let held = check(json!({ "recoveryCode": { "code": "2222-2222-2222" } })).await.unwrap_err();
    assert_eq!(held.id(), "DOORWARD-B4ck0");
    let held = check(json!({ "password": { "password": PASSWORD } })).await.unwrap_err();
    assert_eq!(held.id(), "DOORWARD-B4ck0");
    assert_eq!(refused(&rig, &session, &wrong(&rig)).await, "EVENT-8isk2");
    rig.clock.advance(Span::seconds(1));
    check(json!({ "password": { "password": PASSWORD } })).await.unwrap();
    for _ in 0..4 {
        assert_eq!(refused(&rig, &session, &wrong(&rig)).await, "EVENT-8isk2");
    }
    assert_eq!(
        refused(&rig, &session, &code(&rig, 1)).await,
        "DOORWARD-B4ck0",
        "a password forgives no codes"
    );
}

#[tokio::test]
async fn a_request_that_fails_later_leaves_the_code_unused() {
    let rig = Rig::start().await;
    let (_, session) = enrolled(&rig).await;
    let right = code(&rig, 0);
    let both = json!({ "totp": { "code": right }, "recoveryCode": { "code": "2222-2222-2222" } });
    let request = json!({ "sessionId": session, "checks": both });
    assert_eq!(rig.id("session.SetSession", &rig.login, request).await, "DOORWARD-R3c0r");
    present(&rig, &session, &right).await.unwrap();
}

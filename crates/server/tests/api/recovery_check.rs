//! The check of recovery codes: each passes once, however it is typed.

use doorward_core::base::Span;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::client::Outcome;
use crate::rig::Rig;

const WRONG: &str = "2222-2222-2222";

/// A person with recovery codes, and a session of theirs; gives the ids and the codes.
async fn enrolled(rig: &Rig, email: &str) -> (String, String, Vec<String>) {
    let user = rig.add_human(email).await;
    let (session, _) = rig.session(json!({ "checks": { "user": { "userId": user } } })).await;
    let codes = generate(rig, &user).await;
    (user, session, codes)
}

async fn generate(rig: &Rig, user: &str) -> Vec<String> {
    let made = rig.ok("user.GenerateRecoveryCodes", &rig.admin, json!({ "userId": user, "count": 3 })).await;
    let codes = made["recoveryCodes"].as_array().unwrap().iter();
    codes.map(|code| code.as_str().unwrap().to_owned()).collect()
}

fn request(session: &str, code: &str) -> Value {
    json!({ "sessionId": session, "checks": { "recoveryCode": { "code": code } } })
}

async fn present(rig: &Rig, session: &str, code: &str) -> Outcome {
    rig.call("session.SetSession", &rig.login, request(session, code)).await
}

async fn refused(rig: &Rig, session: &str, code: &str) -> String {
    present(rig, session, code).await.unwrap_err().id()
}

#[tokio::test]
async fn each_code_passes_once_however_it_is_typed() {
    let rig = Rig::start().await;
    let (_, session, codes) = enrolled(&rig, "mini@mouse.com").await;
    let typed = [
        codes[0].clone(),
        codes[1].to_lowercase().replace('-', ""),
        format!("  {} ", codes[2].replace('-', " – ")),
    ];
    for (code, typed) in codes.iter().zip(typed) {
        let set = present(&rig, &session, &typed).await.unwrap();
        assert!(set["sessionToken"].is_string());
        let id = refused(&rig, &session, code).await;
        let last = *code == codes[2];
        assert_eq!(id, if last { "DOORWARD-R3c0r" } else { "DOORWARD-R3c0i" }, "used up");
    }
    let shown = rig.shown(&session).await;
    assert!(shown["factors"]["recoveryCode"]["verifiedAt"].is_string(), "{shown}");
}

#[tokio::test]
async fn a_code_fits_its_own_user_and_set_alone() {
    let rig = Rig::start().await;
    let (mini, session, codes) = enrolled(&rig, "mini@mouse.com").await;
    let (_, other, _) = enrolled(&rig, "max@mouse.com").await;
    let foreign = present(&rig, &other, &codes[0]).await.unwrap_err();
    assert_eq!((foreign.code, foreign.message.as_str()), (3, "Invalid code (DOORWARD-R3c0i)"));
    let fresh = generate(&rig, &mini).await;
    assert_eq!(refused(&rig, &session, &codes[0]).await, "DOORWARD-R3c0i", "replaced");
    present(&rig, &session, &fresh[0]).await.unwrap();
    rig.ok("user.RemoveRecoveryCodes", &rig.admin, json!({ "userId": mini })).await;
    let gone = present(&rig, &session, &fresh[1]).await.unwrap_err();
    assert_eq!((gone.code, gone.message.as_str()), (9, "Recovery codes aren't ready (DOORWARD-R3c0r)"));
}

#[tokio::test]
async fn a_session_without_user_has_no_codes() {
    let rig = Rig::start().await;
    let checks = json!({ "checks": { "recoveryCode": { "code": WRONG } } });
    let refusal = rig.call("session.CreateSession", &rig.login, checks).await.unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (3, "User ID missing (DOORWARD-R3c0u)"));
}

#[tokio::test]
async fn wrong_codes_lock_at_the_limit_and_a_locked_user_is_told_so_even_with_the_right_one() {
    let rig = Rig::start_with(&["policy.lockout.max_otp_attempts=2"]).await;
    let (user, session, codes) = enrolled(&rig, "mini@mouse.com").await;
    for _ in 0..2 {
        assert_eq!(refused(&rig, &session, WRONG).await, "DOORWARD-R3c0i");
    }
    let locked = present(&rig, &session, &codes[0]).await.unwrap_err();
    assert_eq!((locked.code, locked.message.as_str()), (9, "Errors.User.Locked (DOORWARD-R3c0l)"));
    rig.ok("user.UnlockUser", &rig.admin, json!({ "userId": user })).await;
    present(&rig, &session, &codes[0]).await.unwrap();
}

#[tokio::test]
async fn after_five_wrong_codes_the_right_one_waits() {
    let rig = Rig::start().await;
    let (_, session, codes) = enrolled(&rig, "mini@mouse.com").await;
    for _ in 0..5 {
        assert_eq!(refused(&rig, &session, WRONG).await, "DOORWARD-R3c0i");
    }
    let held = present(&rig, &session, &codes[0]).await.unwrap_err();
    assert_eq!((held.code, held.id().as_str()), (8, "DOORWARD-B4ck0"));
    rig.clock.advance(Span::seconds(1));
    present(&rig, &session, &codes[0]).await.unwrap();
    assert_eq!(refused(&rig, &session, WRONG).await, "DOORWARD-R3c0i", "forgotten with the success");
}

#[tokio::test]
async fn parallel_guesses_gain_nothing_over_serial_ones() {
    let rig = Rig::start().await;
    let (_, session, _) = enrolled(&rig, "mini@mouse.com").await;
    let outcomes = join_all((0..60).map(|_| refused(&rig, &session, WRONG))).await;
    assert_eq!(outcomes.iter().filter(|id| *id == "DOORWARD-R3c0i").count(), 5, "{outcomes:?}");
    assert!(outcomes.iter().all(|id| id == "DOORWARD-R3c0i" || id == "DOORWARD-B4ck0"), "{outcomes:?}");
}

#[tokio::test]
async fn a_request_that_fails_later_leaves_the_code_unused() {
    let rig = Rig::start().await;
    let (_, session, codes) = enrolled(&rig, "mini@mouse.com").await;
    let mut both = request(&session, &codes[0]);
    both["challenges"] = json!({ "otpSms": { "returnCode": true } });
    assert_eq!(rig.id("session.SetSession", &rig.login, both).await, "COMMAND-BJ2g3");
    present(&rig, &session, &codes[0]).await.unwrap();
}

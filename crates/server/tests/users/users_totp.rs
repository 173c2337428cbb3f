//! Time-based codes of users: registering them, proving that the app has the secret, removing them.

use doorward_core::attempt::{Attempts, Counted};
use doorward_core::base::Span;
use doorward_core::totp::{code_at, read_secret, step_at};
use doorward_store::totp::Totp;
use doorward_store::{totp, user};
use serde_json::{Value, json};

use crate::client::{Outcome, Refusal};
use crate::rig::{Rig, human};
use crate::tools::{add, as_create, failed, shown, text, with};

const REGISTER: &str = "user.RegisterTOTP";
const VERIFY: &str = "user.VerifyTOTPRegistration";
const REMOVE: &str = "user.RemoveTOTP";

fn seen(refusal: &Refusal) -> (u32, &str) {
    (refusal.code, refusal.message.as_str())
}

/// The code of a secret, so many steps from now.
fn code(rig: &Rig, secret: &Value, steps: i64) -> String {
    let step = step_at(rig.now()).checked_add_signed(steps).unwrap();
    code_at(&read_secret(secret.as_str().unwrap()).unwrap(), step).expose().to_owned()
}

async fn register(rig: &Rig, id: &str) -> Value {
    rig.ok(REGISTER, &rig.admin, json!({ "userId": id })).await["secret"].clone()
}

async fn verify(rig: &Rig, id: &str, code: &str) -> Outcome {
    rig.call(VERIFY, &rig.admin, json!({ "userId": id, "code": code })).await
}

async fn stored(rig: &Rig, id: &str) -> Totp {
    let mut reading = rig.app.db.reading().await.unwrap();
    totp::find(reading.conn().unwrap(), id).await.unwrap().unwrap()
}

/// A code of no step that is near.
fn wrong(rig: &Rig, secret: &Value) -> String {
    let near = [-1, 0, 1].map(|steps| code(rig, secret, steps));
    ["000000", "111111", "222222", "333333"]
        .into_iter()
        .find(|guess| !near.contains(&(*guess).to_owned()))
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_registered_secret_becomes_ready_by_one_of_its_codes() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let refusal = verify(&rig, &id, "123456").await.unwrap_err();
    assert_eq!(seen(&refusal), (5, "Multifactor OTP (OneTimePassword) doesn't exist (COMMAND-3Mif9s)"));
    let first = rig.ok(REGISTER, &rig.admin, json!({ "userId": id })).await;
    assert_eq!(first["details"]["sequence"], "2");
    assert_eq!(text(&first["secret"]).len(), 32);
    let second = register(&rig, &id).await;
    assert_ne!(first["secret"], second, "registered anew");
    let refusal = verify(&rig, &id, &code(&rig, &first["secret"], 0)).await.unwrap_err();
    assert_eq!(seen(&refusal), (3, "Invalid code (EVENT-8isk2)"));
    let proven = verify(&rig, &id, &code(&rig, &second, 0)).await.unwrap();
    assert_eq!(proven["details"]["sequence"], "4");

    let refusal = verify(&rig, &id, &code(&rig, &second, 1)).await.unwrap_err();
    assert_eq!(seen(&refusal), (9, "Errors.Users.MFA.OTP.AlreadyReady (COMMAND-qx4ls)"));
    let refusal = rig.call(REGISTER, &rig.admin, json!({ "userId": id })).await.unwrap_err();
    let already = "Multifactor OTP (OneTimePassword) is already set up (COMMAND-do9se)";
    assert_eq!(seen(&refusal), (6, already));

    let removed = rig.ok(REMOVE, &rig.admin, json!({ "userId": id })).await;
    assert_eq!(removed["details"]["sequence"], "5");
    let refusal = rig.call(REMOVE, &rig.admin, json!({ "userId": id })).await.unwrap_err();
    assert_eq!(seen(&refusal), (5, "Multifactor OTP (OneTimePassword) doesn't exist (COMMAND-Hd9sd)"));
    let third = register(&rig, &id).await;
    verify(&rig, &id, &code(&rig, &third, 0)).await.unwrap();
}

#[tokio::test]
async fn what_waits_for_its_code_can_be_removed() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let secret = register(&rig, &id).await;
    rig.ok(REMOVE, &rig.admin, json!({ "userId": id })).await;
    let refusal = verify(&rig, &id, &code(&rig, &secret, 0)).await.unwrap_err();
    assert_eq!(refusal.id(), "COMMAND-3Mif9s");
}

#[tokio::test]
async fn clocks_may_differ_by_a_step_and_the_code_that_proves_is_used_up() {
    let rig = Rig::start().await;
    for (steps, passes) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
        let id = rig.add_human(&format!("mini{steps}@mouse.com")).await;
        let secret = register(&rig, &id).await;
        assert_eq!(verify(&rig, &id, &code(&rig, &secret, steps)).await.is_ok(), passes, "{steps} steps");
        let step = step_at(rig.now()).checked_add_signed(steps);
        let kept = stored(&rig, &id).await;
        assert_eq!((kept.ready, kept.last_step), (passes, step.filter(|_| passes)));
    }
}

#[tokio::test]
async fn the_address_for_apps_names_issuer_and_user() {
    let rig = Rig::start_with(&["totp.issuer=Mouse & Co"]).await;
    let id = text(&add(&rig, "mini@mouse.com", json!({ "username": "mini mouse" })).await["userId"]);
    let made = rig.ok(REGISTER, &rig.admin, json!({ "userId": id })).await;
    let expected = format!(
        "otpauth://totp/Mouse%20%26%20Co:mini%20mouse?algorithm=SHA1&digits=6&issuer=Mouse%20%26%20Co&period=30&secret={}",
        text(&made["secret"])
    );
    assert_eq!(made["uri"], expected);
}

#[tokio::test]
async fn who_may_register_verify_and_remove_and_what_comes_before() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (bot, nobody) = rig.add_machine("nobody", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let (_, manager) = rig.add_machine("manager", &[(None, "IAM_USER_MANAGER")]).await;
    let (_, own) = rig.log_in("mini@mouse.com").await;
    let request = json!({ "userId": id });
    for user in ["unknown", &bot] {
        let refusal = rig.call(REGISTER, &nobody, json!({ "userId": user })).await.unwrap_err();
        assert_eq!(seen(&refusal), (9, "User could not be found (COMMAND-SqyJz)"));
        let verify = json!({ "userId": "unknown", "code": "123456" });
        assert_eq!(rig.id(VERIFY, &nobody, verify.clone()).await, "AUTHZ-cdgFk");
        assert_eq!(rig.id(VERIFY, &viewer, verify.clone()).await, "AUTH-AWfge");
        assert_eq!(rig.id(VERIFY, &rig.admin, verify).await, "COMMAND-3Mif9s");
        assert_eq!(rig.id(REMOVE, &nobody, json!({ "userId": user })).await, "COMMAND-Hd9sd");
    }
    assert_eq!(rig.id(REMOVE, &nobody, request.clone()).await, "COMMAND-Hd9sd", "before the permission");
    let secret = rig.ok(REGISTER, &own, request.clone()).await["secret"].clone();
    for (token, id) in [(&nobody, "AUTHZ-cdgFk"), (&viewer, "AUTH-AWfge"), (&manager, "AUTH-AWfge")] {
        assert_eq!(rig.id(REGISTER, token, request.clone()).await, id);
        let right = with(request.clone(), json!({ "code": code(&rig, &secret, 0) }));
        assert_eq!(rig.id(VERIFY, token, right).await, id);
    }
    rig.ok(VERIFY, &own, with(request.clone(), json!({ "code": code(&rig, &secret, 0) }))).await;
    assert_eq!(rig.id(REGISTER, &nobody, request.clone()).await, "AUTHZ-cdgFk", "before what is there");
    assert_eq!(rig.id(REMOVE, &nobody, request.clone()).await, "AUTHZ-cdgFk");
    assert_eq!(rig.id(REMOVE, &viewer, request.clone()).await, "AUTH-AWfge");
    rig.ok(REMOVE, &manager, request.clone()).await;
    rig.ok(REGISTER, &rig.login, request.clone()).await;
    rig.ok(REMOVE, &own, request).await;
}

#[tokio::test]
async fn wrong_codes_of_a_registration_hold_back_and_never_lock() {
    let rig = Rig::start_with(&["policy.lockout.max_otp_attempts=1"]).await;
    let id = rig.add_human("mini@mouse.com").await;
    let secret = register(&rig, &id).await;
    for _ in 0..5 {
        let refusal = verify(&rig, &id, &wrong(&rig, &secret)).await.unwrap_err();
        assert_eq!(refusal.id(), "EVENT-8isk2");
    }
    let held = verify(&rig, &id, &code(&rig, &secret, 0)).await.unwrap_err();
    assert_eq!((held.code, held.id().as_str()), (8, "DOORWARD-B4ck0"));
    assert_eq!(held.details[1]["retryDelay"], "1s");
    let secret = register(&rig, &id).await;
    let held = verify(&rig, &id, &code(&rig, &secret, 0)).await.unwrap_err();
    assert_eq!(held.id(), "DOORWARD-B4ck0", "another secret is no fresh start");
    assert_eq!(failed(&rig, &id, Counted::Totp).await, 0);
    assert_eq!(shown(&rig, &id).await["state"], "USER_STATE_ACTIVE");
    rig.clock.advance(Span::seconds(1));
    verify(&rig, &id, &code(&rig, &secret, 0)).await.unwrap();
    assert_eq!(failed(&rig, &id, Counted::TotpRegistration).await, 0);
}

#[tokio::test]
async fn a_proven_registration_forgets_failed_codes_and_no_other_failures() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let user = id.clone();
    let counted = rig.app.db.write(move |conn| {
        Box::pin(async move {
            for counted in [Counted::Totp, Counted::OtpSms, Counted::Password] {
                user::save_attempts(conn, &user, counted, Attempts { failed: 3, blocked_until: None })
                    .await?;
            }
            Ok(())
        })
    });
    counted.await.unwrap();
    let secret = register(&rig, &id).await;
    assert_eq!(failed(&rig, &id, Counted::Totp).await, 3);
    verify(&rig, &id, &code(&rig, &secret, 0)).await.unwrap();
    for (counted, left) in [(Counted::Totp, 0), (Counted::OtpSms, 3), (Counted::Password, 3)] {
        assert_eq!(failed(&rig, &id, counted).await, left, "{counted:?}");
    }
}

#[tokio::test]
async fn of_a_hundred_proofs_of_one_registration_exactly_one_succeeds() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let secret = register(&rig, &id).await;
    let right = code(&rig, &secret, 0);
    let outcomes = futures_util::future::join_all((0..100).map(|_| verify(&rig, &id, &right))).await;
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(refused.len(), 99);
    assert!(refused.iter().all(|refusal| refusal.id() == "COMMAND-qx4ls"), "{refused:?}");
}

#[tokio::test]
async fn a_new_user_may_bring_a_secret_that_is_ready_and_sealed() {
    let rig = Rig::start().await;
    let secret = "gezd gnbv gy3t qojq gezd gnbv gy3t qojq";
    let added = text(&add(&rig, "mini@mouse.com", json!({ "totpSecret": secret })).await["userId"]);
    let request = as_create(&rig, with(human("max@mouse.com"), json!({ "totpSecret": secret })));
    let created = text(&rig.ok("user.CreateUser", &rig.admin, request).await["id"]);
    for id in [&added, &created] {
        assert_eq!(rig.id(REGISTER, &rig.admin, json!({ "userId": id })).await, "COMMAND-do9se");
        let kept = stored(&rig, id).await;
        assert_eq!((kept.ready, kept.last_step), (true, None));
        assert!(
            !kept.secret.windows(6).any(|part| b"12345678901234567890".windows(6).any(|six| six == part))
        );
        let opened = rig.app.seals.open(&format!("totp {id}"), &kept.secret).unwrap();
        assert_eq!(opened.as_slice(), b"12345678901234567890");
    }
    assert!(rig.app.seals.open(&format!("totp {created}"), &stored(&rig, &added).await.secret).is_none());
    for bad in ["GEZDGNBV", "GEZDGNBVGY3TQOJ1", &"A".repeat(112)] {
        let request = with(human("x@mouse.com"), json!({ "totpSecret": bad }));
        let refusal = rig.call("user.AddHumanUser", &rig.admin, request).await.unwrap_err();
        assert_eq!((refusal.code, refusal.id().as_str()), (3, "DOORWARD-T0tp1"), "{bad}");
    }
}

#[tokio::test]
async fn every_request_names_its_user_by_1_to_200_characters() {
    let rig = Rig::start().await;
    let methods = [
        "RegisterTOTP",
        "VerifyTOTPRegistration",
        "RemoveTOTP",
        "AddOTPSMS",
        "RemoveOTPSMS",
        "AddOTPEmail",
        "RemoveOTPEmail",
        "GenerateRecoveryCodes",
        "RemoveRecoveryCodes",
    ];
    let reason = "value length must be between 1 and 200 runes, inclusive";
    for method in methods {
        for id in [String::new(), "x".repeat(201)] {
            let request = json!({ "userId": id, "code": "123456" });
            let refusal = rig.call(&format!("user.{method}"), &rig.admin, request).await.unwrap_err();
            assert_eq!(seen(&refusal), (3, format!("invalid {method}Request.UserId: {reason}").as_str()));
        }
    }
    for code in [String::new(), "1".repeat(201)] {
        let refusal = verify(&rig, "mini", &code).await.unwrap_err();
        assert_eq!(seen(&refusal), (3, format!("invalid {}Request.Code: {reason}", &VERIFY[5..]).as_str()));
    }
}

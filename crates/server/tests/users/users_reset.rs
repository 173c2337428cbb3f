//! PasswordReset: a code that allows a new password, once.

use doorward_core::base::Span;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::client::Outcome;
use crate::rig::{PASSWORD, Rig};
use crate::tools::{add, log_in, shown, text, with};

const NEW: &str = "N3w!passw";

async fn reset(rig: &Rig, token: &str, id: &str) -> String {
    let answer = rig.ok("user.PasswordReset", token, json!({ "userId": id, "returnCode": {} })).await;
    assert_eq!(answer["details"]["resourceOwner"], json!(rig.app.instance.default_organisation));
    text(&answer["verificationCode"])
}

async fn use_code(rig: &Rig, id: &str, code: &str, change: Value) -> Outcome {
    let request = json!({ "userId": id, "newPassword": { "password": NEW }, "verificationCode": code });
    rig.call("user.SetPassword", &rig.login, with(request, change)).await
}

fn message(outcome: Outcome) -> (u32, String) {
    let refusal = outcome.unwrap_err();
    (refusal.code, refusal.message)
}

#[tokio::test]
async fn a_reset_code_is_six_letters_and_digits_for_whoever_may_write_the_user() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (bot, nobody) = rig.add_machine("bot", &[]).await;
    let (_, mini) = rig.log_in("mini@mouse.com").await;
    for token in [&rig.admin, &rig.login, &mini] {
        let code = reset(&rig, token, &id).await;
        assert!(
            code.len() == 6 && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()),
            "{code}"
        );
    }
    let call = |token: &str, request: Value| {
        let token = token.to_owned();
        let rig = &rig;
        async move { message(rig.call("user.PasswordReset", &token, request).await) }
    };
    let missing = (5, "User could not be found (COMMAND-SAF4f)".to_owned());
    for user in ["none", &bot] {
        assert_eq!(
            call(&nobody, json!({ "userId": user, "returnCode": {} })).await,
            missing,
            "before permission"
        );
    }
    let denied = call(&nobody, json!({ "userId": id, "returnCode": {} })).await;
    assert_eq!(denied, (5, "membership not found (AUTHZ-cdgFk)".to_owned()));
    for medium in [json!({ "userId": id }), json!({ "userId": id, "sendLink": {} })] {
        let (code, text) = call(&rig.admin, medium).await;
        assert!(code == 9 && text.ends_with("(DOORWARD-N0tif)"), "{text}");
    }
    assert_eq!(log_in(&rig, "mini@mouse.com", PASSWORD).await, Ok(()), "asking for a code changes nothing");
}

#[tokio::test]
async fn a_reset_code_allows_one_new_password_in_time() {
    let rig = Rig::start().await;
    let id = text(&add(&rig, "mini@mouse.com", json!({ "password": null })).await["userId"]);
    let first = reset(&rig, &rig.admin, &id).await;
    rig.clock.advance(Span::minutes(60));
    let expired = use_code(&rig, &id, &first, json!({})).await;
    assert_eq!(message(expired), (9, "Code is expired (CODE-QvUQ4P)".to_owned()));

    let second = reset(&rig, &rig.admin, &id).await;
    let wrong = use_code(&rig, &id, &first, json!({})).await;
    assert_eq!(
        message(wrong),
        (3, "Code is invalid (CODE-woT0xc)".to_owned()),
        "a new code voids the old one"
    );
    let empty = use_code(&rig, &id, &second, json!({ "newPassword": null })).await;
    assert_eq!(message(empty), (3, "Password is empty (COMMAND-Mf0sd)".to_owned()));
    let weak = use_code(&rig, &id, &second, json!({ "newPassword": { "password": "a" } })).await;
    assert_eq!(message(weak), (3, "Password is too short (DOMAIN-HuJf6)".to_owned()));
    rig.clock.advance(Span::minutes(59));
    use_code(&rig, &id, &second, json!({})).await.unwrap();
    assert_eq!(log_in(&rig, "mini@mouse.com", NEW).await, Ok(()));
    let again = use_code(&rig, &id, &second, json!({})).await;
    assert_eq!(message(again), (9, "Code not found (COMMAND-2M9fs)".to_owned()));
}

#[tokio::test]
async fn the_fifth_wrong_code_and_every_new_password_void_the_right_code() {
    let rig = Rig::start().await;
    let (id, other) = (rig.add_human("mini@mouse.com").await, rig.add_human("max@mouse.com").await);
    let foreign = reset(&rig, &rig.admin, &other).await;
    let code = reset(&rig, &rig.admin, &id).await;
    for _ in 0..5 {
        assert_eq!(use_code(&rig, &id, &foreign, json!({})).await.unwrap_err().id(), "CODE-woT0xc");
    }
    assert_eq!(use_code(&rig, &id, &code, json!({})).await.unwrap_err().id(), "COMMAND-2M9fs");
    let code = reset(&rig, &rig.admin, &id).await;
    let set = json!({ "userId": id, "newPassword": { "password": "0ther!Pass" } });
    rig.ok("user.SetPassword", &rig.admin, set).await;
    assert_eq!(use_code(&rig, &id, &code, json!({})).await.unwrap_err().id(), "COMMAND-2M9fs");
    use_code(&rig, &other, &foreign, json!({})).await.unwrap();
    assert_eq!(log_in(&rig, "mini@mouse.com", "0ther!Pass").await, Ok(()));
    assert_eq!(log_in(&rig, "max@mouse.com", NEW).await, Ok(()));
}

#[tokio::test]
async fn of_parallel_uses_of_one_reset_code_exactly_one_succeeds() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let code = reset(&rig, &rig.admin, &id).await;
    let uses = (0..10).map(|number| {
        let password = json!({ "newPassword": { "password": format!("N3w!passw{number}") } });
        use_code(&rig, &id, &code, password)
    });
    let outcomes = join_all(uses).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(refused.into_iter().all(|refusal| refusal.id() == "COMMAND-2M9fs"), "{outcomes:?}");
    let winner = outcomes.iter().position(Result::is_ok).unwrap();
    assert_eq!(log_in(&rig, "mini@mouse.com", &format!("N3w!passw{winner}")).await, Ok(()));
    assert_eq!(shown(&rig, &id).await["details"]["sequence"], "3");
}

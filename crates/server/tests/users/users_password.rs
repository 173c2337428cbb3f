//! SetPassword: what allows a new password, what it must be like, and what follows from it.

use doorward_core::attempt::Counted;
use doorward_core::base::Span;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::rig::{PASSWORD, Rig};
use crate::tools::{add, failed, log_in, shown, stored_password, text, with};

const NEW: &str = "N3w!passw";
const SET: &str = "user.SetPassword";

fn request(id: &str, new: &str, change: Value) -> Value {
    with(json!({ "userId": id, "newPassword": { "password": new } }), change)
}

fn current(password: &str) -> Value {
    json!({ "currentPassword": password })
}

#[tokio::test]
async fn what_allows_a_new_password_is_checked_first() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let bare = text(&add(&rig, "bare@mouse.com", json!({ "password": null })).await["userId"]);
    let gone = rig.add_human("gone@mouse.com").await;
    rig.ok("user.DeleteUser", &rig.admin, json!({ "userId": gone })).await;
    let (bot, nobody) = rig.add_machine("bot", &[]).await;
    let (_, mini) = rig.log_in("mini@mouse.com").await;
    let cases = [
        (&rig.admin, request("none", NEW, json!({})), 9, "Password not found (COMMAND-G8dh3)"),
        (&rig.admin, request(&gone, NEW, current("x")), 9, "Password not found (COMMAND-G8dh3)"),
        (&rig.admin, request(&bot, NEW, json!({})), 9, "Password not found (COMMAND-G8dh3)"),
        // Without a proof the permission decides, and nobody has it over themselves.
        (&mini, request(&id, NEW, json!({})), 5, "membership not found (AUTHZ-cdgFk)"),
        (&mini, request(&id, "x", json!({})), 5, "membership not found (AUTHZ-cdgFk)"),
        (&nobody, request(&bare, NEW, current("x")), 9, "User has not set a password (COMMAND-Fds3s)"),
        (&nobody, request(&id, "x", current("wrong")), 3, "Password is invalid (COMMAND-3M0fs)"),
        (
            &nobody,
            request(&id, PASSWORD, current(PASSWORD)),
            9,
            "New password cannot be the same as your current password (COMMAND-Aesh5)",
        ),
        (
            &nobody,
            json!({ "userId": id, "currentPassword": PASSWORD }),
            3,
            "Password is empty (COMMAND-3M0fs)",
        ),
        (
            &nobody,
            request(&id, NEW, json!({ "verificationCode": "ABC123" })),
            9,
            "Code not found (COMMAND-2M9fs)",
        ),
    ];
    for (token, request, code, message) in cases {
        let refusal = rig.call(SET, token, request.clone()).await.unwrap_err();
        assert_eq!((refusal.code, refusal.message.as_str()), (code, message), "{request}");
        assert_eq!(refusal.details.len(), 1);
        assert_eq!(refusal.details[0]["@type"], "type.googleapis.com/zitadel.v1.ErrorDetail", "{request}");
    }
    assert_eq!(log_in(&rig, "mini@mouse.com", PASSWORD).await, Ok(()));
    let empty = rig.call(SET, &rig.admin, request(&id, "", json!({}))).await.unwrap_err();
    assert!(empty.message.ends_with("value length must be between 1 and 200 runes, inclusive"), "{empty:?}");
    assert!(empty.details.is_empty());
}

#[tokio::test]
async fn a_new_password_must_be_complex_enough_whatever_allows_it() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let order = [
        ("A", "DOMAIN-HuJf6"),
        ("AAAAAAAA", "DOMAIN-co3Xw"),
        ("aaaaaaaa", "DOMAIN-VoaRj"),
        ("aaaaAAAA", "DOMAIN-ZBv4H"),
        ("aaaaAAA1", "DOMAIN-ZDLwA"),
    ];
    for (new, expected) in order {
        assert_eq!(rig.id(SET, &rig.admin, request(&id, new, json!({}))).await, expected);
        let update = json!({ "userId": id, "human": { "password": { "password": { "password": new } } } });
        assert_eq!(rig.id("user.UpdateUser", &rig.admin, update).await, expected);
    }
    assert_eq!(rig.id(SET, &rig.admin, request(&id, "A", current(PASSWORD))).await, "DOMAIN-HuJf6");
    assert_eq!(rig.id(SET, &rig.admin, json!({ "userId": id })).await, "DOMAIN-HuJf6");
    assert_eq!(shown(&rig, &id).await["details"]["sequence"], "1", "refusals change nothing");
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one_and_what_was_built_on_it() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    let (session, token) = rig.log_in("mini@mouse.com").await;
    let before = rig.shown(&session).await;
    assert!(before["factors"].get("password").is_some());
    for _ in 0..3 {
        assert_eq!(log_in(&rig, "mini@mouse.com", "wrong").await, Err("COMMAND-3M0fs".to_owned()));
    }
    rig.clock.advance(Span::seconds(5));
    let change = with(current(PASSWORD), json!({ "newPassword": { "changeRequired": true } }));
    let answer = rig.ok(SET, &nobody, request(&id, NEW, change)).await;
    assert_eq!(answer["details"]["sequence"], "2");
    assert_eq!(answer["details"]["changeDate"], "2025-11-20T10:00:05.123456Z");

    assert_eq!(failed(&rig, &id, Counted::Password).await, 0);
    let after = rig.shown(&session).await;
    assert!(after["factors"].get("password").is_none());
    for field in ["sequence", "changeDate"] {
        assert_eq!(after[field], before[field], "{field} does not move");
    }
    assert_eq!(after["factors"]["user"], before["factors"]["user"]);
    assert_eq!(rig.id("user.GetUserByID", &token, json!({ "userId": id })).await, "AUTHZ-Kl3p0");
    assert_eq!(log_in(&rig, "mini@mouse.com", PASSWORD).await, Err("COMMAND-3M0fs".to_owned()));
    assert_eq!(log_in(&rig, "mini@mouse.com", NEW).await, Ok(()));
    let person = shown(&rig, &id).await["human"].clone();
    assert_eq!(person["passwordChangeRequired"], true);
    assert_eq!(person["passwordChanged"], "2025-11-20T10:00:05.123456Z");

    // By permission the old password may come again, and the demand for a change goes.
    rig.ok(SET, &rig.login, request(&id, PASSWORD, json!({}))).await;
    assert_eq!(log_in(&rig, "mini@mouse.com", PASSWORD).await, Ok(()));
    assert!(shown(&rig, &id).await["human"].get("passwordChangeRequired").is_none());
}

#[tokio::test]
async fn guesses_at_the_current_password_are_held_back_but_lock_nobody() {
    let rig = Rig::start_with(&["policy.lockout.max_password_attempts=2"]).await;
    let id = rig.add_human("mini@mouse.com").await;
    let guess = |password: &str| rig.call(SET, &rig.login, request(&id, NEW, current(password)));
    for _ in 0..5 {
        assert_eq!(guess("wrong").await.unwrap_err().id(), "COMMAND-3M0fs");
    }
    for password in ["wrong", PASSWORD] {
        let refusal = guess(password).await.unwrap_err();
        assert_eq!((refusal.code, refusal.id().as_str()), (8, "DOORWARD-B4ck0"));
        let retry = refusal
            .details
            .iter()
            .find(|detail| detail["@type"] == "type.googleapis.com/google.rpc.RetryInfo");
        assert_eq!(retry.unwrap()["retryDelay"], "1s");
    }
    assert_eq!(failed(&rig, &id, Counted::CurrentPassword).await, 5, "what is held back does not count");
    assert_eq!(failed(&rig, &id, Counted::Password).await, 0);
    assert_eq!(shown(&rig, &id).await["state"], "USER_STATE_ACTIVE");
    assert_eq!(log_in(&rig, "mini@mouse.com", PASSWORD).await, Ok(()), "another factor, another counter");
    rig.clock.advance(Span::seconds(1));
    assert_eq!(guess("wrong").await.unwrap_err().id(), "COMMAND-3M0fs");
    rig.clock.advance(Span::seconds(1));
    assert_eq!(guess(PASSWORD).await.unwrap_err().id(), "DOORWARD-B4ck0", "the wait doubles");
    rig.clock.advance(Span::seconds(1));
    guess(PASSWORD).await.unwrap();
    assert_eq!(failed(&rig, &id, Counted::CurrentPassword).await, 0);
}

#[tokio::test]
async fn parallel_guesses_gain_nothing() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let guesses = (0..12).map(|_| rig.id(SET, &rig.login, request(&id, NEW, current("wrong"))));
    let ids = join_all(guesses).await;
    assert_eq!(ids.iter().filter(|id| *id == "COMMAND-3M0fs").count(), 5, "{ids:?}");
    assert_eq!(ids.iter().filter(|id| *id == "DOORWARD-B4ck0").count(), 7, "{ids:?}");
    assert_eq!(failed(&rig, &id, Counted::CurrentPassword).await, 5);
}

#[tokio::test]
async fn one_current_password_allows_one_of_many_parallel_changes() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let before = stored_password(&rig, &id).await;
    let changes = (0..6).map(|number| {
        rig.call(SET, &rig.login, request(&id, &format!("N3w!passw{number}"), current(PASSWORD)))
    });
    let outcomes = join_all(changes).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    let winner = outcomes.iter().position(Result::is_ok).unwrap();
    assert_ne!(stored_password(&rig, &id).await, before);
    assert_eq!(log_in(&rig, "mini@mouse.com", &format!("N3w!passw{winner}")).await, Ok(()));
}

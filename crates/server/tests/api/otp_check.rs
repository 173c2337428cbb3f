//! Codes by SMS and mail: asked for by a challenge, presented once, and what wrong ones lead to.

use doorward_core::base::Span;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::client::Outcome;
use crate::rig::{Rig, human};

/// One of the two ways of a code, by its names on the wire.
#[derive(Clone, Copy)]
struct Way {
    check: &'static str,
    challenge: &'static str,
    add: &'static str,
    no_user: &'static str,
    not_ready: &'static str,
}

const SMS: Way = Way {
    check: "otpSms",
    challenge: "otpSms",
    add: "user.AddOTPSMS",
    no_user: "COMMAND-JKL3g",
    not_ready: "COMMAND-BJ2g3",
};

const EMAIL: Way = Way {
    check: "otpEmail",
    challenge: "otpEmail",
    add: "user.AddOTPEmail",
    no_user: "COMMAND-JK3gp",
    not_ready: "COMMAND-JKLJ3",
};

const BOTH: [Way; 2] = [SMS, EMAIL];

impl Way {
    /// The wish to have the code returned.
    fn wish(self) -> Value {
        match self.challenge {
            "otpSms" => json!({ "otpSms": { "returnCode": true } }),
            _ => json!({ "otpEmail": { "returnCode": {} } }),
        }
    }

    fn checks(self, code: &str) -> Value {
        json!({ self.check: { "code": code } })
    }
}

/// A person with a verified phone who takes codes both ways.
async fn enrolled(rig: &Rig) -> String {
    let mut request = human("mini@mouse.com");
    request["phone"] = json!({ "phone": "+41791234567", "isVerified": true });
    let user = rig.ok("user.AddHumanUser", &rig.admin, request).await["userId"].as_str().unwrap().to_owned();
    for way in BOTH {
        rig.ok(way.add, &rig.admin, json!({ "userId": user })).await;
    }
    user
}

/// A session of the user that was asked for a code; gives its id and the code.
async fn asked(rig: &Rig, user: &str, way: Way) -> (String, String) {
    let request = json!({ "checks": { "user": { "userId": user } }, "challenges": way.wish() });
    let made = rig.ok("session.CreateSession", &rig.login, request).await;
    let code = made["challenges"][way.challenge].as_str().unwrap().to_owned();
    (made["sessionId"].as_str().unwrap().to_owned(), code)
}

async fn present(rig: &Rig, session: &str, way: Way, code: &str) -> Outcome {
    let request = json!({ "sessionId": session, "checks": way.checks(code) });
    rig.call("session.SetSession", &rig.login, request).await
}

async fn refused(rig: &Rig, session: &str, way: Way, code: &str) -> String {
    present(rig, session, way, code).await.unwrap_err().id()
}

/// A code of the right shape that is not the right one.
fn other_than(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..code.len() - 1])
}

#[tokio::test]
async fn a_code_is_asked_for_and_presented_once() {
    let rig = Rig::start().await;
    let user = enrolled(&rig).await;
    for way in BOTH {
        let (session, code) = asked(&rig, &user, way).await;
        assert!(code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        let set = present(&rig, &session, way, &code).await.unwrap();
        assert_eq!(set["details"]["sequence"], "6", "4 of the creation, the check, the token");
        let shown = rig.ok("session.GetSession", &rig.login, json!({ "sessionId": session })).await;
        assert!(shown["session"]["factors"][way.check]["verifiedAt"].is_string(), "{shown}");
        assert_eq!(refused(&rig, &session, way, &code).await, "COMMAND-S34gh");
    }
}

#[tokio::test]
async fn a_code_fits_its_own_session_and_way_alone() {
    let rig = Rig::start().await;
    let user = enrolled(&rig).await;
    let (first, code) = asked(&rig, &user, SMS).await;
    let (second, _) = asked(&rig, &user, SMS).await;
    assert_eq!(refused(&rig, &second, SMS, &code).await, "CODE-woT0xc");
    assert_eq!(refused(&rig, &first, EMAIL, &code).await, "COMMAND-S34gh");
    present(&rig, &first, SMS, &code).await.unwrap();
}

#[tokio::test]
async fn a_new_challenge_replaces_the_one_before() {
    let rig = Rig::start().await;
    let user = enrolled(&rig).await;
    let (session, first) = asked(&rig, &user, EMAIL).await;
    let again = json!({ "sessionId": session, "challenges": EMAIL.wish() });
    let second = rig.ok("session.SetSession", &rig.login, again).await["challenges"]["otpEmail"].clone();
    assert_eq!(refused(&rig, &session, EMAIL, &first).await, "CODE-woT0xc");
    present(&rig, &session, EMAIL, second.as_str().unwrap()).await.unwrap();
}

#[tokio::test]
async fn without_user_factor_or_challenge_there_is_nothing_to_check() {
    let rig = Rig::start().await;
    let bare = rig.add_human("bare@mouse.com").await;
    for way in BOTH {
        let create = |checks: Value| rig.id("session.CreateSession", &rig.login, json!({ "checks": checks }));
        assert_eq!(create(way.checks("12345678")).await, "COMMAND-S453v");
        let mut checks = way.checks("12345678");
        checks["user"] = json!({ "userId": bare });
        assert_eq!(create(checks).await, "COMMAND-d2r52");
        let wish = json!({ "challenges": way.wish() });
        assert_eq!(rig.id("session.CreateSession", &rig.login, wish).await, way.no_user);
        let wish = json!({ "checks": { "user": { "userId": bare } }, "challenges": way.wish() });
        assert_eq!(rig.id("session.CreateSession", &rig.login, wish).await, way.not_ready);
    }
    let user = enrolled(&rig).await;
    let (session, _) = rig.session(json!({ "checks": { "user": { "userId": user } } })).await;
    assert_eq!(refused(&rig, &session, SMS, "12345678").await, "COMMAND-S34gh");
}

#[tokio::test]
async fn an_expired_code_is_said_to_be_so_and_counts() {
    let rig = Rig::start_with(&["policy.lockout.max_otp_attempts=1"]).await;
    let user = enrolled(&rig).await;
    let (session, code) = asked(&rig, &user, EMAIL).await;
    rig.clock.advance(Span::minutes(5));
    let expired = present(&rig, &session, EMAIL, &code).await.unwrap_err();
    assert_eq!((expired.code, expired.message.as_str()), (9, "Code is expired (CODE-QvUQ4P)"));
    assert_eq!(refused(&rig, &session, EMAIL, &code).await, "COMMAND-S6h4R", "it locked the user");
}

#[tokio::test]
async fn wrong_codes_lock_at_the_limit_and_a_locked_user_is_told_so_even_with_the_right_one() {
    let rig = Rig::start_with(&["policy.lockout.max_otp_attempts=2"]).await;
    let user = enrolled(&rig).await;
    let (session, code) = asked(&rig, &user, SMS).await;
    for _ in 0..2 {
        let wrong = present(&rig, &session, SMS, &other_than(&code)).await.unwrap_err();
        assert_eq!((wrong.code, wrong.message.as_str()), (3, "Code is invalid (CODE-woT0xc)"));
    }
    assert_eq!(refused(&rig, &session, SMS, &code).await, "COMMAND-S6h4R");
    rig.ok("user.UnlockUser", &rig.admin, json!({ "userId": user })).await;
    present(&rig, &session, SMS, &code).await.unwrap();
}

#[tokio::test]
async fn the_fifth_wrong_code_ends_the_challenge_and_holds_the_next_one_back() {
    let rig = Rig::start().await;
    let user = enrolled(&rig).await;
    let (session, code) = asked(&rig, &user, SMS).await;
    for _ in 0..5 {
        assert_eq!(refused(&rig, &session, SMS, &other_than(&code)).await, "CODE-woT0xc");
    }
    assert_eq!(refused(&rig, &session, SMS, &code).await, "COMMAND-S34gh");
    let (session, code) = asked(&rig, &user, SMS).await;
    assert_eq!(refused(&rig, &session, SMS, &code).await, "DOORWARD-B4ck0");
    let (mail, right) = asked(&rig, &user, EMAIL).await;
    present(&rig, &mail, EMAIL, &right).await.unwrap();
    assert_eq!(refused(&rig, &session, SMS, &code).await, "DOORWARD-B4ck0", "each way counts for itself");
    rig.clock.advance(Span::seconds(1));
    present(&rig, &session, SMS, &code).await.unwrap();
}

#[tokio::test]
async fn a_check_that_fails_later_leaves_an_earlier_one_unused() {
    let rig = Rig::start().await;
    let user = enrolled(&rig).await;
    let (session, code) = asked(&rig, &user, SMS).await;
    let both = json!({ "otpSms": { "code": code }, "otpEmail": { "code": "00000000" } });
    let request = json!({ "sessionId": session, "checks": both });
    assert_eq!(rig.id("session.SetSession", &rig.login, request).await, "COMMAND-S34gh");
    present(&rig, &session, SMS, &code).await.unwrap();
}

#[tokio::test]
async fn parallel_guesses_gain_nothing_over_serial_ones() {
    let rig = Rig::start().await;
    let user = enrolled(&rig).await;
    let (session, code) = asked(&rig, &user, EMAIL).await;
    let guesses = (0..100).map(|guess| format!("{guess:08}")).filter(|guess| *guess != code);
    let outcomes = join_all(guesses.map(|guess| {
        let (rig, session) = (&rig, &session);
        async move { refused(rig, session, EMAIL, &guess).await }
    }));
    let ids = outcomes.await;
    assert_eq!(ids.iter().filter(|id| *id == "CODE-woT0xc").count(), 5, "{ids:?}");
}

#[tokio::test]
async fn a_code_is_returned_only_to_whoever_may_write_sessions() {
    let rig = Rig::start().await;
    let user = enrolled(&rig).await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    let (session, token) = rig.session(json!({ "checks": { "user": { "userId": user } } })).await;
    for way in BOTH {
        let request = json!({ "sessionId": session, "sessionToken": token, "challenges": way.wish() });
        let denied = rig.call("session.SetSession", &nobody, request).await.unwrap_err();
        assert_eq!((denied.code, denied.id().as_str()), (7, "DOORWARD-R3tcd"));
    }
    let request = json!({ "sessionId": session, "sessionToken": token, "challenges": SMS.wish() });
    rig.ok("session.SetSession", &rig.login, request).await;
}

#[tokio::test]
async fn a_code_cannot_be_sent_before_delivery_is_set_up_nor_with_a_template_that_is_none() {
    let rig = Rig::start().await;
    let user = enrolled(&rig).await;
    let with = |challenges: Value| {
        rig.id(
            "session.CreateSession",
            &rig.login,
            json!({ "checks": { "user": { "userId": user } }, "challenges": challenges }),
        )
    };
    for challenges in
        [json!({ "otpSms": {} }), json!({ "otpEmail": {} }), json!({ "otpEmail": { "sendCode": {} } })]
    {
        assert_eq!(with(challenges).await, "DOORWARD-N0tif");
    }
    let template = |text: &str| json!({ "otpEmail": { "sendCode": { "urlTemplate": text } } });
    assert_eq!(with(template("https://a.example/{{.Code")).await, "DOMAIN-oGh5e");
    assert_eq!(with(template("https://a.example/{{.Password}}")).await, "DOMAIN-ieYa7");
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    let request = json!({ "challenges": template("{{") });
    assert_eq!(
        rig.id("session.CreateSession", &nobody, request).await,
        "DOMAIN-oGh5e",
        "before the permission"
    );
}

#[tokio::test]
async fn both_ways_at_once_move_the_sequence_by_one_each() {
    let rig = Rig::start().await;
    let user = enrolled(&rig).await;
    let request = json!({
        "checks": { "user": { "userId": user } },
        "challenges": { "otpSms": { "returnCode": true }, "otpEmail": { "returnCode": {} } },
    });
    let made = rig.ok("session.CreateSession", &rig.login, request).await;
    assert_eq!(made["details"]["sequence"], "5");
    let code = |way: Way| json!({ "code": made["challenges"][way.challenge] });
    let request = json!({
        "sessionId": made["sessionId"],
        "checks": { "otpSms": code(SMS), "otpEmail": code(EMAIL) },
    });
    let set = rig.ok("session.SetSession", &rig.login, request).await;
    assert_eq!(set["details"]["sequence"], "8");
}

//! CreateSession: what it stores, what it answers, in which order it refuses.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::rig::{PASSWORD, Rig, human};

#[tokio::test]
async fn an_empty_session_has_sequence_two_and_belongs_to_the_instance() {
    let rig = Rig::start().await;
    let created = rig.ok("session.CreateSession", &rig.login, json!({})).await;
    let date = "2025-11-20T10:00:00.123456Z";
    let details = json!({ "sequence": "2", "changeDate": date, "resourceOwner": rig.app.instance.id });
    assert_eq!(created["details"], details);
    assert!(created.get("challenges").is_none());
    let id = created["sessionId"].as_str().unwrap();
    let expected = json!({ "id": id, "creationDate": date, "changeDate": date, "sequence": "2" });
    assert_eq!(rig.shown(id).await, expected);
}

#[tokio::test]
async fn the_sequence_counts_what_a_creation_holds() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let check = json!({ "user": { "userId": user } });
    let cases = [
        (json!({ "metadata": { "a": "Yg==" } }), "3"),
        (json!({ "metadata": { "a": "" } }), "2"),
        (json!({ "lifetime": "60s" }), "3"),
        (json!({ "checks": check }), "3"),
        (json!({ "checks": { "user": check["user"], "password": { "password": PASSWORD } } }), "4"),
        (json!({ "checks": check, "metadata": { "a": "Yg==" }, "lifetime": "60s" }), "5"),
        (json!({ "userAgent": { "fingerprintId": "fp" } }), "2"),
    ];
    for (request, sequence) in cases {
        let created = rig.ok("session.CreateSession", &rig.login, request.clone()).await;
        assert_eq!(created["details"]["sequence"], sequence, "{request}");
    }
}

#[tokio::test]
async fn a_checked_user_and_password_are_shown_as_factors_with_their_time() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    rig.clock.advance(Span::seconds(7));
    let (id, _) = rig.log_in("MINI@mouse.COM").await;
    let date = "2025-11-20T10:00:07.123456Z";
    let expected = json!({
        "user": {
            "verifiedAt": date, "id": user, "loginName": "mini@mouse.com", "displayName": "Mini Mouse",
            "organizationId": rig.app.instance.default_organisation,
        },
        "password": { "verifiedAt": date },
    });
    assert_eq!(rig.shown(&id).await["factors"], expected);
}

#[tokio::test]
async fn a_machine_can_be_the_user_of_a_session() {
    let rig = Rig::start().await;
    let (machine, _) = rig.add_machine("robot", &[]).await;
    let (id, _) = rig.session(json!({ "checks": { "user": { "loginName": "robot" } } })).await;
    assert_eq!(rig.shown(&id).await["factors"]["user"]["id"], json!(machine));
    let refusal = json!({ "checks": { "user": { "userId": machine }, "password": { "password": "x" } } });
    assert_eq!(rig.id("session.CreateSession", &rig.login, refusal).await, "COMMAND-3n77z");
}

#[tokio::test]
async fn names_are_shown_as_they_are_now_not_as_they_were() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let (id, _) = rig.log_in("mini@mouse.com").await;
    let change =
        json!({ "userId": user, "username": "queen", "human": { "profile": { "displayName": "Queen" } } });
    rig.ok("user.UpdateUser", &rig.admin, change).await;
    let shown = &rig.shown(&id).await["factors"]["user"];
    assert_eq!((&shown["loginName"], &shown["displayName"]), (&json!("queen"), &json!("Queen")));
}

#[tokio::test]
async fn a_user_agent_keeps_what_is_present_and_drops_an_address_that_is_none() {
    let rig = Rig::start().await;
    let rig = &rig;
    let stored = |agent: Value| async move {
        let (id, _) = rig.session(json!({ "userAgent": agent })).await;
        rig.shown(&id).await.get("userAgent").cloned()
    };
    let whole = json!({
        "fingerprintId": "", "ip": "::ffff:10.0.0.1", "description": "D",
        "header": { "X-odd-CASE": { "values": ["1", "2"] } },
    });
    let expected = json!({
        "fingerprintId": "", "ip": "10.0.0.1", "description": "D",
        "header": { "X-odd-CASE": { "values": ["1", "2"] } },
    });
    assert_eq!(stored(whole).await, Some(expected));
    assert_eq!(stored(json!({ "ip": "0:0:0:0:0:0:0:1" })).await, Some(json!({ "ip": "::1" })));
    assert_eq!(stored(json!({ "ip": "not an address" })).await, None);
    assert_eq!(stored(json!({})).await, None);
}

#[tokio::test]
async fn a_lifetime_counts_from_the_request_to_the_microsecond() {
    let rig = Rig::start().await;
    let expires = |lifetime: &'static str| {
        let rig = &rig;
        async move {
            let (id, _) = rig.session(json!({ "lifetime": lifetime })).await;
            rig.shown(&id).await["expirationDate"].clone()
        }
    };
    assert_eq!(expires("1.5s").await, "2025-11-20T10:00:01.623456Z");
    assert_eq!(expires("0.000000001s").await, "2025-11-20T10:00:00.123457Z");
    assert_eq!(expires("315576000000s").await, "9999-12-31T23:59:59.999999Z");
    assert_eq!(
        rig.id("session.CreateSession", &rig.login, json!({ "lifetime": "-1s" })).await,
        "invalid CreateSessionRequest.Lifetime: value must be greater than 0s"
    );
}

#[tokio::test]
async fn what_the_user_check_refuses() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let check = |user: Value| json!({ "checks": { "user": user } });
    let refused = |user: Value| {
        let rig = &rig;
        async move { rig.id("session.CreateSession", &rig.login, check(user)).await }
    };
    assert_eq!(refused(json!({})).await, "SESSION-d3b4g0");
    assert_eq!(refused(json!({ "loginName": "nobody" })).await, "QUERY-Dfbg2");
    assert_eq!(refused(json!({ "userId": "mini@mouse.com" })).await, "QUERY-Dfbg2");
    rig.ok("user.LockUser", &rig.admin, json!({ "userId": user })).await;
    assert_eq!(refused(json!({ "userId": user })).await, "SESSION-Gj4ko");
    rig.ok("user.DeactivateUser", &rig.admin, json!({ "userId": user })).await;
    assert_eq!(refused(json!({ "userId": user })).await, "SESSION-Gj4ko");
    rig.ok("user.DeleteUser", &rig.admin, json!({ "userId": user })).await;
    assert_eq!(refused(json!({ "userId": user })).await, "QUERY-Dfbg2");
}

#[tokio::test]
async fn a_caller_without_permission_cannot_tell_existing_users_from_missing_ones() {
    let rig = Rig::start().await;
    rig.add_human("mini@mouse.com").await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    let (_, manager) = rig.add_machine("manager", &[(None, "IAM_USER_MANAGER")]).await;
    let organisation = rig.app.instance.default_organisation.clone();
    let (_, owner) = rig.add_machine("owner", &[(Some(&organisation), "ORG_OWNER")]).await;
    for name in ["mini@mouse.com", "missing"] {
        let request = json!({ "checks": { "user": { "loginName": name } } });
        assert_eq!(rig.id("session.CreateSession", &nobody, request.clone()).await, "AUTHZ-cdgFk");
        assert_eq!(rig.id("session.CreateSession", &owner, request.clone()).await, "AUTHZ-cdgFk");
        assert_eq!(rig.id("session.CreateSession", &manager, request).await, "AUTH-AWfge");
    }
}

#[tokio::test]
async fn checks_of_factors_that_the_user_lacks_are_refused_in_their_order() {
    let rig = Rig::start().await;
    rig.add_human("mini@mouse.com").await;
    let user = json!({ "loginName": "mini@mouse.com" });
    let intent = json!({ "idpIntentId": "1", "idpIntentToken": "d3Jvbmc" });
    let odd = json!({ "idpIntentId": "1", "idpIntentToken": "no base64!" });
    let (assertion, code) = (json!({ "credentialAssertionData": {} }), json!({ "code": "123456" }));
    let checks = [
        (json!({ "idpIntent": intent, "webAuthN": assertion }), "COMMAND-Sfw3r", "CRYPTO-Sf4gt"),
        (json!({ "idpIntent": odd }), "COMMAND-Sfw3r", "CRYPTO-Swg31"),
        (json!({ "webAuthN": assertion, "totp": code }), "COMMAND-Ioqu5", "COMMAND-Ioqu5"),
        (json!({ "totp": code, "otpSms": code }), "COMMAND-8N9ds", "COMMAND-3Mif9s"),
        (json!({ "otpSms": code }), "COMMAND-S453v", "COMMAND-d2r52"),
        (json!({ "otpEmail": code, "recoveryCode": code }), "COMMAND-S453v", "COMMAND-d2r52"),
        (json!({ "recoveryCode": code }), "DOORWARD-R3c0u", "DOORWARD-R3c0r"),
        (json!({ "password": { "password": "x" }, "totp": code }), "COMMAND-Sfw3f", "COMMAND-3M0fs"),
    ];
    for (mut checks, without, with) in checks {
        let request = json!({ "checks": checks });
        assert_eq!(rig.id("session.CreateSession", &rig.login, request.clone()).await, without, "{request}");
        checks["user"] = user.clone();
        let request = json!({ "checks": checks });
        assert_eq!(rig.id("session.CreateSession", &rig.login, request.clone()).await, with, "{request}");
    }
    let passkey = json!({ "domain": "example.com", "userVerificationRequirement": 1 });
    let challenges = [
        (json!({ "webAuthN": passkey, "otpSms": {} }), "COMMAND-eeR2e", "WEBAU-4G8sw"),
        (json!({ "otpSms": { "returnCode": true } }), "COMMAND-JKL3g", "COMMAND-BJ2g3"),
        (json!({ "otpEmail": { "returnCode": {} } }), "COMMAND-JK3gp", "COMMAND-JKLJ3"),
    ];
    for (challenges, without, with) in challenges {
        let request = json!({ "challenges": challenges });
        assert_eq!(rig.id("session.CreateSession", &rig.login, request).await, without);
        let request = json!({ "checks": { "user": user }, "challenges": challenges });
        assert_eq!(rig.id("session.CreateSession", &rig.login, request).await, with);
    }
    let robot =
        json!({ "checks": { "user": { "loginName": "admin" } }, "challenges": { "webAuthN": passkey } });
    assert_eq!(rig.id("session.CreateSession", &rig.login, robot).await, "COMMAND-Df4b3");
    let empty = rig.ok("session.CreateSession", &rig.login, json!({ "challenges": {} })).await;
    assert_eq!(empty["challenges"], json!({}));
}

#[tokio::test]
async fn a_later_check_that_fails_leaves_no_trace_of_the_password_that_passed() {
    let rig = Rig::start().await;
    rig.add_human("mini@mouse.com").await;
    let checks = |password: &str| json!({ "user": { "loginName": "mini@mouse.com" }, "password": { "password": password } });
    let wrong = json!({ "checks": checks("wrong") });
    rig.call("session.CreateSession", &rig.login, wrong.clone()).await.unwrap_err();
    let mut both = checks(PASSWORD);
    both["totp"] = json!({ "code": "123456" });
    assert_eq!(
        rig.id("session.CreateSession", &rig.login, json!({ "checks": both })).await,
        "COMMAND-3Mif9s"
    );
    let refusal = rig.call("session.CreateSession", &rig.login, wrong).await.unwrap_err();
    assert_eq!(refusal.details[0]["failedAttempts"], 2, "the success in between did not reset the counter");
    let all = rig.ok("session.ListSessions", &rig.login, json!({})).await;
    assert!(all.get("sessions").is_none(), "no session was created: {all}");
}

#[tokio::test]
async fn too_much_metadata_is_refused_and_nothing_is_kept() {
    let rig = Rig::start().await;
    let big = "QUFB".repeat(22_000);
    let request = json!({ "metadata": { "big": big } });
    assert_eq!(rig.id("session.CreateSession", &rig.login, request).await, "DOORWARD-M3ta3");
    let (id, token) = rig.session(json!({ "metadata": { "a": "QUFB" } })).await;
    let request = json!({ "sessionId": id, "sessionToken": token, "metadata": { "big": big } });
    assert_eq!(rig.id("session.SetSession", &rig.login, request).await, "DOORWARD-M3ta3");
    assert_eq!(rig.shown(&id).await["metadata"], json!({ "a": "QUFB" }));
    assert_eq!(human("x")["email"]["email"], "x");
}

//! What a user has set up to log in with, and the note that somebody wanted no second factor.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::client::Protocol;
use crate::rig::{Rig, START};
use crate::tools::{add, add_in, shown};

const METHODS: &str = "user.ListAuthenticationMethodTypes";
const FACTORS: &str = "user.ListAuthenticationFactors";
const SKIP: &str = "user.HumanMFAInitSkipped";

/// Writes rows that the service itself would make in many steps.
async fn sql(rig: &Rig, statements: impl Into<String>) {
    let statements = statements.into();
    let done = rig.app.db.write(move |conn| Box::pin(async move { conn.script(&statements).await }));
    done.await.unwrap();
}

/// A key of a user, or one whose registration has to be finished within a second.
async fn key(rig: &Rig, user: &str, (id, rp_id): (&str, &str), second_factor: bool, ready: bool) {
    let (name, rest) = match ready {
        true => (format!("key {id}"), "NULL, NULL".to_owned()),
        false => (String::new(), format!("'waits', {}", START.plus(Span::seconds(1)).0)),
    };
    let row = format!("'{id}', '{user}', {second_factor}, {ready}, '{rp_id}', '{name}', {rest}, 0, 0, 0");
    sql(
        rig,
        format!(
            "INSERT INTO passkeys (id, user_id, second_factor, ready, rp_id, name, registration, expires, sign_count, \
             created, changed) VALUES ({row})"
        ),
    )
    .await;
}

/// Every factor but keys, ready.
async fn set_up(rig: &Rig, user: &str) {
    sql(
        rig,
        format!(
            "INSERT INTO totps (user_id, secret, ready, created) VALUES ('{user}', '', TRUE, 0); \
             INSERT INTO otp_factors VALUES ('{user}', 'sms', 0), ('{user}', 'email', 0); \
             INSERT INTO recovery_codes VALUES ('{user}', '00', '', 0), ('{user}', '01', '', 0); \
             INSERT INTO idp_links VALUES ('idp', 'a', '{user}', 'mini', 0), ('idp', 'b', '{user}', 'max', 0)"
        ),
    )
    .await;
}

async fn methods(rig: &Rig, user: &str, domain: Value) -> Vec<String> {
    let mut request = json!({ "userId": user });
    if !domain.is_null() {
        request["domainQuery"] = domain;
    }
    let answer = rig.ok(METHODS, &rig.admin, request).await;
    let types = answer["authMethodTypes"].as_array().cloned().unwrap_or_default();
    let total = answer["details"]["totalResult"].as_str().unwrap_or("0");
    assert_eq!(total, types.len().to_string(), "{answer}");
    let name = |value: &Value| value.as_str().unwrap().replace("AUTHENTICATION_METHOD_TYPE_", "");
    types.iter().map(name).collect()
}

async fn factors(rig: &Rig, request: Value) -> Value {
    rig.ok(FACTORS, &rig.admin, request).await["result"].clone()
}

#[tokio::test]
async fn a_method_shows_once_it_is_ready_and_each_type_once() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    assert_eq!(methods(&rig, &id, Value::Null).await, ["PASSWORD"]);
    let bare = add(&rig, "max@mouse.com", json!({ "password": null })).await["userId"].clone();
    let bare = bare.as_str().unwrap();
    assert_eq!(methods(&rig, bare, Value::Null).await, Vec::<String>::new());
    let (bot, _) = rig.add_machine("bot", &[]).await;
    assert_eq!(methods(&rig, &bot, Value::Null).await, Vec::<String>::new());

    sql(&rig, format!("INSERT INTO totps (user_id, secret, ready, created) VALUES ('{bare}', '', FALSE, 0)"))
        .await;
    key(&rig, bare, ("1", "mouse.com"), false, false).await;
    assert_eq!(methods(&rig, bare, Value::Null).await, Vec::<String>::new(), "nothing is ready");

    set_up(&rig, &id).await;
    for (key_id, second_factor) in [("2", true), ("3", true), ("4", false), ("5", false)] {
        key(&rig, &id, (key_id, "mouse.com"), second_factor, true).await;
    }
    let all = ["TOTP", "OTP_SMS", "OTP_EMAIL", "U2F", "PASSKEY", "RECOVERY_CODE", "PASSWORD", "IDP"];
    assert_eq!(methods(&rig, &id, Value::Null).await, all);
}

#[tokio::test]
async fn a_domain_leaves_out_the_keys_of_others_and_nothing_else() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    key(&rig, &id, ("1", "mouse.com"), false, true).await;
    key(&rig, &id, ("2", "cheese.com"), true, true).await;
    sql(&rig, format!("INSERT INTO otp_factors VALUES ('{id}', 'sms', 0)")).await;
    for (domain, expected) in [
        ("mouse.com", vec!["OTP_SMS", "PASSKEY", "PASSWORD"]),
        ("CHEESE.com", vec!["OTP_SMS", "U2F", "PASSWORD"]),
        ("login.mouse.com", vec!["OTP_SMS", "PASSWORD"]),
        ("mouse.com\0", vec!["OTP_SMS", "PASSWORD"]),
    ] {
        assert_eq!(methods(&rig, &id, json!({ "domain": domain })).await, expected, "{domain}");
    }
    key(&rig, &id, ("3", ""), true, true).await;
    for (or_unknown, expected) in [
        (false, vec!["OTP_SMS", "PASSKEY", "PASSWORD"]),
        (true, vec!["OTP_SMS", "U2F", "PASSKEY", "PASSWORD"]),
    ] {
        let domain = json!({ "domain": "mouse.com", "includeWithoutDomain": or_unknown });
        assert_eq!(methods(&rig, &id, domain).await, expected, "{or_unknown}");
    }
    let request = json!({ "userId": id, "domainQuery": { "includeWithoutDomain": true } });
    let refusal = rig.call(METHODS, &rig.admin, request).await.unwrap_err();
    assert!(
        refusal
            .message
            .ends_with("invalid DomainQuery.Domain: value length must be between 1 and 200 runes, inclusive")
    );
}

#[tokio::test]
async fn factors_are_found_by_kind_and_state() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    assert_eq!(factors(&rig, json!({ "userId": id })).await, Value::Null);
    set_up(&rig, &id).await;
    key(&rig, &id, ("1", "mouse.com"), false, true).await;
    key(&rig, &id, ("2", "mouse.com"), true, true).await;
    key(&rig, &id, ("3", "cheese.com"), true, true).await;
    key(&rig, &id, ("4", "mouse.com"), true, false).await;
    let ready = "AUTH_FACTOR_STATE_READY";
    let (totp, sms) = (json!({ "state": ready, "otp": {} }), json!({ "state": ready, "otpSms": {} }));
    let email = json!({ "state": ready, "otpEmail": {} });
    let key = |id: &str| json!({ "state": ready, "u2f": { "id": id, "name": format!("key {id}") } });
    let waiting = json!({ "state": "AUTH_FACTOR_STATE_NOT_READY", "u2f": { "id": "4" } });
    let asked = async |kinds: Value, states: Value| {
        factors(&rig, json!({ "userId": id, "authFactors": kinds, "states": states })).await
    };
    let all = json!([totp, sms, email, key("2"), key("3")]);
    assert_eq!(asked(json!([]), json!([])).await, all, "no passkeys, and nothing that is not ready");
    assert_eq!(asked(json!(["U2F", "OTP"]), json!([])).await, json!([totp, key("2"), key("3")]));
    assert_eq!(asked(json!(["OTP_SMS", "OTP_SMS"]), json!([ready])).await, json!([sms]));
    assert_eq!(asked(json!(["OTP_EMAIL", 9]), json!([])).await, json!([email]));
    assert_eq!(asked(json!([9]), json!([])).await, Value::Null);
    assert_eq!(asked(json!([]), json!(["AUTH_FACTOR_STATE_NOT_READY"])).await, json!([waiting]));
    let both = asked(json!(["U2F"]), json!(["AUTH_FACTOR_STATE_NOT_READY", ready])).await;
    assert_eq!(both, json!([key("2"), key("3"), waiting]));
    for never in ["AUTH_FACTOR_STATE_REMOVED", "AUTH_FACTOR_STATE_UNSPECIFIED"] {
        assert_eq!(asked(json!([]), json!([never])).await, Value::Null, "{never}");
    }
    rig.clock.advance(Span::seconds(1));
    assert_eq!(
        asked(json!([]), json!(["AUTH_FACTOR_STATE_NOT_READY"])).await,
        Value::Null,
        "its time is over"
    );
    sql(&rig, format!("UPDATE totps SET ready = FALSE WHERE user_id = '{id}'")).await;
    let waiting = json!({ "state": "AUTH_FACTOR_STATE_NOT_READY", "otp": {} });
    assert_eq!(asked(json!([]), json!(["AUTH_FACTOR_STATE_NOT_READY"])).await, json!([waiting]));
}

#[tokio::test]
async fn what_is_set_up_is_shown_over_every_protocol_alike() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    set_up(&rig, &id).await;
    key(&rig, &id, ("1", "mouse.com"), true, true).await;
    let domain = json!({ "domain": "cheese.com", "includeWithoutDomain": false });
    let states = json!(["AUTH_FACTOR_STATE_READY", "AUTH_FACTOR_STATE_NOT_READY"]);
    for (method, request) in [
        (METHODS, json!({ "userId": id })),
        (METHODS, json!({ "userId": id, "domainQuery": domain })),
        (FACTORS, json!({ "userId": id, "authFactors": ["OTP_SMS", "U2F"], "states": states })),
    ] {
        let expected = rig.ok(method, &rig.admin, request.clone()).await;
        for protocol in Protocol::ALL {
            let answer = rig.http.call(protocol, method, Some(&rig.admin), request.clone()).await;
            assert_eq!(answer, Ok(expected.clone()), "{method} over {protocol:?}");
        }
    }
    let path = format!("/v2/users/{id}/authentication_factors/_search");
    let body = json!({ "authFactors": ["U2F"] });
    let whole = rig.rest("POST", &path, &rig.admin, body).await.json();
    assert_eq!(whole["result"].as_array().map(Vec::len), Some(4), "the body is not part of the message");
}

#[tokio::test]
async fn only_readers_of_the_user_and_the_user_see_what_is_set_up() {
    let rig = Rig::start().await;
    let away = rig.add_organisation("Away").await;
    let id = rig.add_human("mini@mouse.com").await;
    let other = rig.add_human("max@mouse.com").await;
    let foreign = add_in(&rig, &away, "far@mouse.com").await;
    let (_, token) = rig.log_in("mini@mouse.com").await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    let home = rig.app.instance.default_organisation.clone();
    let (_, viewer) = rig.add_machine("viewer", &[(Some(&home), "ORG_OWNER_VIEWER")]).await;
    let (_, self_manager) = rig.add_machine("self", &[(Some(&home), "ORG_USER_SELF_MANAGER")]).await;
    for method in [METHODS, FACTORS] {
        let of = |user: &str| json!({ "userId": user });
        rig.ok(method, &token, of(&id)).await;
        rig.ok(method, &viewer, of(&id)).await;
        assert_eq!(rig.id(method, &token, of(&other)).await, "AUTHZ-cdgFk");
        assert_eq!(rig.id(method, &nobody, of(&id)).await, "AUTHZ-cdgFk");
        assert_eq!(rig.id(method, &self_manager, of(&id)).await, "AUTH-AWfge");
        assert_eq!(rig.id(method, &viewer, of(&foreign)).await, "AUTHZ-cdgFk");
        // Nothing is set up by somebody who is not there, which only readers are told.
        let unknown = rig.ok(method, &viewer, of("unknown")).await;
        assert_eq!((&unknown["authMethodTypes"], &unknown["result"]), (&Value::Null, &Value::Null));
        assert_eq!(rig.id(method, &nobody, of("unknown")).await, "AUTHZ-cdgFk");
        assert_eq!(rig.id(method, &self_manager, of("mini\0")).await, "AUTH-AWfge");
        let long = "x".repeat(201);
        assert!(
            rig.id(method, &viewer, of(&long))
                .await
                .ends_with("UserId: value length must be between 1 and 200 runes, inclusive")
        );
    }
}

#[tokio::test]
async fn a_deleted_user_has_nothing_set_up() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    set_up(&rig, &id).await;
    key(&rig, &id, ("1", "mouse.com"), true, true).await;
    rig.ok("user.DeleteUser", &rig.admin, json!({ "userId": id })).await;
    assert_eq!(methods(&rig, &id, Value::Null).await, Vec::<String>::new());
    assert_eq!(factors(&rig, json!({ "userId": id })).await, Value::Null);
}

#[tokio::test]
async fn skipping_a_second_factor_is_noted_with_its_time() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (_, token) = rig.log_in("mini@mouse.com").await;
    let (bot, own) = rig.add_machine("bot", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    assert_eq!(shown(&rig, &id).await["human"]["mfaInitSkipped"], Value::Null);
    rig.clock.advance(Span::seconds(1));
    let skipped = rig.ok(SKIP, &token, json!({ "userId": id })).await;
    assert_eq!(skipped["details"]["sequence"], "2");
    assert_eq!(skipped["details"]["changeDate"], "2025-11-20T10:00:01.123456Z");
    let user = shown(&rig, &id).await;
    assert_eq!(user["human"]["mfaInitSkipped"], "2025-11-20T10:00:01.123456Z");
    rig.clock.advance(Span::seconds(1));
    rig.ok(SKIP, &rig.admin, json!({ "userId": id })).await;
    assert_eq!(
        shown(&rig, &id).await["human"]["mfaInitSkipped"],
        "2025-11-20T10:00:02.123456Z",
        "the last time"
    );

    assert_eq!(rig.id(SKIP, &viewer, json!({ "userId": id })).await, "AUTH-AWfge");
    assert_eq!(rig.id(SKIP, &own, json!({ "userId": id })).await, "AUTHZ-cdgFk");
    let refusal = rig.call(SKIP, &own, json!({ "userId": bot })).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (9, "DOORWARD-Hum4n"));
    let refusal = rig.call(SKIP, &rig.admin, json!({ "userId": "unknown" })).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (5, "COMMAND-4g3xq"));
}

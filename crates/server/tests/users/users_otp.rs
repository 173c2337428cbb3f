//! Codes by SMS and mail: having a user take them, and what becomes of that when phone or address change.

use serde_json::{Value, json};

use crate::rig::Rig;
use crate::tools::{add, text, with};

/// The two ways follow the same rules under other names.
#[derive(Clone, Copy)]
struct Way {
    add: &'static str,
    remove: &'static str,
    set: &'static str,
    verify: &'static str,
    field: &'static str,
    address: &'static str,
    already: &'static str,
    unverified: &'static str,
    missing: &'static str,
}

const SMS: Way = Way {
    add: "user.AddOTPSMS",
    remove: "user.RemoveOTPSMS",
    set: "user.SetPhone",
    verify: "user.VerifyPhone",
    field: "phone",
    address: "+41791234501",
    already: "COMMAND-Ad3g2",
    unverified: "COMMAND-Q54j2",
    missing: "COMMAND-Sr3h3",
};
const EMAIL: Way = Way {
    add: "user.AddOTPEmail",
    remove: "user.RemoveOTPEmail",
    set: "user.SetEmail",
    verify: "user.VerifyEmail",
    field: "email",
    address: "other@mouse.com",
    already: "COMMAND-MKL2s",
    unverified: "COMMAND-KLJ2d",
    missing: "COMMAND-b312D",
};

/// A person with a verified phone and a verified address; gives the id.
async fn somebody(rig: &Rig) -> String {
    let change = json!({ "phone": { "phone": "+41791234567", "isVerified": true } });
    text(&add(rig, "mini@mouse.com", change).await["userId"])
}

#[tokio::test]
async fn each_way_is_added_once_and_removed_once() {
    let rig = Rig::start().await;
    let id = somebody(&rig).await;
    let request = json!({ "userId": id });
    let mut sequence = 1;
    for way in [SMS, EMAIL] {
        for (method, id, code, text) in
            [(way.add, way.already, 6, "is already set up"), (way.remove, way.missing, 5, "doesn't exist")]
        {
            sequence += 1;
            let answer = rig.ok(method, &rig.admin, request.clone()).await;
            assert_eq!(answer["details"]["sequence"], sequence.to_string());
            let refusal = rig.call(method, &rig.admin, request.clone()).await.unwrap_err();
            let message = format!("Multifactor OTP (OneTimePassword) {text} ({id})");
            assert_eq!((refusal.code, refusal.message), (code, message));
        }
    }
}

#[tokio::test]
async fn only_a_proven_address_takes_codes() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let request = json!({ "userId": id });
    assert_eq!(rig.id(SMS.add, &rig.admin, request.clone()).await, SMS.unverified, "there is no phone");
    for way in [SMS, EMAIL] {
        let set = json!({ "userId": id, way.field: way.address, "returnCode": {} });
        let code = rig.ok(way.set, &rig.admin, set).await["verificationCode"].clone();
        let refusal = rig.call(way.add, &rig.admin, request.clone()).await.unwrap_err();
        let message = format!("Multifactor OTP (OneTimePassword) isn't ready ({})", way.unverified);
        assert_eq!((refusal.code, refusal.message), (9, message));
        rig.ok(way.verify, &rig.admin, json!({ "userId": id, "verificationCode": code })).await;
        rig.ok(way.add, &rig.admin, request.clone()).await;
    }
}

#[tokio::test]
async fn a_change_to_an_unproven_address_keeps_what_was_added_and_adds_nothing_new() {
    let rig = Rig::start().await;
    let id = somebody(&rig).await;
    let request = json!({ "userId": id });
    for way in [SMS, EMAIL] {
        rig.ok(way.add, &rig.admin, request.clone()).await;
        let set = json!({ "userId": id, way.field: way.address, "returnCode": {} });
        rig.ok(way.set, &rig.admin, set).await;
        assert_eq!(rig.id(way.add, &rig.admin, request.clone()).await, way.already, "asked first");
        rig.ok(way.remove, &rig.admin, request.clone()).await;
        assert_eq!(rig.id(way.add, &rig.admin, request.clone()).await, way.unverified);
    }
}

#[tokio::test]
async fn a_phone_that_is_removed_takes_codes_by_sms_along_and_leaves_those_by_mail() {
    let rig = Rig::start().await;
    let id = somebody(&rig).await;
    let request = json!({ "userId": id });
    let removals = [
        ("user.RemovePhone", request.clone()),
        ("user.UpdateUser", json!({ "userId": id, "human": { "phone": { "phone": "" } } })),
    ];
    rig.ok(EMAIL.add, &rig.admin, request.clone()).await;
    for (method, removal) in removals {
        rig.ok(SMS.add, &rig.admin, request.clone()).await;
        rig.ok(method, &rig.admin, removal).await;
        assert_eq!(rig.id(SMS.remove, &rig.admin, request.clone()).await, SMS.missing, "{method}");
        let back = json!({ "userId": id, "phone": "+41791234567", "isVerified": true });
        rig.ok("user.SetPhone", &rig.admin, back).await;
    }
    assert_eq!(rig.id(EMAIL.add, &rig.admin, request).await, EMAIL.already);
}

#[tokio::test]
async fn who_may_add_and_remove_and_what_they_learn() {
    let rig = Rig::start().await;
    let id = somebody(&rig).await;
    let (bot, nobody) = rig.add_machine("nobody", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let (_, manager) = rig.add_machine("manager", &[(None, "IAM_USER_MANAGER")]).await;
    let (_, own) = rig.log_in("mini@mouse.com").await;
    let request = |user: &str| -> Value { json!({ "userId": user }) };
    for way in [SMS, EMAIL] {
        for user in [id.as_str(), "unknown"] {
            for method in [way.add, way.remove] {
                assert_eq!(rig.id(method, &nobody, request(user)).await, "AUTHZ-cdgFk", "{method} {user}");
                assert_eq!(rig.id(method, &viewer, request(user)).await, "AUTH-AWfge", "{method} {user}");
            }
        }
        for user in ["unknown", &bot] {
            assert_eq!(rig.id(way.add, &rig.admin, request(user)).await, way.unverified);
            assert_eq!(rig.id(way.remove, &rig.admin, request(user)).await, way.missing);
        }
        assert_eq!(rig.id(way.add, &manager, request(&id)).await, "AUTH-AWfge");
        rig.ok(way.add, &own, request(&id)).await;
        rig.ok(way.remove, &manager, request(&id)).await;
        rig.ok(way.add, &rig.login, request(&id)).await;
        rig.ok(way.remove, &own, request(&id)).await;
    }
    let foreign = rig.add_organisation("other").await;
    let (_, owner) = rig.add_machine("owner", &[(Some(foreign.as_str()), "ORG_OWNER")]).await;
    for user in [id.as_str(), "unknown"] {
        assert_eq!(rig.id(SMS.add, &owner, request(user)).await, "AUTHZ-cdgFk", "{user}");
    }
}

#[tokio::test]
async fn of_a_hundred_who_add_one_way_exactly_one_succeeds() {
    let rig = Rig::start().await;
    let id = somebody(&rig).await;
    for way in [SMS, EMAIL] {
        let calls = (0..100).map(|_| rig.call(way.add, &rig.admin, with(json!({ "userId": id }), json!({}))));
        let outcomes = futures_util::future::join_all(calls).await;
        let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
        assert_eq!(refused.len(), 99);
        assert!(refused.iter().all(|refusal| refusal.id() == way.already), "{refused:?}");
    }
}

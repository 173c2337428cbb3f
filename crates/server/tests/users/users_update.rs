//! UpdateUser and UpdateHumanUser: every part alone, all together, all or nothing.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::rig::{PASSWORD, Rig};
use crate::tools::{log_in, shown, text, with};

const UPDATE: &str = "user.UpdateUser";
const UPDATE_HUMAN: &str = "user.UpdateHumanUser";
const NEW: &str = "N3w!passw";

#[tokio::test]
async fn each_part_of_a_person_changes_alone() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let mut expected = shown(&rig, &id).await["human"].clone();
    let parts = [
        (json!({ "profile": { "givenName": "Max" } }), json!({ "profile": { "givenName": "Max" } })),
        (
            json!({ "profile": { "nickName": "mm", "displayName": "M. M.", "preferredLanguage": "de", "gender": "GENDER_MALE" } }),
            json!({ "profile": { "nickName": "mm", "displayName": "M. M.", "preferredLanguage": "de", "gender": "GENDER_MALE" } }),
        ),
        (
            json!({ "email": { "email": "max@mouse.com" } }),
            json!({ "email": { "email": "max@mouse.com", "isVerified": null } }),
        ),
        (
            json!({ "phone": { "phone": "+41 79 123 45 67", "isVerified": true } }),
            json!({ "phone": { "phone": "+41791234567", "isVerified": true } }),
        ),
    ];
    for (number, (part, change)) in parts.into_iter().enumerate() {
        rig.clock.advance(Span::seconds(1));
        let answer = rig.ok(UPDATE, &rig.admin, json!({ "userId": id, "human": part })).await;
        assert_eq!(answer, json!({ "changeDate": format!("2025-11-20T10:00:0{}.123456Z", number + 1) }));
        expected = with(expected, change);
        let user = shown(&rig, &id).await;
        assert_eq!(user["human"], expected, "{part}");
        assert_eq!(user["details"]["sequence"], (number + 2).to_string());
    }
    rig.ok(UPDATE, &rig.admin, json!({ "userId": id, "username": "maxi" })).await;
    assert_eq!(shown(&rig, &id).await["preferredLoginName"], "maxi");
    assert_eq!(log_in(&rig, "mini@mouse.com", PASSWORD).await, Err("QUERY-Dfbg2".to_owned()));
    let password = json!({ "password": { "password": NEW }, "currentPassword": PASSWORD });
    rig.ok(UPDATE, &rig.admin, json!({ "userId": id, "human": { "password": password } })).await;
    assert_eq!(log_in(&rig, "MAXI", NEW).await, Ok(()));

    let codes = json!({ "email": { "email": "a@b.c", "returnCode": {} }, "phone": { "phone": "+41791234568", "returnCode": {} } });
    for (method, request) in [
        (UPDATE, json!({ "human": codes })),
        (
            UPDATE_HUMAN,
            with(
                codes.clone(),
                json!({ "email": { "email": "d@b.c" }, "phone": { "phone": "+41791234569" } }),
            ),
        ),
    ] {
        let answer = rig.ok(method, &rig.admin, with(request, json!({ "userId": id }))).await;
        for (verify, code) in [("user.VerifyEmail", "emailCode"), ("user.VerifyPhone", "phoneCode")] {
            let proof = json!({ "userId": id, "verificationCode": answer[code] });
            rig.ok(verify, &rig.admin, proof).await;
        }
    }
}

#[tokio::test]
async fn update_human_user_replaces_the_names_and_answers_with_details() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let request = json!({
        "userId": id,
        "username": "maxi",
        "profile": { "givenName": "Max", "familyName": "Muster" },
        "email": { "email": "max@mouse.com", "isVerified": true },
        "phone": { "phone": "+41791234567" },
        "password": { "password": { "password": NEW, "changeRequired": true } },
    });
    let answer = rig.ok(UPDATE_HUMAN, &rig.admin, request).await;
    assert_eq!(answer["details"]["sequence"], "2");
    let user = shown(&rig, &id).await;
    assert_eq!(user["username"], "maxi");
    assert_eq!(
        (&user["human"]["profile"]["givenName"], &user["human"]["profile"]["familyName"]),
        (&json!("Max"), &json!("Muster"))
    );
    assert_eq!(user["human"]["email"], json!({ "email": "max@mouse.com", "isVerified": true }));
    assert_eq!(user["human"]["passwordChangeRequired"], true);
    assert_eq!(log_in(&rig, "maxi", NEW).await, Ok(()));
    let nameless = json!({ "userId": id, "profile": { "givenName": "Max" } });
    let refusal = rig.call(UPDATE_HUMAN, &rig.admin, nameless).await.unwrap_err();
    assert!(refusal.message.contains("invalid SetHumanProfile.FamilyName"), "{refusal:?}");
}

#[tokio::test]
async fn one_part_that_fails_keeps_all_others_from_happening() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    rig.add_human("taken@mouse.com").await;
    let (session, _) = rig.log_in("mini@mouse.com").await;
    let code = json!({ "userId": id, "email": "next@mouse.com", "returnCode": {} });
    let code = text(&rig.ok("user.SetEmail", &rig.admin, code).await["verificationCode"]);
    let before = (shown(&rig, &id).await, rig.shown(&session).await);
    let whole = json!({
        "userId": id,
        "username": "maxi",
        "human": {
            "profile": { "givenName": "Max" },
            "email": { "email": "max@mouse.com", "returnCode": {} },
            "phone": { "phone": "+41791234567" },
            "password": { "password": { "password": NEW } },
        },
    });
    let failures = [
        (json!({ "username": "TAKEN@mouse.com" }), "V3-DKcYh"),
        (json!({ "username": " " }), "V2-zzad3"),
        (json!({ "human": { "profile": { "givenName": " " } } }), "USER-UCej2"),
        (json!({ "human": { "profile": { "familyName": " " } } }), "USER-4hB7d"),
        (json!({ "human": { "email": { "email": "M <m@b.c>" } } }), "EMAIL-599BI"),
        (json!({ "human": { "email": { "email": "next@mouse.com" } } }), "COMMAND-Uch5e"),
        (json!({ "human": { "phone": { "phone": "12" } } }), "PHONE-so0wa"),
        (json!({ "human": { "phone": { "sendCode": {} } } }), "DOORWARD-N0tif"),
        (json!({ "human": { "password": { "password": { "password": "weak" } } } }), "DOMAIN-HuJf6"),
        (json!({ "human": { "password": { "currentPassword": "wrong" } } }), "COMMAND-3M0fs"),
        (json!({ "human": { "password": { "verificationCode": "ABC123" } } }), "COMMAND-2M9fs"),
        (
            json!({ "human": { "password": { "password": null, "hashedPassword": { "hash": "x" } } } }),
            "USER-JDk4t",
        ),
    ];
    for (change, expected) in failures {
        let request = with(whole.clone(), change.clone());
        assert_eq!(rig.id(UPDATE, &rig.admin, request).await, expected, "{change}");
        assert_eq!((shown(&rig, &id).await, rig.shown(&session).await), before, "{change}");
    }
    assert_eq!(log_in(&rig, "mini@mouse.com", PASSWORD).await, Ok(()));
    rig.ok("user.VerifyEmail", &rig.admin, json!({ "userId": id, "verificationCode": code })).await;
    rig.ok(UPDATE, &rig.admin, whole).await;
    assert_eq!(log_in(&rig, "maxi", NEW).await, Ok(()));
    assert!(rig.shown(&session).await["factors"].get("password").is_none());
}

#[tokio::test]
async fn persons_and_machines_are_not_taken_for_each_other() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (bot, _) = rig.add_machine("bot", &[]).await;
    let machine = |id: &str| json!({ "userId": id, "machine": { "description": "new" } });
    let refusal = rig.call(UPDATE, &rig.admin, machine(&id)).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (9, "DOORWARD-M4ch1"));
    for (method, request) in [
        (UPDATE, json!({ "userId": bot, "human": { "profile": { "givenName": "B" } } })),
        (UPDATE, json!({ "userId": bot, "human": { "email": { "email": "a@b.c" } } })),
        (UPDATE_HUMAN, json!({ "userId": bot, "profile": { "givenName": "B", "familyName": "T" } })),
        ("user.SetEmail", json!({ "userId": bot, "email": "a@b.c" })),
        ("user.SetPhone", json!({ "userId": bot, "phone": "+41791234567" })),
        ("user.RemovePhone", json!({ "userId": bot })),
    ] {
        assert_eq!(rig.id(method, &rig.admin, request.clone()).await, "DOORWARD-Hum4n", "{method} {request}");
    }
    rig.ok(UPDATE, &rig.admin, machine(&bot)).await;
    rig.ok(UPDATE, &rig.admin, json!({ "userId": bot, "username": "robot", "machine": { "name": "Robot" } }))
        .await;
    let user = shown(&rig, &bot).await;
    assert_eq!(
        (&user["username"], &user["machine"]),
        (&json!("robot"), &json!({ "name": "Robot", "description": "new" }))
    );
}

#[tokio::test]
async fn users_change_themselves_but_neither_vouch_nor_set_passwords_without_proof() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let (_, mini) = rig.log_in("mini@mouse.com").await;
    let change = |change: Value| json!({ "userId": id, "human": change });
    let nick = change(json!({ "profile": { "nickName": "m" } }));
    rig.ok(UPDATE, &mini, nick.clone()).await;
    assert_eq!(rig.id(UPDATE, &viewer, nick.clone()).await, "AUTH-AWfge");
    assert_eq!(rig.id(UPDATE, &mini, with(nick, json!({ "userId": "none" }))).await, "COMMAND-4g3xq");
    let vouched = change(json!({ "email": { "email": "x@mouse.com", "isVerified": true } }));
    assert_eq!(rig.id(UPDATE, &mini, vouched).await, "AUTHZ-cdgFk");
    let unproven = change(json!({ "password": { "password": { "password": NEW } } }));
    assert_eq!(rig.id(UPDATE, &mini, unproven.clone()).await, "AUTHZ-cdgFk");
    let proven = with(unproven, json!({ "human": { "password": { "currentPassword": PASSWORD } } }));
    rig.ok(UPDATE, &mini, proven).await;
    assert_eq!(log_in(&rig, "mini@mouse.com", NEW).await, Ok(()));
}

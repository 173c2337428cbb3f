//! Recovery codes of users: making a set, replacing it, removing it.

use std::collections::BTreeSet;

use doorward_store::recovery_code;
use serde_json::{Value, json};

use crate::rig::Rig;
use crate::tools::text;

const GENERATE: &str = "user.GenerateRecoveryCodes";
const REMOVE: &str = "user.RemoveRecoveryCodes";

fn codes(answer: &Value) -> BTreeSet<String> {
    answer["recoveryCodes"].as_array().unwrap().iter().map(text).collect()
}

async fn left(rig: &Rig, id: &str) -> u64 {
    let mut reading = rig.app.db.reading().await.unwrap();
    recovery_code::count(reading.conn().unwrap(), id).await.unwrap()
}

#[tokio::test]
async fn a_set_has_ten_codes_unless_the_caller_says_how_many() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    for (request, count) in [
        (json!({ "userId": id }), 10),
        (json!({ "userId": id, "count": 0 }), 10),
        (json!({ "userId": id, "count": 1 }), 1),
        (json!({ "userId": id, "count": 50 }), 50),
    ] {
        let made = codes(&rig.ok(GENERATE, &rig.admin, request).await);
        assert_eq!(made.len(), count, "all different");
        assert_eq!(left(&rig, &id).await, count as u64, "in place of the set before");
        for code in made {
            assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4], "{code}");
        }
    }
    let many = rig.call(GENERATE, &rig.admin, json!({ "userId": id, "count": 51 })).await.unwrap_err();
    assert_eq!((many.code, many.id().as_str()), (3, "DOORWARD-R3c0m"));
    assert_eq!(left(&rig, &id).await, 50);
}

#[tokio::test]
async fn a_set_is_removed_once() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let request = json!({ "userId": id });
    let made = rig.ok(GENERATE, &rig.admin, request.clone()).await;
    assert_eq!(made["details"]["sequence"], "2");
    let removed = rig.ok(REMOVE, &rig.admin, request.clone()).await;
    assert_eq!(removed["details"]["sequence"], "3");
    let refusal = rig.call(REMOVE, &rig.admin, request).await.unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (5, "Recovery codes don't exist (DOORWARD-R3c0n)"));
}

#[tokio::test]
async fn who_may_make_and_remove_them() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (bot, nobody) = rig.add_machine("nobody", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let (_, manager) = rig.add_machine("manager", &[(None, "IAM_USER_MANAGER")]).await;
    let (_, own) = rig.log_in("mini@mouse.com").await;
    let request = |user: &str| -> Value { json!({ "userId": user }) };
    for user in [id.as_str(), "unknown"] {
        for method in [GENERATE, REMOVE] {
            assert_eq!(rig.id(method, &nobody, request(user)).await, "AUTHZ-cdgFk", "{method} {user}");
            assert_eq!(rig.id(method, &viewer, request(user)).await, "AUTH-AWfge", "{method} {user}");
        }
    }
    assert_eq!(rig.id(GENERATE, &rig.admin, request("unknown")).await, "COMMAND-4g3xq");
    assert_eq!(rig.id(REMOVE, &rig.admin, request("unknown")).await, "DOORWARD-R3c0n");
    assert_eq!(rig.id(GENERATE, &rig.admin, request(&bot)).await, "DOORWARD-Hum4n");
    assert_eq!(rig.id(GENERATE, &manager, request(&id)).await, "AUTH-AWfge");
    rig.ok(GENERATE, &own, request(&id)).await;
    rig.ok(REMOVE, &manager, request(&id)).await;
    rig.ok(GENERATE, &rig.login, request(&id)).await;
    rig.ok(REMOVE, &own, request(&id)).await;
}

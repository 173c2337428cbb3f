//! Locking, unlocking, deactivating, reactivating and deleting users.

use doorward_core::attempt::Counted;
use serde_json::{Value, json};

use crate::client::Refusal;
use crate::rig::{PASSWORD, Rig, human};
use crate::tools::{add, add_in, failed, for_organisation, log_in, shown, text, with};

const LOCK: &str = "user.LockUser";
const UNLOCK: &str = "user.UnlockUser";
const DEACTIVATE: &str = "user.DeactivateUser";
const REACTIVATE: &str = "user.ReactivateUser";
const DELETE: &str = "user.DeleteUser";

fn seen(refusal: &Refusal) -> (u32, &str) {
    (refusal.code, refusal.message.as_str())
}

/// Brings a new user into a state and makes the call there.
async fn after(rig: &Rig, name: &str, way: &[&str], call: &str) -> Result<String, Refusal> {
    let id = text(&add(rig, name, json!({ "password": null })).await["userId"]);
    for step in way {
        rig.ok(step, &rig.admin, json!({ "userId": id })).await;
    }
    let answer = rig.call(call, &rig.admin, json!({ "userId": id })).await?;
    assert_eq!(answer["details"]["sequence"], (way.len() + 2).to_string(), "{call}");
    assert_eq!(answer.as_object().unwrap().len(), 1, "details only");
    if call == DELETE {
        return Ok("deleted".to_owned());
    }
    Ok(text(&shown(rig, &id).await["state"]))
}

const NOT_ACTIVE: &str = "User is not active or initial (COMMAND-lgws8wtsqf)";
const NOT_LOCKED: &str = "User is not locked (COMMAND-olb9vb0oca)";
const NOT_INACTIVE: &str = "User is not inactive (COMMAND-s5qqcz97hf)";
/// The state that follows, or code and message of the refusal.
type Expected = Result<&'static str, (u32, &'static str)>;

/// For each call what it comes to for a user who is active, locked, inactive, deleted.
const TABLE: [(&str, [Expected; 4]); 5] = [
    (
        LOCK,
        [
            Ok("USER_STATE_LOCKED"),
            Err((9, NOT_ACTIVE)),
            Err((9, NOT_ACTIVE)),
            Err((5, "User could not be found (COMMAND-450yxuqrh1)")),
        ],
    ),
    (
        UNLOCK,
        [
            Err((9, NOT_LOCKED)),
            Ok("USER_STATE_ACTIVE"),
            Err((9, NOT_LOCKED)),
            Err((5, "User could not be found (COMMAND-x377t913pw)")),
        ],
    ),
    (
        DEACTIVATE,
        [
            Ok("USER_STATE_INACTIVE"),
            Ok("USER_STATE_INACTIVE"),
            Err((9, "User already inactive (COMMAND-5gunjw0cd7)")),
            Err((5, "User could not be found (COMMAND-5gp2p62iin)")),
        ],
    ),
    (
        REACTIVATE,
        [
            Err((9, NOT_INACTIVE)),
            Err((9, NOT_INACTIVE)),
            Ok("USER_STATE_ACTIVE"),
            Err((5, "User could not be found (COMMAND-9hy5kzbuk6)")),
        ],
    ),
    (
        DELETE,
        [
            Ok("deleted"),
            Ok("deleted"),
            Ok("deleted"),
            Err((5, "User could not be found (COMMAND-bd4ir1mblj)")),
        ],
    ),
];

#[tokio::test]
async fn every_way_between_two_states_is_open_or_refused_as_documented() {
    let rig = Rig::start().await;
    let ways: [(&str, &[&str]); 4] =
        [("active", &[]), ("locked", &[LOCK]), ("inactive", &[DEACTIVATE]), ("deleted", &[DELETE])];
    for (call, expected) in TABLE {
        for ((state, way), expected) in ways.into_iter().zip(expected) {
            let outcome = after(&rig, &format!("{call}-{state}@mouse.com"), way, call).await;
            let outcome = outcome.as_ref().map(String::as_str).map_err(seen);
            assert_eq!(outcome, expected, "{call} of a user who is {state}");
        }
    }
}

#[tokio::test]
async fn existence_and_state_are_looked_at_before_the_permission_and_nobody_is_their_own_keeper() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (_, mini) = rig.log_in("mini@mouse.com").await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let (other, request) = (rig.add_organisation("other").await, json!({ "userId": id }));
    let (_, stranger) = rig.add_machine("stranger", &[(Some(&other), "ORG_OWNER")]).await;

    let nobody = json!({ "userId": "nobody" });
    assert_eq!(rig.id(LOCK, &mini, nobody.clone()).await, "COMMAND-450yxuqrh1");
    assert_eq!(rig.id(DELETE, &mini, nobody).await, "COMMAND-bd4ir1mblj");
    for wrong_state in [(UNLOCK, "COMMAND-olb9vb0oca"), (REACTIVATE, "COMMAND-s5qqcz97hf")] {
        assert_eq!(rig.id(wrong_state.0, &mini, request.clone()).await, wrong_state.1);
        assert_eq!(rig.id(wrong_state.0, &stranger, request.clone()).await, wrong_state.1);
    }
    for call in [LOCK, DEACTIVATE, DELETE] {
        for (token, expected) in [(&mini, "AUTHZ-cdgFk"), (&stranger, "AUTHZ-cdgFk"), (&viewer, "AUTH-AWfge")]
        {
            assert_eq!(rig.id(call, token, request.clone()).await, expected, "{call}");
        }
    }
    // The login client writes users but deletes none.
    rig.ok(LOCK, &rig.login, request.clone()).await;
    rig.ok(UNLOCK, &rig.login, request.clone()).await;
    assert_eq!(rig.id(DELETE, &rig.login, request).await, "AUTH-AWfge");
    assert_eq!(shown(&rig, &id).await["details"]["sequence"], "3", "refusals change nothing");

    let (own, free) = rig.add_machine("free", &[(None, "SELF_MANAGEMENT_GLOBAL")]).await;
    assert_eq!(rig.id(LOCK, &free, json!({ "userId": own })).await, "AUTH-AWfge");
    assert_eq!(rig.id(DELETE, &free, json!({ "userId": id })).await, "AUTH-AWfge");
    rig.ok(DELETE, &free, json!({ "userId": own })).await;
    assert_eq!(rig.id(LOCK, &free, json!({ "userId": own })).await, "AUTH-7fs1e");
    let elsewhere = add_in(&rig, &other, "max@mouse.com").await;
    rig.ok(LOCK, &stranger, json!({ "userId": elsewhere })).await;
}

#[tokio::test]
async fn a_failed_lockout_ends_with_an_unlock_that_forgets_every_failure() {
    let rig = Rig::start_with(&["policy.lockout.max_password_attempts=3"]).await;
    let id = rig.add_human("mini@mouse.com").await;
    let change =
        json!({ "userId": id, "newPassword": { "password": "N3w!passw" }, "currentPassword": "wrong" });
    assert_eq!(rig.id("user.SetPassword", &rig.login, change).await, "COMMAND-3M0fs");
    for _ in 0..3 {
        assert_eq!(log_in(&rig, "mini@mouse.com", "wrong").await, Err("COMMAND-3M0fs".to_owned()));
    }
    assert_eq!(shown(&rig, &id).await["state"], "USER_STATE_LOCKED");
    assert_eq!(log_in(&rig, "mini@mouse.com", PASSWORD).await, Err("SESSION-Gj4ko".to_owned()));
    assert_eq!(failed(&rig, &id, Counted::Password).await, 3);
    assert_eq!(failed(&rig, &id, Counted::CurrentPassword).await, 1);
    rig.ok(UNLOCK, &rig.admin, json!({ "userId": id })).await;
    for counted in [Counted::Password, Counted::CurrentPassword] {
        assert_eq!(failed(&rig, &id, counted).await, 0);
    }
    assert_eq!(log_in(&rig, "mini@mouse.com", PASSWORD).await, Ok(()));
    assert_eq!(shown(&rig, &id).await["state"], "USER_STATE_ACTIVE");
}

#[tokio::test]
async fn a_deleted_user_is_gone_but_its_id_is_never_given_again() {
    let rig = Rig::start().await;
    let change = json!({ "userId": "mini", "metadata": [{ "key": "a", "value": "eA==" }] });
    add(&rig, "mini@mouse.com", change).await;
    let request = json!({ "userId": "mini" });
    rig.ok(DELETE, &rig.admin, request.clone()).await;
    let gone = rig.call("user.GetUserByID", &rig.admin, request.clone()).await.unwrap_err();
    assert_eq!(seen(&gone), (5, "User could not be found (QUERY-Dfbg2)"));
    let found = rig.ok(
        "user.ListUsers",
        &rig.admin,
        json!({ "queries": [{ "inUserIdsQuery": { "userIds": ["mini"] } }] }),
    );
    assert!(found.await.get("result").is_none());
    assert_eq!(rig.id("user.ListUserMetadata", &rig.admin, request.clone()).await, "COMMAND-4g3xq");
    assert_eq!(
        rig.id("user.SetEmail", &rig.admin, with(request, json!({ "email": "a@b.c" }))).await,
        "COMMAND-4g3xq"
    );

    let again = with(human("max@mouse.com"), json!({ "userId": "mini" }));
    assert_eq!(rig.id("user.AddHumanUser", &rig.admin, again.clone()).await, "COMMAND-7yiox1isql");
    let machine = json!({ "organizationId": rig.app.instance.default_organisation, "userId": "mini", "machine": { "name": "m" } });
    assert_eq!(rig.id("user.CreateUser", &rig.admin, machine).await, "COMMAND-7yiox1isql");
    let elsewhere = rig.add_organisation("other").await;
    let answer = for_organisation(&rig, "AddHumanUser", &elsewhere, &again).await.json();
    assert_eq!(answer["message"], "Errors.User.AlreadyExisting (COMMAND-7yiox1isql)");
    // The name is free, and whoever takes it inherits nothing.
    let id = rig.add_human("Mini@Mouse.com").await;
    let metadata: Value = rig.ok("user.ListUserMetadata", &rig.admin, json!({ "userId": id })).await;
    assert!(metadata.get("metadata").is_none());
}

#[tokio::test]
async fn one_of_many_parallel_transitions_succeeds() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    for (call, refusal) in [(LOCK, "COMMAND-lgws8wtsqf"), (DELETE, "COMMAND-bd4ir1mblj")] {
        let calls = (0..20).map(|_| rig.call(call, &rig.admin, json!({ "userId": id })));
        let outcomes = futures_util::future::join_all(calls).await;
        let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
        assert_eq!(refused.len(), 19, "{call}");
        assert!(refused.iter().all(|one| one.id() == refusal), "{refused:?}");
    }
}

#[tokio::test]
async fn every_request_names_its_user_by_1_to_200_characters() {
    let rig = Rig::start().await;
    let rest = json!({
        "email": "a@b.c", "phone": "+41791234567", "verificationCode": "A", "tokenId": "1", "keyId": "1", "keys": ["a"],
        "newPassword": { "password": "x" }, "expirationDate": "2030-01-01T00:00:00Z",
    });
    let methods = [
        "GetUserByID",
        "UpdateUser",
        "SetPassword",
        "PasswordReset",
        "SetEmail",
        "VerifyEmail",
        "SetPhone",
        "VerifyPhone",
        "RemovePhone",
        "LockUser",
        "UnlockUser",
        "DeactivateUser",
        "ReactivateUser",
        "DeleteUser",
        "AddPersonalAccessToken",
        "RemovePersonalAccessToken",
        "AddSecret",
        "RemoveSecret",
        "AddKey",
        "RemoveKey",
        "SetUserMetadata",
        "ListUserMetadata",
    ];
    for method in methods {
        for id in [String::new(), "x".repeat(201)] {
            let request = with(rest.clone(), json!({ "userId": id }));
            let refusal = rig.call(&format!("user.{method}"), &rig.admin, request).await.unwrap_err();
            let reason = "value length must be between 1 and 200 runes, inclusive";
            assert_eq!(seen(&refusal), (3, format!("invalid {method}Request.UserId: {reason}").as_str()));
        }
        let longest = with(rest.clone(), json!({ "userId": "é".repeat(200) }));
        let refusal = rig.call(&format!("user.{method}"), &rig.admin, longest).await.unwrap_err();
        assert!(!refusal.id().starts_with("invalid"), "{method}: {refusal:?}");
    }
}

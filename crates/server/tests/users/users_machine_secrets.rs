//! Secrets of machine users: giving them, replacing them, taking them away with what was given for them.

use doorward_core::token::{TokenKind, same};
use doorward_store::machine_secret;
use serde_json::{Value, json};

use crate::rig::Rig;
use crate::tools::{access_token, add_machine_in, home, shown, text};

const ADD: &str = "user.AddSecret";
const REMOVE: &str = "user.RemoveSecret";
const GET: &str = "user.GetUserByID";

async fn add(rig: &Rig, user: &str) -> String {
    text(&rig.ok(ADD, &rig.admin, json!({ "userId": user })).await["clientSecret"])
}

/// Whether the stored secret of the user is this one.
async fn is_stored(rig: &Rig, user: &str, secret: &str) -> bool {
    let mut reading = rig.app.db.reading().await.unwrap();
    let stored = machine_secret::find(reading.conn().unwrap(), user).await.unwrap();
    stored.is_some_and(|digest| same(&digest, &rig.app.keys.digest(TokenKind::ClientSecret, secret)))
}

#[tokio::test]
async fn secrets_are_for_machines_and_for_those_who_may_change_them() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (bot, own) = rig.add_machine("bot", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    for method in [ADD, REMOVE] {
        let request = |user: &str| json!({ "userId": user });
        let refusal = rig.call(method, &rig.admin, request(&id)).await.unwrap_err();
        assert_eq!((refusal.code, refusal.id().as_str()), (9, "DOORWARD-M4ch1"), "{method}");
        assert_eq!(rig.id(method, &rig.admin, request("none")).await, "COMMAND-4g3xq");
        assert_eq!(rig.id(method, &viewer, request(&bot)).await, "AUTH-AWfge");
    }
    let refusal = rig.call(REMOVE, &rig.admin, json!({ "userId": bot })).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (5, "DOORWARD-S3cr0"));
    let made = rig.ok(ADD, &own, json!({ "userId": bot })).await;
    assert_eq!(made["creationDate"], "2025-11-20T10:00:00.123456Z");
    let secret = text(&made["clientSecret"]);
    assert!(secret.starts_with("dwc_") && is_stored(&rig, &bot, &secret).await);
    assert_eq!(rig.id(GET, &secret, json!({ "userId": bot })).await, "AUTH-7fs1e", "a secret bears nothing");
    let removed = rig.ok(REMOVE, &own, json!({ "userId": bot })).await;
    assert_eq!(removed, json!({ "deletionDate": "2025-11-20T10:00:00.123456Z" }));
    assert!(!is_stored(&rig, &bot, &secret).await);
    assert_eq!(rig.id(REMOVE, &own, json!({ "userId": bot })).await, "DOORWARD-S3cr0");
}

#[tokio::test]
async fn a_new_secret_voids_the_old_one_and_what_was_given_for_it() {
    let rig = Rig::start().await;
    let (bot, own) = rig.add_machine("bot", &[]).await;
    let (other, _) = rig.add_machine("other", &[]).await;
    let get = json!({ "userId": bot });
    let first = add(&rig, &bot).await;
    let for_first = access_token(&rig, &bot, None).await;
    let for_key = access_token(&rig, &bot, Some("a key")).await;
    let of_other = access_token(&rig, &other, None).await;
    rig.ok(GET, &for_first, get.clone()).await;
    let second = add(&rig, &bot).await;
    assert!(!is_stored(&rig, &bot, &first).await && is_stored(&rig, &bot, &second).await);
    assert_eq!(rig.id(GET, &for_first, get.clone()).await, "AUTH-7fs1e");
    let for_second = access_token(&rig, &bot, None).await;
    rig.ok(GET, &for_second, get.clone()).await;
    rig.ok(REMOVE, &own, get.clone()).await;
    assert_eq!(rig.id(GET, &for_second, get.clone()).await, "AUTH-7fs1e", "at the very next call");
    for stays in [&for_key, &own] {
        rig.ok(GET, stays, get.clone()).await;
    }
    rig.ok(GET, &of_other, json!({ "userId": other })).await;
}

#[tokio::test]
async fn a_machine_shows_whether_it_has_a_secret_and_never_which() {
    let rig = Rig::start().await;
    let bot = add_machine_in(&rig, &home(&rig), "bot").await;
    let bare = add_machine_in(&rig, &home(&rig), "bare").await;
    rig.add_human("mini@mouse.com").await;
    let secret = add(&rig, &bot).await;
    assert_eq!(shown(&rig, &bot).await["machine"], json!({ "name": "bot", "hasSecret": true }));
    assert_eq!(shown(&rig, &bare).await["machine"], json!({ "name": "bare" }));
    let all = rig.ok("user.ListUsers", &rig.admin, json!({})).await;
    let with: Vec<_> = all["result"].as_array().unwrap().iter().filter(|user| has_secret(user)).collect();
    assert_eq!((with.len(), &with[0]["userId"]), (1, &json!(bot)));
    assert!(!all.to_string().contains(&secret));
    rig.ok(REMOVE, &rig.admin, json!({ "userId": bot })).await;
    assert_eq!(shown(&rig, &bot).await["machine"], json!({ "name": "bot" }));
}

fn has_secret(user: &Value) -> bool {
    user["machine"]["hasSecret"] == true
}

#[tokio::test]
async fn the_secret_of_a_machine_that_is_switched_off_stays_and_that_of_a_deleted_one_goes() {
    let rig = Rig::start().await;
    let (bot, _) = rig.add_machine("bot", &[]).await;
    let secret = add(&rig, &bot).await;
    let request = json!({ "userId": bot });
    for (off, on) in [("user.LockUser", "user.UnlockUser"), ("user.DeactivateUser", "user.ReactivateUser")] {
        rig.ok(off, &rig.admin, request.clone()).await;
        assert!(is_stored(&rig, &bot, &secret).await, "{off}");
        rig.ok(on, &rig.admin, request.clone()).await;
    }
    rig.ok("user.DeleteUser", &rig.admin, request.clone()).await;
    assert!(!is_stored(&rig, &bot, &secret).await);
    assert_eq!(rig.id(ADD, &rig.admin, request).await, "COMMAND-4g3xq");
}

#[tokio::test]
async fn of_many_secrets_that_are_given_at_once_one_remains() {
    let rig = Rig::start().await;
    let bot = add_machine_in(&rig, &home(&rig), "bot").await;
    let given = futures_util::future::join_all((0..8).map(|_| add(&rig, &bot))).await;
    let mut remain = 0;
    for secret in &given {
        remain += usize::from(is_stored(&rig, &bot, secret).await);
    }
    assert_eq!(remain, 1);
}

#[tokio::test]
async fn a_machine_whose_id_was_chosen_gets_a_secret_too() {
    let rig = Rig::start().await;
    let new = json!({ "organizationId": home(&rig), "userId": "Robot no. 1", "machine": { "name": "one" } });
    rig.ok("user.CreateUser", &rig.admin, new).await;
    let (first, second) = (add(&rig, "Robot no. 1").await, add(&rig, "Robot no. 1").await);
    assert_ne!(first, second);
    assert!(is_stored(&rig, "Robot no. 1", &second).await);
}

//! Keys of machine users: making them, bringing one's own, listing them, removing them with what was given for them.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_core::base::Span;
use doorward_store::machine_key::{self, MachineKey};
use serde_json::{Value, json};

use crate::rig::{Rig, START};
use crate::tools::{access_token, add_machine_in, home, text, with};

const ADD: &str = "user.AddKey";
const LIST: &str = "user.ListKeys";
const REMOVE: &str = "user.RemoveKey";
const GET: &str = "user.GetUserByID";

/// The public half of a fresh key.
fn public() -> Vec<u8> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let public: PublicKeyX509Der<'static> = pair.public_key().as_der().unwrap();
    public.as_ref().to_vec()
}

/// A request with a public key, which is cheap.
fn request(user: &str, expires: &str) -> Value {
    json!({ "userId": user, "expirationDate": expires, "publicKey": STANDARD.encode(public()) })
}

async fn add(rig: &Rig, user: &str, expires: &str) -> String {
    rig.clock.advance(Span::seconds(1));
    text(&rig.ok(ADD, &rig.admin, request(user, expires)).await["keyId"])
}

async fn stored(rig: &Rig, id: &str) -> Option<MachineKey> {
    let mut reading = rig.app.db.reading().await.unwrap();
    machine_key::find(reading.conn().unwrap(), id).await.unwrap()
}

/// The ids of a search, in its order, and its total.
async fn ids(rig: &Rig, caller: &str, request: Value) -> (Vec<String>, String) {
    let answer = rig.ok(LIST, caller, request).await;
    let none = Vec::new();
    let found = answer["result"].as_array().unwrap_or(&none).iter().map(|key| text(&key["id"])).collect();
    (found, answer["pagination"]["totalResult"].as_str().unwrap_or("0").to_owned())
}

#[tokio::test]
async fn a_key_that_is_made_is_told_once_in_the_file_that_client_libraries_load() {
    let rig = Rig::start().await;
    let (bot, own) = rig.add_machine("bot", &[]).await;
    let made = rig.ok(ADD, &own, json!({ "userId": bot, "expirationDate": "2030-01-01T00:00:00Z" })).await;
    assert_eq!(made["creationDate"], "2025-11-20T10:00:00.123456Z");
    let content = STANDARD.decode(text(&made["keyContent"])).unwrap();
    let file: Value = serde_json::from_slice(&content).unwrap();
    let expected = json!({
        "type": "serviceaccount",
        "keyId": made["keyId"],
        "key": file["key"],
        "expirationDate": "2030-01-01T00:00:00Z",
        "userId": bot,
    });
    assert_eq!(file, expected);
    let pem = text(&file["key"]);
    let body = pem.strip_prefix("-----BEGIN RSA PRIVATE KEY-----\n").unwrap();
    let body = body.strip_suffix("\n-----END RSA PRIVATE KEY-----\n").unwrap().replace('\n', "");
    let pair = RsaKeyPair::from_der(&STANDARD.decode(body).unwrap()).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"assertion", &mut signature).unwrap();
    let kept = stored(&rig, &text(&made["keyId"])).await.unwrap();
    assert_eq!((kept.user_id.as_str(), kept.created), (bot.as_str(), START));
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &kept.public_key);
    assert!(public.verify(b"assertion", &signature).is_ok(), "the stored half is that of the file");
    let listed = rig.ok(LIST, &own, json!({})).await;
    assert_eq!(
        listed["result"],
        json!([{ "id": made["keyId"], "userId": bot, "organizationId": home(&rig), "creationDate": made["creationDate"], "changeDate": made["creationDate"], "expirationDate": "2030-01-01T00:00:00Z" }])
    );
}

#[tokio::test]
async fn a_key_that_never_expires_still_has_a_date_in_its_file() {
    let rig = Rig::start().await;
    let bot = add_machine_in(&rig, &home(&rig), "bot").await;
    let request = json!({ "userId": bot, "expirationDate": "9999-12-31T23:59:59.999999Z" });
    let made = rig.ok(ADD, &rig.admin, request).await;
    let file: Value = serde_json::from_slice(&STANDARD.decode(text(&made["keyContent"])).unwrap()).unwrap();
    assert!(text(&file["expirationDate"]).starts_with("9999-12-3"), "{}", file["expirationDate"]);
}

#[tokio::test]
async fn a_public_key_of_ones_own_is_taken_and_nothing_is_told() {
    let rig = Rig::start().await;
    let bot = add_machine_in(&rig, &home(&rig), "bot").await;
    let key = public();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&key));
    for form in [key.clone(), pem.into_bytes()] {
        let change = json!({ "publicKey": STANDARD.encode(&form) });
        let made = rig.ok(ADD, &rig.admin, with(request(&bot, "2030-01-01T00:00:00Z"), change)).await;
        assert_eq!(made.get("keyContent"), None);
        assert_eq!(stored(&rig, &text(&made["keyId"])).await.unwrap().public_key, key);
    }
    for broken in [&key[1..], b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", &[0; 9000]] {
        let change = json!({ "publicKey": STANDARD.encode(broken) });
        let request = with(request(&bot, "2030-01-01T00:00:00Z"), change);
        let refusal = rig.call(ADD, &rig.admin, request).await.unwrap_err();
        assert_eq!((refusal.code, refusal.id().as_str()), (3, "DOORWARD-K3yb4"));
    }
    assert_eq!(ids(&rig, &rig.admin, json!({})).await.1, "2");
}

#[tokio::test]
async fn keys_are_for_machines_and_must_still_have_something_to_live() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (bot, own) = rig.add_machine("bot", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let soon = "2025-11-20T10:00:01Z";
    // With a public key and without one: both are refused, and neither costs anything.
    for change in [json!({}), json!({ "publicKey": null })] {
        let request = |user: &str, expires: &str| with(request(user, expires), change.clone());
        let refusal = rig.call(ADD, &rig.admin, request(&id, soon)).await.unwrap_err();
        assert_eq!((refusal.code, refusal.id().as_str()), (9, "DOORWARD-M4ch1"));
        assert_eq!(rig.id(ADD, &rig.admin, request("none", soon)).await, "COMMAND-4g3xq");
        assert_eq!(rig.id(ADD, &viewer, request(&bot, soon)).await, "AUTH-AWfge");
        let refusal = rig.call(ADD, &rig.admin, request(&bot, "2025-11-20T10:00:00Z")).await.unwrap_err();
        assert_eq!((refusal.code, refusal.id().as_str()), (3, "DOORWARD-K3yx0"));
    }
    let refusal = rig.call(ADD, &rig.admin, json!({ "userId": bot })).await.unwrap_err();
    assert_eq!(refusal.message, "invalid AddKeyRequest.ExpirationDate: value is required");
    rig.ok(ADD, &own, request(&bot, soon)).await;
}

#[tokio::test]
async fn a_removed_key_takes_along_what_was_given_for_it() {
    let rig = Rig::start().await;
    let (bot, own) = rig.add_machine("bot", &[]).await;
    let (other, _) = rig.add_machine("other", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let human = rig.add_human("mini@mouse.com").await;
    let (first, second) =
        (add(&rig, &bot, "2030-01-01T00:00:00Z").await, add(&rig, &bot, "2030-01-01T00:00:00Z").await);
    let for_first = access_token(&rig, &bot, Some(&first)).await;
    let for_second = access_token(&rig, &bot, Some(&second)).await;
    let for_secret = access_token(&rig, &bot, None).await;
    let (remove, get) = (json!({ "userId": bot, "keyId": first }), json!({ "userId": bot }));
    assert_eq!(rig.id(REMOVE, &viewer, remove.clone()).await, "AUTH-AWfge");
    for (user, refusal) in [(&other, "DOORWARD-K3yn0"), (&human, "DOORWARD-M4ch1")] {
        let foreign = with(remove.clone(), json!({ "userId": user }));
        assert_eq!(rig.id(REMOVE, &rig.admin, foreign).await, refusal);
    }
    let nobody = with(remove.clone(), json!({ "userId": "none" }));
    assert_eq!(rig.id(REMOVE, &rig.admin, nobody).await, "COMMAND-4g3xq");
    rig.ok(GET, &for_first, get.clone()).await;
    let removed = rig.ok(REMOVE, &for_first, remove.clone()).await;
    assert_eq!(removed, json!({ "deletionDate": "2025-11-20T10:00:02.123456Z" }));
    assert_eq!(rig.id(GET, &for_first, get.clone()).await, "AUTH-7fs1e", "at the very next call");
    for stays in [&for_second, &for_secret, &own] {
        rig.ok(GET, stays, get.clone()).await;
    }
    let refusal = rig.call(REMOVE, &own, remove).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (5, "DOORWARD-K3yn0"));
    assert_eq!(ids(&rig, &own, json!({})).await, (vec![second], "1".to_owned()));
}

#[tokio::test]
async fn a_user_has_a_hundred_keys_at_most_however_many_are_added_at_once() {
    let rig = Rig::start().await;
    let bot = add_machine_in(&rig, &home(&rig), "bot").await;
    let other = add_machine_in(&rig, &home(&rig), "other").await;
    for _ in 0..95 {
        rig.ok(ADD, &rig.admin, request(&bot, "2030-01-01T00:00:00Z")).await;
    }
    let calls = (0..10).map(|_| rig.call(ADD, &rig.admin, request(&bot, "2030-01-01T00:00:00Z")));
    let outcomes = futures_util::future::join_all(calls).await;
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(refused.len(), 5);
    assert!(refused.iter().all(|one| (one.code, one.id().as_str()) == (8, "DOORWARD-K3ys0")), "{refused:?}");
    let without = with(request(&bot, "2030-01-01T00:00:00Z"), json!({ "publicKey": null }));
    assert_eq!(rig.id(ADD, &rig.admin, without).await, "DOORWARD-K3ys0");
    rig.ok(ADD, &rig.admin, request(&other, "2030-01-01T00:00:00Z")).await;
    let mine = json!({ "filters": [{ "userIdFilter": { "id": bot } }] });
    let (found, total) = ids(&rig, &rig.admin, mine).await;
    assert_eq!((found.len(), total.as_str()), (100, "100"));
    rig.ok(REMOVE, &rig.admin, json!({ "userId": bot, "keyId": found[0] })).await;
    rig.ok(ADD, &rig.admin, request(&bot, "2030-01-01T00:00:00Z")).await;
}

#[tokio::test]
async fn keys_are_filtered_sorted_and_cut_into_pages() {
    let rig = Rig::start().await;
    let away = rig.add_organisation("away").await;
    let home_bot = add_machine_in(&rig, &home(&rig), "home-bot").await;
    let away_bot = add_machine_in(&rig, &away, "away-bot").await;
    let a = add(&rig, &home_bot, "2031-01-01T00:00:00Z").await;
    let b = add(&rig, &home_bot, "2030-01-01T00:00:00Z").await;
    let c = add(&rig, &away_bot, "2032-01-01T00:00:00Z").await;
    let time = |name: &str, at: &str, method: &str| json!({ name: { "timestamp": at, "method": format!("TIMESTAMP_FILTER_METHOD_{method}") } });
    for (filter, expected) in [
        (json!({ "userIdFilter": { "id": home_bot } }), vec![&a, &b]),
        (json!({ "keyIdFilter": { "id": c } }), vec![&c]),
        (json!({ "organizationIdFilter": { "id": away } }), vec![&c]),
        (time("createdDateFilter", "2025-11-20T10:00:02.123456Z", "AFTER_OR_EQUALS"), vec![&b, &c]),
        (time("expirationDateFilter", "2031-01-01T00:00:00Z", "BEFORE"), vec![&b]),
        (json!({ "keyIdFilter": { "id": "' OR 1=1 --" } }), vec![]),
    ] {
        let request = json!({ "pagination": { "asc": true }, "filters": [filter] });
        let (found, total) = ids(&rig, &rig.admin, request).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter}");
        assert_eq!(total, expected.len().to_string(), "{filter}");
    }
    for (column, expected) in [
        ("UNSPECIFIED", [&a, &b, &c]),
        ("CREATED_DATE", [&a, &b, &c]),
        ("ID", [&a, &b, &c]),
        ("USER_ID", if home_bot < away_bot { [&a, &b, &c] } else { [&c, &a, &b] }),
        ("ORGANIZATION_ID", if home(&rig) < away { [&a, &b, &c] } else { [&c, &a, &b] }),
        ("KEY_EXPIRATION_DATE", [&b, &a, &c]),
    ] {
        let column = format!("KEY_FIELD_NAME_{column}");
        let request = |page: Value| json!({ "pagination": page, "sortingColumn": column });
        let all = ids(&rig, &rig.admin, request(json!({ "asc": true }))).await.0;
        assert_eq!(all.iter().collect::<Vec<_>>(), expected, "{column}");
        let second = ids(&rig, &rig.admin, request(json!({ "offset": 1, "limit": 1 }))).await;
        assert_eq!(second, (vec![expected[1].clone()], "3".to_owned()), "{column}, largest first");
    }
    assert_eq!(rig.id(LIST, &rig.admin, json!({ "pagination": { "limit": 1001 } })).await, "QUERY-4M0fs");
    let empty = rig.call(LIST, &rig.admin, json!({ "filters": [{}] })).await.unwrap_err();
    assert!(empty.message.ends_with("Filter: value is required"), "{empty:?}");
}

#[tokio::test]
async fn keys_of_a_foreign_organisation_are_out_of_reach() {
    let rig = Rig::start().await;
    let away = rig.add_organisation("away").await;
    let away_bot = add_machine_in(&rig, &away, "away-bot").await;
    let id = add(&rig, &away_bot, "2030-01-01T00:00:00Z").await;
    let (_, owner) = rig.add_machine("owner", &[(Some(&home(&rig)), "ORG_OWNER")]).await;
    assert_eq!(rig.id(ADD, &owner, request(&away_bot, "2030-01-01T00:00:00Z")).await, "AUTHZ-cdgFk");
    assert_eq!(rig.id(REMOVE, &owner, json!({ "userId": away_bot, "keyId": id })).await, "AUTHZ-cdgFk");
    let filter = json!({ "filters": [{ "keyIdFilter": { "id": id } }] });
    assert_eq!(ids(&rig, &owner, filter).await, (vec![], "0".to_owned()));
    let own = access_token(&rig, &away_bot, Some(&id)).await;
    assert_eq!(ids(&rig, &own, json!({})).await, (vec![id], "1".to_owned()), "everybody sees their own");
}

#[tokio::test]
async fn keys_of_a_machine_that_is_switched_off_stay_and_those_of_a_deleted_one_go() {
    let rig = Rig::start().await;
    let (bot, _) = rig.add_machine("bot", &[]).await;
    let id = add(&rig, &bot, "2030-01-01T00:00:00Z").await;
    let user = json!({ "userId": bot });
    for (off, on) in [("user.LockUser", "user.UnlockUser"), ("user.DeactivateUser", "user.ReactivateUser")] {
        rig.ok(off, &rig.admin, user.clone()).await;
        assert!(stored(&rig, &id).await.is_some(), "{off}");
        assert_eq!(ids(&rig, &rig.admin, json!({})).await.1, "1");
        rig.ok(on, &rig.admin, user.clone()).await;
    }
    rig.ok("user.DeleteUser", &rig.admin, user).await;
    assert_eq!(stored(&rig, &id).await, None);
    assert_eq!(ids(&rig, &rig.admin, json!({})).await, (vec![], "0".to_owned()));
}

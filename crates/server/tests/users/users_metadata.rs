//! Metadata of users: setting, listing and deleting it, and how much there may be.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::rig::Rig;
use crate::tools::{add, home, text};

const SET: &str = "user.SetUserMetadata";
const LIST: &str = "user.ListUserMetadata";
const DELETE: &str = "user.DeleteUserMetadata";

fn entries(user: &str, entries: &[(&str, &str)]) -> Value {
    let entries: Vec<_> = entries.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    json!({ "userId": user, "metadata": entries })
}

/// The keys of a list, in its order, and its total.
async fn keys(rig: &Rig, caller: &str, request: Value) -> (Vec<String>, String) {
    let answer = rig.ok(LIST, caller, request).await;
    let none = Vec::new();
    let found =
        answer["metadata"].as_array().unwrap_or(&none).iter().map(|entry| text(&entry["key"])).collect();
    (found, answer["pagination"]["totalResult"].as_str().unwrap_or("0").to_owned())
}

#[tokio::test]
async fn metadata_is_set_listed_and_deleted_by_key() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let answer = rig.ok(SET, &rig.admin, entries(&id, &[("b", "AQ=="), ("A", "AP8="), ("c%", "eA==")])).await;
    assert_eq!(answer, json!({ "setDate": "2025-11-20T10:00:00.123456Z" }));
    rig.clock.advance(Span::seconds(1));
    rig.ok(SET, &rig.admin, entries(&id, &[("b", "Ag=="), ("d", "eQ==")])).await;
    let listed = rig.ok(LIST, &rig.admin, json!({ "userId": id, "pagination": { "asc": true } })).await;
    let (first, second) = ("2025-11-20T10:00:00.123456Z", "2025-11-20T10:00:01.123456Z");
    let entry = |key: &str, value: &str, created: &str, changed: &str| json!({ "key": key, "value": value, "creationDate": created, "changeDate": changed });
    let expected = json!([
        entry("A", "AP8=", first, first),
        entry("b", "Ag==", first, second),
        entry("c%", "eA==", first, first),
        entry("d", "eQ==", second, second),
    ]);
    assert_eq!(
        listed,
        json!({ "pagination": { "totalResult": "4", "appliedLimit": "1000" }, "metadata": expected })
    );

    let list = |change: Value| {
        let mut request = json!({ "userId": id });
        request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        keys(&rig, &rig.admin, request)
    };
    let key = |key: &str, method: &str| json!({ "filters": [{ "keyFilter": { "key": key, "method": format!("TEXT_FILTER_METHOD_{method}") } }] });
    assert_eq!(list(json!({})).await.0, ["d", "c%", "b", "A"]);
    assert_eq!(
        list(json!({ "pagination": { "limit": 1, "offset": 1 } })).await,
        (vec!["c%".to_owned()], "4".to_owned())
    );
    assert_eq!(list(key("a", "EQUALS_IGNORE_CASE")).await, (vec!["A".to_owned()], "1".to_owned()));
    assert_eq!(list(key("a", "EQUALS")).await.1, "0");
    assert_eq!(list(key("%", "CONTAINS")).await.0, ["c%"]);
    let both =
        json!({ "filters": [key("c", "STARTS_WITH")["filters"][0], key("%", "ENDS_WITH")["filters"][0]] });
    assert_eq!(list(both).await.0, ["c%"]);
    let refused = rig.id(LIST, &rig.admin, json!({ "userId": id, "pagination": { "limit": 1001 } })).await;
    assert_eq!(refused, "QUERY-4M0fs");

    let delete = |keys: &[&str]| rig.call(DELETE, &rig.admin, json!({ "userId": id, "keys": keys }));
    let refusal = delete(&["b", "none"]).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (5, "DOORWARD-M3ta1"));
    assert_eq!(list(json!({})).await.1, "4", "all or none");
    assert_eq!(delete(&["b", "A", "b"]).await.unwrap(), json!({ "deletionDate": second }));
    assert_eq!(list(json!({})).await.0, ["d", "c%"]);
    assert_eq!(delete(&["b"]).await.unwrap_err().id(), "DOORWARD-M3ta1");
}

#[tokio::test]
async fn of_parallel_deletions_of_one_key_exactly_one_succeeds() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    rig.ok(SET, &rig.admin, entries(&id, &[("a", "eA=="), ("b", "eA==")])).await;
    let calls = (0..30).map(|_| rig.call(DELETE, &rig.admin, json!({ "userId": id, "keys": ["a"] })));
    let outcomes = futures_util::future::join_all(calls).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

#[tokio::test]
async fn entries_must_have_a_key_and_a_value_within_limits() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    assert_eq!(rig.id(SET, &rig.admin, entries(&id, &[("a", "eA=="), (" ", "eA==")])).await, "USER-Drght");
    let long = "k".repeat(201);
    for (request, reason) in [
        (
            entries(&id, &[("", "eA==")]),
            "Metadata.Key: value length must be between 1 and 200 runes, inclusive",
        ),
        (
            entries(&id, &[(&long, "eA==")]),
            "Metadata.Key: value length must be between 1 and 200 runes, inclusive",
        ),
        (
            entries(&id, &[("a", "")]),
            "Metadata.Value: value length must be between 1 and 500000 bytes, inclusive",
        ),
    ] {
        let refusal = rig.call(SET, &rig.admin, request).await.unwrap_err();
        assert!(refusal.message.ends_with(reason) && refusal.details.is_empty(), "{refusal:?}");
    }
    let largest = "A".repeat(666_668);
    let largest = format!("{}==", &largest[..666_666]);
    rig.ok(SET, &rig.admin, entries(&id, &[("a", &largest)])).await;
    let larger = "A".repeat(666_668);
    assert_eq!(rig.call(SET, &rig.admin, entries(&id, &[("a", &larger)])).await.unwrap_err().code, 3);
    let bad_key = rig.call(DELETE, &rig.admin, json!({ "userId": id, "keys": [""] })).await.unwrap_err();
    assert!(bad_key.message.contains("DeleteUserMetadataRequest.Keys[0]"), "{bad_key:?}");
    assert_eq!(keys(&rig, &rig.admin, json!({ "userId": id })).await.0, ["a"], "refusals store nothing");
}

#[tokio::test]
async fn a_user_has_a_thousand_entries_at_most_and_can_still_change_them() {
    let rig = Rig::start().await;
    let many = |from: usize, to: usize| {
        (from..to).map(|n| json!({ "key": format!("k{n}"), "value": "eA==" })).collect::<Vec<_>>()
    };
    let too_many = json!({ "metadata": many(0, 1001) });
    let request = crate::tools::with(crate::rig::human("mini@mouse.com"), too_many);
    assert_eq!(rig.id("user.AddHumanUser", &rig.admin, request).await, "DOORWARD-M3ta2");
    let id = text(&add(&rig, "mini@mouse.com", json!({ "metadata": many(0, 998) })).await["userId"]);
    let set = |entries: Vec<Value>| rig.call(SET, &rig.admin, json!({ "userId": id, "metadata": entries }));
    let refusal = set(many(998, 1001)).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (8, "DOORWARD-M3ta2"));
    assert_eq!(keys(&rig, &rig.admin, json!({ "userId": id, "pagination": { "limit": 1 } })).await.1, "998");
    set(many(997, 1000)).await.unwrap();
    set(many(0, 1000)).await.unwrap();
    assert_eq!(set(many(1000, 1001)).await.unwrap_err().id(), "DOORWARD-M3ta2");
    rig.ok(DELETE, &rig.admin, json!({ "userId": id, "keys": ["k0"] })).await;
    set(many(1000, 1001)).await.unwrap();
    assert_eq!(set(many(0, 1)).await.unwrap_err().id(), "DOORWARD-M3ta2");
}

#[tokio::test]
async fn reading_metadata_asks_for_the_permission_of_the_method_first() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let away = rig.add_organisation("away").await;
    let far = crate::tools::add_in(&rig, &away, "far@mouse.com").await;
    let (own, nobody) = rig.add_machine("nobody", &[]).await;
    let (_, self_manager) = rig.add_machine("self", &[(None, "SELF_MANAGEMENT_GLOBAL")]).await;
    let (_, reader) = rig.add_machine("reader", &[(Some(&home(&rig)), "ORG_OWNER_VIEWER")]).await;
    let invalid = json!({ "userId": "" });
    assert_eq!(rig.id(LIST, &nobody, invalid.clone()).await, "AUTHZ-cdgFk");
    assert_eq!(rig.id(LIST, &self_manager, invalid.clone()).await, "AUTH-5mWD2");
    assert!(rig.call(LIST, &reader, invalid).await.unwrap_err().details.is_empty());
    assert_eq!(keys(&rig, &reader, json!({ "userId": id })).await.1, "0");
    assert_eq!(rig.id(LIST, &reader, json!({ "userId": far })).await, "AUTHZ-cdgFk");
    assert_eq!(rig.id(LIST, &reader, json!({ "userId": "none" })).await, "COMMAND-4g3xq");

    // One's own needs no permission.
    rig.ok(SET, &nobody, entries(&own, &[("a", "eA==")])).await;
    assert_eq!(keys(&rig, &nobody, json!({ "userId": own })).await.0, ["a"]);
    rig.ok(DELETE, &nobody, json!({ "userId": own, "keys": ["a"] })).await;
    for (token, expected) in [(&nobody, "AUTHZ-cdgFk"), (&reader, "AUTH-AWfge")] {
        assert_eq!(rig.id(SET, token, entries(&id, &[("a", "eA==")])).await, expected);
        assert_eq!(rig.id(DELETE, token, json!({ "userId": id, "keys": ["a"] })).await, expected);
    }
    assert_eq!(rig.id(SET, &rig.admin, entries("none", &[("a", "eA==")])).await, "COMMAND-4g3xq");
    assert_eq!(rig.id(DELETE, &rig.admin, json!({ "userId": "none", "keys": ["a"] })).await, "COMMAND-4g3xq");
}

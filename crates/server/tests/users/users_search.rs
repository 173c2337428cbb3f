//! GetUserByID and ListUsers: what they show, to whom, and how it is searched.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::rig::Rig;
use crate::tools::{add, add_in, add_machine_in, home, shown, text};

/// The user names of a search, in its order.
async fn names(rig: &Rig, token: &str, request: Value) -> Vec<String> {
    let answer = rig.ok("user.ListUsers", token, request).await;
    let none = Vec::new();
    let users = answer["result"].as_array().unwrap_or(&none);
    assert!(users.len() as u64 <= total(&answer), "{answer}");
    users.iter().map(|user| text(&user["username"])).collect()
}

fn total(answer: &Value) -> u64 {
    answer["details"]["totalResult"].as_str().map_or(0, |number| number.parse().unwrap())
}

/// Finds among the people of this test, by name.
async fn found(rig: &Rig, query: Value) -> Vec<String> {
    let people = json!({ "typeQuery": { "type": "TYPE_HUMAN" } });
    let request = json!({
        "query": { "asc": true },
        "sortingColumn": "USER_FIELD_NAME_USER_NAME",
        "queries": [people, query],
    });
    names(rig, &rig.admin, request).await
}

#[tokio::test]
async fn a_user_is_shown_in_the_documented_form() {
    let rig = Rig::start().await;
    let id =
        text(&add(&rig, "mini@mouse.com", json!({ "password": { "changeRequired": true } })).await["userId"]);
    rig.clock.advance(Span::seconds(1));
    rig.ok("user.LockUser", &rig.admin, json!({ "userId": id })).await;
    let answer = rig.ok("user.GetUserByID", &rig.admin, json!({ "userId": id })).await;
    let (created, changed) = ("2025-11-20T10:00:00.123456Z", "2025-11-20T10:00:01.123456Z");
    let details = json!({ "sequence": "2", "creationDate": created, "changeDate": changed, "resourceOwner": home(&rig) });
    let expected = json!({
        "userId": id,
        "details": details,
        "state": "USER_STATE_LOCKED",
        "username": "mini@mouse.com",
        "loginNames": ["mini@mouse.com"],
        "preferredLoginName": "mini@mouse.com",
        "human": {
            "userId": id,
            "state": "USER_STATE_LOCKED",
            "username": "mini@mouse.com",
            "loginNames": ["mini@mouse.com"],
            "preferredLoginName": "mini@mouse.com",
            "profile": {
                "givenName": "Mini", "familyName": "Mouse", "nickName": "", "displayName": "Mini Mouse",
                "preferredLanguage": "und", "gender": "GENDER_UNSPECIFIED",
            },
            "email": { "email": "mini@mouse.com", "isVerified": true },
            "passwordChangeRequired": true,
            "passwordChanged": created,
        },
    });
    assert_eq!(answer, json!({ "details": details, "user": expected }));
    let query = json!({ "queries": [{ "inUserIdsQuery": { "userIds": [id] } }], "sortingColumn": "USER_FIELD_NAME_STATE" });
    let listed = rig.ok("user.ListUsers", &rig.admin, query).await;
    assert_eq!(
        (&listed["result"], &listed["sortingColumn"]),
        (&json!([expected]), &json!("USER_FIELD_NAME_STATE"))
    );
    assert_eq!((total(&listed), &listed["details"]["timestamp"]), (1, &json!(changed)));

    let machine =
        json!({ "organizationId": home(&rig), "machine": { "name": "Bot", "description": "tests" } });
    let made = rig.ok("user.CreateUser", &rig.admin, machine).await;
    let machine = shown(&rig, &text(&made["id"])).await;
    assert_eq!(machine["machine"], json!({ "name": "Bot", "description": "tests" }));
    assert_eq!((&machine["username"], machine.get("human")), (&json!("Bot"), None));
}

#[tokio::test]
async fn users_are_shown_to_themselves_and_to_readers_of_their_organisation() {
    let rig = Rig::start().await;
    let other = rig.add_organisation("other").await;
    let id = rig.add_human("mini@mouse.com").await;
    let away = add_in(&rig, &other, "away@mouse.com").await;
    add_machine_in(&rig, &other, "away-bot").await;
    let (own, reader) = rig.add_machine("reader", &[(Some(&other), "ORG_OWNER_VIEWER")]).await;
    let (_, manager) = rig.add_machine("manager", &[(Some(&other), "ORG_USER_SELF_MANAGER")]).await;
    let (_, mini) = rig.log_in("mini@mouse.com").await;

    let get = |token: &str, id: &str| {
        let (rig, token, id) = (&rig, token.to_owned(), id.to_owned());
        async move { rig.call("user.GetUserByID", &token, json!({ "userId": id })).await.map_err(|e| e.id()) }
    };
    assert!(get(&mini, &id).await.is_ok() && get(&reader, &own).await.is_ok());
    assert!(get(&reader, &away).await.is_ok());
    assert_eq!(get(&reader, &id).await, Err("AUTHZ-cdgFk".to_owned()));
    assert_eq!(get(&manager, &away).await, Err("AUTH-AWfge".to_owned()));
    assert_eq!(get(&mini, &away).await, Err("AUTHZ-cdgFk".to_owned()));
    assert_eq!(get(&mini, "none").await, Err("QUERY-Dfbg2".to_owned()), "before the permission");

    let sorted = json!({ "query": { "asc": true }, "sortingColumn": "USER_FIELD_NAME_USER_NAME" });
    assert_eq!(names(&rig, &reader, sorted.clone()).await, ["away-bot", "away@mouse.com", "reader"]);
    assert_eq!(names(&rig, &mini, sorted.clone()).await, ["mini@mouse.com"]);
    assert_eq!(names(&rig, &rig.admin, sorted.clone()).await.len(), 7);
    // Conditions widen nothing, and the total does not tell of the rest.
    let wide = json!({ "orQuery": { "queries": [
        { "notQuery": { "query": { "userNameQuery": { "userName": "no" } } } },
        { "organizationIdQuery": { "organizationId": home(&rig) } },
    ] } });
    let answer =
        rig.ok("user.ListUsers", &reader, json!({ "query": { "limit": 1 }, "queries": [wide] })).await;
    assert_eq!((total(&answer), answer["result"].as_array().unwrap().len()), (3, 1));
    let beyond = rig.ok("user.ListUsers", &reader, json!({ "query": { "offset": 3 } })).await;
    assert!(beyond.get("result").is_none());
}

/// Three people with something in common and something of their own.
async fn people(rig: &Rig) -> Vec<String> {
    let mut ids = Vec::new();
    for (name, change) in [
        (
            "ann@mouse.com",
            json!({ "username": "Ann_1", "profile": { "givenName": "Ann", "familyName": "Älpler", "nickName": "ä%" },
                "phone": { "phone": "+41791234501" }, "metadata": [{ "key": "Team", "value": "AQID" }] }),
        ),
        (
            "ben@mouse.com",
            json!({ "username": "ben%2", "profile": { "givenName": "Ben", "familyName": "O'Neil", "displayName": "Big Ben" },
                "phone": { "phone": "+41791234502" }, "metadata": [{ "key": "team", "value": "AQIE" }, { "key": "x", "value": "eA==" }] }),
        ),
        (
            "cid@duck.com",
            json!({ "username": "cid'; DROP TABLE users; --", "profile": { "givenName": "Cid" } }),
        ),
    ] {
        rig.clock.advance(Span::seconds(1));
        ids.push(text(&add(rig, name, change).await["userId"]));
    }
    rig.ok("user.DeactivateUser", &rig.admin, json!({ "userId": ids[1] })).await;
    ids
}

const ANN: &str = "Ann_1";
const BEN: &str = "ben%2";
const CID: &str = "cid'; DROP TABLE users; --";

#[tokio::test]
async fn every_kind_of_query_finds_what_it_names() {
    let rig = Rig::start().await;
    let ids = people(&rig).await;
    let other = rig.add_organisation("other").await;
    let cases = [
        (json!({ "userNameQuery": { "userName": ANN } }), vec![ANN]),
        (
            json!({ "loginNameQuery": { "loginName": "ann_1", "method": "TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE" } }),
            vec![ANN],
        ),
        (json!({ "loginNameQuery": { "loginName": "ann_1" } }), vec![]),
        (json!({ "firstNameQuery": { "firstName": "Ben" } }), vec![BEN]),
        (json!({ "lastNameQuery": { "lastName": "O'Neil" } }), vec![BEN]),
        (json!({ "lastNameQuery": { "lastName": "' OR '1'='1" } }), vec![]),
        (
            json!({ "lastNameQuery": { "lastName": "äLP", "method": "TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE" } }),
            vec![ANN],
        ),
        (json!({ "nickNameQuery": { "nickName": "ä%" } }), vec![ANN]),
        (json!({ "displayNameQuery": { "displayName": "BIG", "method": 3 } }), vec![BEN]),
        (
            json!({ "displayNameQuery": { "displayName": "ouse", "method": "TEXT_QUERY_METHOD_CONTAINS" } }),
            vec![CID],
        ),
        (
            json!({ "emailQuery": { "emailAddress": "@mouse.com", "method": "TEXT_QUERY_METHOD_ENDS_WITH" } }),
            vec![ANN, BEN],
        ),
        (json!({ "phoneQuery": { "number": "02", "method": "TEXT_QUERY_METHOD_ENDS_WITH" } }), vec![BEN]),
        (json!({ "stateQuery": { "state": "USER_STATE_INACTIVE" } }), vec![BEN]),
        (json!({ "stateQuery": { "state": "USER_STATE_ACTIVE" } }), vec![ANN, CID]),
        (json!({ "stateQuery": { "state": "USER_STATE_DELETED" } }), vec![]),
        (json!({ "typeQuery": { "type": "TYPE_MACHINE" } }), vec![]),
        (json!({ "inUserIdsQuery": { "userIds": [ids[0], ids[2], "none"] } }), vec![ANN, CID]),
        (json!({ "inUserIdsQuery": {} }), vec![]),
        (json!({ "inUserEmailsQuery": { "userEmails": ["ben@mouse.com", "cid@duck.com"] } }), vec![BEN, CID]),
        (json!({ "organizationIdQuery": { "organizationId": home(&rig) } }), vec![ANN, BEN, CID]),
        (json!({ "organizationIdQuery": { "organizationId": other } }), vec![]),
        (json!({ "metadataKeyFilter": { "key": "team" } }), vec![BEN]),
        (
            json!({ "metadataKeyFilter": { "key": "TEAM", "method": "TEXT_FILTER_METHOD_EQUALS_IGNORE_CASE" } }),
            vec![ANN, BEN],
        ),
        (json!({ "metadataValueFilter": { "value": "AQID" } }), vec![ANN]),
        (
            json!({ "metadataValueFilter": { "value": "AQID", "method": "BYTE_FILTER_METHOD_NOT_EQUALS" } }),
            vec![BEN],
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(found(&rig, query.clone()).await, expected, "{query}");
    }
}

#[tokio::test]
async fn conditions_combine_and_no_character_of_them_is_special() {
    let rig = Rig::start().await;
    people(&rig).await;
    let cases = [
        // Neither `%` nor `_` stands for anything.
        (json!({ "userNameQuery": { "userName": "%", "method": "TEXT_QUERY_METHOD_CONTAINS" } }), vec![BEN]),
        (
            json!({ "userNameQuery": { "userName": "_1", "method": "TEXT_QUERY_METHOD_ENDS_WITH" } }),
            vec![ANN],
        ),
        (json!({ "userNameQuery": { "userName": "Ann%" } }), vec![]),
        (
            json!({ "userNameQuery": { "userName": "'; DROP", "method": "TEXT_QUERY_METHOD_CONTAINS" } }),
            vec![CID],
        ),
        (
            json!({ "orQuery": { "queries": [{ "userNameQuery": { "userName": ANN } }, { "userNameQuery": { "userName": BEN } }] } }),
            vec![ANN, BEN],
        ),
        (
            json!({ "andQuery": { "queries": [{ "userNameQuery": { "userName": ANN } }, { "userNameQuery": { "userName": BEN } }] } }),
            vec![],
        ),
        (json!({ "orQuery": {} }), vec![]),
        (json!({ "andQuery": {} }), vec![ANN, BEN, CID]),
        (json!({ "notQuery": { "query": { "userNameQuery": { "userName": ANN } } } }), vec![BEN, CID]),
    ];
    for (query, expected) in cases {
        assert_eq!(found(&rig, query.clone()).await, expected, "{query}");
    }
    for bad in [json!({}), json!({ "notQuery": {} }), json!({ "userNameQuery": { "userName": "" } })] {
        let refusal = rig.call("user.ListUsers", &rig.admin, json!({ "queries": [bad] })).await.unwrap_err();
        assert!(refusal.code == 3 && refusal.details.is_empty(), "{bad}: {refusal:?}");
    }
}

#[tokio::test]
async fn lists_are_sorted_by_any_column_and_cut_into_pages() {
    let rig = Rig::start().await;
    people(&rig).await;
    let list = |column: &str, query: Value| {
        let request = json!({
            "query": query,
            "sortingColumn": column,
            "queries": [{ "typeQuery": { "type": "TYPE_HUMAN" } }],
        });
        let rig = &rig;
        async move { names(rig, &rig.admin, request).await }
    };
    let by_creation = [ANN, BEN, CID];
    for (column, ascending) in [
        ("USER_FIELD_NAME_UNSPECIFIED", by_creation),
        ("USER_FIELD_NAME_CREATION_DATE", by_creation),
        ("USER_FIELD_NAME_USER_NAME", by_creation),
        ("USER_FIELD_NAME_FIRST_NAME", by_creation),
        ("USER_FIELD_NAME_LAST_NAME", [CID, BEN, ANN]),
        ("USER_FIELD_NAME_NICK_NAME", [BEN, CID, ANN]),
        ("USER_FIELD_NAME_DISPLAY_NAME", by_creation),
        ("USER_FIELD_NAME_EMAIL", by_creation),
        ("USER_FIELD_NAME_STATE", [ANN, CID, BEN]),
        ("USER_FIELD_NAME_TYPE", by_creation),
    ] {
        assert_eq!(list(column, json!({ "asc": true })).await, ascending, "{column}");
        let mut descending = ascending;
        descending.reverse();
        assert_eq!(list(column, json!({})).await, descending, "{column}, largest first");
        for (page, expected) in ascending.iter().enumerate() {
            let page = json!({ "asc": true, "limit": 1, "offset": page });
            assert_eq!(list(column, page).await, [*expected], "{column}, page by page");
        }
    }
    let kinds = json!({ "query": { "asc": true }, "sortingColumn": "USER_FIELD_NAME_TYPE" });
    assert_eq!(names(&rig, &rig.admin, kinds).await[..3], by_creation, "people come first");
    let page = rig.ok("user.ListUsers", &rig.admin, json!({ "query": { "limit": 2, "offset": "1" } })).await;
    assert_eq!((total(&page), page["result"].as_array().unwrap().len()), (5, 2));
    let refusal =
        rig.call("user.ListUsers", &rig.admin, json!({ "query": { "limit": 1001 } })).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (3, "QUERY-4M0fs"));
}

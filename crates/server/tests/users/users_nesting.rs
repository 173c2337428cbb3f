//! How deep and how broad a search for users may be.

use serde_json::{Value, json};

use crate::client::{Outcome, Protocol};
use crate::rig::Rig;

fn refused(outcome: Outcome, message: &str) {
    let refusal = outcome.unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (3, message));
}

const TOO_DEEP: &str = "Too many query nesting levels (Max 20) (USER-zsQ97)";
const TOO_LARGE: &str = "Too many conditions in one search (Max 10000) (DOORWARD-Qu3ry)";

#[tokio::test]
async fn queries_nest_twenty_levels_and_no_more() {
    let rig = Rig::start().await;
    rig.add_human("mini@mouse.com").await;
    let nested = |levels: usize, wrap: fn(Value) -> Value| {
        let leaf = json!({ "userNameQuery": { "userName": "mini@mouse.com" } });
        json!({ "queries": [(0..levels).fold(leaf, |inner, _| wrap(inner))] })
    };
    let wraps: [fn(Value) -> Value; 3] = [
        |inner| json!({ "notQuery": { "query": inner } }),
        |inner| json!({ "orQuery": { "queries": [inner] } }),
        |inner| json!({ "andQuery": { "queries": [inner] } }),
    ];
    let list = |protocol, request| rig.http.call(protocol, "user.ListUsers", Some(&rig.admin), request);
    for wrap in wraps {
        for protocol in [Protocol::ConnectJson, Protocol::ConnectProto] {
            let found = list(protocol, nested(20, wrap)).await.unwrap();
            assert_eq!(found["details"]["totalResult"], "1", "twenty negations cancel out");
        }
        for levels in [21, 24, 30] {
            refused(list(Protocol::ConnectProto, nested(levels, wrap)).await, TOO_DEEP);
        }
    }
    refused(list(Protocol::ConnectJson, nested(21, wraps[0])).await, TOO_DEEP);
    // In JSON these have more brackets than are read at all.
    let brackets = "unmarshal message: nested too deeply";
    refused(list(Protocol::ConnectJson, nested(21, wraps[1])).await, brackets);
    refused(list(Protocol::ConnectJson, nested(60, wraps[1])).await, brackets);
}

#[tokio::test]
async fn no_depth_harms_the_server() {
    let rig = Rig::start().await;
    let bearer = format!("Bearer {}", rig.admin);
    let headers = [("content-type", "application/proto"), ("authorization", bearer.as_str())];
    for levels in [21, 40, 48, 49, 50, 51, 60, 5000] {
        // One level: SearchQuery.and_query (12) around AndQuery.queries (1).
        let leaf = field(1, &field(1, b"x"));
        let query = (0..levels).fold(leaf, |inner, _| field(12, &field(1, &inner)));
        let path = "/zitadel.user.v2.UserService/ListUsers";
        let answer = rig.http.raw("POST", path, &headers, field(3, &query), false).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["code"]),
            (400, &json!("invalid_argument")),
            "{levels}"
        );
    }
}

/// A field of the wire format that has a length.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut written = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        written.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    written.push(u8::try_from(length).unwrap());
    written.extend_from_slice(bytes);
    written
}

#[tokio::test]
async fn a_search_compares_with_ten_thousand_values_and_no_more() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let ids = |others: usize| {
        let ids: Vec<_> = (0..others).map(|n| n.to_string()).chain([id.clone()]).collect();
        json!({ "inUserIdsQuery": { "userIds": ids } })
    };
    let found = rig.ok("user.ListUsers", &rig.admin, json!({ "queries": [ids(9_999)] })).await;
    assert_eq!(found["details"]["totalResult"], "1");
    let list = |queries: Value| rig.call("user.ListUsers", &rig.admin, json!({ "queries": queries }));
    refused(list(json!([ids(10_000)])).await, TOO_LARGE);
    refused(list(json!([ids(5_000), { "notQuery": { "query": ids(5_000) } }])).await, TOO_LARGE);
    let people = vec![json!({ "typeQuery": { "type": "TYPE_HUMAN" } }); 10_001];
    refused(list(json!([{ "orQuery": { "queries": people } }])).await, TOO_LARGE);
}

#[tokio::test]
async fn a_broad_search_is_answered_too() {
    let rig = Rig::start().await;
    rig.add_human("mini@mouse.com").await;
    for (query, total) in [("orQuery", Some("1")), ("andQuery", None)] {
        let names: Vec<_> =
            (0..9_000).map(|n| json!({ "userNameQuery": { "userName": format!("user-{n}") } })).collect();
        let mini = json!({ "emailQuery": { "emailAddress": "mini@mouse.com" } });
        let queries = names.into_iter().chain([mini]).collect::<Vec<_>>();
        let found =
            rig.ok("user.ListUsers", &rig.admin, json!({ "queries": [{ query: { "queries": queries } }] }));
        assert_eq!(found.await["details"]["totalResult"].as_str(), total, "{query}");
    }
}

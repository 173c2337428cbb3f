//! What JSON a request may be written in.

use serde_json::{Value, json};

use crate::rig::Rig;
use crate::talk::{SESSIONS, connect};

/// Creates a session over REST from a text, and gives what GetSession shows.
async fn created(rig: &Rig, body: &str) -> Value {
    let answer = rig.http.rest("POST", "/v2/sessions", Some(&rig.login), body).await;
    assert_eq!(answer.status, 201, "{body} {:?}", answer.bytes);
    rig.shown(answer.json()["sessionId"].as_str().unwrap()).await
}

/// Status and body of a search over REST from a text.
async fn search(rig: &Rig, body: &str) -> (u16, Value) {
    let answer = rig.http.rest("POST", "/v2/sessions/search", Some(&rig.login), body).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test]
async fn fields_may_have_their_json_or_their_proto_name() {
    let rig = Rig::start().await;
    for body in [
        r#"{"userAgent":{"fingerprintId":"fp"}}"#,
        r#"{"user_agent":{"fingerprint_id":"fp"}}"#,
        r#"{"user_agent":{"fingerprintId":"fp"}}"#,
    ] {
        assert_eq!(created(&rig, body).await["userAgent"], json!({ "fingerprintId": "fp" }), "{body}");
    }
    let kind = "application/json";
    let body = br#"{"user_agent":{"fingerprint_id":"fp"}}"#;
    let answer = connect(&rig, &format!("{SESSIONS}/CreateSession"), kind, Some(&rig.login), body).await;
    let id = answer.json()["sessionId"].as_str().unwrap().to_owned();
    assert_eq!(rig.shown(&id).await["userAgent"]["fingerprintId"], "fp");
}

#[tokio::test]
async fn unknown_fields_are_ignored_over_rest_and_connect() {
    let rig = Rig::start().await;
    let body = r#"{"nobody":{"knows":[1,{"this":null}]},"userAgent":{"description":"D","colour":"red"}}"#;
    assert_eq!(created(&rig, body).await["userAgent"], json!({ "description": "D" }));
    let path = format!("{SESSIONS}/CreateSession");
    let answer = connect(&rig, &path, "application/json", Some(&rig.login), body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.json()["sessionId"].as_str().unwrap().to_owned();
    assert_eq!(rig.shown(&id).await["userAgent"], json!({ "description": "D" }));
}

#[tokio::test]
async fn bytes_may_be_standard_or_url_safe_base64_with_or_without_padding() {
    let rig = Rig::start().await;
    for text in ["+//+AQ==", "+//+AQ", "-__-AQ==", "-__-AQ"] {
        let shown = created(&rig, &json!({ "metadata": { "key": text } }).to_string()).await;
        assert_eq!(shown["metadata"], json!({ "key": "+//+AQ==" }), "{text}");
    }
}

#[tokio::test]
async fn whole_numbers_may_be_numbers_or_texts() {
    let rig = Rig::start().await;
    for _ in 0..3 {
        rig.session(json!({})).await;
    }
    for query in [
        r#"{"offset":1,"limit":1}"#,
        r#"{"offset":"1","limit":1}"#,
        r#"{"offset":"1","limit":"1"}"#,
        r#"{"offset":1.0,"limit":1e0}"#,
    ] {
        let (status, found) = search(&rig, &format!(r#"{{"query":{query}}}"#)).await;
        assert_eq!((status, found["sessions"].as_array().map(Vec::len)), (200, Some(1)), "{query} {found}");
        assert_eq!(found["details"]["totalResult"], "3", "{query}");
    }
    for query in [
        r#"{"offset":-1}"#,
        r#"{"offset":1.5}"#,
        r#"{"limit":"x"}"#,
        r#"{"limit":4294967296}"#,
        r#"{"asc":1}"#,
    ] {
        let (status, refusal) = search(&rig, &format!(r#"{{"query":{query}}}"#)).await;
        assert_eq!((status, &refusal["code"]), (400, &json!(3)), "{query}");
    }
}

#[tokio::test]
async fn enums_may_be_names_or_numbers_and_an_unknown_number_is_kept() {
    let rig = Rig::start().await;
    let first = rig.session(json!({})).await.0;
    rig.clock.advance(doorward_core::base::Span::seconds(1));
    let second = rig.session(json!({})).await.0;
    for column in [r#""SESSION_FIELD_NAME_CREATION_DATE""#, "1"] {
        let body = format!(r#"{{"sortingColumn":{column},"query":{{"asc":true}}}}"#);
        let (_, found) = search(&rig, &body).await;
        let ids: Vec<_> = found["sessions"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
        assert_eq!(ids, [json!(first), json!(second)], "{column}");
    }
    let (status, found) = search(&rig, r#"{"sortingColumn":99}"#).await;
    assert_eq!((status, &found["details"]["totalResult"]), (200, &json!("2")));
    let (status, refusal) = search(&rig, r#"{"queries":[{"creationDateQuery":{"method":9}}]}"#).await;
    assert_eq!(status, 400);
    let text = refusal["message"].as_str().unwrap();
    assert!(
        text.ends_with("CreationDateQuery.Method: value must be one of the defined enum values"),
        "{text}"
    );
}

#[tokio::test]
async fn an_unknown_name_of_an_enum_is_ignored_like_an_unknown_field() {
    let rig = Rig::start().await;
    let (status, found) = search(&rig, r#"{"sortingColumn":"SESSION_FIELD_NAME_SHOE_SIZE"}"#).await;
    assert_eq!((status, found.get("code")), (200, None), "{found}");
    for wrong in ["true", "1.5", "{}", "[]"] {
        assert_eq!(search(&rig, &format!(r#"{{"sortingColumn":{wrong}}}"#)).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn durations_are_seconds_with_up_to_nine_digits() {
    let rig = Rig::start().await;
    for (text, expires) in [
        ("300s", "2025-11-20T10:05:00.123456Z"),
        ("1.5s", "2025-11-20T10:00:01.623456Z"),
        ("0.000001s", "2025-11-20T10:00:00.123457Z"),
        ("0.876544s", "2025-11-20T10:00:01Z"),
    ] {
        let shown = created(&rig, &json!({ "lifetime": text }).to_string()).await;
        assert_eq!(shown["expirationDate"], expires, "{text}");
    }
    for wrong in [r#""300""#, r#""5m""#, "300", r#""s""#, r#""1.0000000001s""#, r#""""#, "{}", r#""one s""#] {
        let body = format!(r#"{{"lifetime":{wrong}}}"#);
        let answer = rig.http.rest("POST", "/v2/sessions", Some(&rig.login), &body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (400, &json!(3)), "{wrong}");
    }
}

#[tokio::test]
async fn times_are_rfc_3339_with_any_offset() {
    let rig = Rig::start().await;
    rig.session(json!({})).await;
    for (text, found) in [
        ("2025-11-20T10:00:00.123456Z", 1),
        ("2025-11-20T11:00:00.123456+01:00", 1),
        ("2025-11-20T10:00:00.123456000Z", 1),
        ("2025-11-20T10:00:00Z", 0),
    ] {
        let query = json!({ "queries": [{ "creationDateQuery": { "creationDate": text } }] });
        let (status, list) = search(&rig, &query.to_string()).await;
        assert_eq!(status, 200, "{text} {list}");
        assert_eq!(list["sessions"].as_array().map_or(0, Vec::len), found, "{text}");
    }
    for wrong in [json!("yesterday"), json!("2025-11-20"), json!(1), json!("2025-13-20T10:00:00Z"), json!({})]
    {
        let query = json!({ "queries": [{ "creationDateQuery": { "creationDate": wrong } }] });
        assert_eq!(search(&rig, &query.to_string()).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn null_is_the_same_as_absent() {
    let rig = Rig::start().await;
    let shown = created(&rig, r#"{"checks":null,"metadata":null,"lifetime":null,"userAgent":null}"#).await;
    assert!(shown.get("userAgent").is_none() && shown.get("expirationDate").is_none(), "{shown}");
}

#[tokio::test]
async fn an_empty_body_is_an_empty_message_over_rest() {
    let rig = Rig::start().await;
    for body in ["", "  \r\n", "{}"] {
        assert_eq!(created(&rig, body).await["sequence"], "2", "{body:?}");
    }
    assert_eq!(search(&rig, "").await.0, 200);
}

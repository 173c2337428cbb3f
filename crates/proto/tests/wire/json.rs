//! JSON is read and written as the contract says.

use buffa::{EnumValue, Message, MessageField};
use buffa_types::google::protobuf::Timestamp;
use doorward_proto::session::user_agent::HeaderValues;
use doorward_proto::{errors, object, session, user};

use crate::parse;

fn try_parse<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, serde_json::Error> {
    doorward_proto::from_json(json.as_bytes())
}

fn write<T: serde::Serialize>(message: &T) -> Result<String, serde_json::Error> {
    doorward_proto::to_json(message).map(|json| String::from_utf8(json).expect("JSON is UTF-8"))
}

#[test]
fn both_spellings_of_a_field_are_accepted() {
    let camel: session::SetSessionRequest = parse(r#"{"sessionId":"1","sessionToken":"t"}"#);
    let snake: session::SetSessionRequest = parse(r#"{"session_id":"1","session_token":"t"}"#);
    assert_eq!(camel, snake);
    let camel: session::SearchQuery = parse(r#"{"userIdQuery":{"id":"1"}}"#);
    let snake: session::SearchQuery = parse(r#"{"user_id_query":{"id":"1"}}"#);
    assert!(camel.query.is_some());
    assert_eq!(camel, snake);
}

#[test]
fn unknown_fields_are_ignored_at_every_depth() {
    let request: session::CreateSessionRequest =
        parse(r#"{"x":1,"checks":{"y":[{}],"user":{"z":null,"userId":"1"}},"metadata":null}"#);
    assert_eq!(write(&request).unwrap(), r#"{"checks":{"user":{"userId":"1"}}}"#);
    let query: session::SearchQuery = parse(r#"{"newerQuery":{"id":"1"}}"#);
    assert!(query.query.is_none());
}

#[test]
fn base64_is_accepted_in_both_alphabets_with_and_without_padding() {
    for text in ["+/8=", "-_8=", "+/8", "-_8"] {
        let request: session::CreateSessionRequest = parse(&format!(r#"{{"metadata":{{"k":"{text}"}}}}"#));
        assert_eq!(request.metadata["k"], [0xfb, 0xff], "{text}");
        assert_eq!(write(&request).unwrap(), r#"{"metadata":{"k":"+/8="}}"#);
    }
    assert!(try_parse::<session::CreateSessionRequest>(r#"{"metadata":{"k":"*"}}"#).is_err());
}

#[test]
fn large_numbers_are_read_as_number_or_text_and_written_as_text() {
    let from_number: object::ListQuery = parse(r#"{"offset":5,"limit":"7"}"#);
    let from_text: object::ListQuery = parse(r#"{"offset":"5","limit":7}"#);
    assert_eq!(from_number, from_text);
    assert_eq!(write(&from_text).unwrap(), r#"{"offset":"5","limit":7}"#);
    let large: object::Details = parse(r#"{"sequence":"18446744073709551615"}"#);
    assert_eq!(large.sequence, u64::MAX);
    assert!(try_parse::<object::ListQuery>(r#"{"offset":-1}"#).is_err());
    assert!(try_parse::<object::ListQuery>(r#"{"limit":1.5}"#).is_err());
}

#[test]
fn durations_have_fractions_of_a_second() {
    for (text, seconds, nanos) in
        [("300s", 300, 0), ("1.5s", 1, 500_000_000), ("0.000000001s", 0, 1), ("-1.5s", -1, -500_000_000)]
    {
        let request: session::CreateSessionRequest = parse(&format!(r#"{{"lifetime":"{text}"}}"#));
        let lifetime = request.lifetime.as_option().expect("a lifetime");
        assert_eq!((lifetime.seconds, lifetime.nanos), (seconds, nanos), "{text}");
    }
    assert!(try_parse::<session::CreateSessionRequest>(r#"{"lifetime":"5"}"#).is_err());
    assert!(try_parse::<session::CreateSessionRequest>(r#"{"lifetime":5}"#).is_err());
}

#[test]
fn times_are_written_in_utc_with_0_3_6_or_9_digits() {
    let written = |nanos| {
        let time = Timestamp { seconds: 1_700_000_000, nanos, ..Default::default() };
        let details = object::Details { change_date: MessageField::some(time), ..Default::default() };
        serde_json::to_value(&details).unwrap()["changeDate"].as_str().expect("text").to_owned()
    };
    assert_eq!(written(0), "2023-11-14T22:13:20Z");
    assert_eq!(written(120_000_000), "2023-11-14T22:13:20.120Z");
    assert_eq!(written(120_000), "2023-11-14T22:13:20.000120Z");
    assert_eq!(written(1), "2023-11-14T22:13:20.000000001Z");
    let read: object::Details = parse(r#"{"changeDate":"2023-11-14T23:13:20+01:00"}"#);
    assert_eq!(read.change_date.seconds, 1_700_000_000);
}

#[test]
fn enums_are_read_by_name_or_number_and_written_by_name() {
    for value in [r#""SESSION_FIELD_NAME_CREATION_DATE""#, "1"] {
        let request: session::ListSessionsRequest = parse(&format!(r#"{{"sortingColumn":{value}}}"#));
        assert_eq!(request.sorting_column, EnumValue::from(session::SessionFieldName::CreationDate));
        let written = write(&request).unwrap();
        assert_eq!(written, r#"{"sortingColumn":"SESSION_FIELD_NAME_CREATION_DATE"}"#);
    }
}

#[test]
fn an_unknown_number_of_an_enum_is_kept_and_an_unknown_name_is_ignored() {
    let request: session::ListSessionsRequest = parse(r#"{"sortingColumn":77}"#);
    assert_eq!((request.sorting_column.to_i32(), request.sorting_column.is_known()), (77, false));
    let request: session::ListSessionsRequest = parse(r#"{"sortingColumn":"NO_SUCH_NAME"}"#);
    assert_eq!(request, session::ListSessionsRequest::default());
}

#[test]
fn fields_at_zero_are_left_out() {
    assert_eq!(write(&session::Session::default()).unwrap(), "{}");
    let answer = session::CreateSessionResponse { session_id: "1".into(), ..Default::default() };
    assert_eq!(write(&answer).unwrap(), r#"{"sessionId":"1"}"#);
    let detail = errors::CredentialsCheckError { failed_attempts: 1, ..Default::default() };
    assert_eq!(write(&detail).unwrap(), r#"{"failedAttempts":1}"#);
}

#[test]
fn what_is_present_stays_present_even_if_empty() {
    let agent: session::UserAgent = parse(r#"{"fingerprintId":""}"#);
    assert_eq!(agent.fingerprint_id.as_deref(), Some(""));
    assert_eq!(write(&agent).unwrap(), r#"{"fingerprintId":""}"#);
    let again = session::UserAgent::decode_from_slice(&agent.encode_to_vec()).unwrap();
    assert_eq!(again, agent);
    let answer: session::CreateSessionResponse = parse(r#"{"challenges":{}}"#);
    assert_eq!(write(&answer).unwrap(), r#"{"challenges":{}}"#);
    let agent: session::UserAgent = parse(r#"{"fingerprintId":null}"#);
    assert_eq!(agent.fingerprint_id, None);
}

#[test]
fn a_oneof_holds_its_variant_even_if_that_is_empty() {
    let user: session::CheckUser = parse(r#"{"userId":""}"#);
    assert_eq!(user.search, Some(session::check_user::Search::UserId(String::new())));
    assert_eq!(write(&user).unwrap(), r#"{"userId":""}"#);
    let both = try_parse::<session::CheckUser>(r#"{"userId":"1","loginName":"2"}"#);
    assert!(both.is_err(), "one of two has to be refused, not chosen");
}

#[test]
fn names_of_answers_are_those_of_the_contract() {
    let json = r#"{"session":{"factors":{"user":{"loginName":"a","organizationId":"o"},"webAuthN":{"userVerified":true}},"userAgent":{"header":{"X":{"values":["1"]}}}}}"#;
    let answer: session::GetSessionResponse = parse(json);
    assert_eq!(write(&answer).unwrap(), json);
    let header = &answer.session.user_agent.header["X"];
    assert_eq!(header, &HeaderValues { values: vec!["1".into()] });
    let json = r#"{"webAuthN":{"publicKeyCredentialRequestOptions":{"publicKey":{"timeout":1.5,"list":[null,true]}}},"otpSms":"1"}"#;
    let challenges: session::Challenges = parse(json);
    let written: serde_json::Value = serde_json::to_value(&challenges).unwrap();
    assert_eq!(written, serde_json::from_str::<serde_json::Value>(json).unwrap());
}

#[test]
fn whole_numbers_in_a_struct_stay_whole() {
    let json = r#"{"webAuthN":{"publicKeyCredentialRequestOptions":{"a":[300000,-7,0,1.5,0.1]}}}"#;
    assert_eq!(write(&parse::<session::Challenges>(json)).unwrap(), json);
    let large: session::Challenges =
        parse(r#"{"webAuthN":{"publicKeyCredentialRequestOptions":{"a":1e300}}}"#);
    assert!(write(&large).unwrap().contains(r#"{"a":1e+300}"#), "{}", write(&large).unwrap());
}

#[test]
fn the_wrong_type_is_refused() {
    for json in [
        r#"{"sessionId":1}"#,
        r#"{"checks":[]}"#,
        r#"{"checks":[{"userId":"1"}]}"#,
        r#"{"checks":"x"}"#,
        r#"{"checks":{"user":[]}}"#,
        r#"{"metadata":{"k":1}}"#,
        r#"{"metadata":[]}"#,
        "[]",
        r#"["1","2"]"#,
        "null",
        r#""x""#,
        "",
        "{",
        "{} x",
    ] {
        assert!(try_parse::<session::SetSessionRequest>(json).is_err(), "{json}");
    }
    for json in
        [r#"{"queries":{}}"#, r#"{"queries":[[]]}"#, r#"{"queries":[null]}"#, r#"{"query":{"asc":"true"}}"#]
    {
        assert!(try_parse::<session::ListSessionsRequest>(json).is_err(), "{json}");
    }
}

#[test]
fn null_stands_for_an_absent_field_of_any_kind() {
    let set: session::SetSessionRequest = parse(
        r#"{"sessionId":null,"checks":null,"metadata":null,"lifetime":null,"challenges":{"otpSms":null}}"#,
    );
    assert_eq!(write(&set).unwrap(), r#"{"challenges":{}}"#);
    let list: session::ListSessionsRequest =
        parse(r#"{"query":{"offset":null,"limit":null,"asc":null},"queries":null,"sortingColumn":null}"#);
    assert_eq!(write(&list).unwrap(), r#"{"query":{}}"#);
    let query: session::SearchQuery = parse(r#"{"idsQuery":null,"userIdQuery":{"id":null}}"#);
    assert_eq!(write(&query).unwrap(), r#"{"userIdQuery":{}}"#);
    let email: user::SetEmailRequest = parse(r#"{"sendCode":null,"isVerified":null}"#);
    assert_eq!(email, user::SetEmailRequest::default());
    let token: user::AddPersonalAccessTokenRequest = parse(r#"{"expirationDate":null}"#);
    assert!(token.expiration_date.is_unset());
}

#[test]
fn a_field_given_twice_is_refused() {
    for json in [r#"{"sessionId":"1","sessionId":"1"}"#, r#"{"sessionId":"1","session_id":"1"}"#] {
        assert!(try_parse::<session::SetSessionRequest>(json).is_err(), "{json}");
    }
}

#[test]
fn unknown_fields_on_the_wire_are_dropped() {
    // A newer query, number 20, has no place to go.
    let query = session::SearchQuery::decode_from_slice(&[0xa2, 0x01, 0x00]).unwrap();
    assert!(query.query.is_none());
    assert!(query.encode_to_vec().is_empty());
}

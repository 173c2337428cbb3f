//! Broken limits are told in the words of the contract, and in its order.

use doorward_proto::{Narrow, Surface, Validate, session, user};
use serde::de::DeserializeOwned;

use crate::parse;

/// What the caller is told, or nothing.
fn told<T: DeserializeOwned + Validate>(json: &str) -> String {
    parse::<T>(json).validate(Surface::V2).err().map(|violation| violation.to_string()).unwrap_or_default()
}

type Create = session::CreateSessionRequest;
type Set = session::SetSessionRequest;
type List = session::ListSessionsRequest;

const SHORT_CODE: &str = "invalid CreateSessionRequest.Checks: embedded message failed validation | caused by: \
    invalid Checks.Totp: embedded message failed validation | caused by: \
    invalid CheckTOTP.Code: value length must be 6 runes";

#[test]
fn the_example_of_the_contract_is_told_word_for_word() {
    assert_eq!(
        told::<Create>(r#"{"checks":{"password":{"password":""}}}"#),
        "invalid CreateSessionRequest.Checks: embedded message failed validation | caused by: invalid \
         Checks.Password: embedded message failed validation | caused by: invalid CheckPassword.Password: \
         value length must be between 1 and 200 runes, inclusive"
    );
}

#[test]
fn a_query_of_no_kind_is_told_with_its_index() {
    assert_eq!(
        told::<List>(r#"{"queries":[{}]}"#),
        "invalid ListSessionsRequest.Queries[0]: embedded message failed validation | caused by: invalid \
         SearchQuery.Query: value is required"
    );
    let second = told::<List>(r#"{"queries":[{"idsQuery":{}},{}]}"#);
    assert!(second.starts_with("invalid ListSessionsRequest.Queries[1]: "), "{second}");
}

#[test]
fn names_of_nested_messages_are_joined_and_names_of_fields_are_those_of_go() {
    let text = told::<Create>(r#"{"challenges":{"otpEmail":{"sendCode":{"urlTemplate":""}}}}"#);
    assert_eq!(
        text,
        "invalid CreateSessionRequest.Challenges: embedded message failed validation | caused by: invalid \
         RequestChallenges.OtpEmail: embedded message failed validation | caused by: invalid \
         RequestChallenges_OTPEmail.SendCode: embedded message failed validation | caused by: invalid \
         RequestChallenges_OTPEmail_SendCode.UrlTemplate: value length must be between 1 and 200 runes, \
         inclusive"
    );
    let text = told::<Create>(r#"{"checks":{"webAuthN":{}}}"#);
    assert!(text.contains("invalid Checks.WebAuthN: "), "{text}");
    assert!(text.ends_with("invalid CheckWebAuthN.CredentialAssertionData: value is required"), "{text}");
    let text = told::<Create>(r#"{"checks":{"idpIntent":{"idpIntentId":"1"}}}"#);
    assert!(text.contains("invalid CheckIDPIntent.IdpIntentToken: "), "{text}");
}

#[test]
fn lengths_count_code_points() {
    let of = |letter: &str, count: usize| {
        told::<Create>(&format!(r#"{{"checks":{{"password":{{"password":"{}"}}}}}}"#, letter.repeat(count)))
    };
    assert_eq!(of("é", 200), "");
    assert_ne!(of("é", 201), "");
    assert_eq!(told::<Create>(r#"{"checks":{"totp":{"code":"ééé123"}}}"#), "");
    assert_eq!(told::<Create>(r#"{"checks":{"totp":{"code":"12345"}}}"#), SHORT_CODE);
    assert_eq!(told::<Create>(r#"{"checks":{"totp":{"code":"1234567"}}}"#), SHORT_CODE);
}

#[test]
fn a_lower_limit_of_zero_is_told_too() {
    let long = "x".repeat(201);
    assert_eq!(
        told::<Set>(&format!(r#"{{"sessionId":"1","sessionToken":"{long}"}}"#)),
        "invalid SetSessionRequest.SessionToken: value length must be between 0 and 200 runes, inclusive"
    );
    assert_eq!(told::<Set>(r#"{"sessionId":"1"}"#), "");
}

#[test]
fn a_limit_on_one_side_is_told_as_such() {
    let text = told::<Create>(r#"{"checks":{"otpSms":{}}}"#);
    assert!(text.ends_with("invalid CheckOTP.Code: value length must be at least 1 runes"), "{text}");
    let query = format!(r#"{{"queries":[{{"creatorQuery":{{"id":"{}"}}}}]}}"#, "x".repeat(201));
    let text = told::<List>(&query);
    assert!(text.ends_with("invalid CreatorQuery.Id: value length must be at most 200 runes"), "{text}");
    assert_eq!(told::<List>(r#"{"queries":[{"creatorQuery":{"id":""}}]}"#), "");
}

#[test]
fn a_lifetime_has_to_be_positive_and_well_formed() {
    assert_eq!(
        told::<Create>(r#"{"lifetime":"0s"}"#),
        "invalid CreateSessionRequest.Lifetime: value must be greater than 0s"
    );
    assert_eq!(
        told::<Set>(r#"{"sessionId":"1","lifetime":"-1s"}"#),
        "invalid SetSessionRequest.Lifetime: value must be greater than 0s"
    );
    assert_eq!(told::<Create>(r#"{"lifetime":"0.000000001s"}"#), "");
    let out_of_range = |seconds, nanos| {
        let lifetime = buffa_types::google::protobuf::Duration { seconds, nanos, ..Default::default() };
        let request = Create { lifetime: buffa::MessageField::some(lifetime), ..Default::default() };
        request.validate(Surface::V2).expect_err("out of range").to_string()
    };
    let text =
        "invalid CreateSessionRequest.Lifetime: value is not a valid duration | caused by: proto: duration";
    assert_eq!(
        out_of_range(315_576_000_001, 0),
        format!("{text} (seconds:315576000001) exceeds +10000 years")
    );
    assert_eq!(
        out_of_range(-315_576_000_001, 0),
        format!("{text} (seconds:-315576000001) exceeds -10000 years")
    );
    assert_eq!(out_of_range(0, 1_000_000_000), format!("{text} (nanos:1000000000) has out-of-range nanos"));
    let signs = format!("{text} (seconds:1 nanos:-1) has seconds and nanos with different signs");
    assert_eq!(out_of_range(1, -1), signs);
}

#[test]
fn a_refused_enum_value_and_an_undefined_one_are_told_apart() {
    let text = |value: &str| {
        let domain = r#""domain":"example.com""#;
        told::<Create>(&format!(
            r#"{{"challenges":{{"webAuthN":{{{domain},"userVerificationRequirement":{value}}}}}}}"#
        ))
    };
    let start = "invalid CreateSessionRequest.Challenges: embedded message failed validation | caused by: invalid \
        RequestChallenges.WebAuthN: embedded message failed validation | caused by: invalid \
        RequestChallenges_WebAuthN.UserVerificationRequirement: ";
    let refused = "value must not be in list [USER_VERIFICATION_REQUIREMENT_UNSPECIFIED]";
    assert_eq!(text("0"), format!("{start}{refused}"));
    assert_eq!(text("9"), format!("{start}value must be one of the defined enum values"));
    assert_eq!(text("1"), "");
    let text = told::<List>(r#"{"queries":[{"creationDateQuery":{"method":7}}]}"#);
    assert!(
        text.ends_with("CreationDateQuery.Method: value must be one of the defined enum values"),
        "{text}"
    );
}

#[test]
fn plain_fields_come_before_oneofs_and_optional_fields_come_last() {
    // Plain before optional, although the optional one is declared first.
    let text = told::<user::CreateUserRequest>(r#"{"organizationId":"1","userId":""}"#);
    assert_eq!(text, "invalid CreateUserRequest.UserType: value is required");
    let text = told::<user::AddHumanUserRequest>(r#"{"userId":""}"#);
    assert_eq!(text, "invalid AddHumanUserRequest.Profile: value is required");
    // By declaration among plain fields: the phone has a higher number than the metadata.
    let human = r#"{"profile":{"givenName":"A","familyName":"B"},"email":{"email":"a@example.com"},
        "metadata":[{}],"phone":{"isVerified":false}}"#;
    let text = told::<user::AddHumanUserRequest>(human);
    assert!(text.ends_with("invalid SetHumanPhone.IsVerified: value must equal true"), "{text}");
    // A oneof before an optional field.
    let human = r#"{"organizationId":"1","userId":"","human":{"profile":{"givenName":"A","familyName":"B"},
        "email":{"email":"a@example.com"},"totpSecret":"","password":{"password":""}}}"#;
    let text = told::<user::CreateUserRequest>(human);
    assert!(
        text.ends_with("invalid Password.Password: value length must be between 1 and 200 runes, inclusive")
    );
}

#[test]
fn limits_that_only_v2_has_do_not_bind_v2beta() {
    let get = session::GetSessionRequest::default();
    assert_eq!(
        get.validate(Surface::V2).expect_err("v2 has a limit").to_string(),
        "invalid GetSessionRequest.SessionId: value length must be between 1 and 200 runes, inclusive"
    );
    assert_eq!(get.validate(Surface::V2beta), Ok(()));
    let delete: session::DeleteSessionRequest = parse(r#"{"sessionId":"1","sessionToken":""}"#);
    assert!(delete.validate(Surface::V2).is_err());
    assert_eq!(delete.validate(Surface::V2beta), Ok(()));
    let delete = session::DeleteSessionRequest::default();
    assert!(delete.validate(Surface::V2beta).is_err(), "this limit is old");
}

#[test]
fn a_query_that_v2beta_does_not_know_leaves_nothing_behind() {
    let mut list: List = parse(r#"{"queries":[{"userIdQuery":{}},{"creatorQuery":{"id":"1"}}]}"#);
    list.narrow();
    assert_eq!(
        list.validate(Surface::V2beta).expect_err("an empty query").to_string(),
        "invalid ListSessionsRequest.Queries[1]: embedded message failed validation | caused by: invalid \
         SearchQuery.Query: value is required"
    );
    let mut create: Create = parse(r#"{"checks":{"password":{"password":"x"},"recoveryCode":{"code":"x"}}}"#);
    create.narrow();
    assert_eq!(serde_json::to_string(&create).unwrap(), r#"{"checks":{"password":{"password":"x"}}}"#);
    let mut get: session::GetSessionResponse =
        parse(r#"{"session":{"factors":{"recoveryCode":{},"totp":{}}}}"#);
    get.narrow();
    assert_eq!(serde_json::to_string(&get).unwrap(), r#"{"session":{"factors":{"totp":{}}}}"#);
}

#[test]
fn requests_without_limits_always_pass() {
    assert_eq!(told::<Create>("{}"), "");
    assert_eq!(told::<Create>(r#"{"checks":{"user":{}},"userAgent":{"ip":"x"},"metadata":{"":""}}"#), "");
    assert_eq!(told::<List>(r#"{"queries":[{"idsQuery":{"ids":["",""]}},{"userIdQuery":{}}]}"#), "");
}

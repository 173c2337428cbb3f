//! Limits of the user service that sessions do not have.

use doorward_proto::{Surface, Validate, user};
use serde::de::DeserializeOwned;

use crate::parse;

fn told<T: DeserializeOwned + Validate>(json: &str) -> String {
    parse::<T>(json).validate(Surface::V2).err().map(|violation| violation.to_string()).unwrap_or_default()
}

fn told_of_email(email: &str) -> String {
    let email = serde_json::to_string(email).unwrap();
    let text = told::<user::SetEmailRequest>(&format!(r#"{{"userId":"1","email":{email}}}"#));
    let start = "invalid SetEmailRequest.Email: value must be a valid email address | caused by: ";
    text.strip_prefix(start).unwrap_or(&text).to_owned()
}

#[test]
fn email_addresses_have_to_look_like_some() {
    for good in
        ["a@example.com", "a.b+c@x-y.example", "Ada Lovelace <ada@example.com>", " a@b", "ü@example.com"]
    {
        assert_eq!(told_of_email(good), "", "{good}");
    }
    for (bad, why) in [
        ("plain", "mail: missing '@' or angle-addr"),
        ("two words", "mail: no angle-addr"),
        ("a@", "mail: missing '@' or angle-addr"),
        ("@b", "mail: missing word in phrase: mail: invalid string"),
        ("a..b@c", "mail: missing '@' or angle-addr"),
        ("a@b@c", r#"mail: expected single address, got "@c""#),
        ("a@b c", r#"mail: expected single address, got "c""#),
        ("Ada <ada@example.com", "mail: unclosed angle-addr"),
        ("Ada <ada>", "mail: missing @ in addr-spec"),
        ("a@-b", "hostname parts cannot begin with hyphens"),
        ("a@b-", "hostname parts cannot end with hyphens"),
        ("a@b_c", r#"hostname parts can only contain alphanumeric characters or hyphens, got "_""#),
    ] {
        assert_eq!(told_of_email(bad), why, "{bad}");
    }
    let long = format!("{}@example.com", "a".repeat(65));
    assert_eq!(told_of_email(&long), "email address local phrase cannot exceed 64 characters");
    let long = format!("a@{}.com", "b".repeat(64));
    assert_eq!(told_of_email(&long), "hostname part must be non-empty and cannot exceed 63 characters");
}

#[test]
fn the_length_of_an_email_address_is_looked_at_before_its_shape() {
    assert_eq!(
        told::<user::SetEmailRequest>(r#"{"userId":"1"}"#),
        "invalid SetEmailRequest.Email: value length must be between 1 and 200 runes, inclusive"
    );
}

#[test]
fn a_verified_flag_can_only_say_yes() {
    let set = |value: &str| {
        told::<user::SetEmailRequest>(&format!(r#"{{"userId":"1","email":"a@b","isVerified":{value}}}"#))
    };
    assert_eq!(set("false"), "invalid SetEmailRequest.IsVerified: value must equal true");
    assert_eq!(set("true"), "");
}

#[test]
fn bytes_are_counted_as_bytes() {
    let set = |value: &str| {
        told::<user::SetUserMetadataRequest>(&format!(
            r#"{{"userId":"1","metadata":[{{"key":"k","value":"{value}"}}]}}"#
        ))
    };
    assert_eq!(
        set(""),
        "invalid SetUserMetadataRequest.Metadata[0]: embedded message failed validation | caused by: invalid \
         Metadata.Value: value length must be between 1 and 500000 bytes, inclusive"
    );
    assert_eq!(set("AAAA"), "");
    // Four letters of base64 are three bytes.
    assert_eq!(set(&"AAAA".repeat(166_666)), "");
    assert_ne!(set(&"AAAA".repeat(166_667)), "");
}

#[test]
fn elements_of_a_list_are_told_with_their_index() {
    assert_eq!(
        told::<user::DeleteUserMetadataRequest>(r#"{"keys":["a",""]}"#),
        "invalid DeleteUserMetadataRequest.Keys[1]: value length must be between 1 and 200 runes, inclusive"
    );
}

#[test]
fn a_required_time_has_to_be_there() {
    assert_eq!(
        told::<user::AddPersonalAccessTokenRequest>(r#"{"userId":"1"}"#),
        "invalid AddPersonalAccessTokenRequest.ExpirationDate: value is required"
    );
    let full = r#"{"userId":"1","expirationDate":"1970-01-01T00:00:00Z"}"#;
    assert_eq!(told::<user::AddPersonalAccessTokenRequest>(full), "");
    assert_eq!(
        told::<user::AddKeyRequest>(r#"{"userId":"1"}"#),
        "invalid AddKeyRequest.ExpirationDate: value is required"
    );
    assert_eq!(told::<user::AddKeyRequest>(full), "");
}

#[test]
fn queries_inside_queries_are_checked() {
    let text = told::<user::ListUsersRequest>(
        r#"{"queries":[{"notQuery":{"query":{"orQuery":{"queries":[{}]}}}}]}"#,
    );
    assert_eq!(
        text,
        "invalid ListUsersRequest.Queries[0]: embedded message failed validation | caused by: invalid \
         SearchQuery.NotQuery: embedded message failed validation | caused by: invalid NotQuery.Query: embedded \
         message failed validation | caused by: invalid SearchQuery.OrQuery: embedded message failed validation \
         | caused by: invalid OrQuery.Queries[0]: embedded message failed validation | caused by: invalid \
         SearchQuery.Query: value is required"
    );
}

#[test]
fn the_addresses_of_an_intent_have_to_be_uris() {
    let start = |url: &str| {
        let url = serde_json::to_string(url).unwrap();
        told::<user::StartIdentityProviderIntentRequest>(&format!(
            r#"{{"idpId":"1","urls":{{"successUrl":{url},"failureUrl":"/failed"}}}}"#
        ))
    };
    for good in ["https://login.example.com/done?x=1", "/done", "app:done"] {
        assert_eq!(start(good), "", "{good}");
    }
    let place = "invalid StartIdentityProviderIntentRequest.Urls: embedded message failed validation | caused by: \
        invalid RedirectURLs.SuccessUrl: ";
    let length = "value length must be between 1 and 2048 runes, inclusive";
    assert_eq!(start(""), format!("{place}{length}"));
    assert_eq!(start(&"x".repeat(2049)), format!("{place}{length}"));
    assert_eq!(
        start("/a%zz"),
        format!(r#"{place}value must be a valid URI | caused by: parse "/a%zz": invalid URL escape "%zz""#)
    );
}

#[test]
fn a_registration_has_to_bring_the_answer_of_the_browser() {
    assert_eq!(
        told::<user::VerifyPasskeyRegistrationRequest>(r#"{"userId":"1","passkeyId":"2","passkeyName":"x"}"#),
        "invalid VerifyPasskeyRegistrationRequest.PublicKeyCredential: value is required"
    );
    let full = r#"{"userId":"1","u2fId":"2","publicKeyCredential":{},"tokenName":""}"#;
    assert_eq!(
        told::<user::VerifyU2FRegistrationRequest>(full),
        "invalid VerifyU2FRegistrationRequest.TokenName: value length must be between 1 and 200 runes, inclusive"
    );
}

#[test]
fn a_search_for_keys_has_known_columns_and_no_empty_filter() {
    assert_eq!(
        told::<user::ListKeysRequest>(r#"{"filters":[{"userIdFilter":{"id":"1"}},{}]}"#),
        "invalid ListKeysRequest.Filters[1]: embedded message failed validation | caused by: invalid \
         KeysSearchFilter.Filter: value is required"
    );
    assert_eq!(
        told::<user::ListKeysRequest>(r#"{"sortingColumn":6}"#),
        "invalid ListKeysRequest.SortingColumn: value must be one of the defined enum values"
    );
    assert_eq!(told::<user::ListKeysRequest>(r#"{"sortingColumn":5,"pagination":{"asc":true}}"#), "");
}

//! From failures to statuses: the only place that knows codes.

use std::collections::BTreeMap;

use buffa::Message;
use buffa_types::google::protobuf::Duration;
use connectrpc::{ConnectError, ErrorCode, ErrorDetail};
use doorward_core::base::{Span, Timestamp};
use doorward_core::failure::{Detail, Failure, Kind};
use doorward_proto::errors::{CredentialsCheckError, ErrorDetail as IdDetail};
use doorward_proto::rpc::RetryInfo;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::wire::field;

/// The code of a kind.
#[must_use]
pub const fn code(kind: Kind) -> ErrorCode {
    match kind {
        Kind::InvalidArgument => ErrorCode::InvalidArgument,
        Kind::FailedPrecondition => ErrorCode::FailedPrecondition,
        Kind::NotFound => ErrorCode::NotFound,
        Kind::AlreadyExists => ErrorCode::AlreadyExists,
        Kind::PermissionDenied => ErrorCode::PermissionDenied,
        Kind::Unauthenticated => ErrorCode::Unauthenticated,
        Kind::ResourceExhausted => ErrorCode::ResourceExhausted,
        Kind::Unimplemented => ErrorCode::Unimplemented,
        Kind::Internal => ErrorCode::Internal,
        Kind::Unavailable => ErrorCode::Unavailable,
        Kind::DeadlineExceeded => ErrorCode::DeadlineExceeded,
    }
}

/// The HTTP status of a kind, over REST as over Connect.
#[must_use]
pub fn http_status(kind: Kind) -> StatusCode {
    match kind {
        Kind::InvalidArgument | Kind::FailedPrecondition => StatusCode::BAD_REQUEST,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::AlreadyExists => StatusCode::CONFLICT,
        Kind::PermissionDenied => StatusCode::FORBIDDEN,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// A detail message in both of its forms.
struct Packed {
    name: &'static str,
    bytes: Vec<u8>,
    fields: Value,
}

fn details(failure: &Failure) -> Vec<Packed> {
    let (id, message) = (failure.id.to_owned(), failure.text.to_string());
    let with_id = |id: String, message: String| Packed {
        name: "zitadel.v1.ErrorDetail",
        fields: json_fields(&[("id", json!(id)), ("message", json!(message))]),
        bytes: IdDetail { id, message }.encode_to_vec(),
    };
    match failure.detail {
        Detail::Bare => Vec::new(),
        Detail::Id => vec![with_id(id, message)],
        Detail::Credentials { failed_attempts } => vec![Packed {
            name: "zitadel.v1.CredentialsCheckError",
            fields: json_fields(&[
                ("id", json!(id)),
                ("message", json!(message)),
                ("failedAttempts", json!(failed_attempts)),
            ]),
            bytes: CredentialsCheckError { id, message, failed_attempts }.encode_to_vec(),
        }],
        Detail::Retry { after } => vec![with_id(id, message), retry_info(after)],
    }
}

fn retry_info(after: Span) -> Packed {
    let (seconds, micros) = (after.0.div_euclid(1_000_000), after.0.rem_euclid(1_000_000));
    let nanos = i32::try_from(micros.saturating_mul(1000)).unwrap_or(0);
    let delay = Duration { seconds, nanos, ..Default::default() };
    // As JSON writes durations: three decimals, or six where three do not tell all.
    let text = match micros {
        0 => format!("{seconds}s"),
        _ if micros % 1000 == 0 => format!("{seconds}.{:03}s", micros / 1000),
        _ => format!("{seconds}.{micros:06}s"),
    };
    Packed {
        name: "google.rpc.RetryInfo",
        fields: json_fields(&[("retryDelay", json!(text))]),
        bytes: RetryInfo { retry_delay: field(Some(delay)) }.encode_to_vec(),
    }
}

/// Fields at their zero value are left out, as everywhere in this JSON.
fn json_fields(fields: &[(&str, Value)]) -> Value {
    let present = fields.iter().filter(|(_, value)| *value != json!("") && *value != json!(0));
    present.map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<serde_json::Map<_, _>>().into()
}

/// The failure for gRPC, gRPC-Web and Connect.
#[must_use]
pub fn connect_error(failure: &Failure) -> ConnectError {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    let error = ConnectError::new(code(failure.kind), failure.message()).with_headers(retry_header(failure));
    details(failure).into_iter().fold(error, |error, packed| {
        error.with_detail(ErrorDetail {
            type_url: packed.name.to_owned(),
            value: Some(STANDARD_NO_PAD.encode(packed.bytes)),
            debug: Some(packed.fields),
        })
    })
}

/// The failure for REST: status, headers and body.
#[must_use]
pub fn rest_error(failure: &Failure) -> (StatusCode, HeaderMap, Value) {
    let message = failure.message();
    let mut headers = retry_header(failure);
    if failure.kind == Kind::Unauthenticated
        && let Ok(value) = HeaderValue::from_str(&message)
    {
        headers.insert(header::WWW_AUTHENTICATE, value);
    }
    let mut body = json!({ "code": code(failure.kind).grpc_code(), "message": message });
    let details = details(failure).into_iter().map(|packed| {
        let mut detail: BTreeMap<String, Value> = BTreeMap::new();
        detail.insert("@type".to_owned(), json!(format!("type.googleapis.com/{}", packed.name)));
        if let Value::Object(fields) = packed.fields {
            detail.extend(fields);
        }
        json!(detail)
    });
    let details: Vec<_> = details.collect();
    if let (false, Some(body)) = (details.is_empty(), body.as_object_mut()) {
        body.insert("details".to_owned(), Value::Array(details));
    }
    (http_status(failure.kind), headers, body)
}

/// `Retry-After` in whole seconds, on every refusal that says when to come back.
fn retry_header(failure: &Failure) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Detail::Retry { after } = failure.detail {
        let seconds = after.0.saturating_add(999_999).div_euclid(1_000_000).max(1);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    headers
}

/// What every success carries: it is for this caller, now.
#[must_use]
pub fn success_headers(now: Timestamp) -> [(HeaderName, HeaderValue); 3] {
    [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::EXPIRES, expires(now)),
        (header::PRAGMA, HeaderValue::from_static("no-cache")),
    ]
}

/// The date of this second. It is written once a second: writing it for every answer would cost as much as reading
/// a session.
fn expires(now: Timestamp) -> HeaderValue {
    static LATEST: Mutex<(i64, HeaderValue)> = Mutex::new((0, HeaderValue::from_static("0")));
    let second = now.0.div_euclid(1_000_000);
    let mut latest = LATEST.lock();
    if latest.0 != second {
        let date = HeaderValue::from_str(&http_date(now)).unwrap_or(HeaderValue::from_static("0"));
        *latest = (second, date);
    }
    latest.1.clone()
}

/// A time as HTTP writes it (RFC 9110, section 5.6.7).
fn http_date(now: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// What is wrong with JSON, without a word of it: a value in the wrong place may be a password.
#[must_use]
pub fn json_fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if error.classify() != serde_json::error::Category::Data {
        return text;
    }
    // These two end with what the code wants; what came stands before that.
    let by_serde = text.starts_with("invalid type: ") || text.starts_with("invalid value: ");
    match text.rsplit_once(", expected ") {
        Some((_, wanted)) if by_serde => format!("invalid value, expected {wanted}"),
        _ => format!("invalid value at line {} column {}", error.line(), error.column()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_core::failure;

    #[test]
    fn a_fault_of_json_does_not_quote_it() {
        let fault =
            |text: &str| json_fault(&serde_json::from_str::<BTreeMap<String, bool>>(text).unwrap_err());
        let expected = "invalid value, expected a boolean at line 1 column 20";
        assert_eq!(fault(r#"{"a":"se, expected "}"#), expected);
        assert_eq!(fault(r#"{"a":4815}"#), "invalid value, expected a boolean at line 1 column 9");
        assert_eq!(fault(r#"{"a":"#), "EOF while parsing a value at line 1 column 5");
        let custom = <serde_json::Error as serde::de::Error>::custom("secret, expected secret");
        assert_eq!(json_fault(&custom), "invalid value at line 0 column 0");
    }

    #[test]
    fn a_wrong_password_carries_the_failed_attempts() {
        let (status, _, body) = rest_error(&failure::PASSWORD_INVALID.with_attempts(1));
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let expected = json!({
            "code": 3,
            "message": "Password is invalid (COMMAND-3M0fs)",
            "details": [{
                "@type": "type.googleapis.com/zitadel.v1.CredentialsCheckError",
                "id": "COMMAND-3M0fs",
                "message": "Password is invalid",
                "failedAttempts": 1,
            }],
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_bare_failure_has_no_details_and_unauthenticated_names_the_scheme() {
        let missing = Failure::bare(Kind::Unauthenticated, "auth header missing");
        let (status, headers, body) = rest_error(&missing);
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(headers[header::WWW_AUTHENTICATE], "auth header missing");
        assert_eq!(body, json!({ "code": 16, "message": "auth header missing" }));
    }

    #[test]
    fn a_refusal_to_be_repeated_says_when_in_header_and_detail() {
        let (status, headers, body) = rest_error(&failure::OVERLOADED.with_retry(Span::millis(1500)));
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(headers[header::RETRY_AFTER], "2");
        assert_eq!(body["details"][1]["retryDelay"], "1.500s");
        assert_eq!(connect_error(&failure::OVERLOADED.with_retry(Span::millis(1500))).details.len(), 2);
    }

    #[test]
    fn dates_are_written_as_http_does() {
        let at = Timestamp(784_111_777_000_000);
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}

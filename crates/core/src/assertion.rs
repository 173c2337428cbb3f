//! What a machine user says of itself in a token that it signed with its key (RFC 7523), and whether that lets it in.

use serde_json::{Map, Value};

use crate::base::{Span, Timestamp};

/// How far the clocks of two machines may be apart.
const SKEW: Span = Span::seconds(60);

/// The longest time that an assertion may hold.
const LONGEST: Span = Span::minutes(60);

/// What an assertion must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Whose key signed it.
    pub user_id: &'a str,
    /// For whom it may be: any of these.
    pub audiences: &'a [String],
    /// Now.
    pub now: Timestamp,
}

/// Looks at the claims of an assertion whose signature was verified.
///
/// # Errors
/// What is wrong with them, for people.
pub fn check(claims: &Map<String, Value>, expected: Expected<'_>) -> Result<(), &'static str> {
    for name in ["iss", "sub"] {
        if claims.get(name).and_then(Value::as_str) != Some(expected.user_id) {
            return Err("iss and sub must be the user whose key signed it");
        }
    }
    let ours = |one: &Value| one.as_str().is_some_and(|one| expected.audiences.iter().any(|own| own == one));
    let for_us = match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().any(ours),
        Some(one) => ours(one),
        None => false,
    };
    if !for_us {
        return Err("aud must be the issuer of this server or the endpoint");
    }
    check_times(claims, expected.now)
}

fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<(), &'static str> {
    let (Some(issued), Some(expires)) = (time(claims, "iat"), time(claims, "exp")) else {
        return Err("iat and exp are needed, in seconds");
    };
    if issued > now.plus(SKEW) {
        return Err("iat is in the future");
    }
    if expires.plus(SKEW) <= now {
        return Err("it has expired");
    }
    if expires > issued.plus(LONGEST).plus(SKEW) {
        return Err("it holds for more than an hour");
    }
    if claims.contains_key("nbf") && time(claims, "nbf").is_none_or(|from| from > now.plus(SKEW)) {
        return Err("it does not hold yet");
    }
    Ok(())
}

/// A time in seconds, perhaps with a fraction, which does not matter.
fn time(claims: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    let number = claims.get(name)?;
    let seconds = number.as_i64().or_else(|| {
        let seconds = number.as_f64().filter(|seconds| seconds.abs() < 1e12)?;
        #[expect(clippy::cast_possible_truncation, reason = "it is small enough")]
        let whole = seconds.floor() as i64;
        Some(whole)
    })?;
    Some(Timestamp::from_seconds_and_nanos(seconds, 0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp(1_763_632_800_000_000);

    fn verdict(change: &Value) -> Result<(), &'static str> {
        let mut claims = json!({
            "iss": "17", "sub": "17", "aud": "https://a.example", "iat": 1_763_632_800_i64,
            "exp": 1_763_632_800_i64 + 3600,
        });
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        let audiences = ["https://a.example".to_owned(), "https://a.example/token".to_owned()];
        let expected = Expected { user_id: "17", audiences: &audiences, now: NOW };
        check(claims.as_object().unwrap(), expected)
    }

    #[test]
    fn an_assertion_is_by_its_user_for_this_server_and_short() {
        let now = 1_763_632_800_i64;
        for fine in [
            json!({}),
            json!({ "aud": ["https://b.example", "https://a.example/token"] }),
            json!({ "iat": now + 60, "exp": now + 120 }),
            json!({ "iat": now - 3600, "exp": now - 59 }),
            json!({ "exp": now + 3660 }),
            json!({ "exp": 1_763_632_860.5, "nbf": now + 60 }),
        ] {
            assert_eq!(verdict(&fine), Ok(()), "{fine}");
        }
        for wrong in [
            json!({ "iss": null }),
            json!({ "sub": "18" }),
            json!({ "iss": "18" }),
            json!({ "iss": 17 }),
            json!({ "aud": null }),
            json!({ "aud": "https://a.example.evil" }),
            json!({ "aud": [] }),
            json!({ "aud": [["https://a.example"]] }),
            json!({ "iat": null }),
            json!({ "exp": null }),
            json!({ "exp": "1763636400" }),
            json!({ "iat": now + 61 }),
            json!({ "iat": now - 3600, "exp": now - 60 }),
            json!({ "exp": now + 3661 }),
            json!({ "exp": 1e300 }),
            json!({ "nbf": now + 61 }),
            json!({ "nbf": "soon" }),
        ] {
            assert!(verdict(&wrong).is_err(), "{wrong}");
        }
    }
}

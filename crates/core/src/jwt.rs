//! What a JSON Web Token says of itself before anything of it was verified: enough to know who has to verify it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// The longest token that is looked at.
const LONGEST: usize = 8 * 1024;

/// Who is said to have made a token, and which one it is. Nobody has verified it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Glance {
    /// Who is said to have made it.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// Which one it is said to be.
    #[serde(rename = "jti")]
    pub id: Option<String>,
}

/// Looks at a token. Nothing if it has not the shape of one: three parts, of which the second is an object that names
/// its issuer.
#[must_use]
pub fn glance(text: &str) -> Option<Glance> {
    if text.len() > LONGEST {
        return None;
    }
    let mut parts = text.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_tells_its_issuer_and_its_id() {
        let seen = glance(&token(r#"{"iss":"https://a.example","jti":"17","sub":"x"}"#)).unwrap();
        assert_eq!((seen.issuer.as_str(), seen.id.as_deref()), ("https://a.example", Some("17")));
        assert_eq!(glance(&token(r#"{"iss":"a"}"#)).unwrap().id, None);
    }

    #[test]
    fn what_is_no_token_tells_nothing() {
        let fine = token(r#"{"iss":"a"}"#);
        for text in ["", "a", "a.b", "a.b.c", ".", "..", &fine[..fine.len() / 2], &format!("{fine}.x")] {
            assert_eq!(glance(text), None, "{text}");
        }
        for claims in ["", "[]", "{}", r#"{"iss":1}"#, r#"{"iss":"a","jti":1}"#] {
            assert_eq!(glance(&token(claims)), None, "{claims}");
        }
        assert_eq!(glance(&token(&format!(r#"{{"iss":"{}"}}"#, "a".repeat(LONGEST)))), None);
    }
}

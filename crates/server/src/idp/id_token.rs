//! ID tokens: signed by the provider, for this server, about this login, and still good.

use doorward_core::base::{Span, Timestamp};
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::Jwk;
use serde_json::Value;

use super::Trouble;
use super::outbound::Object;
use super::signed::{self, Signer, time};

/// How far the clocks of two machines may be apart.
const SKEW: Span = Span::seconds(60);

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Who made it, exactly.
    pub issuer: &'a str,
    /// For whom.
    pub client_id: &'a str,
    /// For which login.
    pub nonce: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// Reads the head of a token, and finds the key that it names.
///
/// # Errors
/// When it is no signed token, or not signed in a way that is accepted.
pub fn signer(token: &str, keys: &[Jwk]) -> Result<Signer, Trouble> {
    signed::signer(&signed::head(token)?, keys)
}

/// Verifies a token with the key that signed it, and gives what it says.
///
/// # Errors
/// When the signature is not of this key, or the token is not about this login.
pub fn verify(
    token: &str,
    key: &Jwk,
    algorithm: Algorithm,
    expected: Expected<'_>,
) -> Result<Object, Trouble> {
    let claims = signed::opened(token, key, algorithm)?;
    check(&claims, expected).map_err(|why| Trouble::untrusted(format!("the ID token {why}")))?;
    Ok(claims)
}

fn check(claims: &Object, expected: Expected<'_>) -> Result<(), &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err("is of another issuer");
    }
    check_audience(claims, expected.client_id)?;
    let now = expected.now;
    let (Some(expires), Some(issued)) = (time(claims, "exp"), time(claims, "iat")) else {
        return Err("does not say when it was made and how long it holds");
    };
    if expires.plus(SKEW) <= now {
        return Err("has expired");
    }
    if issued > now.plus(SKEW) {
        return Err("is from the future");
    }
    if claims.contains_key("nbf") && time(claims, "nbf").is_none_or(|from| from > now.plus(SKEW)) {
        return Err("does not hold yet");
    }
    if text("nonce") != Some(expected.nonce) {
        return Err("is about another login");
    }
    if text("sub").is_none_or(str::is_empty) { Err("does not say about whom it is") } else { Ok(()) }
}

/// The token must be for this client, and where it is for others as well, made on behalf of this one.
fn check_audience(claims: &Object, client_id: &str) -> Result<(), &'static str> {
    let azp = claims.get("azp");
    let several = match claims.get("aud") {
        Some(Value::String(only)) if only == client_id => false,
        Some(Value::Array(all)) if all.iter().any(|one| one == client_id) => all.len() > 1,
        _ => return Err("is for another client"),
    };
    match azp {
        Some(azp) if azp != client_id => Err("was made on behalf of another client"),
        None if several => Err("does not say on behalf of whom it was made"),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "id_token_tests.rs"]
mod tests;

//! ID tokens: signed by the provider, for this server, about this login, and still good.

use doorward_core::base::{Span, Timestamp};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::Value;

use super::Trouble;
use super::outbound::Object;

/// How far the clocks of two machines may be apart.
const SKEW: Span = Span::seconds(60);

/// The longest text that is looked at.
const MOST: usize = 32 * 1024;

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

/// Which keys may have signed a token.
#[derive(Debug)]
pub enum Signer {
    /// This one.
    Key(Box<Jwk>, Algorithm),
    /// None that is known: perhaps a new one.
    Unknown,
}

/// Reads the head of a token, and finds the key that it names. Nothing of it is trusted but which of the keys to try.
///
/// # Errors
/// When it is no signed token, or not signed in a way that is accepted.
pub fn signer(token: &str, keys: &[Jwk]) -> Result<Signer, Trouble> {
    if token.len() > MOST {
        return Err(Trouble::untrusted("the ID token is too long"));
    }
    // An unsigned one has an algorithm that is none.
    let header = decode_header(token).map_err(|_| Trouble::untrusted("the ID token is no signed token"))?;
    if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
        return Err(Trouble::untrusted("the ID token has a head that is not understood"));
    }
    if !accepted(header.alg) {
        return Err(Trouble::untrusted("the ID token is signed with an algorithm that is not accepted"));
    }
    let fitting: Vec<&Jwk> = keys.iter().filter(|key| fits(key, &header)).collect();
    Ok(match (header.kid.is_some(), fitting.as_slice()) {
        (_, []) => Signer::Unknown,
        (_, [only]) => Signer::Key(Box::new((*only).clone()), header.alg),
        _ => return Err(Trouble::untrusted("the ID token does not say which key signed it")),
    })
}

/// Whether whoever knows the public key could have made the signature, too: those are not accepted.
const fn accepted(algorithm: Algorithm) -> bool {
    !matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512)
}

/// Whether a key is the one that is named, and one for such signatures.
fn fits(key: &Jwk, header: &Header) -> bool {
    let common = &key.common;
    let named = header.kid.is_none() || common.key_id == header.kid;
    let meant = common.key_algorithm.is_none_or(|algorithm| algorithm == KeyAlgorithm::from(header.alg));
    let signs = common.public_key_use.as_ref().is_none_or(|use_| *use_ == PublicKeyUse::Signature);
    let verifies =
        common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    named && meant && signs && verifies && algorithms(&key.algorithm).contains(&header.alg)
}

/// The algorithms of a key: those of its kind and curve, and none of a shared one.
const fn algorithms(parameters: &AlgorithmParameters) -> &'static [Algorithm] {
    use Algorithm as A;
    match parameters {
        AlgorithmParameters::RSA(_) => &[A::RS256, A::RS384, A::RS512, A::PS256, A::PS384, A::PS512],
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[A::ES256],
            EllipticCurve::P384 => &[A::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(key) => match key.curve {
            EllipticCurve::Ed25519 => &[A::EdDSA],
            _ => &[],
        },
        _ => &[],
    }
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
    let key =
        DecodingKey::from_jwk(key).map_err(|_| Trouble::untrusted("a key of the provider is broken"))?;
    // The library would ask the clock of the machine; what the token says is looked at below.
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let claims = decode::<Object>(token, &key, &validation)
        .map_err(|_| Trouble::untrusted("the signature of the ID token is wrong"))?
        .claims;
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

/// A time in seconds, perhaps with a fraction.
fn time(claims: &Object, name: &str) -> Option<Timestamp> {
    let number = claims.get(name)?;
    let seconds = number.as_i64().or_else(|| {
        let seconds = number.as_f64().filter(|seconds| seconds.abs() < 1e12)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is small enough, and a fraction does not matter"
        )]
        let whole = seconds.floor() as i64;
        Some(whole)
    })?;
    Some(Timestamp::from_seconds_and_nanos(seconds, 0))
}

#[cfg(test)]
#[path = "id_token_tests.rs"]
mod tests;

//! Signed tokens of others: which key must have signed one, and whether it did. What a token says is the business of
//! those who asked for it.

use doorward_core::base::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::Value;

use super::Trouble;
use super::outbound::Object;

/// The longest text that is looked at.
pub(super) const MOST: usize = 32 * 1024;

/// Which keys may have signed a token.
#[derive(Debug)]
pub enum Signer {
    /// This one.
    Key(Box<Jwk>, Algorithm),
    /// None that is known: perhaps a new one.
    Unknown,
}

/// Reads the head of a token. Nothing of it is trusted but which of the keys to try.
///
/// # Errors
/// When it is no signed token, or not signed in a way that is accepted.
pub fn head(token: &str) -> Result<Header, Trouble> {
    if token.len() > MOST {
        return Err(Trouble::untrusted("the token is too long"));
    }
    // An unsigned one has an algorithm that is none.
    let header = decode_header(token).map_err(|_| Trouble::untrusted("the token is no signed token"))?;
    if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
        return Err(Trouble::untrusted("the token has a head that is not understood"));
    }
    if !accepted(header.alg) {
        return Err(Trouble::untrusted("the token is signed with an algorithm that is not accepted"));
    }
    Ok(header)
}

/// Finds the key that the head of a token names.
///
/// # Errors
/// When there are several and it names none.
pub fn signer(header: &Header, keys: &[Jwk]) -> Result<Signer, Trouble> {
    let fitting: Vec<&Jwk> = keys.iter().filter(|key| fits(key, header)).collect();
    match fitting.as_slice() {
        [] => Ok(Signer::Unknown),
        [only] => Ok(Signer::Key(Box::new((*only).clone()), header.alg)),
        _ => Err(Trouble::untrusted("the token does not say which key signed it")),
    }
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

/// What a token says, if this key has signed it.
///
/// # Errors
/// When it has not.
pub fn opened(token: &str, key: &Jwk, algorithm: Algorithm) -> Result<Object, Trouble> {
    let key = DecodingKey::from_jwk(key).map_err(|_| Trouble::untrusted("a published key is broken"))?;
    // The library would ask the clock of the machine; those who asked for the token look at what it says.
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let opened = decode::<Object>(token, &key, &validation);
    opened.map(|opened| opened.claims).map_err(|_| Trouble::untrusted("the signature of the token is wrong"))
}

/// A time in seconds, perhaps with a fraction.
pub fn time(claims: &Object, name: &str) -> Option<Timestamp> {
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

/// A claim as texts: one, or those of a list.
pub fn texts<'a>(claims: &'a Object, name: &str) -> Vec<&'a str> {
    match claims.get(name) {
        Some(Value::String(only)) => vec![only],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

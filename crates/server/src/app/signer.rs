//! A private key that signs tokens which others read, and what it makes of claims.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::spki::PublicKey;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::config::SigningAlgorithm;

/// A key that was just made.
#[derive(Clone)]
pub struct Made {
    /// The private half in PKCS #8.
    pub private: Zeroizing<Vec<u8>>,
    /// The public half as `SubjectPublicKeyInfo`.
    pub public: Vec<u8>,
}

/// A private key that is ready to sign.
#[derive(Debug)]
pub enum Signer {
    /// RS256.
    Rsa(Box<RsaKeyPair>),
    /// ES256.
    P256(Box<EcdsaKeyPair>),
    /// `EdDSA`.
    Ed25519(Box<Ed25519KeyPair>),
}

/// Makes a key. One of RSA takes a good part of a second.
///
/// # Errors
/// When the operating system gives no random numbers.
pub fn make(algorithm: SigningAlgorithm) -> Result<Made, Unspecified> {
    let chance = SystemRandom::new();
    match algorithm {
        SigningAlgorithm::Rs256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
            let private: Pkcs8V1Der<'_> = pair.as_der()?;
            made(private.as_ref(), &pair.public_key().as_der()?)
        }
        SigningAlgorithm::Es256 => {
            let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &chance)?;
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref())?;
            made(private.as_ref(), &pair.public_key().as_der()?)
        }
        SigningAlgorithm::Eddsa => {
            let private = Ed25519KeyPair::generate_pkcs8(&chance)?;
            let pair = Ed25519KeyPair::from_pkcs8(private.as_ref())?;
            made(private.as_ref(), &pair.public_key().as_der()?)
        }
    }
}

fn made(private: &[u8], public: &PublicKeyX509Der<'_>) -> Result<Made, Unspecified> {
    Ok(Made { private: Zeroizing::new(private.to_vec()), public: public.as_ref().to_vec() })
}

/// What keys of this kind sign with, in the words of RFC 7518.
#[must_use]
pub const fn algorithm(key: &PublicKey) -> &'static str {
    match key {
        PublicKey::Rsa(..) => "RS256",
        PublicKey::P256(_) => "ES256",
        PublicKey::P384(_) => "ES384",
        PublicKey::Ed25519(_) => "EdDSA",
    }
}

impl Signer {
    /// Opens the private half that belongs to a public one. Nothing, if it is none.
    #[must_use]
    pub fn open(private: &[u8], public: &PublicKey) -> Option<Self> {
        Some(match public {
            PublicKey::Rsa(..) => Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(private).ok()?)),
            PublicKey::P256(_) => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private).ok()?;
                Self::P256(Box::new(pair))
            }
            PublicKey::Ed25519(_) => Self::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(private).ok()?)),
            PublicKey::P384(_) => return None,
        })
    }

    /// The signed token with this head and these claims.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub fn token(&self, head: &Value, claims: &Value) -> Result<String, Unspecified> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(head), part(claims));
        let signature = self.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let chance = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &chance, message, &mut signature)?;
                Ok(signature)
            }
            Self::P256(pair) => Ok(pair.sign(&chance, message)?.as_ref().to_vec()),
            Self::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::jwk::Jwk;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_key_signs_is_verified_with_what_is_published_of_it() {
        for (asked, verified) in [
            (SigningAlgorithm::Rs256, Algorithm::RS256),
            (SigningAlgorithm::Es256, Algorithm::ES256),
            (SigningAlgorithm::Eddsa, Algorithm::EdDSA),
        ] {
            let made = make(asked).unwrap();
            let public = PublicKey::read(&made.public).unwrap();
            let signer = Signer::open(&made.private, &public).unwrap();
            let head = json!({ "alg": algorithm(&public) });
            let token = signer.token(&head, &json!({ "sub": "17" })).unwrap();
            let jwk: Jwk = serde_json::from_value(Value::Object(public.jwk())).unwrap();
            let mut validation = Validation::new(verified);
            validation.required_spec_claims.clear();
            validation.validate_exp = false;
            let key = DecodingKey::from_jwk(&jwk).unwrap();
            let claims = decode::<Value>(&token, &key, &validation).unwrap().claims;
            assert_eq!(claims["sub"], "17", "{asked:?}");
            assert!(Signer::open(&made.private, &PublicKey::P384(Vec::new())).is_none());
        }
    }
}

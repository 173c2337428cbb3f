//! Public keys of authenticators (COSE), and the signatures that they verify.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents, VerificationAlgorithm,
};
use serde_cbor_2::Value;

use super::cbor::{bytes, number, numbered};

/// The algorithms that are offered, in the order of preference. Each of them is verified.
pub(super) const ALGORITHMS: [i32; 10] = [-7, -35, -36, -257, -258, -259, -37, -38, -39, -8];

/// Kinds of keys in COSE.
const OCTET_PAIR: i128 = 1;
const CURVE: i128 = 2;
const RSA: i128 = 3;

/// A public key that is valid for its algorithm.
pub(super) struct PublicKey {
    algorithm: i128,
    key: ParsedPublicKey,
}

impl PublicKey {
    /// Reads a COSE key. Curve and kind of the key must be those of its algorithm.
    pub(super) fn read(cose: &Value) -> Option<Self> {
        let algorithm = number(numbered(cose, 3))?;
        let key = match number(numbered(cose, 1))? {
            OCTET_PAIR => ed25519(algorithm, cose),
            CURVE => ecdsa(algorithm, cose),
            RSA => rsa(algorithm, cose),
            _ => None,
        };
        Some(Self { algorithm, key: key? })
    }

    /// The algorithm, as COSE numbers it.
    pub(super) const fn algorithm(&self) -> i128 {
        self.algorithm
    }

    /// Whether the signature is of this message and by the owner of the key.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

fn ed25519(algorithm: i128, cose: &Value) -> Option<ParsedPublicKey> {
    let is_ed25519 = algorithm == -8 && number(numbered(cose, -1)) == Some(6);
    let point = bytes(numbered(cose, -2)).filter(|point| is_ed25519 && point.len() == 32)?;
    ParsedPublicKey::new(&ED25519, point).ok()
}

fn ecdsa(algorithm: i128, cose: &Value) -> Option<ParsedPublicKey> {
    let (verification, curve, length): (&'static dyn VerificationAlgorithm, _, _) = match algorithm {
        -7 => (&ECDSA_P256_SHA256_ASN1, 1, 32),
        -35 => (&ECDSA_P384_SHA384_ASN1, 2, 48),
        -36 => (&ECDSA_P521_SHA512_ASN1, 3, 66),
        _ => return None,
    };
    if number(numbered(cose, -1)) != Some(curve) {
        return None;
    }
    let coordinate = |label| bytes(numbered(cose, label)).filter(|coordinate| coordinate.len() == length);
    let point = [&[4], coordinate(-2)?, coordinate(-3)?].concat();
    ParsedPublicKey::new(verification, point).ok()
}

fn rsa(algorithm: i128, cose: &Value) -> Option<ParsedPublicKey> {
    let parameters: &'static RsaParameters = match algorithm {
        -257 => &RSA_PKCS1_2048_8192_SHA256,
        -258 => &RSA_PKCS1_2048_8192_SHA384,
        -259 => &RSA_PKCS1_2048_8192_SHA512,
        -37 => &RSA_PSS_2048_8192_SHA256,
        -38 => &RSA_PSS_2048_8192_SHA384,
        -39 => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    };
    let (n, e) = (bytes(numbered(cose, -1))?, bytes(numbered(cose, -2))?);
    // The library takes a short key and only refuses what it signed.
    if !(256..=1024).contains(&n.len()) {
        return None;
    }
    RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).ok()
}

//! Keys by which machine users log in: what a public key must be like, and the file in which the private half goes out.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, KeyPair, ParsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::base::Secret;
use crate::failure::{self, Failure};

/// The most keys that a user can have.
pub const MOST: u64 = 100;

/// The longest public key that is looked at, far longer than any that is taken.
const LONGEST: usize = 8 * 1024;

/// The bits that an RSA key may have: fewer are weak, and more are slow to verify.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// What a public key is called in PEM: SubjectPublicKeyInfo, and PKCS #1.
const LABELS: [&str; 2] = ["PUBLIC KEY", "RSA PUBLIC KEY"];

/// A key that was made.
#[derive(Debug)]
pub struct Made {
    /// The public half: SubjectPublicKeyInfo in DER.
    pub public: Vec<u8>,
    /// The private half: PKCS #1 in PEM, which client libraries in every language read.
    pub private: Secret,
}

/// Makes an RSA key of 2048 bits, the only kind that all client libraries can sign with. That takes a tenth of a second,
/// and the library has its chance from the operating system: no bytes that are handed in could take its place.
#[must_use]
pub fn make() -> Option<Made> {
    let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).ok()?;
    let public: PublicKeyX509Der<'static> = pair.public_key().as_der().ok()?;
    let private: Pkcs8V1Der<'static> = pair.as_der().ok()?;
    let private = pem("RSA PRIVATE KEY", pkcs1(private.as_ref())?);
    Some(Made { public: public.as_ref().to_vec(), private })
}

/// Reads the public key that a caller brings: RSA of 2048 to 4096 bits, P-256, P-384 or Ed25519, as
/// SubjectPublicKeyInfo or, for RSA, as PKCS #1, each in PEM or in DER. Gives SubjectPublicKeyInfo in DER.
///
/// # Errors
/// `DOORWARD-K3yb4` for anything else.
pub fn read_public(given: &[u8]) -> Result<Vec<u8>, Failure> {
    if given.len() > LONGEST {
        return Err(failure::KEY_UNUSABLE);
    }
    let der = if given.trim_ascii_start().starts_with(b"-----") {
        from_pem(given).ok_or(failure::KEY_UNUSABLE)?
    } else {
        given.to_vec()
    };
    read_rsa(&der).or_else(|| read_curve(&der)).ok_or(failure::KEY_UNUSABLE)
}

/// The key must be nothing but what is read: so no bytes after it, no other mark of what it is for.
fn read_rsa(der: &[u8]) -> Option<Vec<u8>> {
    let key = rsa::PublicKey::from_der(der).ok()?;
    let public: PublicKeyX509Der<'static> = key.as_der().ok()?;
    let (public, bare): (&[u8], &[u8]) = (public.as_ref(), key.as_ref());
    let bits = rsa::PublicEncryptingKey::from_der(public).ok()?.key_size_bits();
    ((der == public || der == bare) && RSA_BITS.contains(&bits)).then(|| public.to_vec())
}

fn read_curve(der: &[u8]) -> Option<Vec<u8>> {
    let kinds: [&'static dyn VerificationAlgorithm; 3] =
        [&ECDSA_P256_SHA256_ASN1, &ECDSA_P384_SHA384_ASN1, &ED25519];
    let same = |kind| {
        let public: PublicKeyX509Der<'static> = ParsedPublicKey::new(kind, der).ok()?.as_der().ok()?;
        let public: &[u8] = public.as_ref();
        (der == public).then(|| public.to_vec())
    };
    kinds.into_iter().find_map(same)
}

fn from_pem(given: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(given).ok()?.trim();
    LABELS.iter().find_map(|label| {
        let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
        let body = text.strip_prefix(begin.as_str())?.strip_suffix(end.as_str())?;
        STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
    })
}

/// Writes PEM. The text is never moved while it grows: what is left behind would not be wiped.
fn pem(label: &str, der: &[u8]) -> Secret {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = String::with_capacity(body.len() + body.len() / 64 + 2 * label.len() + 64);
    text.extend(["-----BEGIN ", label, "-----"]);
    for (place, letter) in body.chars().enumerate() {
        if place % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.extend(["\n-----END ", label, "-----\n"]);
    Secret::new(text)
}

/// The RSA key inside of PKCS #8: a sequence of a version, the algorithm, and the key as an octet string.
fn pkcs1(pkcs8: &[u8]) -> Option<&[u8]> {
    let (inside, _) = value(0x30, pkcs8)?;
    let (_, rest) = value(0x02, inside)?;
    let (_, rest) = value(0x30, rest)?;
    value(0x04, rest).map(|(key, _)| key)
}

/// The contents of the first value in DER, which must have that tag, and what follows it.
fn value(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f).min(4))?;
        (digits.iter().fold(0_usize, |sum, &digit| (sum << 8) | usize::from(digit)), rest)
    };
    if first == tag { rest.split_at_checked(length) } else { None }
}

/// What client libraries load.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyFile<'a> {
    r#type: &'static str,
    key_id: &'a str,
    key: &'a str,
    expiration_date: &'a str,
    user_id: &'a str,
}

/// The key file that client libraries load: ids of the key and of its user, when it expires, and the private half.
#[must_use]
pub fn key_file(private: &Secret, (id, user_id): (&str, &str), expires: &str) -> Secret {
    let key = private.expose();
    let file = KeyFile { r#type: "serviceaccount", key_id: id, key, expiration_date: expires, user_id };
    // Enough for all of it, even if each byte of it were escaped, so that nothing is left behind by growing.
    let mut text = Vec::with_capacity(2 * key.len() + 6 * (id.len() + user_id.len()) + 256);
    // Texts can always be written as JSON, into memory.
    drop(serde_json::to_writer(&mut text, &file));
    Secret::new(String::from_utf8(text).unwrap_or_default())
}

#[cfg(test)]
#[path = "machine_key_tests.rs"]
mod tests;

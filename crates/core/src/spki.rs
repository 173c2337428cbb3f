//! Public keys in the form of certificates (SubjectPublicKeyInfo, RFC 5280): of which kind one is, and its numbers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const OBJECT: u8 = 0x06;

/// A public key that can verify signatures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PublicKey {
    /// RSA: modulus and exponent, without leading zeros.
    Rsa(Vec<u8>, Vec<u8>),
    /// A point of P-256: the byte 4, then both coordinates.
    P256(Vec<u8>),
    /// A point of P-384: the byte 4, then both coordinates.
    P384(Vec<u8>),
    /// Ed25519.
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// Reads a key. Nothing, if it is of another kind or has bytes too many.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut outer = Der(der);
        let mut key = Der(outer.take(SEQUENCE)?);
        let mut algorithm = Der(key.take(SEQUENCE)?);
        let (unused, bits) = key.take(BITS)?.split_first()?;
        if !outer.0.is_empty() || !key.0.is_empty() || *unused != 0 {
            return None;
        }
        match algorithm.take(OBJECT)? {
            RSA => read_rsa(bits),
            EC => {
                let length = |size: usize| bits.len() == 2 * size + 1 && bits.first() == Some(&4);
                match algorithm.take(OBJECT)? {
                    P256 if length(32) => Some(Self::P256(bits.to_vec())),
                    P384 if length(48) => Some(Self::P384(bits.to_vec())),
                    _ => None,
                }
            }
            ED25519 if bits.len() == 32 => Some(Self::Ed25519(bits.to_vec())),
            _ => None,
        }
    }

    /// The members of a JSON Web Key (RFC 7517) that say what the key is.
    #[must_use]
    pub fn jwk(&self) -> Map<String, Value> {
        let members: Vec<(&str, String)> = match self {
            Self::Rsa(modulus, exponent) => {
                vec![("kty", "RSA".to_owned()), ("n", encoded(modulus)), ("e", encoded(exponent))]
            }
            Self::P256(point) => curve("EC", "P-256", point.get(1..).unwrap_or_default()),
            Self::P384(point) => curve("EC", "P-384", point.get(1..).unwrap_or_default()),
            Self::Ed25519(point) => {
                vec![
                    ("kty", "OKP".to_owned()),
                    ("crv", "Ed25519".to_owned()),
                    ("x", URL_SAFE_NO_PAD.encode(point)),
                ]
            }
        };
        members.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
    }
}

fn curve(kind: &str, name: &str, coordinates: &[u8]) -> Vec<(&'static str, String)> {
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    vec![("kty", kind.to_owned()), ("crv", name.to_owned()), ("x", encoded(x)), ("y", encoded(y))]
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read_rsa(bits: &[u8]) -> Option<PublicKey> {
    let mut outer = Der(bits);
    let mut numbers = Der(outer.take(SEQUENCE)?);
    let (modulus, exponent) = (numbers.number()?, numbers.number()?);
    (outer.0.is_empty() && numbers.0.is_empty()).then_some(PublicKey::Rsa(modulus, exponent))
}

/// What is left to be read.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The contents of the next element, if it has this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match *first {
            short @ 0..=0x7f => (usize::from(short), rest),
            0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
            0x82 => {
                let (high, rest) = rest.split_first()?;
                let (low, rest) = rest.split_first()?;
                (usize::from(u16::from_be_bytes([*high, *low])), rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (*found == tag).then_some(contents)
    }

    /// A number above nought, without leading zeros.
    fn number(&mut self) -> Option<Vec<u8>> {
        let bytes = self.take(INTEGER)?;
        let sign = bytes.first()?;
        let start = bytes.iter().position(|byte| *byte != 0)?;
        if *sign >= 0x80 { None } else { Some(bytes.get(start..)?.to_vec()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
        let head = match contents.len() {
            short @ 0..=0x7f => vec![tag, u8::try_from(short).unwrap()],
            _ => vec![tag, 0x82, length[0], length[1]],
        };
        [head, contents.to_vec()].concat()
    }

    fn key(algorithm: &[&[u8]], bits: &[u8]) -> Vec<u8> {
        let names: Vec<u8> = algorithm.iter().flat_map(|name| element(OBJECT, name)).collect();
        let bits = element(BITS, &[&[0], bits].concat());
        element(SEQUENCE, &[element(SEQUENCE, &names), bits].concat())
    }

    fn rsa() -> Vec<u8> {
        let modulus = [&[0, 0x80], [7; 255].as_slice()].concat();
        let numbers = [element(INTEGER, &modulus), element(INTEGER, &[1, 0, 1])].concat();
        key(&[RSA], &element(SEQUENCE, &numbers))
    }

    #[test]
    fn a_key_is_of_the_kind_that_it_says() {
        let Some(PublicKey::Rsa(modulus, exponent)) = PublicKey::read(&rsa()) else { panic!("no RSA") };
        assert_eq!((modulus.len(), modulus[0], exponent), (256, 0x80, vec![1, 0, 1]));
        let point = [&[4], [9; 64].as_slice()].concat();
        assert_eq!(PublicKey::read(&key(&[EC, P256], &point)), Some(PublicKey::P256(point.clone())));
        assert_eq!(PublicKey::read(&key(&[EC, P384], &point)), None, "too short for that curve");
        assert_eq!(PublicKey::read(&key(&[ED25519], &[3; 32])), Some(PublicKey::Ed25519(vec![3; 32])));
        assert_eq!(PublicKey::read(&key(&[EC, ED25519], &point)), None);
    }

    #[test]
    fn what_is_broken_off_or_too_long_is_no_key() {
        let whole = rsa();
        for length in 0..whole.len() {
            assert_eq!(PublicKey::read(&whole[..length]), None, "{length}");
        }
        assert_eq!(PublicKey::read(&[whole, vec![0]].concat()), None);
    }

    #[test]
    fn a_key_is_shown_as_a_json_web_key() {
        let point = [&[4], [0; 32].as_slice(), &[0xff; 32]].concat();
        let shown = Value::Object(PublicKey::P256(point).jwk());
        assert_eq!((&shown["kty"], &shown["crv"]), (&Value::from("EC"), &Value::from("P-256")));
        assert_eq!(shown["x"], "A".repeat(43));
        assert_eq!(shown["y"], format!("{}8", "_".repeat(42)));
        assert_eq!(PublicKey::Rsa(vec![5], vec![1, 0, 1]).jwk()["e"], "AQAB");
    }
}

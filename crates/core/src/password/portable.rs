//! The hashes of PHP applications: phpass (`$P$`, `$H$`), Drupal 7 (`$S$`), and a bare MD5 in hex.

use super::{Unsupported, codec};
use md5::Md5;
use sha2::{Digest, Sha512};

/// Base-2 logarithm of the rounds: phpass writes no less than 7, and 20 takes about 1.5 s with 200 characters.
const LOG_ROUNDS: std::ops::RangeInclusive<u32> = 7..=20;
/// Both formats have a salt of this many characters.
const SALT: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Phpass,
    Drupal7,
}

/// A parsed phpass or Drupal 7 hash within the limits.
pub(super) struct Portable<'a> {
    kind: Kind,
    rounds: u32,
    salt: &'a str,
    hash: &'a str,
}

impl<'a> Portable<'a> {
    /// Parses `$P$` or `$H$` (phpBB), or `$S$`, one digit of log2(rounds), 8 characters of salt, and the hash: 22
    /// digits for phpass; for Drupal, which cuts the whole string to 55 characters, 43.
    pub fn parse(encoded: &'a str) -> Result<Self, Unsupported> {
        let (kind, length, rest) = if let Some(rest) = encoded.strip_prefix("$S$") {
            (Kind::Drupal7, 43, rest)
        } else {
            let rest =
                encoded.strip_prefix("$P$").or_else(|| encoded.strip_prefix("$H$")).ok_or(Unsupported)?;
            (Kind::Phpass, 22, rest)
        };
        let log_rounds = codec::hash64_digit(rest.bytes().next().ok_or(Unsupported)?)?;
        let (salt, hash) = rest.get(1..).and_then(|rest| rest.split_at_checked(SALT)).ok_or(Unsupported)?;
        if !LOG_ROUNDS.contains(&log_rounds) {
            return Err(Unsupported);
        }
        let salt = codec::crypt_salt(salt, SALT)?;
        Ok(Self { kind, rounds: 1 << log_rounds, salt, hash: codec::hash64(hash, length)? })
    }

    pub fn verify(&self, password: &[u8]) -> bool {
        let text = match self.kind {
            Kind::Phpass => codec::to_hash64(&self.stretch::<Md5>(password)),
            Kind::Drupal7 => codec::to_hash64(&self.stretch::<Sha512>(password)),
        };
        let text = text.get(..self.hash.len()).unwrap_or_default();
        codec::same(text.as_bytes(), self.hash.as_bytes())
    }

    /// One digest of salt and password, then `rounds` digests of the last one and the password.
    fn stretch<D: Digest>(&self, password: &[u8]) -> Vec<u8> {
        let mut digest = D::new().chain_update(self.salt).chain_update(password).finalize();
        for _ in 0..self.rounds {
            digest = D::new().chain_update(digest).chain_update(password).finalize();
        }
        digest.to_vec()
    }
}

/// A parsed bare MD5 of a password: 32 hex digits of either case, no salt.
pub(super) struct PlainMd5 {
    digest: [u8; 16],
}

impl PlainMd5 {
    /// Parses 32 hex digits.
    pub fn parse(encoded: &str) -> Result<Self, Unsupported> {
        let digits: &[u8; 32] = encoded.as_bytes().try_into().map_err(|_| Unsupported)?;
        let mut digest = [0; 16];
        let (pairs, _) = digits.as_chunks::<2>();
        for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
            *byte = (nibble(*high)? << 4) | nibble(*low)?;
        }
        Ok(Self { digest })
    }

    pub fn verify(&self, password: &[u8]) -> bool {
        codec::same(&Md5::digest(password), &self.digest)
    }
}

fn nibble(digit: u8) -> Result<u8, Unsupported> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefxyz";

    fn verify(encoded: &str, password: &str) -> Option<bool> {
        Portable::parse(encoded).ok().map(|hash| hash.verify(password.as_bytes()))
    }

    #[test]
    fn phpass_and_drupal_hashes_verify() {
        for (encoded, password) in [
            // The published example of Openwall's phpass.
            ("$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "test12345"),
            // Written by passlib.
            ("$P$6WggBAa49ZzXOj09l2npwpQoCBL2Ee0", "password"),
            ("$H$6p71HLJM0baeZTedjv6cr27iH5OpsQ.", "Pässwört 1!"),
            ("$P$6qFrxwd3VuLnre3FNEJ1wiIX5V/OdJ1", LONG),
            ("$P$63A9m3dxwA03S5Y.A3Zry/1NsV2IJr0", ""),
            // Written by a script with Python's hashlib and passlib's base64, after Drupal's `password.inc`.
            ("$S$8a1B2c3D4dduiHNRYpji9XgnJBbFCPgwmqpxC0Pz/N8jnNDkldwu", "Pässwört 1!"),
            ("$S$Da1B2c3D4FzeheM6Cg.EXNeaYEpayxD9lZJdknqoCSbSDbUe28JX", "password"),
        ] {
            assert_eq!(verify(encoded, password), Some(true), "{encoded}");
            assert_eq!(verify(encoded, "Test12345"), Some(false), "{encoded}");
        }
    }

    #[test]
    fn a_bare_md5_verifies_in_either_case() {
        // RFC 1321 appendix A.5.
        for encoded in ["900150983cd24fb0d6963f7d28e17f72", "900150983CD24FB0D6963F7D28E17F72"] {
            let hash = PlainMd5::parse(encoded).ok().unwrap();
            assert!(hash.verify(b"abc"));
            assert!(!hash.verify(b"abd"));
        }
        for bad in [
            "900150983cd24fb0d6963f7d28e17f7",
            "900150983cd24fb0d6963f7d28e17f722",
            "g00150983cd24fb0d6963f7d28e17f72",
        ] {
            assert!(PlainMd5::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rounds_and_lengths_out_of_bounds_are_unsupported() {
        let rest = "IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0";
        for bad in ["$P$4", "$P$J", "$P$z", "$P$!", "$P$ä", "$P$", "$X$9", "P$9"] {
            assert!(Portable::parse(&format!("{bad}{rest}")).is_err(), "{bad}");
        }
        assert!(Portable::parse(&format!("$P$5{rest}")).is_ok());
        assert!(Portable::parse(&format!("$P$I{rest}")).is_ok());
        for bad in
            ["$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L", "$P$9IQRaTwmäRo7ud9Fh4E2PdI0S3r.L0", "$P$9IQRaTwm", "$P$9"]
        {
            assert!(Portable::parse(bad).is_err(), "{bad}");
        }
    }
}

//! Which format a stored hash is in.

use super::argon;
use super::blowfish;
use super::crypt::{Md5Crypt, Sha2Crypt};
use super::kdf::{Pbkdf2, Scrypt};
use super::portable::{PlainMd5, Portable};
use super::{Unsupported, WorkMemory};

/// A stored hash, fully parsed and within the cost limits of its format, so that verifying cannot fail any more.
pub(super) enum Stored<'a> {
    Argon(argon::Encoded),
    Bcrypt(blowfish::Encoded),
    Scrypt(Scrypt),
    Pbkdf2(Pbkdf2),
    Sha2Crypt(Sha2Crypt<'a>),
    Md5Crypt(Md5Crypt<'a>),
    Portable(Portable<'a>),
    PlainMd5(PlainMd5),
}

impl<'a> Stored<'a> {
    /// Parses a hash of any supported format.
    pub fn parse(encoded: &'a str) -> Result<Self, Unsupported> {
        let Some(rest) = encoded.strip_prefix('$') else {
            return PlainMd5::parse(encoded).map(Self::PlainMd5);
        };
        let (id, _) = rest.split_once('$').ok_or(Unsupported)?;
        match id {
            "argon2id" | "argon2i" => argon::Encoded::parse(encoded).map(Self::Argon),
            "2a" | "2b" | "2y" => blowfish::Encoded::parse(encoded).map(Self::Bcrypt),
            "scrypt" | "7" => Scrypt::parse(encoded).map(Self::Scrypt),
            "5" | "6" => Sha2Crypt::parse(encoded).map(Self::Sha2Crypt),
            "1" => Md5Crypt::parse(encoded).map(Self::Md5Crypt),
            "P" | "H" | "S" => Portable::parse(encoded).map(Self::Portable),
            _ => Pbkdf2::parse(encoded).map(Self::Pbkdf2),
        }
    }

    /// Verifies a password, in time that does not depend on how much of the hash matches.
    ///
    /// Only argon2 tells a password with a NUL from one without: HMAC pads its key with NULs, so that `ab` and
    /// `ab\0` are one password for scrypt and PBKDF2; bcrypt repeats a key that ends in NUL, so that `ab` and
    /// `ab\0ab` are one; crypt(5) ends at a NUL. No other format therefore matches a password with one.
    pub fn verify(&self, password: &[u8], memory: &mut WorkMemory) -> bool {
        let distinct = matches!(self, Self::Argon(_)) || !password.contains(&0);
        self.matches(password, memory) & distinct
    }

    fn matches(&self, password: &[u8], memory: &mut WorkMemory) -> bool {
        match self {
            Self::Argon(stored) => stored.verify(password, memory),
            Self::Bcrypt(stored) => stored.verify(password),
            Self::Scrypt(stored) => stored.verify(password),
            Self::Pbkdf2(stored) => stored.verify(password),
            Self::Sha2Crypt(stored) => stored.verify(password),
            Self::Md5Crypt(stored) => stored.verify(password),
            Self::Portable(stored) => stored.verify(password),
            Self::PlainMd5(stored) => stored.verify(password),
        }
    }
}

//! The digest methods of crypt(5): SHA-256 and SHA-512 (Drepper, `$5$`, `$6$`) and MD5 (Kamp, `$1$`).

use super::{Unsupported, codec};
use md5::{Digest as _, Md5};
use sha_crypt::Params;

/// Rounds of SHA-crypt: the specification's least, and about 2.5 s with a password of 200 characters.
const ROUNDS: std::ops::RangeInclusive<u32> = 1_000..=1_000_000;
/// Rounds where a hash names none.
const IMPLICIT_ROUNDS: u32 = 5_000;

/// The order in which the SHA-256 digest is printed.
const ORDER_256: [u8; 32] = [
    20, 10, 0, 11, 1, 21, 2, 22, 12, 23, 13, 3, 14, 4, 24, 5, 25, 15, 26, 16, 6, 17, 7, 27, 8, 28, 18, 29,
    19, 9, 30, 31,
];
/// The order in which the SHA-512 digest is printed.
const ORDER_512: [u8; 64] = [
    42, 21, 0, 1, 43, 22, 23, 2, 44, 45, 24, 3, 4, 46, 25, 26, 5, 47, 48, 27, 6, 7, 49, 28, 29, 8, 50, 51,
    30, 9, 10, 52, 31, 32, 11, 53, 54, 33, 12, 13, 55, 34, 35, 14, 56, 57, 36, 15, 16, 58, 37, 38, 17, 59,
    60, 39, 18, 19, 61, 40, 41, 20, 62, 63,
];
/// The order in which the MD5 digest is printed.
const ORDER_MD5: [u8; 16] = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

/// A parsed SHA-crypt hash within the limits.
pub(super) struct Sha2Crypt<'a> {
    wide: bool,
    params: Params,
    salt: &'a str,
    hash: &'a str,
}

impl<'a> Sha2Crypt<'a> {
    /// Parses `$5$salt$hash` and `$6$salt$hash`, both also with `rounds=…$` before the salt.
    pub fn parse(encoded: &'a str) -> Result<Self, Unsupported> {
        let (wide, rest) = if let Some(rest) = encoded.strip_prefix("$6$") {
            (true, rest)
        } else {
            (false, encoded.strip_prefix("$5$").ok_or(Unsupported)?)
        };
        let (rounds, rest) = match rest.strip_prefix("rounds=") {
            Some(rest) => {
                let (rounds, rest) = rest.split_once('$').ok_or(Unsupported)?;
                (codec::decimal(rounds)?, rest)
            }
            None => (IMPLICIT_ROUNDS, rest),
        };
        if !ROUNDS.contains(&rounds) {
            return Err(Unsupported);
        }
        let [salt, hash] = codec::fields(rest)?;
        Ok(Self {
            wide,
            params: Params::new(rounds).map_err(|_| Unsupported)?,
            salt: codec::crypt_salt(salt, 16)?,
            hash: codec::hash64(hash, if wide { 86 } else { 43 })?,
        })
    }

    pub fn verify(&self, password: &[u8]) -> bool {
        let salt = self.salt.as_bytes();
        // The crate returns the bare digest; the order of printing is ours to apply.
        let bytes = if self.wide {
            codec::reorder(&sha_crypt::sha512_crypt(password, salt, self.params), &ORDER_512)
        } else {
            codec::reorder(&sha_crypt::sha256_crypt(password, salt, self.params), &ORDER_256)
        };
        codec::same(codec::to_hash64(&bytes).as_bytes(), self.hash.as_bytes())
    }
}

/// A parsed MD5-crypt hash. It has no cost to bound: 1000 rounds always.
pub(super) struct Md5Crypt<'a> {
    salt: &'a str,
    hash: &'a str,
}

impl<'a> Md5Crypt<'a> {
    /// Parses `$1$salt$hash`.
    pub fn parse(encoded: &'a str) -> Result<Self, Unsupported> {
        let [salt, hash] = codec::fields(encoded.strip_prefix("$1$").ok_or(Unsupported)?)?;
        Ok(Self { salt: codec::crypt_salt(salt, 8)?, hash: codec::hash64(hash, 22)? })
    }

    pub fn verify(&self, password: &[u8]) -> bool {
        let bytes = codec::reorder(&md5_crypt(password, self.salt.as_bytes()), &ORDER_MD5);
        codec::same(codec::to_hash64(&bytes).as_bytes(), self.hash.as_bytes())
    }
}

/// Poul-Henning Kamp's algorithm, with its accidents: they are what every implementation copied.
fn md5_crypt(password: &[u8], salt: &[u8]) -> [u8; 16] {
    let inner = md5(&[password, salt, password]);
    let mut start = Md5::new_with_prefix(password);
    start.update(b"$1$");
    start.update(salt);
    for chunk in password.chunks(16) {
        start.update(inner.get(..chunk.len()).unwrap_or_default());
    }
    // One byte for each bit of the length: NUL for a set bit, else the first byte of the password.
    let first = password.get(..1).unwrap_or_default();
    let mut length = password.len();
    while length > 0 {
        start.update(if length & 1 == 1 { b"\0".as_slice() } else { first });
        length >>= 1;
    }
    let mut digest: [u8; 16] = start.finalize().into();
    for round in 0..1000 {
        let odd = round % 2 == 1;
        digest = md5(&[
            if odd { password } else { &digest },
            if round % 3 != 0 { salt } else { b"" },
            if round % 7 != 0 { password } else { b"" },
            if odd { &digest } else { password },
        ]);
    }
    digest
}

fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut digest = Md5::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefxyz";

    fn sha2(encoded: &str, password: &str) -> Option<bool> {
        Sha2Crypt::parse(encoded).ok().map(|hash| hash.verify(password.as_bytes()))
    }

    fn md5_crypt_verifies(encoded: &str, password: &str) -> Option<bool> {
        Md5Crypt::parse(encoded).ok().map(|hash| hash.verify(password.as_bytes()))
    }

    #[test]
    fn sha_crypt_hashes_of_the_specification_and_of_passlib_verify() {
        let much = "a very much longer text to encrypt.  This one even stretches over morethan one line.";
        for (encoded, password) in [
            // Drepper's "Unix crypt using SHA-256 and SHA-512", test vectors, the salts cut to the 16 that count.
            ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
            ("$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!"),
            ("$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1", much),
            (
                "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
                "Hello world!",
            ),
            (
                "$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1",
                much,
            ),
            // Written by passlib: an empty salt, an empty password, more than one block, beyond ASCII.
            (
                "$6$$bLTg4cpho8PIUrjfsE7qlU08Qx2UEfw..xOc6I1wpGVtyVYToGrr7BzRdAAnEr5lYFr1Z9WcCf1xNZ1HG9qFW1",
                "password",
            ),
            ("$5$rounds=1000$LKO/Ute40T3FNF95$.P1sWcnHlmQb3N1HpFEEC/i7kbCKHsOX3.rKuwtP7D3", ""),
            ("$5$rounds=1000$LKO/Ute40T3FNF95$J//yJQg/H/Wmg6dlSUfZmEpV2rs5XzzWD0WnvK72Ao0", "Pässwört 1!"),
            ("$5$rounds=1000$LKO/Ute40T3FNF95$mODiequLg3G418ooRmJEZtoFFck3gi1oI/f.ww7OzV4", LONG),
            (
                "$6$rounds=1500$GVwAyvQ8$FYj1.esMnR6cWGFO1T22W2OZ4fzjjnW9HrBVXFUpcnIroK64S5IwucvKZOQIn2h4nXyVTZCW6om1oDVP8BLWx/",
                LONG,
            ),
        ] {
            assert_eq!(sha2(encoded, password), Some(true), "{encoded}");
            assert_eq!(sha2(encoded, "hello world!"), Some(false), "{encoded}");
        }
    }

    #[test]
    fn md5_crypt_hashes_of_passlib_verify_at_every_length_that_takes_another_path() {
        for (encoded, password) in [
            ("$1$kJ4QkJaQ$3EbD/pJddrq5HW3mpZ4KZ1", "password"),
            ("$1$$I2o9Z7NcvQAKp7wyCTlia0", "password"),
            ("$1$kJ4QkJaQ$oG47Lm/1Br66cQtriJCEz.", "Pässwört 1!"),
            ("$1$kJ4QkJaQ$BB0Zryv54Y3Z4C9uWVqCd1", ""),
            ("$1$kJ4QkJaQ$kpf4T3ux71Tlnhi7usfzk0", "aaaaaaaaaaaaaaaa"),
            ("$1$kJ4QkJaQ$zRBf0YcUK66cgf1G7Co3./", LONG),
        ] {
            assert_eq!(md5_crypt_verifies(encoded, password), Some(true), "{encoded}");
            assert_eq!(md5_crypt_verifies(encoded, "Password"), Some(false), "{encoded}");
        }
    }

    #[test]
    fn rounds_salts_and_lengths_out_of_bounds_are_unsupported() {
        let hash = "w0qBMaMP3ds778Pgl.uQiFIhsF68cY.TNyEwweGGK/6";
        assert!(Sha2Crypt::parse(&format!("$5$rounds=1000000$salt${hash}")).is_ok());
        for bad in [
            format!("$5$rounds=999$salt${hash}"),
            format!("$5$rounds=1000001$salt${hash}"),
            format!("$5$rounds=4294967296$salt${hash}"),
            format!("$5$rounds=01000$salt${hash}"),
            format!("$5$rounds=$salt${hash}"),
            format!("$5$rounds=1000${hash}"),
            format!("$5$seventeen_of_salt${hash}"),
            format!("$5$sa:lt${hash}"),
            format!("$5$sält${hash}"),
            format!("$6$salt${hash}"),
            format!("$5$salt${hash}a"),
        ] {
            assert!(Sha2Crypt::parse(&bad).is_err(), "{bad}");
        }
        for bad in ["$1$kJ4QkJaQx$3EbD/pJddrq5HW3mpZ4KZ1", "$1$kJ4QkJaQ$3EbD/pJddrq5HW3mpZ4KZ", "$1$kJ4QkJaQ"]
        {
            assert!(Md5Crypt::parse(bad).is_err(), "{bad}");
        }
    }
}

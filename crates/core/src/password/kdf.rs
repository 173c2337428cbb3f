//! The key derivation functions with a format of passlib's: scrypt (RFC 7914) and PBKDF2 (RFC 8018).

use super::{Unsupported, codec};
use pbkdf2::pbkdf2_hmac;
use scrypt::Params;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

/// Most memory a scrypt hash may ask for is 128 bytes times this, 256 MiB: N times r.
const MAX_SCRYPT_MEMORY: u64 = 1 << 21;
/// Most work a scrypt hash may ask for, N times r times p: 1.5 to 3 s of one core.
const MAX_SCRYPT_WORK: u64 = 1 << 22;
/// Most PBKDF2 work in rounds times output blocks, with a 32-bit and with a 64-bit digest: about 1 s.
const MAX_ROUNDS_32: u64 = 10_000_000;
const MAX_ROUNDS_64: u64 = 3_000_000;
/// Longest salt, in bytes. An empty one is no salt.
const SALT_BYTES: std::ops::RangeInclusive<usize> = 1..=128;

/// A parsed scrypt hash within the limits.
pub(super) struct Scrypt {
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Scrypt {
    /// Parses `$scrypt$ln=16,r=8,p=1$salt$hash`, and the same under the identifier `$7$`.
    pub fn parse(encoded: &str) -> Result<Self, Unsupported> {
        let rest =
            encoded.strip_prefix("$scrypt$").or_else(|| encoded.strip_prefix("$7$")).ok_or(Unsupported)?;
        let [costs, salt, hash] = codec::fields(rest)?;
        let [log_n, r, p] = codec::named(costs, ["ln", "r", "p"])?;
        if !(1..=30).contains(&log_n) {
            return Err(Unsupported);
        }
        let memory = u64::from(r).checked_mul(1 << log_n).ok_or(Unsupported)?;
        let work = memory.checked_mul(u64::from(p)).ok_or(Unsupported)?;
        if memory > MAX_SCRYPT_MEMORY || work > MAX_SCRYPT_WORK {
            return Err(Unsupported);
        }
        let log_n = u8::try_from(log_n).map_err(|_| Unsupported)?;
        let params = Params::new(log_n, r, p).map_err(|_| Unsupported)?;
        let (salt, hash) = (codec::base64(salt)?, codec::base64(hash)?);
        // A shorter output is a prefix of a longer one, so a truncated hash would verify if any length did.
        if !SALT_BYTES.contains(&salt.len()) || ![32, 64].contains(&hash.len()) {
            return Err(Unsupported);
        }
        Ok(Self { params, salt, hash })
    }

    pub fn verify(&self, password: &[u8]) -> bool {
        let mut hash = vec![0; self.hash.len()];
        let computed = scrypt::scrypt(password, &self.salt, &self.params, &mut hash).is_ok();
        computed & codec::same(&hash, &self.hash)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digest {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    fn named(name: &str) -> Option<Self> {
        match name {
            "pbkdf2" => Some(Self::Sha1),
            "pbkdf2-sha224" => Some(Self::Sha224),
            "pbkdf2-sha256" => Some(Self::Sha256),
            "pbkdf2-sha384" => Some(Self::Sha384),
            "pbkdf2-sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Output length in bytes, and the most rounds.
    const fn limits(self) -> (usize, u64) {
        match self {
            Self::Sha1 => (20, MAX_ROUNDS_32),
            Self::Sha224 => (28, MAX_ROUNDS_32),
            Self::Sha256 => (32, MAX_ROUNDS_32),
            Self::Sha384 => (48, MAX_ROUNDS_64),
            Self::Sha512 => (64, MAX_ROUNDS_64),
        }
    }
}

/// A parsed PBKDF2 hash within the limits.
pub(super) struct Pbkdf2 {
    digest: Digest,
    rounds: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Pbkdf2 {
    /// Parses `$pbkdf2-sha256$rounds$salt$hash`; the name without a digest means SHA-1, as in passlib.
    pub fn parse(encoded: &str) -> Result<Self, Unsupported> {
        let [_, name, rounds, salt, hash] = codec::fields(encoded)?;
        let digest = Digest::named(name).ok_or(Unsupported)?;
        let rounds = codec::decimal(rounds)?;
        let (salt, hash) = (codec::base64(salt)?, codec::base64(hash)?);
        let (length, most) = digest.limits();
        // 64 bytes are what Keycloak derives with any digest. As with scrypt, no other length is taken.
        if !SALT_BYTES.contains(&salt.len()) || ![length, 64].contains(&hash.len()) {
            return Err(Unsupported);
        }
        let blocks = u64::try_from(hash.len().div_ceil(length)).map_err(|_| Unsupported)?;
        if rounds == 0 || u64::from(rounds) * blocks > most {
            return Err(Unsupported);
        }
        Ok(Self { digest, rounds, salt, hash })
    }

    pub fn verify(&self, password: &[u8]) -> bool {
        let mut hash = vec![0; self.hash.len()];
        match self.digest {
            Digest::Sha1 => pbkdf2_hmac::<Sha1>(password, &self.salt, self.rounds, &mut hash),
            Digest::Sha224 => pbkdf2_hmac::<Sha224>(password, &self.salt, self.rounds, &mut hash),
            Digest::Sha256 => pbkdf2_hmac::<Sha256>(password, &self.salt, self.rounds, &mut hash),
            Digest::Sha384 => pbkdf2_hmac::<Sha384>(password, &self.salt, self.rounds, &mut hash),
            Digest::Sha512 => pbkdf2_hmac::<Sha512>(password, &self.salt, self.rounds, &mut hash),
        }
        codec::same(&hash, &self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefxyz";

    fn scrypt(encoded: &str, password: &str) -> Option<bool> {
        Scrypt::parse(encoded).ok().map(|hash| hash.verify(password.as_bytes()))
    }

    fn pbkdf2(encoded: &str, password: &str) -> Option<bool> {
        Pbkdf2::parse(encoded).ok().map(|hash| hash.verify(password.as_bytes()))
    }

    #[test]
    fn scrypt_hashes_of_rfc_7914_and_of_passlib_verify() {
        // RFC 7914 section 12, the second and third vector, written in this format.
        let nacl = "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA";
        let salty = "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw";
        for (encoded, password) in [
            (nacl, "password"),
            (salty, "pleaseletmein"),
            (
                "$scrypt$ln=4,r=8,p=2$KkVobU3pXQuBEMIY41zLWQ$6gohkrbpI/uqpz4pGRVbEI4jbNML8TVU1WLPI4sPjA0",
                "password",
            ),
            (
                "$7$ln=4,r=8,p=2$N+acUyoFQCgFQCillNK6Nw$55umqJdmB9yD3xS9gato1AcjJt3dAPdZKUmWiKY5FjM",
                "Pässwört 1!",
            ),
        ] {
            assert_eq!(scrypt(encoded, password), Some(true), "{encoded}");
            assert_eq!(scrypt(encoded, "Password"), Some(false), "{encoded}");
        }
    }

    #[test]
    fn pbkdf2_hashes_of_passlib_and_of_pythons_hashlib_verify() {
        for (encoded, password) in [
            ("$pbkdf2$29$UMo5J4QQAgCA0JrT.p9TCg$uAnhD63UQ/iOlkvTzHynzqErVL0", "password"),
            ("$pbkdf2$29$O2dMSYmxdq4VIkSoNWYMwQ$Sxf5njyQNpVYjlLmjDRA7PpnUAE", LONG),
            (
                "$pbkdf2-sha256$29$d.5dSynlfC9l7J2Tcm5tbQ$99dxnp2Z3NWlNJulCtCFJ7L4f.RBxLwXNzyw0h5RbPY",
                "password",
            ),
        ] {
            assert_eq!(pbkdf2(encoded, password), Some(true), "{encoded}");
            assert_eq!(pbkdf2(encoded, "Password"), Some(false), "{encoded}");
        }
    }

    #[test]
    fn scrypt_costs_out_of_bounds_are_unsupported() {
        let rest = "KkVobU3pXQuBEMIY41zLWQ$6gohkrbpI/uqpz4pGRVbEI4jbNML8TVU1WLPI4sPjA0";
        for costs in [
            "ln=0,r=8,p=1",
            "ln=19,r=8,p=1",
            "ln=18,r=8,p=3",
            "ln=31,r=1,p=1",
            "ln=64,r=1,p=1",
            "ln=4294967295,r=1,p=1",
            "ln=1,r=4294967295,p=4294967295",
            "ln=4,r=0,p=1",
            "ln=4,r=1,p=0",
            "ln=4,r=8",
        ] {
            assert!(Scrypt::parse(&format!("$scrypt${costs}${rest}")).is_err(), "{costs}");
        }
        assert!(Scrypt::parse(&format!("$scrypt$ln=18,r=8,p=2${rest}")).is_ok());
    }

    #[test]
    fn pbkdf2_costs_and_names_out_of_bounds_are_unsupported() {
        let short = "c2FsNQ$TjkN7M2gt/5kH0+ygBRNJW+bEgArYZvkntVlLLWJx+k";
        let long =
            "c2FsNQ$bvdfRMQteBQ4ffXaOzuOYZnye2/dXEdKWwDIPu0FhEbbnHspFy47LdhLQj.aiaV6JEwxksJ8ZuZ.eECcZVLS7A";
        assert!(Pbkdf2::parse(&format!("$pbkdf2-sha256$10000000${short}")).is_ok());
        assert!(Pbkdf2::parse(&format!("$pbkdf2-sha256$5000000${long}")).is_ok());
        assert!(Pbkdf2::parse(&format!("$pbkdf2-sha512$3000000${long}")).is_ok());
        for bad in [
            format!("$pbkdf2-sha256$10000001${short}"),
            format!("$pbkdf2-sha256$5000001${long}"),
            format!("$pbkdf2-sha512$3000001${long}"),
            format!("$pbkdf2-sha256$4294967295${short}"),
            format!("$pbkdf2-sha256$0${short}"),
            format!("$pbkdf2-sha256$-1${short}"),
            format!("$pbkdf2-md5$10${short}"),
            format!("$pbkdf2-sha512$10${short}"),
            format!("x$pbkdf2-sha256$10${short}$"),
            "$pbkdf2-sha256$10$$TjkN7M2gt/5kH0+ygBRNJW+bEgArYZvkntVlLLWJx+k".to_owned(),
        ] {
            assert!(Pbkdf2::parse(&bad).is_err(), "{bad}");
        }
    }
}

//! Argon2 (RFC 9106) in the PHC string format: `$argon2id$v=19$m=19456,t=2,p=1$salt$tag`.

use super::{Unsupported, WorkMemory, codec};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};

/// Most memory an imported hash may ask for, in KiB: what libsodium calls moderate.
pub(super) const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// Most work an imported hash may ask for, in KiB times passes: about 2.5 s of one core.
pub(super) const MAX_WORK: u64 = 4 * 1024 * 1024;
/// Most lanes. They run one after the other here and cost nothing by themselves, but no writer needs more.
pub(super) const MAX_LANES: u32 = 64;
/// The RFC allows tags of 4 bytes, which can be guessed; no known writer goes below 16.
const TAG_BYTES: std::ops::RangeInclusive<usize> = 16..=64;
/// RFC 9106 section 3.1 leaves the salt to the application; 8 is the least that the reference C code takes.
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=64;
/// The tag length of our own hashes, in bytes.
const OWN_TAG: usize = 32;

/// The cost of an argon2 hash: memory in KiB, passes over it, lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cost {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
}

impl Cost {
    /// The first choice of the OWASP password storage cheat sheet that fits in 19 MiB.
    pub const DEFAULT: Self = Self { memory_kib: 19_456, iterations: 2, parallelism: 1 };

    /// Memory times passes, the measure of [`MAX_WORK`].
    pub fn work(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.iterations)
    }

    fn params(self) -> Option<Params> {
        // Bounded here first: the crate multiplies lanes by 8 in 32 bits.
        let bounded =
            self.memory_kib <= MAX_MEMORY_KIB && self.parallelism <= MAX_LANES && self.work() <= MAX_WORK;
        bounded.then(|| Params::new(self.memory_kib, self.iterations, self.parallelism, None).ok()).flatten()
    }
}

/// A parsed argon2 hash within the limits.
pub(super) struct Encoded {
    algorithm: Algorithm,
    version: Version,
    cost: Cost,
    params: Params,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl Encoded {
    /// Parses `$argon2id$…` or `$argon2i$…`; without `v=` it is version 16, as in the reference C code.
    ///
    /// Argon2d is left out: no server hashes passwords with it, for its memory accesses leak the password.
    pub fn parse(encoded: &str) -> Result<Self, Unsupported> {
        let (algorithm, rest) = if let Some(rest) = encoded.strip_prefix("$argon2id$") {
            (Algorithm::Argon2id, rest)
        } else {
            (Algorithm::Argon2i, encoded.strip_prefix("$argon2i$").ok_or(Unsupported)?)
        };
        let (version, rest) = if let Some(rest) = rest.strip_prefix("v=19$") {
            (Version::V0x13, rest)
        } else {
            (Version::V0x10, rest.strip_prefix("v=16$").unwrap_or(rest))
        };
        let [costs, salt, tag] = codec::fields(rest)?;
        let [memory_kib, iterations, parallelism] = codec::named(costs, ["m", "t", "p"])?;
        let cost = Cost { memory_kib, iterations, parallelism };
        let params = cost.params().ok_or(Unsupported)?;
        let (salt, tag) = (codec::base64(salt)?, codec::base64(tag)?);
        if !SALT_BYTES.contains(&salt.len()) || !TAG_BYTES.contains(&tag.len()) {
            return Err(Unsupported);
        }
        Ok(Self { algorithm, version, cost, params, salt, tag })
    }

    /// Whether [`hash`] with this cost would have written a hash of this strength.
    pub fn is_of(&self, cost: Cost) -> bool {
        self.algorithm == Algorithm::Argon2id
            && self.version == Version::V0x13
            && self.cost == cost
            && self.salt.len() >= 16
            && self.tag.len() == OWN_TAG
    }

    pub fn verify(&self, password: &[u8], memory: &mut WorkMemory) -> bool {
        let argon2 = Argon2::new(self.algorithm, self.version, self.params.clone());
        let mut tag = vec![0; self.tag.len()];
        let computed = memory.with(self.params.block_count(), |blocks| {
            argon2.hash_password_into_with_memory(password, &self.salt, &mut tag, blocks).ok()
        });
        computed.is_some() & codec::same(&tag, &self.tag)
    }
}

/// Hashes with argon2id, version 19. `None` if the cost is out of bounds.
pub(super) fn hash(cost: Cost, password: &[u8], salt: &[u8; 16], memory: &mut WorkMemory) -> Option<String> {
    let params = cost.params()?;
    let count = params.block_count();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut tag = [0; OWN_TAG];
    memory
        .with(count, |blocks| argon2.hash_password_into_with_memory(password, salt, &mut tag, blocks).ok())?;
    Some(encode(cost, salt, &tag))
}

/// Writes the PHC string of a salt and tag.
pub(super) fn encode(cost: Cost, salt: &[u8; 16], tag: &[u8; OWN_TAG]) -> String {
    let Cost { memory_kib, iterations, parallelism } = cost;
    let (salt, tag) = (codec::to_base64(salt), codec::to_base64(tag));
    format!("$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${salt}${tag}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(encoded: &str, password: &str) -> Option<bool> {
        Encoded::parse(encoded).ok().map(|hash| hash.verify(password.as_bytes(), &mut WorkMemory::new(64)))
    }

    #[test]
    fn hashes_of_the_reference_c_code_verify() {
        // Written by argon2-cffi, which wraps the C code of RFC 9106's authors.
        for (encoded, password) in [
            (
                "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$VGxSurStTH1JNaySPGT2LR7aai7f8/CI3RQoyIG+2uc",
                "Pässwört 1!",
            ),
            (
                "$argon2i$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$9/xNnsN/FmGDpAOETA6KBl2lVHuYX8R0OSXw5p/kDCU",
                "Pässwört 1!",
            ),
            ("$argon2i$v=16$m=64,t=2,p=2$c2FsdHNhbHQ$ijGJel9UqX8lJaaZZp5BTw", "Pässwört 1!"),
            ("$argon2i$m=64,t=2,p=2$c2FsdHNhbHQ$ijGJel9UqX8lJaaZZp5BTw", "Pässwört 1!"),
            (
                "$argon2id$v=19$m=256,t=3,p=4$c29tZXNhbHQxMjM0NTY3OA$6c0a2nCLcprOLvuNcrmXR5tUbStu384e",
                "password",
            ),
        ] {
            assert_eq!(verify(encoded, password), Some(true), "{encoded}");
            assert_eq!(verify(encoded, "Passwort 1!"), Some(false), "{encoded}");
        }
    }

    /// RFC 9106 sections 5.2 and 5.3. They use a secret key and associated data, which no PHC string carries, so
    /// this pins the primitive that the rest of this file relies on.
    #[test]
    fn the_vectors_of_rfc_9106_hold() {
        let vectors = [
            (Algorithm::Argon2i, "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8"),
            (Algorithm::Argon2id, "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"),
        ];
        for (algorithm, expected) in vectors {
            let mut params = argon2::ParamsBuilder::new();
            params.m_cost(32).t_cost(3).p_cost(4);
            params.data(argon2::AssociatedData::new(&[4; 12]).unwrap());
            let secret = [3; 8];
            let argon2 =
                Argon2::new_with_secret(&secret, algorithm, Version::V0x13, params.build().unwrap()).unwrap();
            let mut tag = [0; 32];
            argon2.hash_password_into(&[1; 32], &[2; 16], &mut tag).unwrap();
            let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected);
        }
    }

    #[test]
    fn a_hash_that_asks_for_too_much_or_too_little_is_unsupported() {
        let (salt, tag) = ("c2FsdHNhbHQ", "VGxSurStTH1JNaySPGT2LR7aai7f8/CI3RQoyIG+2uc");
        for costs in [
            "m=262145,t=1,p=1",
            "m=4294967295,t=1,p=1",
            "m=262144,t=17,p=1",
            "m=64,t=4294967295,p=1",
            "m=1024,t=1,p=65",
            "m=4294967295,t=4294967295,p=4294967295",
            "m=64,t=1,p=4294967295",
            "m=64,t=1,p=536870912",
            "m=64,t=0,p=1",
            "m=7,t=1,p=1",
            "m=8,t=1,p=2",
            "m=64,t=1,p=0",
        ] {
            let encoded = format!("$argon2id$v=19${costs}${salt}${tag}");
            assert!(Encoded::parse(&encoded).is_err(), "{encoded}");
        }
        assert!(Encoded::parse(&format!("$argon2id$v=19$m=262144,t=16,p=64${salt}${tag}")).is_ok());
    }

    #[test]
    fn other_variants_versions_and_lengths_are_unsupported() {
        for encoded in [
            "$argon2d$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$1jzpEYMtrp+lLTrJ2n3z9D+zqWvLbvm6ea6YxiIEjFo",
            "$argon2id$v=18$m=64,t=2,p=1$c2FsdHNhbHQ$VGxSurStTH1JNaySPGT2LR7aai7f8/CI3RQoyIG+2uc",
            "$argon2id$v=19$m=64,t=2,p=1,keyid=AA$c2FsdHNhbHQ$VGxSurStTH1JNaySPGT2LR7aai7f8/CI3RQoyIG+2uc",
            "$argon2id$v=19$m=64,t=2,p=1$c2FsdA$VGxSurStTH1JNaySPGT2LR7aai7f8/CI3RQoyIG+2uc",
            "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$VGxSug",
            "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$",
            "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ",
        ] {
            assert!(Encoded::parse(encoded).is_err(), "{encoded}");
        }
    }
}

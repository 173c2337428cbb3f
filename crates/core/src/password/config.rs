//! The configuration of password hashing.

use super::argon::{Cost, MAX_LANES, MAX_MEMORY_KIB, MAX_WORK};
use super::blowfish;
use serde::{Deserialize, Serialize};

/// The least memory of the OWASP password storage cheat sheet's argon2id settings, in KiB.
const MIN_MEMORY_KIB: u32 = 7168;
/// The least memory times passes of the same settings (7 MiB, 5 passes), in KiB.
const MIN_WORK: u64 = 35_840;
/// OWASP's least for bcrypt.
const MIN_BCRYPT: u32 = 10;

/// The algorithm of new hashes. In a configuration file: `algorithm = "argon2id"` or `"bcrypt"` and the costs
/// beside it; costs left out are argon2id's 19456 KiB, 2 passes, 1 lane, and bcrypt's 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "algorithm", rename_all = "snake_case", deny_unknown_fields)]
pub enum HashConfig {
    /// argon2id, version 19 (RFC 9106).
    Argon2id {
        /// Memory in KiB; each worker keeps this much.
        #[serde(default = "default_memory_kib")]
        memory_kib: u32,
        /// Passes over the memory.
        #[serde(default = "default_iterations")]
        iterations: u32,
        /// Lanes. They are computed one after the other, so they buy no speed here.
        #[serde(default = "default_parallelism")]
        parallelism: u32,
    },
    /// bcrypt, `$2b$`.
    Bcrypt {
        /// Base-2 logarithm of the rounds.
        #[serde(default = "default_bcrypt")]
        cost: u32,
    },
}

const fn default_memory_kib() -> u32 {
    Cost::DEFAULT.memory_kib
}

const fn default_iterations() -> u32 {
    Cost::DEFAULT.iterations
}

const fn default_parallelism() -> u32 {
    Cost::DEFAULT.parallelism
}

const fn default_bcrypt() -> u32 {
    12
}

impl Default for HashConfig {
    fn default() -> Self {
        let Cost { memory_kib, iterations, parallelism } = Cost::DEFAULT;
        Self::Argon2id { memory_kib, iterations, parallelism }
    }
}

impl HashConfig {
    /// Checks that the costs are neither weaker than OWASP's weakest recommendation nor beyond what
    /// [`super::verify`] accepts, else our own hashes would not verify.
    ///
    /// # Errors
    /// A sentence for the operator that names the setting, its value and its bounds.
    pub fn check(&self) -> Result<(), String> {
        match *self {
            Self::Argon2id { memory_kib, iterations, parallelism } => {
                within("memory_kib", memory_kib, MIN_MEMORY_KIB, MAX_MEMORY_KIB)?;
                within("parallelism", parallelism, 1, MAX_LANES)?;
                let work = Cost { memory_kib, iterations, parallelism }.work();
                if !(MIN_WORK..=MAX_WORK).contains(&work) {
                    return Err(format!(
                        "argon2id: memory_kib times iterations must be {MIN_WORK} to {MAX_WORK}, \
                         but {memory_kib} times {iterations} is {work}"
                    ));
                }
                Ok(())
            }
            Self::Bcrypt { cost } if (MIN_BCRYPT..=*blowfish::COSTS.end()).contains(&cost) => Ok(()),
            Self::Bcrypt { cost } => {
                Err(format!("bcrypt: cost must be {MIN_BCRYPT} to {}, but is {cost}", blowfish::COSTS.end()))
            }
        }
    }
}

fn within(name: &str, value: u32, least: u32, most: u32) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("argon2id: {name} must be {least} to {most}, but is {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argon2id(memory_kib: u32, iterations: u32, parallelism: u32) -> HashConfig {
        HashConfig::Argon2id { memory_kib, iterations, parallelism }
    }

    #[test]
    fn the_settings_of_owasp_of_rfc_9106_and_of_the_reference_are_accepted() {
        for config in [
            HashConfig::default(),
            argon2id(47_104, 1, 1),
            argon2id(12_288, 3, 1),
            argon2id(9_216, 4, 1),
            argon2id(7_168, 5, 1),
            argon2id(65_536, 3, 4),
            argon2id(32_768, 3, 4),
            HashConfig::Bcrypt { cost: 10 },
            HashConfig::Bcrypt { cost: 14 },
            HashConfig::Bcrypt { cost: 15 },
        ] {
            assert_eq!(config.check(), Ok(()), "{config:?}");
        }
    }

    #[test]
    fn a_cost_out_of_bounds_is_named_with_its_bounds() {
        for (config, expected) in [
            (argon2id(7_167, 9, 1), "argon2id: memory_kib must be 7168 to 262144, but is 7167"),
            (argon2id(262_145, 2, 1), "argon2id: memory_kib must be 7168 to 262144, but is 262145"),
            (argon2id(19_456, 2, 0), "argon2id: parallelism must be 1 to 64, but is 0"),
            (
                argon2id(19_456, 1, 1),
                "argon2id: memory_kib times iterations must be 35840 to 4194304, but 19456 times 1 is 19456",
            ),
            (
                argon2id(19_456, u32::MAX, 1),
                "argon2id: memory_kib times iterations must be 35840 to 4194304, \
                 but 19456 times 4294967295 is 83562883691520",
            ),
            (
                argon2id(19_456, 0, 1),
                "argon2id: memory_kib times iterations must be 35840 to 4194304, but 19456 times 0 is 0",
            ),
            (HashConfig::Bcrypt { cost: 9 }, "bcrypt: cost must be 10 to 15, but is 9"),
            (HashConfig::Bcrypt { cost: 16 }, "bcrypt: cost must be 10 to 15, but is 16"),
        ] {
            assert_eq!(config.check().unwrap_err(), expected);
        }
    }

    #[test]
    fn configuration_names_the_algorithm_and_fills_in_costs() {
        let read = |text: &str| serde_json::from_str::<HashConfig>(text);
        assert_eq!(read(r#"{"algorithm":"argon2id"}"#).unwrap(), HashConfig::default());
        assert_eq!(
            read(r#"{"algorithm":"argon2id","memory_kib":65536,"iterations":3,"parallelism":4}"#).unwrap(),
            argon2id(65_536, 3, 4)
        );
        assert_eq!(read(r#"{"algorithm":"bcrypt","cost":14}"#).unwrap(), HashConfig::Bcrypt { cost: 14 });
        for bad in [
            r#"{}"#,
            r#"{"algorithm":"md5"}"#,
            r#"{"algorithm":"argon2id","memory":65536}"#,
            r#"{"algorithm":"bcrypt","cost":14,"iterations":3}"#,
            r#"{"algorithm":"bcrypt","cost":-1}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}

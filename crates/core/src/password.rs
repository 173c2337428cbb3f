//! Passwords: hashing with the configured algorithm, verifying the hash formats that an import may bring, the
//! complexity policy.
//!
//! Everything here computes and nothing else: salts come in as bytes, and the working memory belongs to the
//! caller, who also bounds how many hashes run at once and caps a password at 200 code points, for some of the
//! formats take time that grows with its length.

mod argon;
mod blowfish;
mod codec;
mod complexity;
mod config;
mod crypt;
mod kdf;
mod memory;
mod portable;
mod stored;
#[cfg(test)]
mod tests;

pub use complexity::{Complexity, ComplexityViolation};
pub use config::HashConfig;
pub use memory::WorkMemory;

use argon::Cost;
use std::fmt;
use stored::Stored;

/// Stands where a hash would, and no password verifies against it: `*` is what `/etc/shadow` writes.
const LOCKED: &str = "*";
/// Salt of the dummy hash. It need not be secret: nothing is ever compared with the outcome.
const DUMMY_SALT: [u8; 16] = *b"doorward-no-user";

/// The hash is in no supported format, is malformed, or asks for more work or memory than its format is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported;

impl fmt::Display for Unsupported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("password hash encoding not supported")
    }
}

impl std::error::Error for Unsupported {}

/// Verifies a password against a stored hash of any supported format, comparing in constant time.
///
/// | format | text | limits |
/// |---|---|---|
/// | argon2id, argon2i (RFC 9106; versions 16 and 19) | `$argon2id$v=19$m=,t=,p=$salt$tag` | m ≤ 256 MiB, m·t ≤ 4 GiB, p ≤ 64, tag 16..64, salt 8..64 bytes |
/// | bcrypt | `$2a$`, `$2b$`, `$2y$` | cost 4..15 |
/// | scrypt (RFC 7914) | `$scrypt$ln=,r=,p=$salt$hash`, also `$7$ln=` | N·r ≤ 2^21 (256 MiB), N·r·p ≤ 2^22, hash 32 or 64 bytes |
/// | PBKDF2 (RFC 8018) | `$pbkdf2$` (SHA-1), `$pbkdf2-sha224$`, `-sha256`, `-sha384`, `-sha512`: `rounds$salt$hash` | rounds · output blocks ≤ 10,000,000 (SHA-384 and SHA-512: 3,000,000), hash of digest length or 64 bytes |
/// | SHA-crypt (Drepper) | `$5$`, `$6$`, with or without `rounds=` | rounds 1000..1,000,000 |
/// | MD5-crypt | `$1$` | none |
/// | phpass, Drupal 7 | `$P$`, `$H$`, `$S$` | log2(rounds) 7..20 |
/// | bare MD5 | 32 hex digits | none |
///
/// A hash at its limit takes 1 to 3 s of one core with the longest password. bcrypt counts the first 72 bytes
/// only. A password with a NUL matches argon2 hashes only, because the other formats confuse it with one without.
///
/// # Errors
/// [`Unsupported`] as [`is_supported`] says.
pub fn verify(encoded: &str, password: &str, memory: &mut WorkMemory) -> Result<bool, Unsupported> {
    Ok(Stored::parse(encoded)?.verify(password.as_bytes(), memory))
}

/// Whether [`verify`] can work with this hash: its format is known, the whole of it is well formed, and its costs
/// are within the limits. To be asked before a hash is imported, else one import could occupy a core for hours.
#[must_use]
pub fn is_supported(encoded: &str) -> bool {
    Stored::parse(encoded).is_ok()
}

/// Writes hashes with the configured algorithm, and tells which stored hashes are to be replaced by such a one.
#[derive(Debug, Clone)]
pub struct Hasher {
    config: HashConfig,
    dummy: String,
}

impl Default for Hasher {
    fn default() -> Self {
        Self::unchecked(HashConfig::default())
    }
}

impl Hasher {
    /// A hasher for this configuration.
    ///
    /// # Errors
    /// What [`HashConfig::check`] finds, as a text for the operator.
    pub fn new(config: HashConfig) -> Result<Self, String> {
        config.check()?;
        Ok(Self::unchecked(config))
    }

    fn unchecked(config: HashConfig) -> Self {
        let dummy = match config {
            HashConfig::Bcrypt { cost } => blowfish::encode(cost, DUMMY_SALT, &[0x5a; 23]),
            HashConfig::Argon2id { .. } => argon::encode(config.cost(), &DUMMY_SALT, &[0x5a; 32]),
        };
        Self { config, dummy }
    }

    /// The configuration in force.
    #[must_use]
    pub const fn config(&self) -> HashConfig {
        self.config
    }

    /// Working memory for one worker thread, which keeps what a hash of this hasher needs.
    #[must_use]
    pub fn work_memory(&self) -> WorkMemory {
        WorkMemory::new(self.config.cost().memory_kib)
    }

    /// Hashes a new password. `salt` is 16 bytes from the OS generator, new for every call.
    ///
    /// Returns a PHC string (`$argon2id$v=19$m=…,t=…,p=…$salt$tag`) or bcrypt's `$2b$…`. A password that bcrypt
    /// would cut (more than 72 bytes, or with a NUL) gets an argon2id hash of default cost although bcrypt is
    /// configured: refusing it would surprise its owner, and hashing a part of it would weaken it silently.
    #[must_use]
    pub fn hash(&self, password: &str, salt: [u8; 16], memory: &mut WorkMemory) -> String {
        let password = password.as_bytes();
        let hash = match self.config {
            HashConfig::Bcrypt { cost } if blowfish::holds(password) => blowfish::hash(cost, password, salt),
            _ => argon::hash(self.config.cost(), password, &salt, memory),
        };
        // Checked costs cannot fail. Were it otherwise, a lock is the safe outcome.
        hash.unwrap_or_else(|| LOCKED.to_owned())
    }

    /// Whether a hash that just verified is to be replaced: it is of another algorithm or of other costs.
    #[must_use]
    pub fn needs_upgrade(&self, encoded: &str) -> bool {
        match (Stored::parse(encoded), self.config) {
            (Ok(Stored::Bcrypt(stored)), HashConfig::Bcrypt { cost }) => stored.cost != cost,
            // With bcrypt configured this is the form of passwords that it cannot hold.
            (Ok(Stored::Argon(stored)), _) => !stored.is_of(self.config.cost()),
            _ => true,
        }
    }

    /// Does the work of verifying a password, for a user who does not exist or has none. Always `false`.
    ///
    /// It hides that difference from whoever measures the time; where a user still has an imported hash of other
    /// costs, that shows until the first successful login replaces it.
    pub fn dummy_work(&self, password: &str, memory: &mut WorkMemory) -> bool {
        // The compiler must not see that the outcome is unused, else it may drop the work.
        let _ = std::hint::black_box(verify(&self.dummy, password, memory));
        false
    }
}

impl HashConfig {
    /// The cost of argon2id hashes under this configuration.
    const fn cost(self) -> Cost {
        match self {
            Self::Argon2id { memory_kib, iterations, parallelism } => {
                Cost { memory_kib, iterations, parallelism }
            }
            Self::Bcrypt { .. } => Cost::DEFAULT,
        }
    }
}

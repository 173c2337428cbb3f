//! bcrypt in its modular crypt format: `$2b$12$` followed by 22 salt and 31 hash digits.

use super::{Unsupported, codec};
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Costs that are computed: 4 is the least that bcrypt knows, 15 takes about 2 s of one core.
pub(super) const COSTS: std::ops::RangeInclusive<u32> = 4..=15;
/// bcrypt reads this many bytes of a password, its closing NUL included, and ignores the rest.
const READ_BYTES: usize = 72;
/// The 24th byte of the output is dropped by every implementation.
const HASH_BYTES: usize = 23;

/// The last salt digit carries four unused bits, which some writers of `$2y$` filled at random.
const LOOSE: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// A parsed bcrypt hash within the limits.
pub(super) struct Encoded {
    pub cost: u32,
    salt: [u8; 16],
    hash: [u8; HASH_BYTES],
}

impl Encoded {
    /// Parses `$2a$`, `$2b$` and `$2y$`, which are one algorithm in every implementation kept today.
    ///
    /// `$2x$` marks hashes of a broken one, `$2$` of one that left out the closing NUL: both are left out.
    pub fn parse(encoded: &str) -> Result<Self, Unsupported> {
        let rest =
            ["$2a$", "$2b$", "$2y$"].iter().find_map(|id| encoded.strip_prefix(id)).ok_or(Unsupported)?;
        let [cost, digits] = codec::fields(rest)?;
        let (salt, hash) = digits.split_at_checked(22).ok_or(Unsupported)?;
        // The cost has two digits, with a leading zero below 10.
        if cost.len() != 2 {
            return Err(Unsupported);
        }
        let cost = codec::decimal(cost.strip_prefix('0').unwrap_or(cost))?;
        let salt = LOOSE.decode(salt).map_err(|_| Unsupported)?;
        let hash = bcrypt::BASE_64.decode(hash).map_err(|_| Unsupported)?;
        if !COSTS.contains(&cost) {
            return Err(Unsupported);
        }
        Ok(Self {
            cost,
            salt: salt.try_into().map_err(|_| Unsupported)?,
            hash: hash.try_into().map_err(|_| Unsupported)?,
        })
    }

    /// Verifies as bcrypt defines it: bytes after the 72nd do not count.
    pub fn verify(&self, password: &[u8]) -> bool {
        codec::same(&raw(self.cost, self.salt, password), &self.hash)
    }
}

/// Whether bcrypt would read the whole of this password.
pub(super) fn holds(password: &[u8]) -> bool {
    password.len() <= READ_BYTES && !password.contains(&0)
}

/// Hashes as `$2b$`. `None` if the cost is out of bounds or the password is one that bcrypt cannot hold.
pub(super) fn hash(cost: u32, password: &[u8], salt: [u8; 16]) -> Option<String> {
    (COSTS.contains(&cost) && holds(password)).then(|| encode(cost, salt, &raw(cost, salt, password)))
}

/// Writes the modular crypt string of a salt and hash.
pub(super) fn encode(cost: u32, salt: [u8; 16], hash: &[u8; HASH_BYTES]) -> String {
    format!("$2b${cost:02}${}{}", bcrypt::BASE_64.encode(salt), bcrypt::BASE_64.encode(hash))
}

fn raw(cost: u32, salt: [u8; 16], password: &[u8]) -> [u8; HASH_BYTES] {
    let mut key = Zeroizing::new([0; READ_BYTES]);
    for (slot, byte) in key.iter_mut().zip(password) {
        *slot = *byte;
    }
    let used = (password.len() + 1).min(READ_BYTES);
    let output = key.get(..used).map_or([0; 24], |key| bcrypt::bcrypt(cost, salt, key));
    let [hash @ .., _] = output;
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn verify(encoded: &str, password: &str) -> Option<bool> {
        Encoded::parse(encoded).ok().map(|hash| hash.verify(password.as_bytes()))
    }

    #[test]
    fn published_and_foreign_hashes_verify() {
        for (encoded, password) in [
            // From the test of Openwall's crypt_blowfish.
            ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
            ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"),
            ("$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"),
            // Written by passlib with the bcrypt package of the Python Cryptographic Authority.
            ("$2b$04$uKcgs1aVc4LkRy/2RQZAweZWi0FIps3gciyAY6f1/0icKo6jg8Zuq", "password"),
            ("$2b$04$ZNx7HY3LlxI9muhIXptAK.7nlcoIv9KfC2RIJiwTBq7H84PnO8lVm", "Pässwört 1!"),
            ("$2y$04$yQ9PpzDeEPTDf7b/qt6q0.6US2YO/XkFNhlDZwcNqDyC02xfcT1om", "Pässwört 1!"),
            ("$2a$04$dhfWWWAd5fsd4VDJzgioaeiB6NPyimxGcdiiaNFPJuZfEOzdHEC6C", "Pässwört 1!"),
            ("$2b$04$8W9hVukpQetQkUykm0AUkOJFGz/Us/i35irq5U85S/6zdqEiSlqY2", ""),
            ("$2b$04$XfFUxgQde4Qk/GGocHpCNeKol6GjJHJChJO4EqK1kKRUNZVylBlVu", LONG),
        ] {
            assert_eq!(verify(encoded, password), Some(true), "{encoded}");
            assert_eq!(verify(encoded, "u*u"), Some(false), "{encoded}");
        }
    }

    #[test]
    fn only_the_first_72_bytes_count_in_an_imported_hash() {
        let encoded = "$2b$04$XfFUxgQde4Qk/GGocHpCNeKol6GjJHJChJO4EqK1kKRUNZVylBlVu";
        assert_eq!(verify(encoded, &LONG[..72]), Some(true));
        assert_eq!(verify(encoded, &LONG[..71]), Some(false));
    }

    #[test]
    fn we_never_write_a_hash_of_a_part_of_a_password() {
        assert!(hash(4, &[b'a'; 72], [7; 16]).is_some());
        assert!(hash(4, &[b'a'; 73], [7; 16]).is_none());
        assert!(hash(4, b"a\0b", [7; 16]).is_none());
    }

    #[test]
    fn loose_bits_in_the_salt_are_read_as_php_writes_them() {
        let encoded = hash(4, b"password", [7; 16]).unwrap();
        let (head, tail) = encoded.split_at(28);
        let loose = format!("{head}z{}", &tail[1..]);
        assert_ne!(loose, encoded);
        assert!(Encoded::parse(&loose).is_ok());
    }

    #[test]
    fn costs_out_of_bounds_and_other_versions_are_unsupported() {
        let digits = "uKcgs1aVc4LkRy/2RQZAweZWi0FIps3gciyAY6f1/0icKo6jg8Zuq";
        for head in
            ["$2b$03$", "$2b$16$", "$2b$31$", "$2b$99$", "$2b$4$", "$2b$004$", "$2b$+4$", "$2$04$", "$2x$04$"]
        {
            assert!(Encoded::parse(&format!("{head}{digits}")).is_err(), "{head}");
        }
        assert!(Encoded::parse(&format!("$2b$15${digits}")).is_ok());
        assert!(Encoded::parse(&format!("$2b$04${digits}a")).is_err());
        assert!(Encoded::parse("$2b$04$ääääääääääääääääääääääääääa").is_err());
    }
}

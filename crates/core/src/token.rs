//! Tokens: 256 random bits with the id they belong to; only a keyed hash of them is ever stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::base::Secret;

/// The keyed hash of a token or a code.
pub type Digest = [u8; 32];

/// What a token is for. Each kind has its own prefix and key, so that none passes as another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// Stands for one generation of one session.
    Session,
    /// A personal access token of a machine user.
    PersonalAccess,
    /// Shows that somebody came back from an identity provider.
    Intent,
    /// What a machine user got for its secret or key.
    Access,
    /// The secret by which a machine user logs in; the id is that of the user.
    ClientSecret,
}

impl TokenKind {
    /// The kind that a text begins like. Nothing else of it is looked at.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Some(match text.get(..4)? {
            "dws_" => Self::Session,
            "dwp_" => Self::PersonalAccess,
            "dwi_" => Self::Intent,
            "dwa_" => Self::Access,
            "dwc_" => Self::ClientSecret,
            _ => return None,
        })
    }

    /// The first four characters of the text. Four characters of base64url are exactly three bytes, so the whole
    /// text stays valid base64url.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "dws_",
            Self::PersonalAccess => "dwp_",
            Self::Intent => "dwi_",
            Self::Access => "dwa_",
            Self::ClientSecret => "dwc_",
        }
    }
}

/// Length of a token's text: 3 bytes of prefix, 16 of id, 32 of chance, in base64url.
const TEXT_LENGTH: usize = 68;

/// A token that was just made: the text goes to the caller, the digest into the store.
#[derive(Debug, Clone)]
pub struct Minted {
    /// What the caller gets, once.
    pub text: Secret,
    /// What is stored.
    pub digest: Digest,
}

/// A token that somebody presents: well-formed, but not yet compared with anything.
#[derive(Debug, Clone)]
pub struct Presented {
    /// The id that the token names.
    pub id: String,
    /// The digest to compare with the stored one.
    pub digest: Digest,
}

/// Why a presented text cannot be a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAToken {
    /// Not base64url without padding.
    NotBase64,
    /// Base64url, but not one of ours, or not of this kind.
    Garbage,
}

/// The keys that are derived from the root, one a purpose. The root is the master key until that is replaced for the
/// first time, and from then on what was the root before.
#[derive(Clone)]
pub struct Keyring {
    session: Key,
    personal_access: Key,
    intent: Key,
    access: Key,
    client_secret: Key,
    code: Key,
}

/// A key that has been taken in: half of the work of a short HMAC. The states of the hash in it are wiped from memory
/// when they are dropped.
type Key = Hmac<Sha256>;

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(…)")
    }
}

impl Keyring {
    /// Derives the keys: HMAC-SHA-256 of a label under the root.
    #[must_use]
    pub fn derive(root: &[u8; 32]) -> Self {
        let derived = |label: &str| {
            let mut bytes = labelled(root, label);
            let key = taken_in(&bytes);
            bytes.zeroize();
            key
        };
        Self {
            session: derived("doorward session token v1"),
            personal_access: derived("doorward personal access token v1"),
            intent: derived("doorward intent token v1"),
            access: derived("doorward access token v1"),
            client_secret: derived("doorward client secret v1"),
            code: derived("doorward one-time code v1"),
        }
    }

    /// Makes a token for `id`, which must be one of our decimal ids.
    #[must_use]
    pub fn mint(&self, kind: TokenKind, id: &str, chance: [u8; 32]) -> Minted {
        let number = id.parse::<u128>().unwrap_or(0);
        let mut raw = [0; 48];
        let (head, tail) = raw.split_at_mut(16);
        head.copy_from_slice(&number.to_be_bytes());
        tail.copy_from_slice(&chance);
        let text = format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(raw));
        let digest = self.digest(kind, &text);
        raw.zeroize();
        Minted { text: Secret::new(text), digest }
    }

    /// Reads a presented text.
    ///
    /// # Errors
    /// [`NotAToken`] when the text has not the shape of a token of this kind.
    pub fn read(&self, kind: TokenKind, text: &str) -> Result<Presented, NotAToken> {
        let mut raw = [0; TEXT_LENGTH / 4 * 3];
        if text.len() != TEXT_LENGTH || TokenKind::of(text) != Some(kind) {
            let decoded = URL_SAFE_NO_PAD.decode(text);
            return Err(if decoded.is_ok() { NotAToken::Garbage } else { NotAToken::NotBase64 });
        }
        URL_SAFE_NO_PAD.decode_slice(text, &mut raw).map_err(|_| NotAToken::NotBase64)?;
        let number = raw.get(3..19).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        let number = number.map(u128::from_be_bytes).ok_or(NotAToken::Garbage)?;
        Ok(Presented { id: format!("{number:036}"), digest: self.digest(kind, text) })
    }

    /// The digest of a one-time code, bound to what it is for so that it fits nowhere else.
    #[must_use]
    pub fn code_digest(&self, purpose: &str, owner: &str, code: &str) -> Digest {
        keyed(&self.code, &[purpose.as_bytes(), owner.as_bytes(), code.as_bytes()])
    }

    /// The digest of the whole text of a token. Those that others can read, like JWTs, are told by it as well: whoever
    /// changes a byte has another token.
    #[must_use]
    pub fn digest(&self, kind: TokenKind, text: &str) -> Digest {
        let key = match kind {
            TokenKind::Session => &self.session,
            TokenKind::PersonalAccess => &self.personal_access,
            TokenKind::Intent => &self.intent,
            TokenKind::Access => &self.access,
            TokenKind::ClientSecret => &self.client_secret,
        };
        keyed(key, &[text.as_bytes()])
    }
}

/// Whether two digests are the same, in a time that tells nothing.
#[must_use]
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// A key for one purpose that is derived from a master key.
pub(crate) fn labelled(master: &[u8; 32], label: &str) -> [u8; 32] {
    keyed(&taken_in(master), &[label.as_bytes()])
}

fn taken_in(key: &[u8; 32]) -> Key {
    // HMAC fills a key up to a block of the hash with zeros; done here, it cannot fail on the length.
    let mut block = [0; 64];
    let (head, _) = block.split_at_mut(32);
    head.copy_from_slice(key);
    let key = Key::new(&block.into());
    block.zeroize();
    key
}

/// HMAC-SHA-256 over length-prefixed parts, so that parts cannot be shifted into one another.
fn keyed(key: &Key, parts: &[&[u8]]) -> Digest {
    let mut mac = key.clone();
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Timestamp, mint_id};

    fn made() -> (Keyring, String, Minted) {
        let keys = Keyring::derive(&[7; 32]);
        let id = mint_id(Timestamp(1_763_632_800_123_456), 0x0123_4567_89ab_cdef);
        let minted = keys.mint(TokenKind::Session, &id, [0xa5; 32]);
        (keys, id, minted)
    }

    #[test]
    fn a_token_names_its_id_and_has_the_stored_digest() {
        let (keys, id, minted) = made();
        let read = keys.read(TokenKind::Session, minted.text.expose()).unwrap();
        assert_eq!(read.id, id);
        assert!(same(&read.digest, &minted.digest));
        assert!(minted.text.expose().len() <= 200);
    }

    #[test]
    fn every_changed_byte_every_truncation_and_every_extension_is_refused() {
        let (keys, _, minted) = made();
        let text = minted.text.expose();
        let accepted = |candidate: &str| {
            keys.read(TokenKind::Session, candidate).is_ok_and(|read| same(&read.digest, &minted.digest))
        };
        for position in 0..text.len() {
            for replacement in "ABab01-_=. ~\u{7f}".chars() {
                let mut other: Vec<char> = text.chars().collect();
                if other[position] == replacement {
                    continue;
                }
                other[position] = replacement;
                assert!(!accepted(&other.iter().collect::<String>()), "position {position}");
            }
            assert!(!accepted(&text[..position]), "first {position} characters");
            assert!(!accepted(&text[position + 1..]), "all but the first {position}");
        }
        for tail in ["A", "AA", "AAA", "AAAA", "=", "=="] {
            assert!(!accepted(&format!("{text}{tail}")));
        }
        assert!(accepted(text));
    }

    #[test]
    fn a_token_of_one_kind_is_never_one_of_another() {
        let (keys, id, minted) = made();
        assert_eq!(
            keys.read(TokenKind::PersonalAccess, minted.text.expose()).unwrap_err(),
            NotAToken::Garbage
        );
        let relabelled = minted.text.expose().replacen("dws_", "dwp_", 1);
        let read = keys.read(TokenKind::PersonalAccess, &relabelled).unwrap();
        let genuine = keys.mint(TokenKind::PersonalAccess, &id, [0xa5; 32]);
        assert_eq!(genuine.text.expose(), relabelled);
        assert!(!same(&read.digest, &minted.digest));
    }

    #[test]
    fn what_is_not_base64url_is_told_apart_from_garbage() {
        let keys = Keyring::derive(&[7; 32]);
        assert_eq!(keys.read(TokenKind::Session, "no base64!").unwrap_err(), NotAToken::NotBase64);
        assert_eq!(keys.read(TokenKind::Session, "Z2FyYmFnZQ").unwrap_err(), NotAToken::Garbage);
    }

    #[test]
    fn a_key_is_wiped_from_memory_when_it_is_dropped() {
        fn wiped<T: zeroize::ZeroizeOnDrop>() {}
        // What an HMAC keeps of its key is states of the hash.
        wiped::<<Sha256 as hmac::EagerHash>::Core>();
    }

    #[test]
    fn another_root_gives_other_digests() {
        let (_, id, minted) = made();
        let other = Keyring::derive(&[8; 32]).mint(TokenKind::Session, &id, [0xa5; 32]);
        assert_eq!(other.text.expose(), minted.text.expose());
        assert!(!same(&other.digest, &minted.digest));
    }
}

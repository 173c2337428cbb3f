//! Sealing what must be read again: secrets of time-based codes, messages that wait, tokens of identity providers.
//!
//! XChaCha20-Poly1305 under a key that is derived from a master key. A sealed value begins with the id of that key, so
//! that values of an older master key are known, can be read as long as the key is there, and be sealed anew. It is
//! bound to what it is for: moved to another row it cannot be opened.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, Zeroizing};

use crate::token::labelled;

/// How long the id of a key is.
const ID: usize = 8;

/// How long a nonce is: so long that random ones never meet.
pub const NONCE: usize = 24;

/// The keys that seal: the first one seals, all of them open.
#[derive(Clone)]
pub struct Sealer {
    keys: Vec<SealKey>,
}

#[derive(Clone)]
struct SealKey {
    id: [u8; ID],
    key: [u8; 32],
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Drop for SealKey {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl Sealer {
    /// The keys of these master keys, the present one first.
    #[must_use]
    pub fn derive<'a>(masters: impl IntoIterator<Item = &'a [u8; 32]>) -> Self {
        let keys = masters.into_iter().map(|master| {
            let name = labelled(master, "doorward seal key id v1");
            let mut id = [0; ID];
            id.iter_mut().zip(name).for_each(|(to, from)| *to = from);
            SealKey { id, key: labelled(master, "doorward seal key v1") }
        });
        Self { keys: keys.collect() }
    }

    /// Seals a value for one purpose, such as `totp 123`. The nonce must be random.
    #[must_use]
    pub fn seal(&self, purpose: &str, nonce: [u8; NONCE], value: &[u8]) -> Vec<u8> {
        let Some(key) = self.keys.first() else { return Vec::new() };
        let payload = Payload { msg: value, aad: purpose.as_bytes() };
        // It fails for values of 256 GiB and more.
        let Ok(sealed) = key.cipher().encrypt(&XNonce::from(nonce), payload) else { return Vec::new() };
        [key.id.as_slice(), &nonce, &sealed].concat()
    }

    /// Opens a value that was sealed for that purpose. Nothing, if it was not, or if its key is not there.
    #[must_use]
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (id, rest) = sealed.split_at_checked(ID)?;
        let (nonce, message) = rest.split_at_checked(NONCE)?;
        let key = self.keys.iter().find(|key| key.id == id)?;
        let nonce = <[u8; NONCE]>::try_from(nonce).ok()?;
        let payload = Payload { msg: message, aad: purpose.as_bytes() };
        key.cipher().decrypt(&XNonce::from(nonce), payload).ok().map(Zeroizing::new)
    }

    /// Whether the value was sealed with the present key.
    #[must_use]
    pub fn is_present(&self, sealed: &[u8]) -> bool {
        self.keys.first().is_some_and(|key| sealed.starts_with(&key.id))
    }
}

impl SealKey {
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: [u8; 32] = [1; 32];
    const NEW: [u8; 32] = [2; 32];

    #[test]
    fn what_is_sealed_can_be_opened_for_the_same_purpose_alone() {
        let sealer = Sealer::derive([&OLD]);
        let sealed = sealer.seal("totp 1", [7; NONCE], b"secret");
        assert_eq!(sealer.open("totp 1", &sealed).unwrap().as_slice(), b"secret");
        assert!(sealer.open("totp 2", &sealed).is_none());
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        let sealer = Sealer::derive([&OLD]);
        let sealed = sealer.seal("totp 1", [7; NONCE], b"secret");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(sealer.open("totp 1", &changed).is_none(), "byte {place}");
            assert!(sealer.open("totp 1", &sealed[..place]).is_none(), "cut at {place}");
        }
    }

    #[test]
    fn older_keys_open_and_the_present_one_seals() {
        let before = Sealer::derive([&OLD]).seal("x", [7; NONCE], b"value");
        let both = Sealer::derive([&NEW, &OLD]);
        assert_eq!(both.open("x", &before).unwrap().as_slice(), b"value");
        assert!(!both.is_present(&before));
        let after = both.seal("x", [8; NONCE], b"value");
        assert!(both.is_present(&after));
        assert!(Sealer::derive([&OLD]).open("x", &after).is_none());
        assert!(Sealer::derive([&NEW]).open("x", &before).is_none());
    }
}

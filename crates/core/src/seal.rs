//! Sealing what must be read again: secrets of time-based codes, messages that wait, tokens of identity providers.
//!
//! XChaCha20-Poly1305 under a key that is derived from a master key. A sealed value begins with the id of that key, so
//! that values of an older master key are known, can be read as long as the key is there, and be sealed anew. It is
//! bound to what it is for: moved to another row it cannot be opened.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, Zeroizing};

use crate::master::{KeyId, marks};
use crate::token::{Digest, labelled};

/// How long a nonce is: so long that random ones never meet.
pub const NONCE: usize = 24;

/// The keys that seal: the present one seals, all of them open. Its copies share which one that is.
#[derive(Clone)]
pub struct Sealer {
    keys: Vec<SealKey>,
    present: Arc<AtomicUsize>,
}

/// What became of the wish to seal with the key that a store names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// It is the key that seals already.
    Same,
    /// From now on it is the key that seals.
    Changed,
    /// It is none of these keys; nothing has changed.
    Unknown,
}

#[derive(Clone)]
struct SealKey {
    id: KeyId,
    key: [u8; 32],
    /// What a store may note about the master key.
    marks: [Digest; 2],
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Drop for SealKey {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl Sealer {
    /// The keys of these master keys; the first one seals until [`follow`](Self::follow) says otherwise.
    #[must_use]
    pub fn derive<'a>(masters: impl IntoIterator<Item = &'a [u8; 32]>) -> Self {
        let keys = masters.into_iter().map(|master| SealKey {
            id: KeyId::derive(master),
            key: labelled(master, "doorward seal key v1"),
            marks: marks(master),
        });
        Self { keys: keys.collect(), present: Arc::default() }
    }

    /// Seals with the key that a store has noted as its present one, in all copies of this.
    pub fn follow(&self, noted: &Digest) -> Followed {
        let Some(place) = self.keys.iter().position(|key| key.marks.contains(noted)) else {
            return Followed::Unknown;
        };
        if self.present.swap(place, Ordering::Relaxed) == place { Followed::Same } else { Followed::Changed }
    }

    /// Seals a value for one purpose, such as `totp 123`. The nonce must be random.
    #[must_use]
    pub fn seal(&self, purpose: &str, nonce: [u8; NONCE], value: &[u8]) -> Vec<u8> {
        let Some(key) = self.present() else { return Vec::new() };
        let payload = Payload { msg: value, aad: purpose.as_bytes() };
        // It fails for values of 256 GiB and more.
        let Ok(sealed) = key.cipher().encrypt(&XNonce::from(nonce), payload) else { return Vec::new() };
        [key.id.bytes(), &nonce, &sealed].concat()
    }

    /// Opens a value that was sealed for that purpose. Nothing, if it was not, or if its key is not there.
    #[must_use]
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (id, rest) = sealed.split_at_checked(KeyId::LENGTH)?;
        let (nonce, message) = rest.split_at_checked(NONCE)?;
        let key = self.keys.iter().find(|key| key.id.bytes() == id)?;
        let nonce = <[u8; NONCE]>::try_from(nonce).ok()?;
        let payload = Payload { msg: message, aad: purpose.as_bytes() };
        key.cipher().decrypt(&XNonce::from(nonce), payload).ok().map(Zeroizing::new)
    }

    /// Seals anew, with the present key, what was sealed for that purpose. Nothing, if it cannot be opened.
    #[must_use]
    pub fn renew(&self, purpose: &str, nonce: [u8; NONCE], sealed: &[u8]) -> Option<Vec<u8>> {
        self.open(purpose, sealed).map(|value| self.seal(purpose, nonce, &value))
    }

    /// Whether the value was sealed with the present key.
    #[must_use]
    pub fn is_present(&self, sealed: &[u8]) -> bool {
        self.present().is_some_and(|key| sealed.starts_with(key.id.bytes()))
    }

    fn present(&self) -> Option<&SealKey> {
        self.keys.get(self.present.load(Ordering::Relaxed))
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
    use crate::master::{MasterKey, Part};

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

    #[test]
    fn all_copies_seal_with_the_key_that_the_store_names() {
        let both = Sealer::derive([&OLD, &NEW]);
        let copy = both.clone();
        let new = MasterKey::new(NEW);
        assert_eq!(both.follow(&new.mark(Part::Seal)), Followed::Changed);
        assert_eq!(both.follow(&new.mark(Part::Root)), Followed::Same);
        let sealed = copy.seal("x", [7; NONCE], b"value");
        assert_eq!(KeyId::of(&sealed), Some(new.id()));
        assert_eq!(both.follow(&MasterKey::new([3; 32]).mark(Part::Root)), Followed::Unknown);
        assert!(copy.is_present(&sealed), "an unknown key changes nothing");
    }

    #[test]
    fn what_is_sealed_anew_is_the_same_under_the_present_key() {
        let before = Sealer::derive([&OLD]).seal("x", [7; NONCE], b"value");
        let both = Sealer::derive([&NEW, &OLD]);
        let after = both.renew("x", [8; NONCE], &before).unwrap();
        assert_eq!(Sealer::derive([&NEW]).open("x", &after).unwrap().as_slice(), b"value");
        assert!(both.renew("y", [8; NONCE], &before).is_none());
        assert!(Sealer::derive([&NEW]).renew("x", [8; NONCE], &before).is_none());
        assert_eq!(KeyId::of(&before[..KeyId::LENGTH - 1]), None);
    }
}

//! Master keys: what is sealed hangs on the present one, and the older ones only open.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::token::{Digest, labelled};

/// A master key. Its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// The id of a master key, with which every value that is sealed under it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; Self::LENGTH]);

/// What the present master key of a store is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It seals, and it is also the root of tokens and codes: so in a store whose key was never replaced.
    Root,
    /// It seals, among others the root of tokens and codes, which is a value of its own.
    Seal,
}

impl Part {
    const ALL: [Self; 2] = [Self::Root, Self::Seal];

    /// The second label is another one so that a version that knows of no root refuses the store: it would take the
    /// key for the root, and every token for a wrong one.
    const fn label(self) -> &'static str {
        match self {
            Self::Root => "doorward key check v1",
            Self::Seal => "doorward key check v2",
        }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads 32 bytes from base64. Both alphabets are taken, with and without padding, because key generators differ.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].iter().find_map(|alphabet| {
            let bytes = Zeroizing::new(alphabet.decode(text.trim()).ok()?);
            let key: [u8; 32] = bytes.as_slice().try_into().ok()?;
            Some(Self::new(key))
        })
    }

    /// Reads keys that are separated by commas or line breaks, at least one. A repeated one counts once.
    #[must_use]
    pub fn parse_all(text: &str) -> Option<Vec<Self>> {
        let mut keys = Vec::new();
        for part in text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty()) {
            let key = Self::parse(part)?;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        (!keys.is_empty()).then_some(keys)
    }

    /// What [`parse`](Self::parse) reads.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.bytes()))
    }

    /// The key itself, for the one place that derives others from it.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The id by which sealed values name it. It tells nothing else about the key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::derive(self.bytes())
    }

    /// What a store notes about its present key.
    #[must_use]
    pub fn mark(&self, part: Part) -> Digest {
        mark(self.bytes(), part)
    }

    /// Which part the key has in a store with that mark, if the mark is of this key.
    #[must_use]
    pub fn part(&self, noted: &Digest) -> Option<Part> {
        Part::ALL.into_iter().find(|part| self.mark(*part) == *noted)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl KeyId {
    /// How long it is.
    pub const LENGTH: usize = 8;

    /// The id of a master key. It tells nothing else about the key.
    pub(crate) fn derive(master: &[u8; 32]) -> Self {
        let name = labelled(master, "doorward seal key id v1");
        let mut id = [0; Self::LENGTH];
        id.iter_mut().zip(name).for_each(|(to, from)| *to = from);
        Self(id)
    }

    /// The id that a sealed value begins with.
    #[must_use]
    pub fn of(sealed: &[u8]) -> Option<Self> {
        sealed.first_chunk().copied().map(Self)
    }

    /// As it stands in a sealed value.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// Both marks that a store may note about a key.
pub(crate) fn marks(master: &[u8; 32]) -> [Digest; 2] {
    Part::ALL.map(|part| mark(master, part))
}

fn mark(master: &[u8; 32], part: Part) -> Digest {
    labelled(master, part.label())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_every_alphabet_and_written_in_one() {
        let key = MasterKey::new([0xfb; 32]);
        for alphabet in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
            let text = format!(" {}\n", alphabet.encode([0xfb; 32]));
            assert_eq!(MasterKey::parse(&text), Some(key.clone()), "{text}");
        }
        assert_eq!(MasterKey::parse(&key.text()), Some(key));
        for bad in ["", "c2VjcmV0", "no base64!", &STANDARD.encode([1; 33])] {
            assert_eq!(MasterKey::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn several_keys_keep_their_order_and_count_once() {
        let [one, two] = [MasterKey::new([1; 32]), MasterKey::new([2; 32])];
        let (first, second) = (one.text(), two.text());
        let both = Some(vec![one.clone(), two.clone()]);
        for text in [
            format!("{},{}", *first, *second),
            format!("{}\n{}\n", *first, *second),
            format!("\n {} ,\r\n{}, {}", *first, *second, *first),
        ] {
            assert_eq!(MasterKey::parse_all(&text), both, "{text}");
        }
        assert_eq!(MasterKey::parse_all(&first), Some(vec![one]));
        for bad in [String::new(), " ,\n".to_owned(), format!("{},c2VjcmV0", *first)] {
            assert_eq!(MasterKey::parse_all(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_mark_tells_the_key_and_its_part() {
        let [one, two] = [MasterKey::new([1; 32]), MasterKey::new([2; 32])];
        for part in Part::ALL {
            assert_eq!(one.part(&one.mark(part)), Some(part));
            assert_eq!(two.part(&one.mark(part)), None);
        }
        assert_eq!(one.part(&[0; 32]), None);
        assert_ne!(one.id(), two.id());
    }

    #[test]
    fn a_key_does_not_print() {
        assert_eq!(format!("{:?}", MasterKey::new([1; 32])), "MasterKey(…)");
    }
}

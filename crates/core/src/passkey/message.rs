//! What browsers and authenticators send: the JSON of a credential, the data of the client, that of the authenticator.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_cbor_2::Value;
use sha2::{Digest, Sha256};

use super::cbor;

/// Without padding, as the standard says, or with it, as some clients do.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The longest id of a credential.
const LONGEST_ID: usize = 1023;

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENDED: u8 = 1 << 7;

/// Bytes that are written in base64url.
#[derive(Clone, Debug, Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        LENIENT.decode(text).map(Self).map_err(D::Error::custom)
    }
}

/// A credential with its response.
#[derive(Debug)]
pub(super) struct Credential<R> {
    pub(super) id: Vec<u8>,
    pub(super) response: R,
}

#[derive(Deserialize)]
struct RawCredential<R> {
    id: Bytes,
    #[serde(rename = "rawId")]
    raw_id: Option<Bytes>,
    #[serde(rename = "type")]
    kind: String,
    response: R,
}

/// What comes back from a registration.
#[derive(Debug, Deserialize)]
pub(super) struct AttestationResponse {
    #[serde(rename = "clientDataJSON")]
    pub(super) client_data: Bytes,
    #[serde(rename = "attestationObject")]
    pub(super) attestation: Bytes,
}

/// What comes back from a login.
#[derive(Debug, Deserialize)]
pub(super) struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    pub(super) client_data: Bytes,
    #[serde(rename = "authenticatorData")]
    pub(super) authenticator_data: Bytes,
    pub(super) signature: Bytes,
    #[serde(rename = "userHandle")]
    pub(super) user_handle: Option<Bytes>,
}

/// What the browser says about the ceremony.
#[derive(Debug, Deserialize)]
pub(super) struct ClientData {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) challenge: String,
    pub(super) origin: String,
    #[serde(rename = "crossOrigin")]
    cross_origin: Option<bool>,
}

/// What the authenticator says about it.
#[derive(Debug)]
pub(super) struct AuthenticatorData {
    rp_id_hash: [u8; 32],
    flags: u8,
    pub(super) sign_count: u32,
    pub(super) attested: Option<Attested>,
}

/// A new credential within the data of the authenticator.
#[derive(Debug)]
pub(super) struct Attested {
    pub(super) credential_id: Vec<u8>,
    pub(super) key: Value,
    pub(super) key_bytes: Vec<u8>,
}

/// Reads the JSON of a credential. Nothing, if it is none.
pub(super) fn credential<R: DeserializeOwned>(json: &serde_json::Value) -> Option<Credential<R>> {
    let raw = RawCredential::<R>::deserialize(json).ok()?;
    let id = raw.id.0;
    let same = raw.raw_id.is_none_or(|raw_id| raw_id.0 == id);
    let fits = raw.kind == "public-key" && same && !id.is_empty() && id.len() <= LONGEST_ID;
    fits.then_some(Credential { id, response: raw.response })
}

impl ClientData {
    /// Reads what the browser signed over.
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// Whether a page of another origin had the ceremony in a frame, which could lure the user.
    pub(super) fn is_framed(&self) -> bool {
        self.cross_origin == Some(true)
    }
}

impl AuthenticatorData {
    /// Reads it to the last byte.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>()?;
        let (&[flags], rest) = rest.split_first_chunk::<1>()?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>()?;
        let mut attested = None;
        if flags & ATTESTED != 0 {
            let (read, after) = Attested::read(rest)?;
            (attested, rest) = (Some(read), after);
        }
        if flags & EXTENDED != 0 {
            let (extensions, after) = cbor::first(rest)?;
            rest = matches!(extensions, Value::Map(_)).then_some(after)?;
        }
        let (rp_id_hash, sign_count) = (*rp_id_hash, u32::from_be_bytes(*sign_count));
        rest.is_empty().then_some(Self { rp_id_hash, flags, sign_count, attested })
    }

    /// Whether it is bound to that relying party.
    pub(super) fn is_for(&self, rp_id: &str) -> bool {
        self.rp_id_hash == sha256(rp_id.as_bytes())
    }

    /// Whether somebody was there.
    pub(super) const fn user_present(&self) -> bool {
        self.flags & USER_PRESENT != 0
    }

    /// Whether the authenticator made sure that it was the owner.
    pub(super) const fn user_verified(&self) -> bool {
        self.flags & USER_VERIFIED != 0
    }

    /// Whether the key can be copied to other devices.
    pub(super) const fn backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }

    /// Whether it claims to be a copy although it cannot be copied.
    pub(super) const fn backup_contradicts(&self) -> bool {
        self.flags & BACKED_UP != 0 && !self.backup_eligible()
    }
}

impl Attested {
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (_aaguid, rest) = bytes.split_at_checked(16)?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (id, rest) = rest.split_at_checked(length).filter(|_| (1..=LONGEST_ID).contains(&length))?;
        let (key, after) = cbor::first(rest)?;
        let key_bytes = rest.get(..rest.len().checked_sub(after.len())?)?.to_vec();
        Some((Self { credential_id: id.to_vec(), key, key_bytes }, after))
    }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

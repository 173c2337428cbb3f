//! Proving the possession of a key: what the browser is asked for, and what comes back.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::key::PublicKey;
use super::message::{AssertionResponse, AuthenticatorData, ClientData, Credential, credential, sha256};
use super::registration::{Stored, descriptors};
use super::{KeyList, Origins, Requirement, base64url, cbor, milliseconds};
use crate::failure::{self, Failure};

/// A challenge, as it waits for its assertion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// The id of the relying party.
    pub rp_id: String,
    /// What was asked for.
    pub requirement: Requirement,
    challenge: String,
    allowed: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    challenge: String,
    rp_id: String,
    requirement: String,
    allowed: Vec<String>,
}

/// A key of the user that the assertion may be of.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The id that the authenticator gave it.
    pub credential_id: &'a [u8],
    /// What [`super::verify_registration`] gave to be stored.
    pub credential: &'a str,
    /// How often it has signed.
    pub sign_count: u32,
}

/// A proven possession.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asserted {
    /// Which of the candidates it was.
    pub place: usize,
    /// How often it has signed by now.
    pub sign_count: u32,
    /// Whether it verified the user.
    pub user_verified: bool,
}

/// What assertions are held against besides their challenge.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The user of the session.
    pub user_id: &'a str,
    /// Origins of Android apps that may use keys.
    pub android: &'a [String],
    /// Whether a counter that does not grow is refused: the key may have been copied.
    pub refuse_backward_counter: bool,
}

/// The options for `navigator.credentials.get()`, and what has to be remembered until it answers.
#[must_use]
pub fn request_options(
    rp_id: &str,
    requirement: Requirement,
    credential_ids: &[Vec<u8>],
    challenge: [u8; 32],
) -> (Value, String) {
    let challenge = base64url(&challenge);
    let options = json!({
        "challenge": challenge,
        "timeout": milliseconds(requirement.lasts()),
        "rpId": rp_id,
        "allowCredentials": descriptors(credential_ids),
        "userVerification": requirement.name(),
    });
    let written = json!({
        "challenge": challenge,
        "rp_id": rp_id,
        "requirement": requirement.name(),
        "allowed": credential_ids.iter().map(|id| base64url(id)).collect::<Vec<_>>(),
    });
    (json!({"publicKey": options}), written.to_string())
}

impl Asked {
    /// Reads what was remembered. Nothing, if it is not what [`request_options`] wrote.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let written: Written = serde_json::from_str(text).ok()?;
        let requirement = Requirement::named(&written.requirement)?;
        let Written { challenge, rp_id, allowed, .. } = written;
        Some(Self { rp_id, requirement, challenge, allowed })
    }

    /// The list that the key must be in.
    #[must_use]
    pub const fn list(&self) -> KeyList {
        self.requirement.list()
    }
}

/// Verifies what `navigator.credentials.get()` gave. The candidates are the keys that the user has by now in the list,
/// for the same relying party.
///
/// # Errors
/// `WEBAU-ADgv4` when it cannot be read, `WEBAU-3M9si` when it is not what was asked for.
pub fn verify_assertion(
    asked: &Asked,
    owner: &Owner<'_>,
    candidates: &[Candidate<'_>],
    json: &Value,
) -> Result<Asserted, Failure> {
    let read = Attempt::read(json).ok_or(failure::WEBAUTHN_MALFORMED)?;
    read.verify(asked, owner, candidates).ok_or(failure::WEBAUTHN_INVALID)
}

/// An assertion that could be read.
struct Attempt {
    credential: Credential<AssertionResponse>,
    client_data: ClientData,
    data: AuthenticatorData,
}

impl Attempt {
    fn read(json: &Value) -> Option<Self> {
        let credential = credential::<AssertionResponse>(json)?;
        let client_data = ClientData::read(&credential.response.client_data.0)?;
        let data = AuthenticatorData::read(&credential.response.authenticator_data.0)?;
        Some(Self { credential, client_data, data })
    }

    fn verify(&self, asked: &Asked, owner: &Owner<'_>, candidates: &[Candidate<'_>]) -> Option<Asserted> {
        if !self.answers(asked, owner) {
            return None;
        }
        let (id, data) = (self.credential.id.as_slice(), &self.data);
        let of_that_id = |(_, candidate): &(usize, &Candidate<'_>)| candidate.credential_id == id;
        // One authenticator may stand in the list twice.
        let mut keys = candidates.iter().enumerate().filter(of_that_id);
        let (place, candidate) = keys.find(|(_, candidate)| self.is_signed_with(candidate))?;
        let counts = data.sign_count != 0 || candidate.sign_count != 0;
        if owner.refuse_backward_counter && counts && data.sign_count <= candidate.sign_count {
            return None;
        }
        Some(Asserted { place, sign_count: data.sign_count, user_verified: data.user_verified() })
    }

    /// Whether all but the signature is as it was asked for.
    fn answers(&self, asked: &Asked, owner: &Owner<'_>) -> bool {
        let (client, data) = (&self.client_data, &self.data);
        let origins = Origins { rp_id: &asked.rp_id, android: owner.android };
        let handle = self.credential.response.user_handle.as_ref().filter(|handle| !handle.0.is_empty());
        let id = BASE64URL_NOPAD.encode(&self.credential.id);
        client.kind == "webauthn.get"
            && client.challenge == asked.challenge
            && !client.is_framed()
            && origins.allow(&client.origin)
            && asked.allowed.contains(&id)
            && handle.is_none_or(|handle| handle.0 == owner.user_id.as_bytes())
            && data.is_for(&asked.rp_id)
            && data.user_present()
            && (asked.requirement != Requirement::Required || data.user_verified())
            && !data.backup_contradicts()
    }

    fn is_signed_with(&self, candidate: &Candidate<'_>) -> bool {
        let Ok(stored) = serde_json::from_str::<Stored>(candidate.credential) else { return false };
        let Ok(key) = BASE64URL_NOPAD.decode(stored.key.as_bytes()) else { return false };
        let Some(key) = cbor::only(&key).and_then(|key| PublicKey::read(&key)) else { return false };
        let response = &self.credential.response;
        let message = [response.authenticator_data.0.as_slice(), &sha256(&response.client_data.0)].concat();
        // A key that can be copied all at once is another one than was registered.
        stored.backup_eligible == self.data.backup_eligible() && key.verifies(&message, &response.signature.0)
    }
}

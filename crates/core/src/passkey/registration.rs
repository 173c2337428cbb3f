//! Registering a key: what the browser is asked for, and what comes back.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attestation::{Made, Statement};
use super::key::{ALGORITHMS, PublicKey};
use super::message::{AttestationResponse, AuthenticatorData, ClientData, credential};
use super::{Attachment, KeyList, Origins, REGISTRATION_LASTS, base64url, cbor, milliseconds};
use crate::failure::{self, Failure};

/// A key that shall be made.
#[derive(Clone, Copy, Debug)]
pub struct Creation<'a> {
    /// What the server is called.
    pub rp_name: &'a str,
    /// The id of the relying party, see [`super::relying_party_id`].
    pub rp_id: &'a str,
    /// Whose key it will be: id, login name, display name.
    pub user: (&'a str, &'a str, &'a str),
    /// Where it shall be, if that matters.
    pub attachment: Option<Attachment>,
    /// Credentials whose authenticators are not meant: the user has them already.
    pub exclude: &'a [Vec<u8>],
    /// Random bytes.
    pub challenge: [u8; 32],
}

/// What a registration is held against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// What [`creation_options`] gave to be remembered.
    pub state: &'a str,
    /// The list of the key. Passkeys must verify their user.
    pub list: KeyList,
    /// Who may use the key.
    pub origins: Origins<'a>,
}

/// A key that was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registered {
    /// The id that the authenticator gave it.
    pub credential_id: Vec<u8>,
    /// What assertions are held against, to be stored.
    pub credential: String,
    /// How often it has signed, if it counts that.
    pub sign_count: u32,
}

/// What is stored of a key.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    /// The COSE key as the authenticator wrote it, in base64url.
    pub(super) key: String,
    /// Whether it can be copied to other devices. That never changes.
    pub(super) backup_eligible: bool,
    /// The format of its attestation.
    pub(super) attestation: String,
}

/// The options for `navigator.credentials.create()`, and what has to be remembered until it answers.
#[must_use]
pub fn creation_options(creation: &Creation<'_>) -> (Value, String) {
    let challenge = base64url(&creation.challenge);
    let (id, name, display_name) = creation.user;
    let algorithms = ALGORITHMS.map(|algorithm| json!({"type": "public-key", "alg": algorithm}));
    let mut selection = json!({"userVerification": "required"});
    if let (Some(attachment), Some(selection)) = (creation.attachment, selection.as_object_mut()) {
        selection.insert("authenticatorAttachment".to_owned(), attachment.name().into());
    }
    let mut options = json!({
        "rp": {"name": creation.rp_name, "id": creation.rp_id},
        "user": {"name": name, "displayName": display_name, "id": base64url(id.as_bytes())},
        "challenge": challenge,
        "pubKeyCredParams": algorithms,
        "timeout": milliseconds(REGISTRATION_LASTS),
        "authenticatorSelection": selection,
        "attestation": "none",
    });
    if let (false, Some(options)) = (creation.exclude.is_empty(), options.as_object_mut()) {
        options.insert("excludeCredentials".to_owned(), descriptors(creation.exclude));
    }
    (json!({"publicKey": options}), challenge)
}

/// Credentials as options name them.
pub(super) fn descriptors(ids: &[Vec<u8>]) -> Value {
    ids.iter().map(|id| json!({"type": "public-key", "id": base64url(id)})).collect()
}

/// Verifies what `navigator.credentials.create()` gave.
///
/// # Errors
/// `WEBAU-sEr8c` when it cannot be read, `WEBAU-3Vb9s` when it is not what was asked for.
pub fn verify_registration(expected: &Expected<'_>, json: &Value) -> Result<Registered, Failure> {
    let read = Attempt::read(json).ok_or(failure::PASSKEY_MALFORMED)?;
    read.verify(expected).ok_or(failure::PASSKEY_INVALID)
}

/// A registration that could be read.
struct Attempt {
    id: Vec<u8>,
    client_data: ClientData,
    client_data_json: Vec<u8>,
    object: Vec<u8>,
    statement: Statement,
    data: AuthenticatorData,
    data_bytes: Vec<u8>,
}

impl Attempt {
    fn read(json: &Value) -> Option<Self> {
        let credential = credential::<AttestationResponse>(json)?;
        let (client_data_json, object) =
            (credential.response.client_data.0, credential.response.attestation.0);
        let client_data = ClientData::read(&client_data_json)?;
        let (statement, data_bytes) = Statement::read(&cbor::only(&object)?)?;
        let data = AuthenticatorData::read(&data_bytes).filter(|data| data.attested.is_some())?;
        let id = credential.id;
        Some(Self { id, client_data, client_data_json, object, statement, data, data_bytes })
    }

    fn verify(self, expected: &Expected<'_>) -> Option<Registered> {
        let (client, data) = (&self.client_data, &self.data);
        let attested = data.attested.as_ref()?;
        let asked = client.kind == "webauthn.create"
            && client.challenge == expected.state
            && !client.is_framed()
            && expected.origins.allow(&client.origin);
        let verified = expected.list == KeyList::SecondFactors || data.user_verified();
        let sound = data.is_for(expected.origins.rp_id)
            && data.user_present()
            && verified
            && !data.backup_contradicts()
            && attested.credential_id == self.id;
        if !asked || !sound {
            return None;
        }
        let key = PublicKey::read(&attested.key)?;
        let made = Made {
            key: &key,
            id: &self.id,
            client_data: &self.client_data_json,
            data: &self.data_bytes,
            object: &self.object,
            origin: &client.origin,
            expected,
        };
        if !self.statement.holds(&made) {
            return None;
        }
        let stored = Stored {
            key: base64url(&attested.key_bytes),
            backup_eligible: data.backup_eligible(),
            attestation: self.statement.format,
        };
        let credential = serde_json::to_string(&stored).ok()?;
        Some(Registered { credential_id: self.id, credential, sign_count: data.sign_count })
    }
}

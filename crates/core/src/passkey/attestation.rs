//! What an authenticator states about itself when it makes a key. Nobody asks it to, so it is believed as far as its
//! signature holds, and nobody asks who vouches for its certificate.

use std::time::Duration;

use serde::Deserialize;
use serde_cbor_2::Value;
use serde_json::json;
use url::Url;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::proto::{
    AuthenticatorAttestationResponseRaw, RegisterPublicKeyCredential, RegistrationExtensionsClientOutputs,
    RegistrationState,
};

use super::cbor::{bytes, named, number};
use super::key::PublicKey;
use super::message::sha256;
use super::registration::Expected;
use super::{KeyList, base64url};

/// A statement in its format.
pub(super) struct Statement {
    /// The format.
    pub(super) format: String,
    statement: Value,
}

/// The key that a statement is about, and the ceremony that it was made in.
pub(super) struct Made<'a> {
    pub(super) key: &'a PublicKey,
    pub(super) id: &'a [u8],
    pub(super) client_data: &'a [u8],
    pub(super) data: &'a [u8],
    pub(super) object: &'a [u8],
    pub(super) origin: &'a str,
    pub(super) expected: &'a Expected<'a>,
}

impl Statement {
    /// Takes an attestation object apart: the statement, and the data of the authenticator.
    pub(super) fn read(object: &Value) -> Option<(Self, Vec<u8>)> {
        let Value::Text(format) = named(object, "fmt")? else { return None };
        let statement = named(object, "attStmt").filter(|statement| matches!(statement, Value::Map(_)))?;
        let data = bytes(named(object, "authData"))?.to_vec();
        Some((Self { format: format.clone(), statement: statement.clone() }, data))
    }

    /// Whether the statement is a valid one of its format for that key.
    pub(super) fn holds(&self, made: &Made<'_>) -> bool {
        match self.format.as_str() {
            "none" => matches!(&self.statement, Value::Map(entries) if entries.is_empty()),
            "packed" if named(&self.statement, "x5c").is_none() => self.is_signed_by_the_key(made),
            _ => is_certified(made).is_some(),
        }
    }

    fn is_signed_by_the_key(&self, made: &Made<'_>) -> bool {
        let algorithm = number(named(&self.statement, "alg"));
        let Some(signature) = bytes(named(&self.statement, "sig")) else { return false };
        let message = [made.data, &sha256(made.client_data)].concat();
        algorithm == Some(made.key.algorithm()) && made.key.verifies(&message, signature)
    }
}

/// Formats with certificates: the library does the whole ceremony once more, since it has them in one piece with it.
fn is_certified(made: &Made<'_>) -> Option<()> {
    let (expected, origin) = (made.expected, Url::parse(made.origin).ok()?);
    let policy = if expected.list == KeyList::Passkeys { "required" } else { "discouraged" };
    let state = json!({
        "policy": policy,
        "exclude_credentials": [],
        "challenge": expected.state,
        "credential_algorithms": ["ES256", "ES384", "ES521", "RS256"],
        "require_resident_key": false,
        "authenticator_attachment": null,
        "extensions": {},
        "allow_synchronised_authenticators": true,
    });
    let state = RegistrationState::deserialize(state).ok()?;
    let response = AuthenticatorAttestationResponseRaw {
        attestation_object: made.object.to_vec(),
        client_data_json: made.client_data.to_vec(),
        transports: None,
    };
    let credential = RegisterPublicKeyCredential {
        id: base64url(made.id),
        raw_id: made.id.to_vec(),
        response,
        type_: "public-key".to_owned(),
        extensions: RegistrationExtensionsClientOutputs::default(),
    };
    let rp_id = expected.origins.rp_id;
    let library = WebauthnCore::new_unsafe_experts_only("", rp_id, vec![origin], Duration::ZERO, None, None);
    library.register_credential(&credential, &state, None).ok().map(drop)
}

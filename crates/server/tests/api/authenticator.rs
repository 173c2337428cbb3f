//! A key that says whatever a test wants, and the ways to register and use it.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::rig::Rig;

pub const UP: u8 = 1;
pub const UV: u8 = 4;
const ATTESTED: u8 = 64;

/// The names of one of the two lists on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List {
    pub register: &'static str,
    pub verify: &'static str,
    pub remove: &'static str,
    pub id: &'static str,
    pub name: &'static str,
}

pub const PASSKEYS: List = List {
    register: "user.RegisterPasskey",
    verify: "user.VerifyPasskeyRegistration",
    remove: "user.RemovePasskey",
    id: "passkeyId",
    name: "passkeyName",
};

pub const U2F: List = List {
    register: "user.RegisterU2F",
    verify: "user.VerifyU2FRegistration",
    remove: "user.RemoveU2F",
    id: "u2fId",
    name: "tokenName",
};

/// A private key with the id of its credential.
pub struct Key {
    pair: EcdsaKeyPair,
    pub id: Vec<u8>,
}

/// What browser and key say. What is nothing is what the server asked for.
#[derive(Clone)]
pub struct Says {
    pub kind: Option<&'static str>,
    pub challenge: Option<String>,
    pub origin: String,
    pub rp_id: Option<&'static str>,
    pub flags: u8,
    pub count: u32,
    pub user_handle: Option<Vec<u8>>,
}

impl Default for Says {
    fn default() -> Self {
        let origin = "https://login.example.com".to_owned();
        let (kind, challenge, rp_id, user_handle) = (None, None, None, None);
        Self { kind, challenge, origin, rp_id, flags: UP | UV, count: 0, user_handle }
    }
}

impl Says {
    /// A key that has signed so often.
    pub fn counted(count: u32) -> Self {
        Self { count, ..Self::default() }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = self.challenge.as_deref().or(options["challenge"].as_str());
        let kind = self.kind.unwrap_or(kind);
        json!({ "type": kind, "challenge": challenge, "origin": self.origin }).to_string().into_bytes()
    }

    fn head(&self, rp_id: &Value, flags: u8) -> Vec<u8> {
        let rp_id = self.rp_id.or(rp_id.as_str()).unwrap();
        let hash = digest(&SHA256, rp_id.as_bytes());
        [hash.as_ref(), &[self.flags | flags], &self.count.to_be_bytes()].concat()
    }
}

impl Key {
    pub fn new(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self { pair, id: id.as_bytes().to_vec() }
    }

    /// What `navigator.credentials.create()` gives.
    pub fn create(&self, options: &Value, says: &Says) -> Value {
        let options = &options["publicKey"];
        let point = &self.pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(32);
        // A map of five: kind 2 (curve), algorithm -7, curve 1, and the point.
        let cose = [&[0xA5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32], x, &[0x22, 0x58, 32], y].concat();
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let head = says.head(&options["rp"]["id"], ATTESTED);
        let data = [head.as_slice(), &[0; 16], &length, &self.id, &cose].concat();
        let size = u16::try_from(data.len()).unwrap().to_be_bytes();
        let object = [
            b"\xA3\x63fmt\x64none\x67attStmt\xA0\x68authData\x59".as_slice(),
            size.as_slice(),
            data.as_slice(),
        ]
        .concat();
        let client_data = says.client_data("webauthn.create", options);
        self.enveloped(json!({ "clientDataJSON": text(&client_data), "attestationObject": text(&object) }))
    }

    /// What `navigator.credentials.get()` gives.
    pub fn get(&self, options: &Value, says: &Says) -> Value {
        let options = &options["publicKey"];
        let data = says.head(&options["rpId"], 0);
        let client_data = says.client_data("webauthn.get", options);
        let hash = digest(&SHA256, &client_data);
        let message = [data.as_slice(), hash.as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &message).unwrap();
        let mut response = json!({
            "clientDataJSON": text(&client_data),
            "authenticatorData": text(&data),
            "signature": text(signature.as_ref()),
        });
        if let Some(handle) = &says.user_handle {
            response["userHandle"] = text(handle).into();
        }
        self.enveloped(response)
    }

    fn enveloped(&self, response: Value) -> Value {
        let id = text(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response })
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Begins a registration for example.com; gives its id and the options.
pub async fn begin(rig: &Rig, user: &str, list: List) -> (String, Value) {
    let request = json!({ "userId": user, "domain": "example.com" });
    let begun = rig.ok(list.register, &rig.admin, request).await;
    let id = begun[list.id].as_str().unwrap().to_owned();
    (id, begun["publicKeyCredentialCreationOptions"].clone())
}

/// The request that finishes a registration.
pub fn finishing(user: &str, list: List, id: &str, credential: Value) -> Value {
    json!({ "userId": user, list.id: id, list.name: "my key", "publicKeyCredential": credential })
}

/// Registers a key for example.com; gives the id of the registration.
pub async fn register(rig: &Rig, user: &str, list: List, key: &Key) -> String {
    let (id, options) = begin(rig, user, list).await;
    let credential = key.create(&options, &Says::default());
    rig.ok(list.verify, &rig.admin, finishing(user, list, &id, credential)).await;
    id
}

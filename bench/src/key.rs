//! A passkey in software, with the browser that it is used in.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::factor::text;

/// Who the key is for.
pub const RP_ID: &str = "example.com";
const ORIGIN: &str = "https://login.example.com";

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const ATTESTED: u8 = 1 << 6;

/// A private key on P-256, which most authenticators use. It counts how often it signs, as keys in hardware do.
pub struct Key {
    pair: EcdsaKeyPair,
    id: [u8; 16],
    signed: AtomicU32,
}

impl Key {
    /// A new one. Keys of one user need different numbers.
    pub fn generate(number: usize) -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
        Ok(Self { pair, id: (number as u128).to_be_bytes(), signed: AtomicU32::new(0) })
    }

    /// What `navigator.credentials.create()` gives for its options.
    pub fn create(&self, options: &Value) -> Result<Value> {
        let client_data = client_data("webauthn.create", options)?;
        let point = self.pair.public_key().as_ref();
        let (x, y) = point.get(1..).and_then(|point| point.split_at_checked(32)).context("a point")?;
        // A map of five: kind 2 (curve), algorithm -7, curve 1, and the point.
        let cose: [&[u8]; 4] = [&[0xA5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32], x, &[0x22, 0x58, 32], y];
        let length = u16::try_from(self.id.len())?.to_be_bytes();
        let data = [self.head(ATTESTED).as_slice(), &[0; 16], &length, &self.id, &cose.concat()].concat();
        let size = [u8::try_from(data.len())?];
        // The statement is of the format "none"; the data is a string of bytes whose length takes one byte.
        let object: [&[u8]; 3] = [b"\xA3\x63fmt\x64none\x67attStmt\xA0\x68authData\x58", &size, &data];
        Ok(self.credential(json!({
            "clientDataJSON": base64url(&client_data),
            "attestationObject": base64url(&object.concat()),
        })))
    }

    /// What `navigator.credentials.get()` gives for its options.
    pub fn get(&self, options: &Value) -> Result<Value> {
        let client_data = client_data("webauthn.get", options)?;
        let data = self.head(0);
        let message = [data.as_slice(), digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &message);
        let signature = signature.map_err(|_| anyhow!("the key does not sign"))?;
        Ok(self.credential(json!({
            "clientDataJSON": base64url(&client_data),
            "authenticatorData": base64url(&data),
            "signature": base64url(signature.as_ref()),
        })))
    }

    /// The data of the authenticator, as far as both ceremonies have it. The user is there, and is the owner.
    fn head(&self, more: u8) -> Vec<u8> {
        let flags = [USER_PRESENT | USER_VERIFIED | more];
        let count = self.signed.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        [digest(&SHA256, RP_ID.as_bytes()).as_ref(), &flags, &count].concat()
    }

    fn credential(&self, response: Value) -> Value {
        let id = base64url(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response })
    }
}

fn client_data(kind: &str, options: &Value) -> Result<Vec<u8>> {
    let challenge = text(options.get("publicKey").context("options")?, "challenge")?;
    Ok(json!({ "type": kind, "challenge": challenge, "origin": ORIGIN }).to_string().into_bytes())
}

fn base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

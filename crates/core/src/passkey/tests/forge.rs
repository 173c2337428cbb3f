//! An authenticator that does whatever a test wants.

use std::collections::BTreeMap;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use serde_cbor_2::Value as Cbor;
use serde_json::{Value, json};

use super::super::message::sha256;
use super::super::{Expected, KeyList, Origins, Registered, base64url, verify_registration};

pub const UP: u8 = 1;
pub const UV: u8 = 4;
pub const BE: u8 = 8;
pub const BS: u8 = 16;
pub const AT: u8 = 64;
pub const ED: u8 = 128;

/// A private key of any algorithm that is offered.
pub enum Signer {
    Ecdsa(i32, Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    Rsa(i32, Box<RsaKeyPair>),
}

/// What the authenticator and the browser say, in one ceremony or the other.
#[derive(Clone)]
pub struct Says {
    pub kind: String,
    pub challenge: String,
    pub origin: String,
    pub cross_origin: Option<bool>,
    pub rp_id: String,
    pub flags: u8,
    pub sign_count: u32,
    pub user_handle: Option<Vec<u8>>,
    /// More bytes at the end of the authenticator's data.
    pub tail: Vec<u8>,
}

/// An authenticator with one key.
pub struct Forge {
    pub signer: Signer,
    pub id: Vec<u8>,
}

impl Signer {
    pub fn of(algorithm: i32) -> Self {
        let ecdsa = |how: &'static EcdsaSigningAlgorithm| {
            Self::Ecdsa(algorithm, Box::new(EcdsaKeyPair::generate(how).unwrap()))
        };
        match algorithm {
            -7 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
            -35 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
            -36 => ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING),
            -8 => Self::Ed25519(Box::new(Ed25519KeyPair::generate().unwrap())),
            _ => Self::Rsa(algorithm, Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())),
        }
    }

    pub fn algorithm(&self) -> i32 {
        match self {
            Self::Ecdsa(algorithm, _) | Self::Rsa(algorithm, _) => *algorithm,
            Self::Ed25519(_) => -8,
        }
    }

    pub fn cose(&self) -> BTreeMap<Cbor, Cbor> {
        let int = |number: i32| Cbor::Integer(number.into());
        let mut map = BTreeMap::from([(int(3), int(self.algorithm()))]);
        match self {
            Self::Ecdsa(algorithm, pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = [-7, -35, -36].iter().position(|known| known == algorithm).unwrap() + 1;
                map.extend([(int(1), int(2)), (int(-1), int(i32::try_from(curve).unwrap()))]);
                map.extend([(int(-2), Cbor::Bytes(x.to_vec())), (int(-3), Cbor::Bytes(y.to_vec()))]);
            }
            Self::Ed25519(pair) => {
                let point = Cbor::Bytes(pair.public_key().as_ref().to_vec());
                map.extend([(int(1), int(1)), (int(-1), int(6)), (int(-2), point)]);
            }
            Self::Rsa(_, pair) => {
                // A sequence of two numbers: 2048 bits after a zero, and 65537.
                let der = pair.public_key().as_ref();
                let (n, e) = (der[9..265].to_vec(), der[267..].to_vec());
                map.extend([(int(1), int(3)), (int(-1), Cbor::Bytes(n)), (int(-2), Cbor::Bytes(e))]);
            }
        }
        map
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let chance = SystemRandom::new();
        match self {
            Self::Ecdsa(_, pair) => pair.sign(&chance, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rsa(algorithm, pair) => {
                let encoding: &'static dyn RsaEncoding = match algorithm {
                    -257 => &RSA_PKCS1_SHA256,
                    -258 => &RSA_PKCS1_SHA384,
                    -259 => &RSA_PKCS1_SHA512,
                    -37 => &RSA_PSS_SHA256,
                    -38 => &RSA_PSS_SHA384,
                    _ => &RSA_PSS_SHA512,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &chance, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

impl Says {
    pub fn registration(challenge: &str) -> Self {
        Self {
            kind: "webauthn.create".to_owned(),
            challenge: challenge.to_owned(),
            origin: "https://login.example.com".to_owned(),
            cross_origin: Some(false),
            rp_id: "example.com".to_owned(),
            flags: UP | UV | AT,
            sign_count: 0,
            user_handle: None,
            tail: Vec::new(),
        }
    }

    pub fn assertion(options: &Value) -> Self {
        let challenge = options["publicKey"]["challenge"].as_str().unwrap();
        let kind = "webauthn.get".to_owned();
        Self { kind, flags: UP | UV, sign_count: 1, ..Self::registration(challenge) }
    }

    pub fn client_data(&self) -> Vec<u8> {
        let mut data = json!({"type": self.kind, "challenge": self.challenge, "origin": self.origin});
        if let Some(cross_origin) = self.cross_origin {
            data["crossOrigin"] = cross_origin.into();
        }
        data["other_keys_can_be_added_here"] = "do not compare".into();
        serde_json::to_vec(&data).unwrap()
    }

    fn head(&self) -> Vec<u8> {
        [&sha256(self.rp_id.as_bytes())[..], &[self.flags], &self.sign_count.to_be_bytes()].concat()
    }
}

impl Forge {
    pub fn new() -> Self {
        Self::with(Signer::of(-7))
    }

    pub fn with(signer: Signer) -> Self {
        Self { signer, id: b"a credential of the forge".to_vec() }
    }

    /// The data of the authenticator in a registration.
    pub fn data(&self, says: &Says) -> Vec<u8> {
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let key = serde_cbor_2::to_vec(&Cbor::Map(self.signer.cose())).unwrap();
        [says.head(), vec![9; 16], length.to_vec(), self.id.clone(), key, says.tail.clone()].concat()
    }

    /// A registration with the attestation that the test makes of the signed message.
    pub fn attested(&self, says: &Says, make: impl FnOnce(&[u8]) -> (&'static str, Cbor)) -> Value {
        let (data, client_data) = (self.data(says), says.client_data());
        let (format, statement) = make(&[data.as_slice(), &sha256(&client_data)].concat());
        let text = |text: &str| Cbor::Text(text.to_owned());
        let object = Cbor::Map(BTreeMap::from([
            (text("fmt"), text(format)),
            (text("attStmt"), statement),
            (text("authData"), Cbor::Bytes(data)),
        ]));
        self.enveloped(json!({
            "clientDataJSON": base64url(&client_data),
            "attestationObject": base64url(&serde_cbor_2::to_vec(&object).unwrap()),
        }))
    }

    /// A registration without attestation.
    pub fn create(&self, says: &Says) -> Value {
        self.attested(says, |_| ("none", Cbor::Map(BTreeMap::new())))
    }

    /// An assertion.
    pub fn get(&self, says: &Says) -> Value {
        let data = [says.head(), says.tail.clone()].concat();
        let client_data = says.client_data();
        let signature = self.signer.sign(&[data.as_slice(), &sha256(&client_data)].concat());
        let mut response = json!({
            "clientDataJSON": base64url(&client_data),
            "authenticatorData": base64url(&data),
            "signature": base64url(&signature),
        });
        if let Some(handle) = &says.user_handle {
            response["userHandle"] = base64url(handle).into();
        }
        self.enveloped(response)
    }

    fn enveloped(&self, response: Value) -> Value {
        let id = base64url(&self.id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": response,
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
        })
    }

    /// What the server keeps of the key.
    pub fn registered(&self, flags: u8) -> Registered {
        let says = Says { flags: flags | AT, ..Says::registration("challenge") };
        verify_registration(&expected(KeyList::SecondFactors), &self.create(&says)).unwrap()
    }
}

/// What registrations of the forge are held against.
pub fn expected(list: KeyList) -> Expected<'static> {
    Expected { state: "challenge", list, origins: Origins { rp_id: "example.com", android: &[] } }
}

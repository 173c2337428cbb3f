//! Registrations that are not what was asked for, or nothing at all.

use std::collections::BTreeMap;

use serde_cbor_2::Value as Cbor;
use serde_json::{Value, json};

use super::super::*;
use super::forge::{AT, BE, BS, ED, Forge, Says, Signer, UP, UV, expected};
use crate::failure::{self, Failure};

fn verified(list: KeyList, says: &Says) -> Result<Registered, Failure> {
    verify_registration(&expected(list), &Forge::new().create(says))
}

#[test]
fn a_registration_gives_the_key_and_its_counter() {
    let forge = Forge::new();
    let says = Says { sign_count: 7, ..Says::registration("challenge") };
    for list in [KeyList::Passkeys, KeyList::SecondFactors] {
        let made = verify_registration(&expected(list), &forge.create(&says)).unwrap();
        assert_eq!((made.credential_id, made.sign_count), (forge.id.clone(), 7));
    }
}

#[test]
fn only_passkeys_must_verify_their_user() {
    let says = Says { flags: UP | AT, ..Says::registration("challenge") };
    assert_eq!(verified(KeyList::Passkeys, &says), Err(failure::PASSKEY_INVALID));
    assert!(verified(KeyList::SecondFactors, &says).is_ok());
}

#[test]
fn whatever_is_not_as_it_was_asked_for_is_refused() {
    let good = Says::registration("challenge");
    let refused = |change: fn(&mut Says)| {
        let mut says = good.clone();
        change(&mut says);
        for list in [KeyList::Passkeys, KeyList::SecondFactors] {
            assert_eq!(verified(list, &says), Err(failure::PASSKEY_INVALID));
        }
    };
    refused(|says| says.kind = "webauthn.get".to_owned());
    refused(|says| says.challenge = "challenges".to_owned());
    refused(|says| says.challenge = String::new());
    refused(|says| says.origin = "https://example.org".to_owned());
    refused(|says| says.origin = "http://example.com".to_owned());
    refused(|says| says.cross_origin = Some(true));
    refused(|says| says.rp_id = "example.org".to_owned());
    refused(|says| says.flags = UV | AT);
    refused(|says| says.flags = UP | UV | AT | BS);
    assert!(verified(KeyList::Passkeys, &good).is_ok());
    let framed = Says { cross_origin: None, ..good.clone() };
    assert!(verified(KeyList::Passkeys, &framed).is_ok(), "older browsers do not say");
    let copied = Says { flags: UP | UV | AT | BE | BS, ..good };
    assert!(verified(KeyList::Passkeys, &copied).is_ok());
}

#[test]
fn what_cannot_be_read_is_told_apart() {
    let good = Forge::new().create(&Says::registration("challenge"));
    let malformed = |json: &Value| {
        let outcome = verify_registration(&expected(KeyList::Passkeys), json);
        assert_eq!(outcome, Err(failure::PASSKEY_MALFORMED), "{json}");
    };
    for json in [json!(null), json!({}), json!([]), json!("x"), json!({"id": "AA", "type": "public-key"})] {
        malformed(&json);
    }
    for (pointer, value) in [
        ("/id", json!("")),
        ("/id", json!("?")),
        ("/id", json!(1)),
        ("/rawId", json!("AA")),
        ("/type", json!("password")),
        ("/response", json!({})),
        ("/response/clientDataJSON", json!("bm8ganNvbg")),
        ("/response/clientDataJSON", json!("not base64!")),
        ("/response/clientDataJSON", json!("e30")),
        ("/response/attestationObject", json!("")),
        ("/response/attestationObject", json!("oA")),
        ("/response/attestationObject", json!("_w")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        malformed(&bad);
    }
    for missing in ["id", "type", "response"] {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(missing);
        malformed(&bad);
    }
    let mut lean = good.clone();
    lean.as_object_mut().unwrap().remove("rawId");
    assert!(verify_registration(&expected(KeyList::Passkeys), &lean).is_ok());
}

#[test]
fn the_data_of_the_authenticator_is_read_to_the_last_byte() {
    let base = Says::registration("challenge");
    let extensions = serde_cbor_2::to_vec(&Cbor::Map(BTreeMap::new())).unwrap();
    for (flags, tail, fits) in [
        (UP | UV | AT, vec![0], false),
        (UP | UV | AT | ED, Vec::new(), false),
        (UP | UV | AT | ED, vec![0], false),
        (UP | UV | AT | ED, extensions.clone(), true),
        (UP | UV | AT | ED, [extensions, vec![0]].concat(), false),
        (UP | UV, Vec::new(), false),
    ] {
        let says = Says { flags, tail: tail.clone(), ..base.clone() };
        let outcome = verified(KeyList::Passkeys, &says).map(drop);
        let expected = if fits { Ok(()) } else { Err(failure::PASSKEY_MALFORMED) };
        assert_eq!(outcome, expected, "{flags} {tail:?}");
    }
}

#[test]
fn the_credential_is_the_one_that_the_authenticator_made() {
    let (mut forge, says) = (Forge::new(), Says::registration("challenge"));
    let mut json = forge.create(&says);
    forge.id = b"another one".to_vec();
    let id = base64url(&forge.id);
    (json["id"], json["rawId"]) = (id.as_str().into(), id.as_str().into());
    let outcome = verify_registration(&expected(KeyList::Passkeys), &json);
    assert_eq!(outcome, Err(failure::PASSKEY_INVALID));
}

fn statement(entries: &[(&str, Cbor)]) -> Cbor {
    Cbor::Map(entries.iter().map(|(name, value)| (Cbor::Text((*name).to_owned()), value.clone())).collect())
}

#[test]
fn an_attestation_by_the_key_itself_must_hold() {
    let (forge, says) = (Forge::new(), Says::registration("challenge"));
    let other = Signer::of(-7);
    let outcome = |algorithm: i32, signer: &Signer| {
        let json = forge.attested(&says, |message| {
            let signature = Cbor::Bytes(signer.sign(message));
            ("packed", statement(&[("alg", Cbor::Integer(algorithm.into())), ("sig", signature)]))
        });
        verify_registration(&expected(KeyList::Passkeys), &json).map(drop)
    };
    assert_eq!(outcome(-7, &forge.signer), Ok(()));
    assert_eq!(outcome(-257, &forge.signer), Err(failure::PASSKEY_INVALID));
    assert_eq!(outcome(-7, &other), Err(failure::PASSKEY_INVALID));
}

#[test]
fn an_attestation_of_a_certificate_or_of_an_unknown_format_must_hold() {
    let (forge, says) = (Forge::new(), Says::registration("challenge"));
    let certificate = Cbor::Array(vec![Cbor::Bytes(vec![48, 0])]);
    let algorithm = || ("alg", Cbor::Integer(-7));
    for (format, entries) in [
        ("none", vec![algorithm()]),
        ("packed", vec![]),
        ("packed", vec![algorithm(), ("sig", Cbor::Bytes(vec![1])), ("x5c", certificate.clone())]),
        ("packed", vec![algorithm(), ("sig", Cbor::Bytes(vec![1])), ("x5c", Cbor::Array(vec![]))]),
        ("fido-u2f", vec![("sig", Cbor::Bytes(vec![1])), ("x5c", certificate)]),
        ("tpm", vec![]),
        ("android-key", vec![]),
        ("android-safetynet", vec![]),
        ("apple", vec![]),
        ("unheard-of", vec![]),
    ] {
        let json = forge.attested(&says, |_| (format, statement(&entries)));
        let outcome = verify_registration(&expected(KeyList::Passkeys), &json);
        assert_eq!(outcome, Err(failure::PASSKEY_INVALID), "{format}");
    }
}

//! Changed at random, nothing passes that was not signed, and nothing panics.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::Value;

use super::super::*;
use super::USER;
use super::forge::{AT, Forge, Says, Signer, UP, UV, expected};

fn mutated(bytes: &[u8], place: usize, how: u8, value: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let place = place % bytes.len();
    match how % 4 {
        0 => bytes[place] ^= value.max(1),
        1 => bytes.truncate(place),
        2 => bytes.insert(place, value),
        _ => drop(bytes.remove(place)),
    }
    bytes
}

fn part(json: &Value, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(json["response"][name].as_str().unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_changed_assertion_never_passes(
        which in 0..3_usize, place in any::<usize>(), how in any::<u8>(), value in any::<u8>(), of in 0..3_usize,
    ) {
        let forge = Forge::with(Signer::of([-7, -8, -35][of]));
        let stored = forge.registered(UP | UV);
        let ids = [forge.id.clone()];
        let (options, state) = request_options("example.com", Requirement::Preferred, &ids, [3; 32]);
        let mut json = forge.get(&Says::assertion(&options));
        let name = ["clientDataJSON", "authenticatorData", "signature"][which];
        let good = part(&json, name);
        let bad = mutated(&good, place, how, value);
        prop_assume!(good != bad);
        json["response"][name] = base64url(&bad).into();
        let owner = Owner { user_id: USER, android: &[], refuse_backward_counter: true };
        let key = Candidate { credential_id: &stored.credential_id, credential: &stored.credential, sign_count: 0 };
        prop_assert!(verify_assertion(&Asked::read(&state).unwrap(), &owner, &[key], &json).is_err());
    }

    #[test]
    fn a_changed_text_of_an_assertion_passes_only_if_it_says_the_same(
        place in any::<usize>(), how in any::<u8>(), value in any::<u8>(),
    ) {
        let forge = Forge::new();
        let stored = forge.registered(UP | UV);
        let ids = [forge.id.clone()];
        let (options, state) = request_options("example.com", Requirement::Preferred, &ids, [3; 32]);
        let good = forge.get(&Says::assertion(&options));
        let text = mutated(good.to_string().as_bytes(), place, how, value);
        let Ok(json) = serde_json::from_slice::<Value>(&text) else { return Ok(()) };
        let owner = Owner { user_id: USER, android: &[], refuse_backward_counter: true };
        let key = Candidate { credential_id: &stored.credential_id, credential: &stored.credential, sign_count: 0 };
        if verify_assertion(&Asked::read(&state).unwrap(), &owner, &[key], &json).is_ok() {
            for name in ["clientDataJSON", "authenticatorData", "signature"] {
                prop_assert_eq!(part(&json, name), part(&good, name));
            }
        }
    }

    #[test]
    fn a_changed_registration_never_panics(
        place in any::<usize>(), how in any::<u8>(), value in any::<u8>(), format in 0..6_usize,
    ) {
        let forge = Forge::new();
        let says = Says { flags: UP | UV | AT, ..Says::registration("challenge") };
        let format = ["none", "packed", "fido-u2f", "tpm", "android-key", "apple"][format];
        let mut json = forge.attested(&says, |message| {
            let signature = serde_cbor_2::Value::Bytes(forge.signer.sign(message));
            let text = |text: &str| serde_cbor_2::Value::Text(text.to_owned());
            let certificates = serde_cbor_2::Value::Array(vec![signature.clone()]);
            let entries = [(text("sig"), signature), (text("x5c"), certificates)];
            (format, serde_cbor_2::Value::Map(entries.into_iter().collect()))
        });
        let bad = mutated(&part(&json, "attestationObject"), place, how, value);
        json["response"]["attestationObject"] = base64url(&bad).into();
        let _ = verify_registration(&expected(KeyList::Passkeys), &json);
    }

    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut json = Forge::new().create(&Says::registration("challenge"));
        json["response"]["attestationObject"] = base64url(&bytes).into();
        prop_assert!(verify_registration(&expected(KeyList::Passkeys), &json).is_err());
    }
}

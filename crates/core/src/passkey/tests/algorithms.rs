//! Every algorithm that is offered is verified, and no key passes for one of another.

use std::collections::BTreeMap;

use serde_cbor_2::Value as Cbor;

use super::super::cbor;
use super::super::key::{ALGORITHMS, PublicKey};
use super::super::*;
use super::USER;
use super::forge::{Forge, Says, Signer, UP, UV};
use crate::failure;

#[test]
fn every_algorithm_that_is_offered_is_verified() {
    for algorithm in ALGORITHMS {
        let forge = Forge::with(Signer::of(algorithm));
        let stored = forge.registered(UP | UV);
        let ids = [forge.id.clone()];
        let (options, state) = request_options("example.com", Requirement::Required, &ids, [3; 32]);
        let asked = Asked::read(&state).unwrap();
        let owner = Owner { user_id: USER, android: &[], refuse_backward_counter: true };
        let key = Candidate {
            credential_id: &stored.credential_id,
            credential: &stored.credential,
            sign_count: stored.sign_count,
        };
        let good = forge.get(&Says::assertion(&options));
        assert!(verify_assertion(&asked, &owner, &[key], &good).is_ok(), "{algorithm}");
        let other = Forge::with(Signer::of(algorithm)).get(&Says::assertion(&options));
        let refused = verify_assertion(&asked, &owner, &[key], &other);
        assert_eq!(refused, Err(failure::WEBAUTHN_INVALID), "{algorithm}");
    }
}

fn read(map: BTreeMap<Cbor, Cbor>) -> Option<PublicKey> {
    let bytes = serde_cbor_2::to_vec(&Cbor::Map(map)).unwrap();
    PublicKey::read(&cbor::only(&bytes).unwrap())
}

fn int(number: i32) -> Cbor {
    Cbor::Integer(number.into())
}

#[test]
fn kind_curve_and_length_of_a_key_are_those_of_its_algorithm() {
    for algorithm in ALGORITHMS {
        let good = Signer::of(algorithm).cose();
        assert!(read(good.clone()).is_some(), "{algorithm}");
        for other in ALGORITHMS.into_iter().chain([-65535, -47, 0]) {
            // An RSA key can be used with each of the RSA algorithms.
            let both_rsa =
                [algorithm, other].iter().all(|one| ![-7, -35, -36, -8, -65535, -47, 0].contains(one));
            let mut changed = good.clone();
            changed.insert(int(3), int(other));
            assert_eq!(read(changed).is_some(), other == algorithm || both_rsa, "{algorithm} as {other}");
        }
        for (label, value) in good.clone() {
            let mut less = good.clone();
            less.remove(&label);
            assert!(read(less).is_none(), "{algorithm} without {label:?}");
            let mut odd = good.clone();
            odd.insert(label.clone(), Cbor::Text("odd".to_owned()));
            assert!(read(odd).is_none(), "{algorithm} with a text for {label:?}");
            if let Cbor::Bytes(mut bytes) = value.clone() {
                bytes.pop();
                let mut short = good.clone();
                short.insert(label.clone(), Cbor::Bytes(bytes));
                let is_exponent = label == int(-2) && ![-7, -35, -36, -8].contains(&algorithm);
                assert!(read(short).is_none() || is_exponent, "{algorithm} with a short {label:?}");
            }
        }
    }
}

#[test]
fn a_point_must_lie_on_its_curve() {
    for algorithm in [-7, -35, -36] {
        let mut off = Signer::of(algorithm).cose();
        let Some(Cbor::Bytes(mut x)) = off.remove(&int(-2)) else { panic!("a coordinate") };
        let last = x.len() - 1;
        // Of two neighbours, one may be on the curve; of many, some are not.
        let found = (0..=16).any(|_| {
            x[last] = x[last].wrapping_add(1);
            let mut off = off.clone();
            off.insert(int(-2), Cbor::Bytes(x.clone()));
            read(off).is_none()
        });
        assert!(found, "{algorithm}");
    }
}

#[test]
fn a_weak_rsa_key_is_none() {
    let good = Signer::of(-257).cose();
    for (label, bytes) in [(-1, vec![255; 128]), (-1, vec![255; 1025]), (-1, vec![]), (-2, vec![])] {
        let mut weak = good.clone();
        weak.insert(int(label), Cbor::Bytes(bytes));
        assert!(read(weak).is_none(), "{label}");
    }
}

#[test]
fn cbor_that_is_too_large_or_too_deep_is_refused() {
    let large = serde_cbor_2::to_vec(&Cbor::Bytes(vec![0; 65 * 1024])).unwrap();
    assert!(cbor::only(&large).is_none());
    assert!(cbor::only(&[vec![0x81; 60_000], vec![0]].concat()).is_none());
    assert!(cbor::only(&[0xBB, 255, 255, 255, 255, 255, 255, 255, 255]).is_none());
    assert!(cbor::only(&[0x5B, 127, 255, 255, 255, 255, 255, 255, 255]).is_none());
}

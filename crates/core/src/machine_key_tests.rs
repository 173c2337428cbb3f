//! Tests of the keys of machine users.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256K1_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
    ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Value, json};

use super::*;

fn der(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Vec<u8> {
    key.as_der().unwrap().as_ref().to_vec()
}

/// A public key of RSA with so many bytes, which nobody has the other half of.
fn rsa(bytes: usize, exponent: &[u8]) -> Vec<u8> {
    der(&RsaPublicKeyComponents { n: vec![0xff; bytes], e: exponent.to_vec() })
}

/// The PKCS #1 inside of SubjectPublicKeyInfo: it ends it.
fn bare(public: &[u8]) -> Vec<u8> {
    rsa::PublicKey::from_der(public).unwrap().as_ref().to_vec()
}

fn curve(kind: &'static EcdsaSigningAlgorithm) -> (Vec<u8>, Vec<u8>) {
    let pair = EcdsaKeyPair::generate(kind).unwrap();
    (der(pair.public_key()), pair.public_key().as_ref().to_vec())
}

fn in_pem(label: &str, der: &[u8]) -> Vec<u8> {
    pem(label, der).expose().as_bytes().to_vec()
}

#[test]
fn a_made_key_signs_and_its_public_half_verifies() {
    let made = make().unwrap();
    assert_eq!(read_public(&made.public), Ok(made.public.clone()));
    let text = made.private.expose();
    assert!(text.starts_with("-----BEGIN RSA PRIVATE KEY-----\nMII"), "PKCS #1 in PEM");
    assert!(text.ends_with("\n-----END RSA PRIVATE KEY-----\n"));
    let lines: Vec<_> = text.lines().collect();
    let (body, last) = (&lines[1..lines.len() - 2], lines[lines.len() - 2]);
    assert!(body.iter().all(|line| line.len() == 64) && (1..=64).contains(&last.len()));
    let der = STANDARD.decode(lines[1..lines.len() - 1].concat()).unwrap();
    let pair = RsaKeyPair::from_der(&der).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    assert_eq!(signature.len(), 256);
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"message", &mut signature).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &made.public);
    assert!(public.verify(b"message", &signature).is_ok());
    assert!(public.verify(b"massage", &signature).is_err());
    assert_ne!(make().unwrap().public, made.public);
    assert!(!format!("{made:?}").contains("PRIVATE"), "it does not print");
}

#[test]
fn a_key_file_has_what_client_libraries_read() {
    let private = Secret::new("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\n");
    let file = key_file(&private, ("17", "bot \"1\"\n"), "2030-01-01T00:00:00Z");
    assert_eq!(
        serde_json::from_str::<Value>(file.expose()).unwrap(),
        json!({
            "type": "serviceaccount",
            "keyId": "17",
            "key": private.expose(),
            "expirationDate": "2030-01-01T00:00:00Z",
            "userId": "bot \"1\"\n",
        })
    );
    let longest = key_file(&private, (&"\u{1}".repeat(200), &"\u{1}".repeat(200)), "");
    assert!(longest.expose().len() > 2400, "nothing is cut off");
}

#[test]
fn public_keys_of_every_kind_are_taken_in_every_form() {
    for bytes in [256, 257, 384, 512] {
        for exponent in [&[3][..], &[1, 0, 1]] {
            let public = rsa(bytes, exponent);
            for form in [
                public.clone(),
                bare(&public),
                in_pem("PUBLIC KEY", &public),
                in_pem("RSA PUBLIC KEY", &bare(&public)),
            ] {
                assert_eq!(read_public(&form), Ok(public.clone()), "{bytes} bytes");
            }
        }
    }
    let ed25519 = der(Ed25519KeyPair::generate().unwrap().public_key());
    let curves = [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING].map(|kind| curve(kind).0);
    for public in [ed25519].iter().chain(&curves) {
        assert_eq!(read_public(public).as_ref(), Ok(public));
        let text = String::from_utf8(in_pem("PUBLIC KEY", public)).unwrap();
        for form in
            [text.clone(), text.replace('\n', "\r\n"), format!("\n  {text}\n\n"), text.trim().to_owned()]
        {
            assert_eq!(read_public(form.as_bytes()).as_ref(), Ok(public), "{form}");
        }
    }
}

#[test]
fn keys_that_are_weak_slow_or_of_another_kind_are_refused() {
    let (p256, point) = curve(&ECDSA_P256_SHA256_ASN1_SIGNING);
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let mut padded = rsa(256, &[3]);
    let place = padded.windows(9).position(|part| part == [42, 134, 72, 134, 247, 13, 1, 1, 1]).unwrap();
    // Marked as a key for PSS alone.
    padded[place + 8] = 10;
    let mut identity = rsa(256, &[3]);
    // With the exponent 1, whatever is signed is its own signature.
    *identity.last_mut().unwrap() = 1;
    for (name, given) in [
        ("nothing", Vec::new()),
        ("text", b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA".to_vec()),
        ("1024 bits", rsa(128, &[1, 0, 1])),
        ("2040 bits", rsa(255, &[1, 0, 1])),
        ("4104 bits", rsa(513, &[1, 0, 1])),
        ("8192 bits", rsa(1024, &[1, 0, 1])),
        ("1024 bits in PKCS #1", bare(&rsa(128, &[1, 0, 1]))),
        ("a key for PSS", padded),
        ("the exponent 1", identity),
        ("P-521", curve(&ECDSA_P521_SHA512_ASN1_SIGNING).0),
        ("secp256k1", curve(&ECDSA_P256K1_SHA256_ASN1_SIGNING).0),
        ("a bare point", point),
        ("a bare Ed25519 key", ed25519.public_key().as_ref().to_vec()),
        ("a private key", make().unwrap().private.expose().as_bytes().to_vec()),
        ("a private key in DER", ed25519.to_pkcs8v1().unwrap().as_ref().to_vec()),
        ("a certificate", in_pem("CERTIFICATE", &p256)),
        ("two keys", [in_pem("PUBLIC KEY", &p256), in_pem("PUBLIC KEY", &p256)].concat()),
        ("bytes after the key", [p256.as_slice(), &[0]].concat()),
        ("bytes after an RSA key", [rsa(256, &[3]).as_slice(), &[0]].concat()),
        ("too much of it", vec![0x30; LONGEST + 1]),
    ] {
        assert_eq!(read_public(&given), Err(failure::KEY_UNUSABLE), "{name}");
    }
}

#[test]
fn no_part_of_a_key_is_a_key() {
    let (p256, _) = curve(&ECDSA_P256_SHA256_ASN1_SIGNING);
    let ed25519 = der(Ed25519KeyPair::generate().unwrap().public_key());
    for whole in [p256.clone(), ed25519, rsa(256, &[3]), in_pem("PUBLIC KEY", &p256)] {
        // A line break at the very end of PEM may be missing.
        for length in 0..whole.len() - 1 {
            assert!(read_public(&whole[..length]).is_err(), "the first {length} bytes");
        }
    }
}

#[test]
fn values_in_der_are_read_by_their_length() {
    assert_eq!(value(4, &[4, 2, 8, 9, 7]), Some((&[8, 9][..], &[7][..])));
    assert_eq!(value(4, &[4, 0x81, 2, 8, 9]), Some((&[8, 9][..], &[][..])));
    for broken in [&[][..], &[4], &[4, 1], &[4, 0x81], &[4, 0x84, 255, 255, 255, 255, 1], &[4, 0xff], &[5, 0]]
    {
        assert_eq!(value(4, broken), None, "{broken:?}");
    }
    assert_eq!(pkcs1(&[0x30, 3, 2, 1, 0]), None);
}

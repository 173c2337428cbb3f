//! Tests of the module as a whole: target, upgrade, dummy work, and hostile input over all formats.

use super::*;
use proptest::prelude::*;

const SALT: [u8; 16] = *b"sixteen byte slt";

/// One cheap hash of `Pässwört 1!` in each format.
const EACH: [&str; 16] = [
    "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$VGxSurStTH1JNaySPGT2LR7aai7f8/CI3RQoyIG+2uc",
    "$argon2i$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$9/xNnsN/FmGDpAOETA6KBl2lVHuYX8R0OSXw5p/kDCU",
    "$2b$04$ZNx7HY3LlxI9muhIXptAK.7nlcoIv9KfC2RIJiwTBq7H84PnO8lVm",
    "$2y$04$yQ9PpzDeEPTDf7b/qt6q0.6US2YO/XkFNhlDZwcNqDyC02xfcT1om",
    "$2a$04$dhfWWWAd5fsd4VDJzgioaeiB6NPyimxGcdiiaNFPJuZfEOzdHEC6C",
    "$scrypt$ln=4,r=8,p=2$N+acUyoFQCgFQCillNK6Nw$55umqJdmB9yD3xS9gato1AcjJt3dAPdZKUmWiKY5FjM",
    "$pbkdf2$29$lbKWMua8l5KyFkIo5ZyzVg$opEJ1w1cOsPFkNzE0MFbiXWTx1Y",
    "$pbkdf2-sha224$100$c2l4dGVlbiBieXRlIHNsdA$are4YdSXNhw6LdZhWnHPs6.5VxE3PE.Ng6sB9g",
    "$pbkdf2-sha256$29$SSmltPbe23uv1TqHMGas1Q$JFHma97YV7D16/90oVAgV70egcbR1xtburHVGdiizDI",
    "$pbkdf2-sha384$100$c2l4dGVlbiBieXRlIHNsdA$wPJwwwmDB.w5wXuN6KVZqr6Ys5XjHTIAcPcI3vauI3QL8NeXMNIOeFrCH.mE8/2/",
    "$pbkdf2-sha512$29$jdF6790bA4Cwdq61NgZgTA$FoJk3CBNpgivzevIDPoarFYOFRu47ejeu.YksVzSvvQK/zIW6IOvs/rhFwabyGcwm.M.HAnu5aI671nOIbVBhQ",
    "$5$rounds=1000$LKO/Ute40T3FNF95$J//yJQg/H/Wmg6dlSUfZmEpV2rs5XzzWD0WnvK72Ao0",
    "$6$rounds=1500$GVwAyvQ8$dFX4E87WKd0I2llYxwF76VgYKGTH42yvi5aufSQJMXB1AQm.uktCfBuMQqLKD941IbOPVzFk8gPKa3PpOLZpb/",
    "$1$kJ4QkJaQ$oG47Lm/1Br66cQtriJCEz.",
    "$H$6p71HLJM0baeZTedjv6cr27iH5OpsQ.",
    "6baca5cc357c97364452ef44564f5a44",
];
const PASSWORD: &str = "Pässwört 1!";

fn check(encoded: &str, password: &str) -> Result<bool, Unsupported> {
    verify(encoded, password, &mut WorkMemory::new(256))
}

#[test]
fn a_default_hash_is_argon2id_in_phc_form_and_verifies() {
    let hasher = Hasher::default();
    let mut memory = hasher.work_memory();
    let encoded = hasher.hash(PASSWORD, SALT, &mut memory);
    // The tag was computed by argon2-cffi, the reference C code.
    assert_eq!(encoded, EXPECTED_DEFAULT);
    assert_eq!(verify(&encoded, PASSWORD, &mut memory), Ok(true));
    assert_eq!(verify(&encoded, "pässwört 1!", &mut memory), Ok(false));
    assert_eq!(memory.held_kib(), 19_456);
}

#[test]
fn memory_that_was_used_before_changes_no_hash() {
    let hasher = Hasher::default();
    let mut memory = WorkMemory::new(65_536);
    assert_eq!(
        memory.with(20_000, |blocks| {
            blocks.iter_mut().for_each(|block| block.as_mut().fill(!0));
            Some(())
        }),
        Some(())
    );
    assert_eq!(hasher.hash(PASSWORD, SALT, &mut memory), EXPECTED_DEFAULT);
    assert_eq!(hasher.hash(PASSWORD, SALT, &mut memory), EXPECTED_DEFAULT);
}

const EXPECTED_DEFAULT: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlIHNsdA$XIvq3Ih1id7RFxsI32emqK8Nvnj3BG4Qd5OlBm7+J98";

#[test]
fn bcrypt_as_target_falls_back_to_argon2id_where_it_would_cut_the_password() {
    let hasher = Hasher::new(HashConfig::Bcrypt { cost: 10 }).unwrap();
    let mut memory = hasher.work_memory();
    for (password, prefix) in [
        (PASSWORD.to_owned(), "$2b$10$"),
        ("a".repeat(72), "$2b$10$"),
        ("a".repeat(73), "$argon2id$v=19$m=19456,t=2,p=1$"),
        ("a\0b".to_owned(), "$argon2id$"),
    ] {
        let encoded = hasher.hash(&password, SALT, &mut memory);
        assert!(encoded.starts_with(prefix), "{encoded}");
        assert_eq!(verify(&encoded, &password, &mut memory), Ok(true));
        assert_eq!(verify(&encoded, &format!("{password}x"), &mut memory), Ok(password.len() == 72));
        assert!(!hasher.needs_upgrade(&encoded), "{encoded}");
    }
}

#[test]
fn every_other_algorithm_or_cost_needs_an_upgrade() {
    let hasher = Hasher::default();
    assert!(!hasher.needs_upgrade(EXPECTED_DEFAULT));
    for encoded in EACH {
        assert!(hasher.needs_upgrade(encoded), "{encoded}");
    }
    for (from, to) in [
        ("m=19456", "m=19455"),
        ("m=19456", "m=65536"),
        ("t=2", "t=1"),
        ("t=2", "t=3"),
        ("p=1", "p=2"),
        ("argon2id", "argon2i"),
        ("v=19", "v=16"),
        ("v=19$", ""),
    ] {
        let other = EXPECTED_DEFAULT.replacen(from, to, 1);
        assert!(is_supported(&other) && hasher.needs_upgrade(&other), "{other}");
    }
    let bcrypt = Hasher::new(HashConfig::Bcrypt { cost: 10 }).unwrap();
    for (head, expected) in
        [("$2b$10", false), ("$2a$10", false), ("$2y$10", false), ("$2b$09", true), ("$2b$11", true)]
    {
        let encoded = format!("{head}$ZNx7HY3LlxI9muhIXptAK.7nlcoIv9KfC2RIJiwTBq7H84PnO8lVm");
        assert_eq!(bcrypt.needs_upgrade(&encoded), expected, "{encoded}");
    }
    assert!(hasher.needs_upgrade(""));
}

#[test]
fn dummy_work_is_the_work_of_a_hash_and_always_false() {
    for config in [HashConfig::default(), HashConfig::Bcrypt { cost: 10 }] {
        let mut hasher = Hasher::new(config).unwrap();
        assert!(is_supported(&hasher.dummy) && !hasher.needs_upgrade(&hasher.dummy), "{}", hasher.dummy);
        let mut memory = hasher.work_memory();
        assert!(!hasher.dummy_work(PASSWORD, &mut memory));
        // Even a password that does match must not get through.
        hasher.dummy = hasher.hash(PASSWORD, SALT, &mut memory);
        assert_eq!(verify(&hasher.dummy, PASSWORD, &mut memory), Ok(true));
        assert!(!hasher.dummy_work(PASSWORD, &mut memory));
    }
}

#[test]
fn dummy_work_of_argon2id_fills_the_configured_memory() {
    let hasher = Hasher::default();
    let mut memory = hasher.work_memory();
    hasher.dummy_work(PASSWORD, &mut memory);
    let filled = memory.with(19_456, |blocks| {
        Some(blocks.iter().filter(|block| block.as_ref().iter().any(|word| *word != 0)).count())
    });
    assert_eq!(filled, Some(19_456));
}

#[test]
fn a_hasher_refuses_a_configuration_out_of_bounds() {
    assert!(Hasher::new(HashConfig::Bcrypt { cost: 4 }).is_err());
    assert!(Hasher::new(HashConfig::Argon2id { memory_kib: 64, iterations: 2, parallelism: 1 }).is_err());
}

#[test]
fn the_locked_string_verifies_with_nothing() {
    assert!(!is_supported(LOCKED));
    assert_eq!(check(LOCKED, ""), Err(Unsupported));
}

#[test]
fn each_format_is_dispatched_and_verifies_only_its_password() {
    for encoded in EACH {
        assert!(is_supported(encoded), "{encoded}");
        assert_eq!(check(encoded, PASSWORD), Ok(true), "{encoded}");
        for wrong in ["", "Pässwört 1", "Pässwört 1!!", "pässwört 1!", "Pässwört 1!\0"] {
            assert_eq!(check(encoded, wrong), Ok(false), "{encoded} {wrong:?}");
        }
    }
}

#[test]
fn a_password_with_a_nul_never_passes_for_one_without() {
    // bcrypt repeats its key, so these two are one key.
    let encoded = blowfish::hash(4, b"ab", SALT).unwrap();
    assert_eq!(check(&encoded, "ab"), Ok(true));
    assert_eq!(check(&encoded, "ab\0ab"), Ok(false));
    // HMAC pads its key with NULs, which is how scrypt and PBKDF2 take the password.
    for encoded in EACH {
        assert_eq!(check(encoded, "Pässwört 1!\0\0"), Ok(false), "{encoded}");
    }
    let hasher = Hasher::default();
    let mut memory = hasher.work_memory();
    let encoded = hasher.hash("ab\0ab", SALT, &mut memory);
    assert_eq!(verify(&encoded, "ab\0ab", &mut memory), Ok(true));
    assert_eq!(verify(&encoded, "ab", &mut memory), Ok(false));
}

#[test]
fn a_truncated_or_extended_hash_never_verifies() {
    for encoded in EACH {
        for end in 0..encoded.len() {
            assert_ne!(check(&encoded[..end], PASSWORD), Ok(true), "{}", &encoded[..end]);
        }
        for more in ["$", "a", ".", "=", " ", "\0", "\n"] {
            // A base64 pad is the one addition that leaves the same hash, and only PBKDF2 and PHC have pads.
            let extended = format!("{encoded}{more}");
            let allowed =
                more == "=" && ["$pbkdf2", "$argon2", "$scrypt"].iter().any(|id| encoded.starts_with(id));
            assert!(allowed || check(&extended, PASSWORD) != Ok(true), "{extended:?}");
        }
    }
}

#[test]
fn a_hash_with_any_one_character_of_its_digest_changed_never_verifies() {
    for encoded in EACH {
        let tail =
            encoded.rfind('$').map_or(0, |position| position + 1).max(encoded.len().saturating_sub(22));
        for position in tail..encoded.len() {
            for other in [b'.', b'a', b'9', b'Z', b'/', b'$'] {
                let mut bytes = encoded.as_bytes().to_vec();
                let same = bytes[position] == other || (bytes[position] == b'+' && other == b'.');
                bytes[position] = other;
                let mutated = String::from_utf8(bytes).unwrap();
                assert!(same || check(&mutated, PASSWORD) != Ok(true), "{mutated}");
            }
        }
    }
}

#[test]
fn formats_that_are_not_supported_are_said_to_be_so() {
    for encoded in [
        "",
        "$",
        "$$",
        "$$$$$$",
        "plain",
        "{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=",
        "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o",
        "$sha1$40000$jtNX3nZ2$hBNaIXkt4wBI2o5rsi8KejSjNqIq",
        "$apr1$salt$hash",
        "$2x$04$ZNx7HY3LlxI9muhIXptAK.7nlcoIv9KfC2RIJiwTBq7H84PnO8lVm",
        "$argon2d$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$1jzpEYMtrp+lLTrJ2n3z9D+zqWvLbvm6ea6YxiIEjFo",
    ] {
        assert!(!is_supported(encoded), "{encoded}");
        assert_eq!(check(encoded, ""), Err(Unsupported), "{encoded}");
    }
    assert!(!is_supported(&format!("$5${}", "a".repeat(1 << 20))));
}

proptest! {
    #[test]
    fn no_text_whatever_makes_us_panic(encoded in any::<String>(), password in any::<String>()) {
        prop_assert_eq!(is_supported(&encoded), check(&encoded, &password).is_ok());
    }

    #[test]
    fn no_text_that_looks_like_a_hash_makes_us_panic(
        id in "\\$(argon2id|argon2i|2[aby]|scrypt|7|pbkdf2|pbkdf2-sha(1|224|256|384|512)|5|6|1|P|H|S)\\$",
        rest in "[$,=./+mtplnrvoundse0-9A-Zä]{0,90}",
    ) {
        let _ = is_supported(&format!("{id}{rest}"));
    }

    #[test]
    fn no_edited_hash_makes_us_panic(
        index in 0..EACH.len(),
        at in 0..130_usize,
        cut in 0..4_usize,
        new in "[$,=.+0-9a-zé]{0,3}",
    ) {
        let encoded = EACH[index];
        let start = at.min(encoded.len());
        let edited = format!("{}{new}{}", &encoded[..start], &encoded[(start + cut).min(encoded.len())..]);
        let _ = is_supported(&edited);
    }

    #[test]
    fn what_any_password_hashes_to_verifies(password in "\\PC{0,200}") {
        let cost = Cost { memory_kib: 8, iterations: 1, parallelism: 1 };
        let encoded = argon::hash(cost, password.as_bytes(), &SALT, &mut WorkMemory::new(8)).unwrap();
        prop_assert_eq!(check(&encoded, &password), Ok(true));
    }

    #[test]
    fn no_accepted_cost_makes_verifying_panic(a in 0..130_u32, b in 0..5_u32, c in 0..20_u32) {
        let rest = "b3RoZXJzYWx0$VGxSurStTH1JNaySPGT2LR7aai7f8/CI3RQoyIG+2uc";
        for encoded in [
            format!("$argon2id$v=19$m={a},t={b},p={c}${rest}"),
            format!("$scrypt$ln={b},r={a},p={c}${rest}"),
            format!("$pbkdf2-sha256${a}${rest}"),
        ] {
            prop_assert_ne!(check(&encoded, PASSWORD), Ok(true));
        }
    }
}

//! Passwords that were hashed elsewhere: they log in, and the first login makes a better hash of them.

use doorward_core::base::Span;
use serde_json::json;

use crate::rig::Rig;
use crate::tools::{add, as_create, log_in, shown, stored_password, text, with};

/// One hash of `Pässwört 1!` in each format.
const HASHES: [&str; 18] = [
    "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$VGxSurStTH1JNaySPGT2LR7aai7f8/CI3RQoyIG+2uc",
    "$argon2i$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$9/xNnsN/FmGDpAOETA6KBl2lVHuYX8R0OSXw5p/kDCU",
    "$2b$04$ZNx7HY3LlxI9muhIXptAK.7nlcoIv9KfC2RIJiwTBq7H84PnO8lVm",
    "$2y$04$yQ9PpzDeEPTDf7b/qt6q0.6US2YO/XkFNhlDZwcNqDyC02xfcT1om",
    "$2a$04$dhfWWWAd5fsd4VDJzgioaeiB6NPyimxGcdiiaNFPJuZfEOzdHEC6C",
    "$scrypt$ln=4,r=8,p=2$N+acUyoFQCgFQCillNK6Nw$55umqJdmB9yD3xS9gato1AcjJt3dAPdZKUmWiKY5FjM",
    "$7$ln=4,r=8,p=2$N+acUyoFQCgFQCillNK6Nw$55umqJdmB9yD3xS9gato1AcjJt3dAPdZKUmWiKY5FjM",
    "$pbkdf2$29$lbKWMua8l5KyFkIo5ZyzVg$opEJ1w1cOsPFkNzE0MFbiXWTx1Y",
    "$pbkdf2-sha224$100$c2l4dGVlbiBieXRlIHNsdA$are4YdSXNhw6LdZhWnHPs6.5VxE3PE.Ng6sB9g",
    "$pbkdf2-sha256$29$SSmltPbe23uv1TqHMGas1Q$JFHma97YV7D16/90oVAgV70egcbR1xtburHVGdiizDI",
    "$pbkdf2-sha384$100$c2l4dGVlbiBieXRlIHNsdA$wPJwwwmDB.w5wXuN6KVZqr6Ys5XjHTIAcPcI3vauI3QL8NeXMNIOeFrCH.mE8/2/",
    "$pbkdf2-sha512$29$jdF6790bA4Cwdq61NgZgTA$FoJk3CBNpgivzevIDPoarFYOFRu47ejeu.YksVzSvvQK/zIW6IOvs/rhFwabyGcwm.M.HAnu5aI671nOIbVBhQ",
    "$5$rounds=1000$LKO/Ute40T3FNF95$J//yJQg/H/Wmg6dlSUfZmEpV2rs5XzzWD0WnvK72Ao0",
    "$6$rounds=1500$GVwAyvQ8$dFX4E87WKd0I2llYxwF76VgYKGTH42yvi5aufSQJMXB1AQm.uktCfBuMQqLKD941IbOPVzFk8gPKa3PpOLZpb/",
    "$1$kJ4QkJaQ$oG47Lm/1Br66cQtriJCEz.",
    "$H$6p71HLJM0baeZTedjv6cr27iH5OpsQ.",
    "$P$6p71HLJM0baeZTedjv6cr27iH5OpsQ.",
    "6baca5cc357c97364452ef44564f5a44",
];
const HASHED: &str = "Pässwört 1!";

#[tokio::test]
async fn an_imported_hash_of_every_format_logs_in_and_is_upgraded_by_that() {
    let rig = Rig::start().await;
    for (number, hash) in HASHES.into_iter().enumerate() {
        let name = format!("user-{number}@mouse.com");
        let password =
            json!({ "password": null, "hashedPassword": { "hash": hash, "changeRequired": number == 0 } });
        let id = text(&add(&rig, &name, password).await["userId"]);
        let before = stored_password(&rig, &id).await;
        assert_eq!(before.hash.expose(), hash, "imports are kept as they are");
        rig.clock.advance(Span::seconds(10));
        assert_eq!(log_in(&rig, &name, "wrong").await, Err("COMMAND-3M0fs".to_owned()), "{hash}");
        assert_eq!(stored_password(&rig, &id).await, before, "a wrong password upgrades nothing");
        assert_eq!(log_in(&rig, &name, HASHED).await, Ok(()), "{hash}");
        let after = stored_password(&rig, &id).await;
        assert!(after.hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!((after.changed, after.change_required), (before.changed, before.change_required));
        assert_eq!(log_in(&rig, &name, HASHED).await, Ok(()), "{hash}, upgraded");
        assert_eq!(stored_password(&rig, &id).await, after, "a good hash stays");
        let person = &shown(&rig, &id).await["human"];
        assert_eq!(person.get("passwordChangeRequired").is_some(), number == 0);
    }
}

#[tokio::test]
async fn create_user_and_update_user_take_hashes_too_and_ask_nothing_of_their_complexity() {
    let rig = Rig::start().await;
    let person = json!({
        "profile": { "givenName": "Mini", "familyName": "Mouse" },
        "email": { "email": "mini@mouse.com" },
        "hashedPassword": { "hash": HASHES[2] },
    });
    let made = rig.ok("user.CreateUser", &rig.admin, as_create(&rig, person)).await;
    assert_eq!(log_in(&rig, "mini@mouse.com", HASHED).await, Ok(()));
    // The MD5 of "abc", which the policy would refuse.
    let set = |hash: &str| json!({ "userId": made["id"], "human": { "password": { "hashedPassword": { "hash": hash } } } });
    rig.ok("user.UpdateUser", &rig.admin, set("900150983cd24fb0d6963f7d28e17f72")).await;
    assert_eq!(log_in(&rig, "mini@mouse.com", "abc").await, Ok(()));
    assert_eq!(rig.id("user.UpdateUser", &rig.admin, set("900150983cd24fb0")).await, "USER-JDk4t");
    let bare = with(set("x"), json!({ "human": { "password": { "hashedPassword": { "hash": "" } } } }));
    let refusal = rig.call("user.UpdateUser", &rig.admin, bare).await.unwrap_err();
    assert!(refusal.details.is_empty(), "{refusal:?}");
}

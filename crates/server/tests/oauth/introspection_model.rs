//! Introspection and GetSession are asked about sessions with every combination of factors, and must agree.

use std::collections::BTreeMap;

use doorward_core::base::{Span, Timestamp};
use doorward_core::session::{Factors, Session, SessionUser, UserAgent};
use doorward_core::token::TokenKind;
use doorward_store::session;
use serde_json::{Value, json};

use crate::rig::Rig;
use crate::tools::{Bot, INTROSPECT, bot, post_as};

/// The names of the factors, as GetSession shows them, and of their methods.
const NAMES: [(&str, &[&str]); 7] = [
    ("password", &["pwd"]),
    ("intent", &[]),
    ("totp", &["otp"]),
    ("otpSms", &["otp", "sms"]),
    ("otpEmail", &["otp"]),
    ("recoveryCode", &["otp"]),
    ("webAuthN", &["pop", "user"]),
];

/// What becomes of the session besides.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Open,
    Lasting,
    Expired,
    Ended,
}

/// Factors of a combination: a bit for each, and one for a key that verified the user.
fn factors(bits: u32, now: Timestamp) -> Factors {
    let at = |bit: u32| (bits & (1 << bit) != 0).then(|| now.plus(Span::seconds(i64::from(bit) - 20)));
    Factors {
        password: at(0),
        intent: at(1),
        totp: at(2),
        otp_sms: at(3),
        otp_email: at(4),
        recovery_code: at(5),
        web_auth_n: at(6).map(|at| (at, bits & (1 << 7) != 0)),
    }
}

async fn store(rig: &Rig, user: &str, bits: u32, fate: Fate) -> (String, String) {
    let (now, id) = (rig.now(), rig.app.mint_id(rig.now()));
    let minted = rig.app.mint_token(TokenKind::Session, &id);
    let session = Session {
        id: id.clone(),
        creator: user.to_owned(),
        created: now.plus(Span::seconds(-30)),
        changed: now,
        sequence: 2,
        expires: match fate {
            Fate::Lasting => Some(now.plus(Span::seconds(1))),
            Fate::Expired => Some(now),
            Fate::Open | Fate::Ended => None,
        },
        ended: (fate == Fate::Ended).then_some(now),
        token: minted.digest,
        user: Some(SessionUser {
            id: user.to_owned(),
            organisation: rig.app.instance.default_organisation.clone(),
            verified: now.plus(Span::seconds(-30)),
        }),
        factors: factors(bits, now),
        metadata: BTreeMap::new(),
        user_agent: UserAgent::default(),
    };
    let stored = rig.app.db.write(move |conn| Box::pin(async move { session::insert(conn, &session).await }));
    stored.await.unwrap();
    (id, minted.text.expose().to_owned())
}

/// What the combination comes to, counted anew.
fn expected(bits: u32) -> (usize, bool, Vec<&'static str>) {
    let held: Vec<_> = (0..7).filter(|bit| bits & (1 << bit) != 0).collect();
    let verified = bits & (1 << 6) != 0 && bits & (1 << 7) != 0;
    let multi = held.len() > 1 || verified;
    let mut methods: Vec<_> =
        held.iter().flat_map(|bit| NAMES[usize::try_from(*bit).unwrap()].1.iter().copied()).collect();
    if multi {
        methods.push("mfa");
    }
    methods.sort_unstable();
    methods.dedup();
    (held.len(), multi, methods)
}

async fn compare(rig: &Rig, asker: &Bot, user: &str, (bits, fate): (u32, Fate)) {
    let (id, token) = store(rig, user, bits, fate).await;
    let told = post_as(rig, asker, INTROSPECT, &[("token", &token)]).await.json();
    let about = format!("{bits:08b} {fate:?}: {told}");
    // A call with it as bearer: what is let in is active, and nothing else is.
    let read = rig.call("session.GetSession", &token, json!({ "sessionId": id })).await;
    assert_eq!(told["active"], json!(read.is_ok()), "{about} {read:?}");
    let (count, multi, methods) = expected(bits);
    assert_eq!(read.is_ok(), count > 0 && matches!(fate, Fate::Open | Fate::Lasting), "{about}");
    if fate == Fate::Ended || told["active"] == json!(false) {
        assert_eq!(told, json!({ "active": false }));
        return;
    }
    let shown = rig.ok("session.GetSession", &rig.login, json!({ "sessionId": id })).await;
    let shown = &shown["session"];
    assert_eq!(told["factors"], shown["factors"], "{about}");
    assert_eq!((&told["sub"], &told["sid"]), (&shown["factors"]["user"]["id"], &shown["id"]));
    assert_eq!(told["username"], shown["factors"]["user"]["loginName"]);
    assert_eq!(told.get("exp").is_some(), shown.get("expirationDate").is_some(), "{about}");
    let assurance = if multi { "multi" } else { "single" };
    assert_eq!((&told["assurance"], &told["acr"]), (&json!(assurance), &json!(assurance)), "{about}");
    let mut amr: Vec<_> = told["amr"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    amr.sort_unstable();
    assert_eq!(amr, methods, "{about}");
    let names = NAMES.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
    for (_, (name, _)) in names {
        assert!(told["factors"][name]["verifiedAt"].is_string(), "{name} {about}");
    }
}

#[tokio::test]
async fn introspection_agrees_with_get_session_whatever_was_proven() {
    let rig = Rig::start().await;
    let asker = bot(&rig, "asker", None).await;
    let user = rig.add_human("mini@mouse.com").await;
    // Whether the user was verified says something only about a key.
    for bits in (0..256_u32).filter(|bits| bits & (1 << 6) != 0 || bits & (1 << 7) == 0) {
        let fate = [Fate::Open, Fate::Lasting, Fate::Expired, Fate::Ended];
        compare(&rig, &asker, &user, (bits, Fate::Open)).await;
        compare(&rig, &asker, &user, (bits, fate[bits as usize % 4])).await;
    }
}

#[tokio::test]
async fn where_several_factors_are_asked_for_one_is_not_enough() {
    let rig = Rig::start_with(&["policy.login.force_mfa=true"]).await;
    let asker = bot(&rig, "asker", None).await;
    let user = rig.add_human("mini@mouse.com").await;
    for (bits, active) in [(1, false), (0b101, true), (1 << 6, false), (0b11 << 6, true)] {
        let (_, token) = store(&rig, &user, bits, Fate::Open).await;
        let told = post_as(&rig, &asker, INTROSPECT, &[("token", &token)]).await.json();
        assert_eq!(told["active"], json!(active), "{bits:08b}");
    }
    rig.ok("user.LockUser", &rig.admin, json!({ "userId": user })).await;
    let (_, token) = store(&rig, &user, 0b101, Fate::Open).await;
    let told = post_as(&rig, &asker, INTROSPECT, &[("token", &token)]).await.json();
    assert_eq!(told, json!({ "active": false }));
}

//! Tokens that are worth nothing: over, taken back, cut off, changed in one place, or made by nobody who may.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::base::Span;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Map, Value, json};

use crate::bearer::{Desk, Kind};
use crate::oauth::{keys, part};
use crate::stub::Key;
use crate::trusted::{claims, other, sign_with, token_with};

/// A token, what is wrong with it, and the refusals that it may meet.
pub struct Fault {
    pub name: String,
    pub token: String,
    pub refusals: &'static [&'static str],
}

/// What everything is answered with that is no token of this server.
const NO_TOKEN: &[&str] = &["AUTH-7fs1e"];
/// One that has the form of a session token may name a session that is not there, or not its own.
const NO_SESSION: &[&str] = &["AUTH-7fs1e", "QUERY-SFeaa", "QUERY-dsfr3"];

fn fault(name: impl Into<String>, token: impl Into<String>) -> Fault {
    Fault { name: name.into(), token: token.into(), refusals: NO_TOKEN }
}

/// All of them, of a server that they are made for, and the good ones that they were made from.
pub async fn forge(desk: &mut Desk) -> (Vec<Fault>, Vec<String>) {
    let mut faults =
        vec![fault("garbage", "garbage"), fault("dots", ".."), fault("a wide one", "a".repeat(4000))];
    for kind in Kind::ALL {
        desk.kind = kind;
        faults.push(fault(format!("{kind:?}, over"), desk.short_lived(&format!("late{kind:?}")).await));
    }
    desk.rig.clock.advance(Span::seconds(2));
    let mut goods = Vec::new();
    for kind in Kind::ALL {
        desk.kind = kind;
        faults.push(fault(format!("{kind:?}, revoked"), desk.revoked(&format!("gone{kind:?}")).await));
        let (_, good) = desk.caller(&format!("good{kind:?}"), Some((None, "IAM_OWNER"))).await;
        faults.extend(spoiled(&format!("{kind:?}"), &good, NO_TOKEN));
        if kind == Kind::Signed {
            faults.extend(own(desk, &good).await);
        }
        goods.push(good);
    }
    faults.extend(foreign(desk));
    let (session_faults, good) = sessions(desk).await;
    faults.extend(session_faults);
    goods.push(good);
    (faults, goods)
}

/// A token cut off at several places and changed at each byte.
fn spoiled(name: &str, good: &str, refusals: &'static [&'static str]) -> Vec<Fault> {
    let mut all = Vec::new();
    for (position, byte) in good.bytes().enumerate() {
        let mut changed = good.to_owned();
        changed.replace_range(position..=position, &other(byte).to_string());
        all.push(Fault { name: format!("{name}, byte {position}"), token: changed, refusals });
    }
    for length in [1, 4, good.len() / 3, good.len() / 2, good.len() - 2, good.len() - 1] {
        all.push(Fault {
            name: format!("{name}, cut to {length}"),
            token: good[..length].to_owned(),
            refusals,
        });
    }
    all.push(Fault { name: format!("{name}, twice"), token: good.repeat(2), refusals });
    all
}

/// What a token says.
fn said(token: &str) -> Map<String, Value> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// Without a signature, or signed with what everybody knows.
fn unsigned(name: &str, kid: &str, claims: &Map<String, Value>, public: &[Vec<u8>]) -> Vec<Fault> {
    let payload = part(&Value::Object(claims.clone()));
    let mut all = Vec::new();
    for typ in ["at+jwt", "JWT"] {
        let head = part(&json!({ "alg": "none", "typ": typ, "kid": kid }));
        all.push(fault(format!("{name}, alg none, {typ}"), format!("{head}.{payload}.")));
        for (number, public) in public.iter().enumerate() {
            let mut header = Header::new(Algorithm::HS256);
            (header.kid, header.typ) = (Some(kid.to_owned()), Some(typ.to_owned()));
            let forged = encode(&header, claims, &EncodingKey::from_secret(public)).unwrap();
            all.push(fault(format!("{name}, HS256 with public key {number}, {typ}"), forged));
        }
    }
    all
}

/// Tokens that pass themselves off as this server's own.
async fn own(desk: &Desk, good: &str) -> Vec<Fault> {
    let published = keys(&desk.rig.http).await;
    let key = &published.keys[0];
    let kid = key.common.key_id.clone().unwrap();
    let jwk = serde_json::to_value(key).unwrap();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let public = [serde_json::to_vec(key).unwrap(), modulus, b"".to_vec()];
    let claims = said(good);
    let mut all = unsigned("own", &kid, &claims, &public);
    let forger = Key::new(&kid);
    for (what, typ, kid) in [
        ("another key", "at+jwt", Some(kid.clone())),
        ("wrong typ", "logout+jwt", Some(kid)),
        ("unknown kid", "at+jwt", Some("unknown".to_owned())),
        ("no kid", "at+jwt", None),
    ] {
        let forged = sign_with(&forger, &claims, |header| {
            (header.typ, header.kid) = (Some(typ.to_owned()), kid.clone());
        });
        all.push(fault(format!("own, {what}"), forged));
    }
    for (name, value) in [
        ("aud", json!("somebody")),
        ("iss", json!("https://somebody.example")),
        ("exp", json!(4_102_444_800_i64)),
        ("sub", json!("1")),
        ("jti", json!("1")),
        ("jti", Value::Null),
    ] {
        let mut changed = claims.clone();
        changed.insert(name.to_owned(), value.clone());
        all.push(fault(format!("own, {name} {value}"), forger.sign(&changed)));
    }
    all
}

/// Tokens that pass themselves off as those of the trusted issuer, or are its own and not for this server.
fn foreign(desk: &Desk) -> Vec<Fault> {
    let issuer = &desk.issuers[0];
    let mut owner = claims(issuer, desk.rig.now());
    owner.insert("groups".to_owned(), json!(["group IAM_OWNER"]));
    let mut all = unsigned("foreign", "one", &owner, &[serde_json::to_vec(&issuer.key.public).unwrap()]);
    for (name, value) in [
        ("aud", json!("somebody")),
        ("iss", json!("https://somebody.example")),
        ("iss", json!(desk.issuers[1].issuer)),
        ("exp", Value::Null),
        ("iat", Value::Null),
        ("sub", Value::Null),
    ] {
        let signed = token_with(&desk.rig, issuer, |claims| {
            claims.clone_from(&owner);
            claims.insert(name.to_owned(), value.clone());
            claims.retain(|_, value| !value.is_null());
        });
        all.push(fault(format!("foreign, {name} {value}"), signed));
    }
    let signed = |edit: &dyn Fn(&mut Header)| sign_with(&issuer.key, &owner, edit);
    all.push(fault("foreign, wrong typ", signed(&|header| header.typ = Some("logout+jwt".to_owned()))));
    all.push(fault("foreign, no typ", signed(&|header| header.typ = None)));
    all.push(fault("foreign, unknown kid", signed(&|header| header.kid = Some("unknown".to_owned()))));
    all.push(fault("foreign, another key", Key::new("one").sign(&owner)));
    all
}

/// Session tokens: over, ended, replaced, without any factor, of a locked user; and a good one.
async fn sessions(desk: &Desk) -> (Vec<Fault>, String) {
    let rig = &desk.rig;
    let user = rig.add_human("mini@mouse.com").await;
    let mut all = Vec::new();
    let mut add = |name: &str, token: String, refusals| {
        all.push(Fault { name: format!("session, {name}"), token, refusals });
    };
    let checks = json!({ "user": { "userId": user }, "password": { "password": crate::rig::PASSWORD } });
    let (_, short) = rig.session(json!({ "checks": checks, "lifetime": "1s" })).await;
    rig.clock.advance(Span::seconds(2));
    add("over", short, &["AUTHZ-EGDo3"]);
    let (id, ended) = rig.log_in("mini@mouse.com").await;
    rig.ok("session.DeleteSession", &rig.login, json!({ "sessionId": id })).await;
    add("ended", ended, &["QUERY-SFeaa"]);
    let (id, replaced) = rig.log_in("mini@mouse.com").await;
    let change = json!({ "sessionId": id, "metadata": { "key": "eA==" } });
    rig.ok("session.SetSession", &rig.login, change).await;
    add("replaced", replaced, &["QUERY-dsfr3"]);
    let (_, unproven) = rig.session(json!({ "checks": { "user": { "userId": user } } })).await;
    add("nothing proven", unproven, &["AUTHZ-Kl3p0"]);
    let locked = rig.add_human("locked@mouse.com").await;
    let (_, token) = rig.log_in("locked@mouse.com").await;
    rig.ok("user.LockUser", &rig.admin, json!({ "userId": locked })).await;
    add("of a locked user", token, &["DOORWARD-L0ck1"]);
    let (_, good) = rig.log_in("mini@mouse.com").await;
    all.extend(spoiled("session", &good, NO_SESSION));
    (all, good)
}

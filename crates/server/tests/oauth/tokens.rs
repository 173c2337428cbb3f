//! What an access token is good for, in both shapes, and how long.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward::cleanup::sweep_access;
use doorward::config::SigningAlgorithm;
use doorward_core::base::Span;
use doorward_core::user::AccessTokenType;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::rig::Rig;
use crate::tools::{
    Bot, REVOKE, add_key, bot, keys, lets_in, part, post_as, set_access_token, token, token_by_key, verified,
};

const CREATE: &str = "session.CreateSession";

async fn jwt_bot(rig: &Rig) -> Bot {
    let bot = bot(rig, "bot", Some("IAM_LOGIN_CLIENT")).await;
    set_access_token(rig, &bot.id, AccessTokenType::Jwt).await;
    bot
}

#[tokio::test]
async fn both_shapes_do_what_the_roles_of_the_user_allow_until_they_end() {
    let rig = Rig::start_with(&["oauth.access_token_minutes=10"]).await;
    let bot = bot(&rig, "bot", Some("IAM_LOGIN_CLIENT")).await;
    let opaque = token(&rig, &bot).await;
    set_access_token(&rig, &bot.id, AccessTokenType::Jwt).await;
    let key = add_key(&rig, &bot.id, SigningAlgorithm::Rs256).await;
    let (jwt, by_key) = (token(&rig, &bot).await, token_by_key(&rig, &key).await);
    assert!(opaque.starts_with("dwa_") && jwt.split('.').count() == 3 && by_key.split('.').count() == 3);
    for token in [&opaque, &jwt, &by_key] {
        rig.ok(CREATE, token, json!({})).await;
        let delete = json!({ "userId": bot.id });
        assert_eq!(rig.id("user.DeleteUser", token, delete).await, "AUTH-AWfge");
    }
    rig.clock.advance(Span::millis(599_999));
    rig.ok(CREATE, &opaque, json!({})).await;
    rig.ok(CREATE, &jwt, json!({})).await;
    rig.clock.advance(Span::millis(1));
    for token in [&opaque, &jwt, &by_key] {
        assert_eq!(rig.id(CREATE, token, json!({})).await, "AUTH-7fs1e");
    }
    let (_running, mut stop) = watch::channel(false);
    rig.clock.advance(Span::millis(1));
    assert_eq!(sweep_access(&rig.app, &mut stop).await.unwrap(), 3);
}

#[tokio::test]
async fn others_can_read_and_verify_a_jwt() {
    let rig = Rig::start().await;
    let bot = jwt_bot(&rig).await;
    let text = token(&rig, &bot).await;
    let (claims, _) = verified(&text, &keys(&rig.http).await).unwrap();
    let (now, issuer) = (rig.now().seconds_and_nanos().0, rig.app.policy.issuer.clone());
    let id = claims["jti"].as_str().unwrap();
    let expected = json!({
        "iss": issuer, "sub": bot.id, "client_id": bot.id, "aud": [issuer, "zitadel"], "jti": id,
        "iat": now, "nbf": now, "exp": now + 3600,
        "scope": "openid urn:zitadel:iam:org:project:id:zitadel:aud",
    });
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn every_configured_algorithm_signs() {
    for (set, name) in [("oauth.algorithm=es256", "ES256"), ("oauth.algorithm=eddsa", "EdDSA")] {
        let rig = Rig::start_with(&[set]).await;
        let bot = jwt_bot(&rig).await;
        let text = token(&rig, &bot).await;
        let head = URL_SAFE_NO_PAD.decode(text.split('.').next().unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&head).unwrap()["alg"], name);
        verified(&text, &keys(&rig.http).await).unwrap();
        assert!(lets_in(&rig, &text, &bot.id).await);
    }
}

#[tokio::test]
async fn a_jwt_that_is_not_exactly_the_one_that_was_given_is_refused() {
    let rig = Rig::start_with(&["oauth.algorithm=eddsa"]).await;
    let bot = jwt_bot(&rig).await;
    let text = token(&rig, &bot).await;
    assert!(lets_in(&rig, &text, &bot.id).await);
    for place in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[place] = if changed[place] == b'B' { b'C' } else { b'B' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(rig.id(CREATE, &changed, json!({})).await, "AUTH-7fs1e", "byte {place}");
    }
    let parts: Vec<_> = text.split('.').collect();
    let (claims, kid) = verified(&text, &keys(&rig.http).await).unwrap();
    let none = part(&json!({ "alg": "none", "typ": "at+jwt" }));
    let header = Header { kid: Some(kid), typ: Some("at+jwt".to_owned()), ..Header::default() };
    let public = keys(&rig.http).await.keys[0].clone();
    let public = serde_json::to_vec(&public).unwrap();
    let confused = encode(&header, &claims, &EncodingKey::from_secret(&public)).unwrap();
    let mut foreign = claims.clone();
    foreign["iss"] = "https://other.example".into();
    for wrong in [
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], part(&foreign), parts[2]),
        format!("{text}="),
        format!("{text}.{}", parts[2]),
        confused,
    ] {
        assert_eq!(rig.id(CREATE, &wrong, json!({})).await, "AUTH-7fs1e", "{wrong}");
    }
    assert!(lets_in(&rig, &text, &bot.id).await);
}

#[tokio::test]
async fn a_revoked_token_is_refused_by_the_very_next_call_on_every_node() {
    let rig = Rig::start().await;
    let (other, _stop) = rig.second().await;
    let bot = bot(&rig, "bot", Some("IAM_LOGIN_CLIENT")).await;
    for kind in [AccessTokenType::Opaque, AccessTokenType::Jwt] {
        set_access_token(&rig, &bot.id, kind).await;
        let (kept, text) = (token(&rig, &bot).await, token(&rig, &bot).await);
        let call = async |token: &str| {
            let protocol = crate::client::Protocol::ConnectJson;
            other.call(protocol, CREATE, Some(token), json!({})).await.map_err(|refusal| refusal.id())
        };
        call(&text).await.unwrap();
        let answer = post_as(&rig, &bot, REVOKE, &[("token", &text)]).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})));
        assert_eq!(call(&text).await.unwrap_err(), "AUTH-7fs1e");
        assert_eq!(rig.id(CREATE, &text, json!({})).await, "AUTH-7fs1e");
        call(&kept).await.unwrap();
    }
}

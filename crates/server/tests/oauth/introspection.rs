//! What is told about a token, to whom, and how it is taken back.

use doorward::config::SigningAlgorithm;
use doorward_core::base::Span;
use doorward_core::user::AccessTokenType;
use serde_json::{Value, json};

use crate::rig::{PASSWORD, Rig};
use crate::tools::{
    ASSERTION, Bot, INTROSPECT, REVOKE, SCOPE, add_key, assertion, basic, bot, post, post_as, refusal,
    set_access_token, token, token_by_key,
};

async fn told(rig: &Rig, bot: &Bot, token: &str) -> Value {
    let answer = post_as(rig, bot, INTROSPECT, &[("token", token)]).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer.json()
}

#[tokio::test]
async fn a_token_of_a_machine_user_is_told_about() {
    let rig = Rig::start().await;
    let (asker, bot) = (bot(&rig, "asker", None).await, bot(&rig, "bot", None).await);
    let now = rig.now().seconds_and_nanos().0;
    let mut expected = json!({
        "active": true, "iss": rig.app.policy.issuer, "sub": bot.id, "client_id": bot.id, "username": "bot",
        "token_type": "Bearer", "scope": SCOPE, "iat": now, "exp": now + 3600,
    });
    let key = add_key(&rig, &bot.id, SigningAlgorithm::Es256).await;
    for kind in [AccessTokenType::Opaque, AccessTokenType::Jwt] {
        set_access_token(&rig, &bot.id, kind).await;
        for text in [token(&rig, &bot).await, token_by_key(&rig, &key).await] {
            let told = told(&rig, &asker, &text).await;
            expected["jti"] = told["jti"].clone();
            assert_eq!(told, expected);
        }
    }
    let told = told(&rig, &asker, &bot.token).await;
    assert_eq!((&told["active"], &told["sub"], &told["scope"]), (&json!(true), &json!(bot.id), &Value::Null));
    assert_eq!(told["exp"], 4_070_908_800_i64, "a personal access token has its own end");
}

#[tokio::test]
async fn whoever_asks_shows_who_it_is_in_any_of_four_ways() {
    let rig = Rig::start().await;
    let bot = bot(&rig, "bot", None).await;
    let text = token(&rig, &bot).await;
    let asked = ("token", text.as_str());
    let header = basic("bot", &bot.secret);
    let bearer = format!("Bearer {}", bot.token);
    let key = add_key(&rig, &bot.id, SigningAlgorithm::Es256).await;
    let signed = assertion(&rig, &key);
    for (headers, fields) in [
        (vec![("authorization", header.as_str())], vec![asked, ("token_type_hint", "access_token")]),
        (vec![("authorization", bearer.as_str())], vec![asked]),
        (vec![], vec![asked, ("client_id", "bot"), ("client_secret", &bot.secret)]),
        (vec![], vec![asked, ("client_assertion", &signed), ("client_assertion_type", ASSERTION)]),
    ] {
        let answer = post(&rig.http, INTROSPECT, &headers, &fields).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["active"]), (200, &json!(true)), "{fields:?}");
    }
    for (headers, fields, status, error) in [
        (vec![], vec![asked], 401, "invalid_client"),
        (vec![], vec![asked, ("client_id", "bot")], 401, "invalid_client"),
        (vec![("authorization", "Bearer x")], vec![asked], 401, "invalid_token"),
        (vec![("authorization", "Basic x")], vec![asked], 401, "invalid_client"),
        (vec![("authorization", bearer.as_str())], vec![], 400, "invalid_request"),
        (vec![("authorization", bearer.as_str())], vec![asked, asked], 400, "invalid_request"),
    ] {
        let answer = post(&rig.http, INTROSPECT, &headers, &fields).await;
        assert_eq!(refusal(&answer), (status, error.to_owned()), "{headers:?} {fields:?}");
        assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401);
    }
}

#[tokio::test]
async fn of_what_is_not_valid_nothing_is_told() {
    let rig = Rig::start().await;
    let (asker, bot) = (bot(&rig, "asker", None).await, bot(&rig, "bot", None).await);
    let (expired, text) = (token(&rig, &bot).await, {
        rig.clock.advance(Span::minutes(60));
        token(&rig, &bot).await
    });
    let nothing = json!({ "active": false });
    let relabelled = text.replacen("dwa_", "dwp_", 1);
    for wrong in ["x", "a.b.c", "dws_", "\u{0}", &expired, &text[1..], &relabelled, &bot.secret] {
        assert_eq!(told(&rig, &asker, wrong).await, nothing, "{wrong}");
    }
    assert_eq!(told(&rig, &asker, &text).await["active"], true);
    rig.ok("user.LockUser", &rig.admin, json!({ "userId": bot.id })).await;
    assert_eq!(told(&rig, &asker, &text).await, nothing);
}

#[tokio::test]
async fn a_session_is_told_about_as_long_as_its_token_lets_somebody_in() {
    let rig = Rig::start().await;
    let asker = bot(&rig, "asker", None).await;
    let user = rig.add_human("mini@mouse.com").await;
    let nothing = json!({ "active": false });
    let (bare, text) = rig.session(json!({ "checks": { "user": { "userId": user } } })).await;
    assert_eq!(told(&rig, &asker, &text).await, nothing, "nothing was proven yet");
    rig.clock.advance(Span::seconds(5));
    let checks = json!({ "password": { "password": PASSWORD } });
    let set = json!({ "sessionId": bare, "checks": checks, "lifetime": "60s" });
    let set = rig.ok("session.SetSession", &rig.login, set).await;
    let newer = set["sessionToken"].as_str().unwrap();
    assert_eq!(told(&rig, &asker, &text).await, nothing, "the token was replaced");
    let now = rig.now().seconds_and_nanos().0;
    let known = told(&rig, &asker, newer).await;
    assert_eq!(
        known,
        json!({
            "active": true, "iss": rig.app.policy.issuer, "sub": user, "username": "mini@mouse.com",
            "token_type": "Bearer", "sid": bare, "iat": now - 5, "exp": now + 60, "auth_time": now,
            "amr": ["pwd"], "acr": "single", "assurance": "single",
            "factors": rig.shown(&bare).await["factors"],
        })
    );
    rig.clock.advance(Span::seconds(60));
    assert_eq!(told(&rig, &asker, newer).await, nothing);
    let (id, text) = rig.log_in("mini@mouse.com").await;
    assert_eq!(told(&rig, &asker, &text).await["active"], true);
    rig.ok("session.DeleteSession", &rig.login, json!({ "sessionId": id })).await;
    assert_eq!(told(&rig, &asker, &text).await, nothing);
}

#[tokio::test]
async fn a_client_takes_back_its_own_tokens_and_no_others() {
    let rig = Rig::start().await;
    let (other, bot) = (bot(&rig, "other", None).await, bot(&rig, "bot", None).await);
    rig.add_human("mini@mouse.com").await;
    let (_, session) = rig.log_in("mini@mouse.com").await;
    let text = token(&rig, &bot).await;
    let take = async |client: &Bot, token: &str| post_as(&rig, client, REVOKE, &[("token", token)]).await;
    let foreign = take(&other, &text).await;
    assert_eq!(refusal(&foreign), (400, "unauthorized_client".to_owned()));
    assert_eq!(told(&rig, &other, &text).await["active"], true);
    assert_eq!(refusal(&take(&bot, &session).await), (400, "unsupported_token_type".to_owned()));
    for unknown in ["x", "a.b.c", &text[1..], "dwa_"] {
        assert_eq!(take(&bot, unknown).await.status, 200, "{unknown}");
    }
    for (own, times) in [(text.as_str(), 2), (bot.token.as_str(), 2)] {
        for _ in 0..times {
            assert_eq!(take(&bot, own).await.status, 200);
        }
        assert_eq!(told(&rig, &other, own).await, json!({ "active": false }));
    }
    let unknown = post(&rig.http, REVOKE, &[("authorization", "Bearer x")], &[("token", &text)]).await;
    assert_eq!(refusal(&unknown).0, 401);
    assert_eq!(refusal(&post_as(&rig, &bot, REVOKE, &[]).await), (400, "invalid_request".to_owned()));
}

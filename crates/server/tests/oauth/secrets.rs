//! Logging in with a secret: client credentials.

use doorward::config::SigningAlgorithm;
use doorward_core::base::Span;
use serde_json::json;

use crate::rig::Rig;
use crate::tools::{
    ASSERTION, SCOPE, TOKEN, add_key, add_secret, assertion, basic, bot, granted, lets_in, post, post_as,
    refusal,
};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

#[tokio::test]
async fn a_secret_gives_a_token_by_header_and_by_form_by_name_and_by_id() {
    let rig = Rig::start().await;
    let bot = bot(&rig, "bot+1@example.com", None).await;
    let coded = url::form_urlencoded::byte_serialize(bot.name.as_bytes()).collect::<String>();
    for name in [&bot.id, &bot.name, &coded] {
        let header = basic(name, &bot.secret);
        let answer = post(&rig.http, TOKEN, &[("authorization", &header)], &[GRANT]).await;
        let told = answer.json();
        assert_eq!(told["token_type"], "Bearer");
        assert_eq!((&told["expires_in"], &told["scope"]), (&json!(3600), &json!("")));
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(lets_in(&rig, &granted(&answer), &bot.id).await, "{name}");
    }
    for name in [bot.id.as_str(), "BOT+1@Example.COM"] {
        let fields = [GRANT, ("client_id", name), ("client_secret", &bot.secret), ("scope", SCOPE)];
        let answer = post(&rig.http, TOKEN, &[], &fields).await;
        assert_eq!(answer.json()["scope"], SCOPE);
        assert!(lets_in(&rig, &granted(&answer), &bot.id).await, "{name}");
    }
    let asked = [GRANT, ("scope", "email openid offline_access openid")];
    assert_eq!(post_as(&rig, &bot, TOKEN, &asked).await.json()["scope"], "openid");
}

#[tokio::test]
async fn a_client_can_sign_instead_of_showing_a_secret() {
    let rig = Rig::start().await;
    let bot = bot(&rig, "bot", None).await;
    let key = add_key(&rig, &bot.id, SigningAlgorithm::Es256).await;
    let signed = assertion(&rig, &key);
    let fields = [GRANT, ("client_assertion_type", ASSERTION), ("client_assertion", &signed)];
    for named in [None, Some(&bot.id), Some(&bot.name)] {
        let named = named.map(|name| ("client_id", name.as_str()));
        let fields: Vec<_> = fields.into_iter().chain(named).collect();
        let answer = post(&rig.http, TOKEN, &[], &fields).await;
        assert!(lets_in(&rig, &granted(&answer), &bot.id).await);
    }
    let other: Vec<_> = fields.into_iter().chain([("client_id", "other")]).collect();
    assert_eq!(refusal(&post(&rig.http, TOKEN, &[], &other).await), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn whoever_is_not_known_hears_the_same_whatever_is_wrong() {
    let rig = Rig::start().await;
    let (one, two) = (bot(&rig, "one", None).await, bot(&rig, "two", None).await);
    rig.add_human("mini@mouse.com").await;
    let (without, _) = rig.add_machine("without", &[]).await;
    let mut answers = Vec::new();
    for (name, secret) in [
        (one.id.as_str(), two.secret.as_str()),
        ("one", &two.secret),
        ("one", "x"),
        ("one", ""),
        ("nobody", &one.secret),
        ("a\0b", &one.secret),
        ("mini@mouse.com", "Secr3t!pass"),
        (&without, ""),
        (&without, &one.secret),
        (&one.id, &one.token),
    ] {
        let answer = post(&rig.http, TOKEN, &[("authorization", &basic(name, secret))], &[GRANT]).await;
        assert_eq!(answer.headers["www-authenticate"], "Basic realm=\"doorward\", charset=\"UTF-8\"");
        assert_eq!(refusal(&answer), (401, "invalid_client".to_owned()), "{name}");
        answers.push(answer.bytes);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_secret_that_was_replaced_and_a_user_who_is_not_active_get_no_token() {
    let rig = Rig::start().await;
    let bot = bot(&rig, "bot", None).await;
    let newer = add_secret(&rig, &bot.id).await;
    assert_eq!(refusal(&post_as(&rig, &bot, TOKEN, &[GRANT]).await).0, 401);
    let header = basic(&bot.id, &newer);
    let ask = async || post(&rig.http, TOKEN, &[("authorization", &header)], &[GRANT]).await;
    let token = granted(&ask().await);
    for (method, undone) in [("LockUser", "UnlockUser"), ("DeactivateUser", "ReactivateUser")] {
        rig.ok(&format!("user.{method}"), &rig.admin, json!({ "userId": bot.id })).await;
        assert_eq!(refusal(&ask().await), (401, "invalid_client".to_owned()), "{method}");
        assert!(!lets_in(&rig, &token, &bot.id).await, "{method}");
        rig.ok(&format!("user.{undone}"), &rig.admin, json!({ "userId": bot.id })).await;
        granted(&ask().await);
    }
    assert!(lets_in(&rig, &token, &bot.id).await);
    rig.ok("user.DeleteUser", &rig.admin, json!({ "userId": bot.id })).await;
    assert_eq!(refusal(&ask().await).0, 401);
}

#[tokio::test]
async fn what_is_no_proper_request_is_refused_in_the_words_of_the_standard() {
    let rig = Rig::start().await;
    let bot = bot(&rig, "bot", None).await;
    let id = ("client_id", bot.id.as_str());
    let secret = ("client_secret", bot.secret.as_str());
    for (fields, status, error) in [
        (vec![], 400, "invalid_request"),
        (vec![id, secret], 400, "invalid_request"),
        (vec![("grant_type", ""), id, secret], 400, "invalid_request"),
        (vec![("grant_type", "password"), id, secret], 400, "unsupported_grant_type"),
        (vec![GRANT, GRANT, id, secret], 400, "invalid_request"),
        (vec![GRANT, id, secret, ("x", "1"), ("x", "2")], 400, "invalid_request"),
        (vec![GRANT, id, secret, ("scope", "a\"b")], 400, "invalid_scope"),
        (vec![GRANT, secret], 400, "invalid_request"),
        (vec![GRANT, id], 401, "invalid_client"),
        (vec![GRANT], 401, "invalid_client"),
        (vec![GRANT, id, secret, ("client_assertion", "x")], 400, "invalid_request"),
    ] {
        let answer = post(&rig.http, TOKEN, &[], &fields).await;
        assert_eq!(refusal(&answer), (status, error.to_owned()), "{fields:?}");
    }
    let header = basic(&bot.id, &bot.secret);
    let twice = post(&rig.http, TOKEN, &[("authorization", &header)], &[GRANT, id, secret]).await;
    assert_eq!(refusal(&twice), (400, "invalid_request".to_owned()));
    let body = b"{\"grant_type\":\"client_credentials\"}".to_vec();
    let json = [("content-type", "application/json")];
    assert_eq!(refusal(&rig.http.raw("POST", TOKEN, &json, body, false).await).0, 400);
    let large = "x".repeat(33 * 1024);
    let answer = post(&rig.http, TOKEN, &[], &[GRANT, ("x", &large)]).await;
    assert_eq!(refusal(&answer), (413, "invalid_request".to_owned()));
}

#[tokio::test]
async fn of_too_many_tokens_the_oldest_is_void() {
    let rig = Rig::start_with(&["oauth.max_tokens_per_user=3", "oauth.access_token_minutes=10"]).await;
    let (bot, other) = (bot(&rig, "bot", None).await, bot(&rig, "other", None).await);
    let others = crate::tools::token(&rig, &other).await;
    let mut tokens = Vec::new();
    for _ in 0..5 {
        rig.clock.advance(Span::seconds(1));
        tokens.push(crate::tools::token(&rig, &bot).await);
    }
    let mut valid = Vec::new();
    for token in &tokens {
        valid.push(lets_in(&rig, token, &bot.id).await);
    }
    assert_eq!(valid, [false, false, true, true, true]);
    assert!(lets_in(&rig, &others, &other.id).await);
}

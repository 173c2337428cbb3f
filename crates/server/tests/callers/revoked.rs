//! What was taken back is refused by the very next call, on the node that took it back and on every other.

use std::sync::Arc;

use doorward::app::{Call, grant};
use doorward::config::SigningAlgorithm;
use doorward_core::caller::{Caller, Role};
use doorward_core::user::AccessTokenType;
use doorward_store::grant::Grant;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::client::{Answer, Http, Protocol};
use crate::oauth::{
    Bot, INTROSPECT, JWT_BEARER, Key, REVOKE, TOKEN, add_key, add_secret, assertion, basic, bot, post,
    set_access_token, token, token_by_key,
};
use crate::rig::Rig;

/// Two nodes on one store, or one node twice, and a machine user with everything that it can hold.
struct Scene {
    rig: Rig,
    nodes: [Http; 2],
    _stop: Option<oneshot::Sender<()>>,
    bot: Bot,
    keys: [Key; 2],
}

impl Scene {
    async fn set_up() -> Self {
        let rig = Rig::start().await;
        let (second, stop) = rig.second().await;
        let bot = bot(&rig, "robot", Some("IAM_LOGIN_CLIENT")).await;
        let keys = [
            add_key(&rig, &bot.id, SigningAlgorithm::Es256).await,
            add_key(&rig, &bot.id, SigningAlgorithm::Rs256).await,
        ];
        Self { nodes: [rig.http, second], rig, _stop: stop, bot, keys }
    }

    /// An opaque access token and a JWT, for the secret.
    async fn for_secret(&self) -> [String; 2] {
        set_access_token(&self.rig, &self.bot.id, AccessTokenType::Opaque).await;
        let opaque = token(&self.rig, &self.bot).await;
        set_access_token(&self.rig, &self.bot.id, AccessTokenType::Jwt).await;
        [opaque, token(&self.rig, &self.bot).await]
    }

    /// One for each key.
    async fn for_keys(&self) -> [String; 2] {
        [token_by_key(&self.rig, &self.keys[0]).await, token_by_key(&self.rig, &self.keys[1]).await]
    }

    async fn admin(&self, node: usize, method: &str, request: Value) -> Value {
        self.nodes[node]
            .call(Protocol::ConnectJson, method, Some(&self.rig.admin), request)
            .await
            .unwrap_or_else(|refusal| panic!("{method}: {refusal:?}"))
    }

    /// How a call with the token ends on a node, and whether introspection there says the same.
    async fn ends(&self, node: usize, token: &str) -> Result<(), String> {
        let called = self.nodes[node]
            .call(Protocol::ConnectJson, "session.CreateSession", Some(token), json!({}))
            .await;
        let asker = format!("Bearer {}", self.rig.admin);
        let headers = [("authorization", asker.as_str())];
        let told = post(&self.nodes[node], INTROSPECT, &headers, &[("token", token)]).await.json();
        let let_in = called.as_ref().map_or_else(|refusal| refusal.id() != "AUTH-7fs1e", |_| true);
        assert_eq!(told["active"], json!(let_in), "{told}");
        called.map(drop).map_err(|refusal| refusal.id())
    }

    async fn assert_valid(&self, tokens: &[&String]) {
        for token in tokens {
            for node in [0, 1] {
                assert_eq!(self.ends(node, token).await, Ok(()), "{token}");
            }
        }
    }

    /// Asks the node that did not take it back first.
    async fn assert_refused(&self, taker: usize, tokens: &[&String]) {
        for token in tokens {
            for node in [1 - taker, taker] {
                assert_eq!(
                    self.ends(node, token).await,
                    Err("AUTH-7fs1e".to_owned()),
                    "node {node}: {token}"
                );
            }
        }
    }

    /// The status of a log-in by secret on a node.
    async fn by_secret(&self, node: usize) -> u16 {
        let basic = basic(&self.bot.id, &self.bot.secret);
        let fields = [("grant_type", "client_credentials")];
        post(&self.nodes[node], TOKEN, &[("authorization", &basic)], &fields).await.status.as_u16()
    }

    /// The answer to a log-in by key on a node.
    async fn by_key(&self, node: usize, key: &Key) -> Answer {
        let assertion = assertion(&self.rig, key);
        post(&self.nodes[node], TOKEN, &[], &[("grant_type", JWT_BEARER), ("assertion", assertion.as_str())])
            .await
    }
}

#[tokio::test]
async fn a_token_that_its_holder_revokes() {
    let scene = Scene::set_up().await;
    for taker in [0, 1] {
        let request = json!({ "userId": scene.bot.id, "expirationDate": "2099-01-01T00:00:00Z" });
        let made = scene.admin(taker, "user.AddPersonalAccessToken", request).await;
        let personal = made["token"].as_str().unwrap().to_owned();
        let [opaque, signed] = scene.for_secret().await;
        let stays = token(&scene.rig, &scene.bot).await;
        for token in [&personal, &opaque, &signed] {
            scene.assert_valid(&[token]).await;
            let basic = basic(&scene.bot.id, &scene.bot.secret);
            let headers = [("authorization", basic.as_str())];
            let revoked = post(&scene.nodes[taker], REVOKE, &headers, &[("token", token)]).await;
            assert_eq!(revoked.status, 200);
            scene.assert_refused(taker, &[token]).await;
        }
        scene.assert_valid(&[&stays]).await;
    }
}

#[tokio::test]
async fn a_personal_access_token_that_is_removed() {
    let scene = Scene::set_up().await;
    for taker in [0, 1] {
        let request = json!({ "userId": scene.bot.id, "expirationDate": "2099-01-01T00:00:00Z" });
        let made = scene.admin(1 - taker, "user.AddPersonalAccessToken", request).await;
        let token = made["token"].as_str().unwrap().to_owned();
        scene.assert_valid(&[&token]).await;
        let request = json!({ "userId": scene.bot.id, "tokenId": made["tokenId"] });
        scene.admin(taker, "user.RemovePersonalAccessToken", request).await;
        scene.assert_refused(taker, &[&token]).await;
    }
}

#[tokio::test]
async fn a_secret_that_is_removed_or_replaced_with_the_tokens_it_was_given_for() {
    let mut scene = Scene::set_up().await;
    for (taker, method) in
        [(0, "user.RemoveSecret"), (1, "user.AddSecret"), (1, "user.RemoveSecret"), (0, "user.AddSecret")]
    {
        scene.bot.secret = add_secret(&scene.rig, &scene.bot.id).await;
        let [opaque, signed] = scene.for_secret().await;
        let [by_key, _] = scene.for_keys().await;
        scene.assert_valid(&[&opaque, &signed, &by_key]).await;
        scene.admin(taker, method, json!({ "userId": scene.bot.id })).await;
        assert_eq!((scene.by_secret(1 - taker).await, scene.by_secret(taker).await), (401, 401));
        scene.assert_refused(taker, &[&opaque, &signed]).await;
        scene.assert_valid(&[&by_key]).await;
    }
}

#[tokio::test]
async fn a_key_that_is_removed_with_the_tokens_it_was_given_for() {
    let scene = Scene::set_up().await;
    let [first, second] = scene.for_keys().await;
    let [_, stays] = scene.for_secret().await;
    scene.assert_valid(&[&first, &second, &stays]).await;
    for (taker, token) in [(0, &first), (1, &second)] {
        let key = &scene.keys[taker];
        scene.admin(taker, "user.RemoveKey", json!({ "userId": scene.bot.id, "keyId": key.id })).await;
        for node in [1 - taker, taker] {
            let refused = scene.by_key(node, key).await;
            assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (400, &json!("invalid_grant")));
        }
        scene.assert_refused(taker, &[token]).await;
    }
    scene.assert_valid(&[&stays]).await;
}

#[tokio::test]
async fn a_role_that_is_taken_away_whatever_token_its_holder_has() {
    let scene = Scene::set_up().await;
    let rig = &scene.rig;
    let human = rig.add_human("mini@mouse.com").await;
    let (_, session) = rig.log_in("mini@mouse.com").await;
    let [opaque, signed] = scene.for_secret().await;
    let caller = Caller::operator(rig.app.instance.default_organisation.clone());
    let operator = Call { app: Arc::clone(&rig.app), caller, now: rig.now(), host: None };
    let role = "IAM_LOGIN_CLIENT".to_owned();
    let held = grant::membership(Role::IamLoginClient, None).unwrap();
    for round in 0..6 {
        for (user, tokens) in
            [(&scene.bot.id, vec![&scene.bot.token, &opaque, &signed]), (&human, vec![&session])]
        {
            grant::add(&operator, user.clone(), held.clone()).await.unwrap();
            scene.assert_valid(&tokens).await;
            let taken = Grant { user_id: user.clone(), organisation: None, role: role.clone() };
            assert!(grant::remove(&operator, taken).await.unwrap());
            for token in tokens {
                for node in [round % 2, 1 - round % 2] {
                    assert_eq!(scene.ends(node, token).await, Err("AUTHZ-cdgFk".to_owned()), "node {node}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_user_who_is_locked_deactivated_or_deleted() {
    let scene = Scene::set_up().await;
    let ways = [
        (0, "user.LockUser", Some("user.UnlockUser")),
        (1, "user.DeactivateUser", Some("user.ReactivateUser")),
        (0, "user.DeleteUser", None),
    ];
    for (taker, ending, back) in ways {
        let [opaque, signed] = scene.for_secret().await;
        let [by_key, _] = scene.for_keys().await;
        let tokens = [&scene.bot.token, &opaque, &signed, &by_key];
        scene.assert_valid(&tokens).await;
        let user = json!({ "userId": scene.bot.id });
        scene.admin(taker, ending, user.clone()).await;
        scene.assert_refused(taker, &tokens).await;
        for node in [1 - taker, taker] {
            assert_eq!(scene.by_secret(node).await, 401, "{ending}");
            assert_eq!(scene.by_key(node, &scene.keys[0]).await.status, 400, "{ending}");
        }
        if let Some(back) = back {
            scene.admin(taker, back, user).await;
        }
    }
}

#[tokio::test]
async fn a_session_that_is_ended_or_whose_token_was_replaced() {
    let scene = Scene::set_up().await;
    let rig = &scene.rig;
    rig.add_human("mini@mouse.com").await;
    for taker in [0, 1] {
        let (id, token) = rig.log_in("mini@mouse.com").await;
        let list = async |node: usize, token: &str| {
            let called =
                scene.nodes[node].call(Protocol::ConnectJson, "session.ListSessions", Some(token), json!({}));
            called.await.map(drop).map_err(|refusal| refusal.id())
        };
        assert_eq!((list(0, &token).await, list(1, &token).await), (Ok(()), Ok(())));
        let request = json!({ "sessionId": id, "metadata": { "key": "eA==" } });
        let next = scene.admin(taker, "session.SetSession", request).await;
        let next = next["sessionToken"].as_str().unwrap();
        for node in [1 - taker, taker] {
            assert_eq!(list(node, &token).await, Err("QUERY-dsfr3".to_owned()));
            assert_eq!(list(node, next).await, Ok(()));
        }
        scene.admin(taker, "session.DeleteSession", json!({ "sessionId": id })).await;
        for node in [1 - taker, taker] {
            assert_eq!(list(node, next).await, Err("QUERY-SFeaa".to_owned()));
        }
    }
}

//! A session token as the bearer token of a call: what refuses it, and who it stands for.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::client::Protocol;
use crate::rig::{PASSWORD, Rig};

const MAIL: &str = "mini@mouse.com";

async fn refusal(rig: &Rig, token: &str) -> (u32, String) {
    let refusal = rig.call("session.ListSessions", token, json!({})).await.unwrap_err();
    (refusal.code, refusal.message)
}

fn denied(text: &str) -> (u32, String) {
    (7, text.to_owned())
}

#[tokio::test]
async fn the_bearer_is_the_user_of_the_session() {
    let rig = Rig::start().await;
    let user = rig.add_human(MAIL).await;
    let (id, token) = rig.log_in(MAIL).await;
    for protocol in Protocol::ALL {
        let own = rig.http.call(protocol, "user.GetUserByID", Some(&token), json!({ "userId": user })).await;
        assert_eq!(own.unwrap()["user"]["userId"], json!(user), "{protocol:?}");
    }
    let list = rig.ok("session.ListSessions", &token, json!({})).await;
    assert_eq!(list["sessions"][0]["id"], json!(id));
    let other = rig.add_human("other@mouse.com").await;
    assert_eq!(rig.id("user.GetUserByID", &token, json!({ "userId": other })).await, "AUTHZ-cdgFk");
    assert_eq!(rig.id("session.CreateSession", &token, json!({})).await, "AUTHZ-cdgFk");
}

#[tokio::test]
async fn the_bearer_has_the_roles_of_the_user() {
    let rig = Rig::start().await;
    let (owner, _) = rig.add_machine("owner", &[(None, "IAM_OWNER")]).await;
    let human = rig.add_human(MAIL).await;
    let grant = rig.app.db.write(move |conn| {
        Box::pin(async move {
            for held in doorward_store::grant::of_user(conn, &owner).await? {
                doorward_store::grant::insert(conn, &human, &held).await?;
            }
            Ok(())
        })
    });
    grant.await.unwrap();
    let (_, token) = rig.log_in(MAIL).await;
    rig.ok("session.CreateSession", &token, json!({})).await;
}

#[tokio::test]
async fn a_session_that_ended_is_unknown() {
    let rig = Rig::start().await;
    rig.add_human(MAIL).await;
    let (id, token) = rig.log_in(MAIL).await;
    rig.ok("session.DeleteSession", &rig.admin, json!({ "sessionId": id })).await;
    assert_eq!(refusal(&rig, &token).await, (5, "Errors.Session.NotExisting (QUERY-SFeaa)".to_owned()));
}

#[tokio::test]
async fn a_token_that_was_replaced_is_denied_at_once() {
    let rig = Rig::start().await;
    rig.add_human(MAIL).await;
    let (id, old) = rig.log_in(MAIL).await;
    let request = json!({ "sessionId": id, "metadata": { "key": "eA==" } });
    let new = rig.ok("session.SetSession", &rig.login, request).await["sessionToken"].clone();
    assert_eq!(refusal(&rig, &old).await, denied("Errors.PermissionDenied (QUERY-dsfr3)"));
    rig.ok("session.ListSessions", new.as_str().unwrap(), json!({})).await;
}

#[tokio::test]
async fn a_session_that_expired_is_denied() {
    let rig = Rig::start().await;
    rig.add_human(MAIL).await;
    let checks = json!({ "user": { "loginName": MAIL }, "password": { "password": PASSWORD } });
    let (_, token) = rig.session(json!({ "checks": checks, "lifetime": "10s" })).await;
    rig.clock.advance(Span::seconds(9));
    rig.ok("session.ListSessions", &token, json!({})).await;
    rig.clock.advance(Span::seconds(2));
    assert_eq!(refusal(&rig, &token).await, denied("session expired (AUTHZ-EGDo3)"));
}

#[tokio::test]
async fn a_user_check_is_no_authentication() {
    let rig = Rig::start().await;
    rig.add_human(MAIL).await;
    let (_, empty) = rig.session(json!({})).await;
    let (_, user_only) = rig.session(json!({ "checks": { "user": { "loginName": MAIL } } })).await;
    for token in [empty, user_only] {
        assert_eq!(refusal(&rig, &token).await, denied("authentication required (AUTHZ-Kl3p0)"));
    }
}

#[tokio::test]
async fn a_password_that_was_changed_since_is_no_factor_any_more() {
    let rig = Rig::start().await;
    let user = rig.add_human(MAIL).await;
    let (_, token) = rig.log_in(MAIL).await;
    let request = json!({ "userId": user, "newPassword": { "password": "An0ther!pass" } });
    rig.ok("user.SetPassword", &rig.admin, request).await;
    assert_eq!(refusal(&rig, &token).await, denied("authentication required (AUTHZ-Kl3p0)"));
}

#[tokio::test]
async fn a_policy_that_forces_mfa_denies_a_single_factor() {
    for policy in ["policy.login.force_mfa=true", "policy.login.force_mfa_local_only=true"] {
        let rig = Rig::start_with(&[policy]).await;
        rig.add_human(MAIL).await;
        let (_, token) = rig.log_in(MAIL).await;
        assert_eq!(refusal(&rig, &token).await, denied("mfa required (AUTHZ-Kl3p0)"), "{policy}");
        rig.ok("session.ListSessions", &rig.login, json!({})).await;
    }
}

#[tokio::test]
async fn the_refusals_come_in_their_order() {
    let rig = Rig::start_with(&["policy.login.force_mfa=true"]).await;
    let user = rig.add_human(MAIL).await;
    let checks = json!({ "user": { "loginName": MAIL } });
    let (id, token) = rig.session(json!({ "checks": checks, "lifetime": "10s" })).await;
    let set = json!({ "sessionId": id, "checks": { "password": { "password": PASSWORD } } });
    assert_eq!(refusal(&rig, &token).await.1, "authentication required (AUTHZ-Kl3p0)");
    let second = rig.ok("session.SetSession", &rig.login, set).await["sessionToken"].clone();
    let second = second.as_str().unwrap();
    assert_eq!(refusal(&rig, second).await.1, "mfa required (AUTHZ-Kl3p0)");
    rig.ok("user.LockUser", &rig.admin, json!({ "userId": user })).await;
    assert_eq!(refusal(&rig, second).await.1, "Errors.User.Locked (DOORWARD-L0ck1)");
    rig.clock.advance(Span::seconds(11));
    assert_eq!(refusal(&rig, second).await.1, "session expired (AUTHZ-EGDo3)");
    assert_eq!(refusal(&rig, &token).await.1, "Errors.PermissionDenied (QUERY-dsfr3)");
    rig.ok("session.DeleteSession", &rig.admin, json!({ "sessionId": id })).await;
    assert_eq!(refusal(&rig, second).await.1, "Errors.Session.NotExisting (QUERY-SFeaa)");
}

#[tokio::test]
async fn a_locked_user_is_denied_until_unlocked_and_one_who_is_gone_is_unknown() {
    let rig = Rig::start().await;
    let user = rig.add_human(MAIL).await;
    let (_, token) = rig.log_in(MAIL).await;
    rig.ok("user.LockUser", &rig.admin, json!({ "userId": user })).await;
    assert_eq!(refusal(&rig, &token).await, denied("Errors.User.Locked (DOORWARD-L0ck1)"));
    rig.ok("user.UnlockUser", &rig.admin, json!({ "userId": user })).await;
    rig.ok("session.ListSessions", &token, json!({})).await;
    rig.ok("user.DeactivateUser", &rig.admin, json!({ "userId": user })).await;
    assert_eq!(refusal(&rig, &token).await.0, 5);
    rig.ok("user.ReactivateUser", &rig.admin, json!({ "userId": user })).await;
    let (_, token) = rig.log_in(MAIL).await;
    rig.ok("user.DeleteUser", &rig.admin, json!({ "userId": user })).await;
    assert_eq!(refusal(&rig, &token).await.0, 5);
}

#[tokio::test]
async fn these_refusals_are_not_turned_into_unauthenticated_over_rest() {
    let rig = Rig::start().await;
    let (id, token) = rig.session(json!({})).await;
    let path = format!("/v2/sessions/{id}");
    let answer = rig.rest("GET", &path, &token, Value::Null).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (403, &json!(7)));
    assert_eq!(answer.headers.get("www-authenticate"), None);
    rig.ok("session.DeleteSession", &rig.admin, json!({ "sessionId": id })).await;
    let answer = rig.rest("GET", &path, &token, Value::Null).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (404, &json!(5)));
}

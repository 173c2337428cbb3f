//! What becomes of sessions and tokens when the state of their user changes.

use serde_json::{Value, json};

use crate::rig::{PASSWORD, Rig};
use crate::tools::{add_machine_in, home, text};

async fn get_own(rig: &Rig, id: &str, token: &str) -> Result<Value, String> {
    rig.call("user.GetUserByID", token, json!({ "userId": id })).await.map_err(|refusal| refusal.id())
}

#[tokio::test]
async fn a_locked_users_sessions_stay_but_are_no_bearers_until_the_unlock() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (session, token) = rig.log_in("mini@mouse.com").await;
    let before = rig.shown(&session).await;
    assert!(get_own(&rig, &id, &token).await.is_ok());
    rig.ok("user.LockUser", &rig.admin, json!({ "userId": id })).await;
    let refusal = rig.call("user.GetUserByID", &token, json!({ "userId": id })).await.unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (7, "Errors.User.Locked (DOORWARD-L0ck1)"));
    assert_eq!(rig.shown(&session).await, before, "the session does not move");
    rig.ok("session.GetSession", &rig.login, json!({ "sessionId": session, "sessionToken": token })).await;
    let checks = json!({ "checks": { "user": { "loginName": "mini@mouse.com" }, "password": { "password": PASSWORD } } });
    let refusal = rig.call("session.CreateSession", &rig.login, checks).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (9, "SESSION-Gj4ko"));
    rig.ok("user.UnlockUser", &rig.admin, json!({ "userId": id })).await;
    assert!(get_own(&rig, &id, &token).await.is_ok());
}

#[tokio::test]
async fn sessions_end_together_with_deactivation_or_deletion() {
    let rig = Rig::start().await;
    for (name, call) in [("a@mouse.com", "user.DeactivateUser"), ("b@mouse.com", "user.DeleteUser")] {
        let id = rig.add_human(name).await;
        let sessions = [rig.log_in(name).await, rig.log_in(name).await];
        let bystander = rig.session(json!({})).await.0;
        rig.ok(call, &rig.admin, json!({ "userId": id })).await;
        for (session, token) in &sessions {
            let request = json!({ "sessionId": session, "sessionToken": token });
            assert_eq!(rig.id("session.GetSession", &rig.login, request.clone()).await, "QUERY-SFeaa");
            assert_eq!(rig.id("session.SetSession", &rig.login, request).await, "COMMAND-Hewfq");
            assert_eq!(get_own(&rig, &id, token).await, Err("QUERY-SFeaa".to_owned()));
        }
        rig.shown(&bystander).await;
        let query = json!({ "queries": [{ "userIdQuery": { "id": id } }] });
        let left = rig.ok("session.ListSessions", &rig.login, query).await;
        assert!(left["details"].get("totalResult").is_none(), "{left}");
    }
}

#[tokio::test]
async fn a_refused_transition_ends_no_session() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (session, token) = rig.log_in("mini@mouse.com").await;
    assert_eq!(rig.id("user.DeactivateUser", &token, json!({ "userId": id })).await, "AUTHZ-cdgFk");
    assert_eq!(rig.id("user.DeleteUser", &rig.login, json!({ "userId": id })).await, "AUTH-AWfge");
    rig.shown(&session).await;
    // Reactivation brings back the user, not the sessions.
    for call in ["user.DeactivateUser", "user.ReactivateUser"] {
        rig.ok(call, &rig.admin, json!({ "userId": id })).await;
    }
    assert_eq!(get_own(&rig, &id, &token).await, Err("QUERY-SFeaa".to_owned()));
    rig.log_in("mini@mouse.com").await;
}

#[tokio::test]
async fn sessions_survive_their_user_when_the_operator_wants_it_so() {
    let rig = Rig::start_with(&["policy.session.end_on_deactivate=false"]).await;
    let id = rig.add_human("mini@mouse.com").await;
    let (session, token) = rig.log_in("mini@mouse.com").await;
    let before = rig.shown(&session).await;
    assert_eq!(before["factors"]["user"]["loginName"], "mini@mouse.com");
    rig.ok("user.DeactivateUser", &rig.admin, json!({ "userId": id })).await;
    assert_eq!(rig.shown(&session).await, before);
    assert!(get_own(&rig, &id, &token).await.is_ok(), "deactivation does not block the token as bearer");
    rig.ok("user.DeleteUser", &rig.admin, json!({ "userId": id })).await;
    let user = rig.shown(&session).await["factors"]["user"].clone();
    assert_eq!(
        user,
        json!({ "id": id, "verifiedAt": before["factors"]["user"]["verifiedAt"], "organizationId": home(&rig) })
    );
}

#[tokio::test]
async fn the_token_of_a_machine_works_only_while_the_machine_is_active() {
    let rig = Rig::start().await;
    let (id, token) = rig.add_machine("bot", &[(None, "IAM_OWNER_VIEWER")]).await;
    let request = json!({ "userId": id });
    for (off, on) in [("user.LockUser", "user.UnlockUser"), ("user.DeactivateUser", "user.ReactivateUser")] {
        assert!(get_own(&rig, &id, &token).await.is_ok());
        rig.ok(off, &rig.admin, request.clone()).await;
        let refusal = rig.call("user.GetUserByID", &token, request.clone()).await.unwrap_err();
        assert_eq!(
            (refusal.code, refusal.message.as_str()),
            (16, "Errors.Token.Invalid (AUTH-7fs1e)"),
            "{off}"
        );
        rig.ok(on, &rig.admin, request.clone()).await;
    }
    assert!(get_own(&rig, &id, &token).await.is_ok());
    rig.ok("user.DeleteUser", &rig.admin, request).await;
    assert_eq!(get_own(&rig, &id, &token).await, Err("AUTH-7fs1e".to_owned()));
    let listed = rig.ok(
        "user.ListPersonalAccessTokens",
        &rig.admin,
        json!({ "filters": [{ "userIdFilter": { "id": id } }] }),
    );
    assert!(listed.await.get("result").is_none());
    assert_ne!(add_machine_in(&rig, &home(&rig), "bot").await, text(&json!(id)));
}

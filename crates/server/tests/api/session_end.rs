//! GetSession and DeleteSession: who may, and what is left.

use serde_json::json;

use crate::rig::Rig;

#[tokio::test]
async fn creator_user_and_permission_may_read_and_others_may_not() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let (_, own) = rig.log_in("mini@mouse.com").await;
    let (_, stranger) = rig.add_machine("stranger", &[]).await;
    let organisation = rig.app.instance.default_organisation.clone();
    let (_, owner) = rig.add_machine("owner", &[(Some(&organisation), "ORG_OWNER")]).await;
    let (_, reader) = rig.add_machine("reader", &[(Some(&organisation), "ORG_OWNER_VIEWER")]).await;
    let other = rig.add_organisation("Elsewhere").await;
    let (_, foreign) = rig.add_machine("foreign", &[(Some(&other), "ORG_OWNER")]).await;
    let (id, token) = rig.session(json!({ "checks": { "user": { "userId": user } } })).await;
    let read = json!({ "sessionId": id });
    for allowed in [&rig.login, &rig.admin, &own, &owner] {
        rig.ok("session.GetSession", allowed, read.clone()).await;
    }
    assert_eq!(rig.id("session.GetSession", &stranger, read.clone()).await, "AUTHZ-cdgFk");
    assert_eq!(rig.id("session.GetSession", &foreign, read.clone()).await, "AUTHZ-cdgFk");
    assert_eq!(rig.id("session.GetSession", &reader, read).await, "AUTH-AWfge");
    rig.ok("session.GetSession", &stranger, json!({ "sessionId": id, "sessionToken": token })).await;
}

#[tokio::test]
async fn a_creator_who_lost_every_role_still_reads_but_does_not_delete() {
    let rig = Rig::start().await;
    let (maker, token) = rig.add_machine("maker", &[(None, "IAM_LOGIN_CLIENT")]).await;
    let created = rig.ok("session.CreateSession", &token, json!({})).await;
    let read = json!({ "sessionId": created["sessionId"] });
    rig.app
        .db
        .write(move |conn| {
            Box::pin(
                async move { conn.run("DELETE FROM grants WHERE user_id = $1", &[(&maker).into()]).await },
            )
        })
        .await
        .unwrap();
    rig.ok("session.GetSession", &token, read.clone()).await;
    assert_eq!(rig.id("session.DeleteSession", &token, read).await, "AUTHZ-cdgFk");
}

#[tokio::test]
async fn a_wrong_token_is_refused_even_for_an_administrator() {
    let rig = Rig::start().await;
    let (id, _) = rig.session(json!({})).await;
    let (_, foreign) = rig.session(json!({})).await;
    for token in ["d3Jvbmc", "no base64!", foreign.as_str()] {
        let request = json!({ "sessionId": id, "sessionToken": token });
        let refusal = rig.call("session.GetSession", &rig.admin, request).await.unwrap_err();
        assert_eq!((refusal.code, refusal.id().as_str()), (7, "QUERY-dsfr3"));
    }
}

#[tokio::test]
async fn the_end_of_a_session_counts_once_and_hides_it() {
    let rig = Rig::start().await;
    let (id, token) = rig.session(json!({})).await;
    let delete = json!({ "sessionId": id });
    let first = rig.ok("session.DeleteSession", &rig.login, delete.clone()).await;
    assert_eq!(first["details"]["sequence"], "3");
    assert_eq!(first["details"]["resourceOwner"], json!(rig.app.instance.id));
    assert_eq!(rig.ok("session.DeleteSession", &rig.login, delete).await, first);
    let with_token = json!({ "sessionId": id, "sessionToken": token });
    assert_eq!(rig.ok("session.DeleteSession", &rig.login, with_token).await, first);
    assert_eq!(rig.id("session.GetSession", &rig.login, json!({ "sessionId": id })).await, "QUERY-SFeaa");
    assert!(rig.ok("session.ListSessions", &rig.login, json!({})).await.get("sessions").is_none());
}

#[tokio::test]
async fn who_may_end_a_session() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let (_, own) = rig.log_in("mini@mouse.com").await;
    let (_, stranger) = rig.add_machine("stranger", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let (_, manager) = rig.add_machine("manager", &[(None, "IAM_USER_MANAGER")]).await;
    let fresh = || async { rig.session(json!({ "checks": { "user": { "userId": user } } })).await };
    let (id, token) = fresh().await;
    let delete = |id: &str| json!({ "sessionId": id });
    assert_eq!(rig.id("session.DeleteSession", &stranger, delete(&id)).await, "AUTHZ-cdgFk");
    assert_eq!(rig.id("session.DeleteSession", &viewer, delete(&id)).await, "AUTH-AWfge");
    let wrong = json!({ "sessionId": id, "sessionToken": "d3Jvbmc" });
    assert_eq!(rig.id("session.DeleteSession", &rig.admin, wrong).await, "COMMAND-sGr42");
    let odd = json!({ "sessionId": id, "sessionToken": "no base64!" });
    assert_eq!(rig.id("session.DeleteSession", &rig.admin, odd).await, "COMMAND-hi6Ph");
    rig.ok("session.DeleteSession", &stranger, json!({ "sessionId": id, "sessionToken": token })).await;
    rig.ok("session.DeleteSession", &own, delete(&fresh().await.0)).await;
    rig.ok("session.DeleteSession", &manager, delete(&fresh().await.0)).await;
}

#[tokio::test]
async fn a_session_that_never_was_can_be_deleted_but_tells_nothing() {
    let rig = Rig::start().await;
    let (_, stranger) = rig.add_machine("stranger", &[]).await;
    let delete = json!({ "sessionId": "17" });
    assert_eq!(rig.ok("session.DeleteSession", &rig.login, delete.clone()).await, json!({ "details": {} }));
    assert_eq!(rig.id("session.DeleteSession", &stranger, delete).await, "AUTHZ-cdgFk");
    let with_token = json!({ "sessionId": "17", "sessionToken": "d3Jvbmc" });
    assert_eq!(rig.id("session.DeleteSession", &rig.login, with_token).await, "COMMAND-sGr42");
}

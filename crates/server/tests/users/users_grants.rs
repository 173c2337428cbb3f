//! Roles that are granted and taken away count with the very next call, on every node.

use std::sync::Arc;

use doorward::app::{Call, grant};
use doorward_core::caller::{Caller, Role};
use doorward_store::grant::Grant;
use serde_json::json;

use crate::client::Protocol;
use crate::rig::Rig;

fn operator(rig: &Rig) -> Call {
    let caller = Caller::operator(rig.app.instance.default_organisation.clone());
    Call { app: Arc::clone(&rig.app), caller, now: rig.now(), host: None }
}

#[tokio::test]
async fn a_role_counts_with_the_very_next_call_on_every_node() {
    let rig = Rig::start().await;
    let (second, _stop) = rig.second().await;
    let nodes = [rig.http, second];
    let (id, token) = rig.add_machine("robot", &[]).await;
    let call = operator(&rig);
    let create = "session.CreateSession";
    for _ in 0..5 {
        for node in nodes {
            let refused = node.call(Protocol::ConnectJson, create, Some(&token), json!({})).await;
            assert_eq!(refused.unwrap_err().id(), "AUTHZ-cdgFk");
        }
        let membership = grant::membership(Role::IamLoginClient, None).unwrap();
        grant::add(&call, id.clone(), membership.clone()).await.unwrap();
        grant::add(&call, id.clone(), membership).await.unwrap();
        for node in nodes {
            node.call(Protocol::ConnectJson, create, Some(&token), json!({})).await.unwrap();
        }
        let held = grant::list(&call, Some(&id)).await.unwrap();
        let role = "IAM_LOGIN_CLIENT".to_owned();
        assert_eq!(held, [Grant { user_id: id.clone(), organisation: None, role }]);
        assert!(grant::remove(&call, held[0].clone()).await.unwrap());
        assert!(!grant::remove(&call, held[0].clone()).await.unwrap());
    }
}

#[tokio::test]
async fn a_role_of_an_organisation_counts_there() {
    let rig = Rig::start().await;
    let (second, _stop) = rig.second().await;
    let nodes = [rig.http, second];
    let (home, away) = (rig.app.instance.default_organisation.clone(), rig.add_organisation("Away").await);
    let (id, token) = rig.add_machine("robot", &[]).await;
    let human = rig.add_human("mini@mouse.com").await;
    let reading = json!({ "userId": human });
    let call = operator(&rig);
    for (organisation, expected) in [(&away, "AUTHZ-cdgFk"), (&home, "")] {
        let membership = grant::membership(Role::OrgOwnerViewer, Some(organisation.clone())).unwrap();
        grant::add(&call, id.clone(), membership).await.unwrap();
        for node in nodes {
            let outcome = node.call(Protocol::ConnectJson, "user.GetUserByID", Some(&token), reading.clone());
            let said = outcome.await.err().map(|refusal| refusal.id()).unwrap_or_default();
            assert_eq!(said, expected);
        }
    }
}

#[tokio::test]
async fn a_role_of_another_level_or_for_nobody_is_refused() {
    let rig = Rig::start().await;
    let call = operator(&rig);
    for role in Role::ALL {
        let organisation = Some("17".to_owned());
        let (right, wrong) = if role.is_for_instance() { (None, organisation) } else { (organisation, None) };
        assert!(grant::membership(role, right).is_ok(), "{role:?}");
        assert!(grant::membership(role, wrong).is_err(), "{role:?}");
    }
    let owner = grant::membership(Role::OrgOwner, Some("17".to_owned())).unwrap();
    let (id, _) = rig.add_machine("robot", &[]).await;
    assert_eq!(grant::add(&call, id.clone(), owner).await.unwrap_err().id, "DOORWARD-0rg01");
    let owner = grant::membership(Role::IamOwner, None).unwrap();
    assert_eq!(grant::add(&call, "nobody".to_owned(), owner.clone()).await.unwrap_err().id, "COMMAND-4g3xq");
    rig.ok("user.DeleteUser", &rig.admin, json!({ "userId": id })).await;
    assert_eq!(grant::add(&call, id, owner).await.unwrap_err().id, "COMMAND-4g3xq");
}

//! Who may delete their own user: those who may delete users, and those with a role that says so.

use serde_json::json;

use crate::rig::Rig;
use crate::roles::{ROLES, carries, is_for_instance};

#[tokio::test]
async fn only_the_roles_that_say_so_may_delete_their_own_user() {
    let rig = Rig::start().await;
    let home = rig.app.instance.default_organisation.clone();
    let mut wrong = Vec::new();
    for (role, _) in ROLES {
        let place = (!is_for_instance(role)).then_some(home.as_str());
        let (id, token) = rig.add_machine(role, &[(place, role)]).await;
        let allowed = carries(role, "user.delete") || carries(role, "user.self.delete");
        let deleted = rig.call("user.DeleteUser", &token, json!({ "userId": id })).await;
        if deleted.is_ok() != allowed {
            wrong.push(format!("{role}: {deleted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn deleting_the_own_user_needs_the_role_where_the_user_is() {
    let rig = Rig::start().await;
    let away = rig.add_organisation("Away").await;
    let (id, token) = rig.add_machine("robot", &[(Some(&away), "ORG_USER_SELF_MANAGER")]).await;
    assert_eq!(rig.id("user.DeleteUser", &token, json!({ "userId": id })).await, "AUTHZ-cdgFk");
}

#[tokio::test]
async fn a_role_to_delete_the_own_user_deletes_no_other() {
    let rig = Rig::start().await;
    let other = rig.add_human("mini@mouse.com").await;
    let (_, token) = rig.add_machine("robot", &[(None, "SELF_MANAGEMENT_GLOBAL")]).await;
    assert_eq!(rig.id("user.DeleteUser", &token, json!({ "userId": other })).await, "AUTH-AWfge");
}

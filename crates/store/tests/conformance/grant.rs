//! Roles: held once, on the instance or on an organisation.

use doorward_core::caller::{Membership, Role};
use doorward_store::grant::Grant;
use doorward_store::{StoreError, grant, token};

use crate::rig::Rig;
use crate::sample::{add_user, human};

fn on(organisation: Option<&str>, role: Role) -> Membership {
    Membership { organisation: organisation.map(str::to_owned), role }
}

async fn two_users() -> Rig {
    let rig = Rig::fresh().await;
    add_user(&rig, &human("1", "mini")).await;
    add_user(&rig, &human("2", "max")).await;
    rig
}

#[tokio::test]
async fn every_role_survives_on_the_instance_and_on_an_organisation() {
    let rig = two_users().await;
    assert!(reading!(rig, grant::of_user("1")).unwrap().is_empty());
    let mut granted = Vec::new();
    for role in Role::ALL {
        for organisation in [None, Some("home"), Some("away")] {
            let membership = on(organisation, role);
            writing!(rig, [membership] grant::insert("1", &membership)).unwrap();
            granted.push(membership);
        }
    }
    let held = reading!(rig, grant::of_user("1")).unwrap();
    assert_eq!(held.len(), granted.len());
    assert!(granted.iter().all(|membership| held.contains(membership)));
    assert!(reading!(rig, grant::of_user("2")).unwrap().is_empty());
}

#[tokio::test]
async fn granting_twice_grants_once() {
    let rig = two_users().await;
    for _ in 0..2 {
        writing!(rig, [] grant::insert("1", &on(Some("home"), Role::OrgOwner))).unwrap();
    }
    assert_eq!(reading!(rig, grant::of_user("1")).unwrap(), [on(Some("home"), Role::OrgOwner)]);
}

#[tokio::test]
async fn a_role_is_taken_away_where_it_is_held_and_nowhere_else() {
    let rig = two_users().await;
    let held = [on(None, Role::IamOwner), on(Some("home"), Role::OrgOwner), on(Some("away"), Role::OrgOwner)];
    for membership in held.clone() {
        writing!(rig, [membership] grant::insert("1", &membership)).unwrap();
    }
    writing!(rig, [] grant::insert("2", &on(Some("home"), Role::OrgOwner))).unwrap();
    let grant = |user: &str, organisation: Option<&str>, role: &str| Grant {
        user_id: user.to_owned(),
        organisation: organisation.map(str::to_owned),
        role: role.to_owned(),
    };
    let (all, own) =
        (reading!(rig, grant::list(None)).unwrap(), reading!(rig, grant::list(Some("2"))).unwrap());
    assert_eq!((all.len(), own.as_slice()), (4, [grant("2", Some("home"), "ORG_OWNER")].as_slice()));
    assert!(
        all.contains(&grant("1", None, "IAM_OWNER")) && all.contains(&grant("1", Some("away"), "ORG_OWNER"))
    );
    for missing in [
        grant("1", None, "ORG_OWNER"),
        grant("1", Some("home"), "IAM_OWNER"),
        grant("2", Some("away"), "ORG_OWNER"),
        grant("3", None, "IAM_OWNER"),
    ] {
        assert!(!writing!(rig, [missing] grant::delete(&missing)).unwrap(), "{missing:?}");
    }
    let gone = grant("1", Some("home"), "ORG_OWNER");
    assert!(writing!(rig, [gone] grant::delete(&gone)).unwrap());
    assert!(!writing!(rig, [gone] grant::delete(&gone)).unwrap());
    assert_eq!(reading!(rig, grant::of_user("1")).unwrap(), [held[0].clone(), held[2].clone()]);
    assert_eq!(reading!(rig, grant::list(Some("2"))).unwrap(), own);
}

#[tokio::test]
async fn a_role_that_this_version_does_not_know_grants_nothing() {
    let rig = two_users().await;
    writing!(rig, [] grant::insert("1", &on(None, Role::IamOwnerViewer))).unwrap();
    rig.sql(
        "INSERT INTO grants (user_id, organisation_id, role) VALUES ('1', '', 'IAM_EMPEROR'), ('2', '', 'iam_owner');
         INSERT INTO personal_access_tokens (id, user_id, digest, created, expires)
         SELECT 't', '2', token, 0, 0 FROM sessions",
    )
    .await;
    assert_eq!(reading!(rig, grant::of_user("1")).unwrap(), [on(None, Role::IamOwnerViewer)]);
    assert!(reading!(rig, grant::of_user("2")).unwrap().is_empty());
    let unknown = reading!(rig, grant::list(Some("2"))).unwrap();
    assert_eq!(unknown[0].role, "iam_owner", "the operator sees it, and can take it away");
    let digest = [1; 32];
    let access = token::AccessToken {
        id: "t".to_owned(),
        user_id: "2".to_owned(),
        organisation: "home".to_owned(),
        created: crate::sample::NOW,
        expires: crate::sample::NOW,
    };
    writing!(rig, [access] token::insert(&access, &digest)).unwrap();
    assert!(reading!(rig, token::bearer("t")).unwrap().unwrap().memberships.is_empty());
}

#[tokio::test]
async fn nobody_cannot_hold_a_role() {
    let rig = two_users().await;
    let refused = writing!(rig, [] grant::insert("3", &on(None, Role::IamOwner)));
    assert!(matches!(refused, Err(StoreError::Driver(_))), "{refused:?}");
}

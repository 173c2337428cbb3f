//! As whom the callers of an issuer are let in.

use doorward::app::caller::authenticate;
use doorward_core::base::Timestamp;
use doorward_core::caller::Role;
use doorward_core::user::{Machine, User, UserKind, UserState};
use serde_json::{Value, json};

use crate::rig::{Rig, START};
use crate::stub::Stub;
use crate::tools::{is_let_in, token_with, with_issuer};

fn of(rig: &Rig, stub: &Stub, subject: &str, groups: &Value) -> String {
    token_with(rig, stub, |claims| {
        claims.insert("sub".to_owned(), json!(subject));
        claims.insert("groups".to_owned(), groups.clone());
    })
}

#[tokio::test]
async fn each_role_follows_from_its_value() {
    let (rig, stub) = with_issuer("").await;
    let home = rig.app.instance.default_organisation.clone();
    for role in Role::ALL {
        let token = of(&rig, &stub, "alice", &json!([format!("group {}", role.name()), "no group"]));
        // The first time it is verified, then it is remembered.
        for _ in 0..2 {
            let caller = authenticate(&rig.app, &token, None, START).await.unwrap();
            assert_eq!((caller.user_id.as_str(), caller.organisation.as_str()), ("company:alice", &*home));
            assert_eq!(caller.agent, None);
            let held: Vec<_> =
                caller.memberships.iter().map(|held| (held.role, held.organisation.as_deref())).collect();
            let place = (!role.is_for_instance()).then_some(home.as_str());
            assert_eq!(held, [(role, place)]);
        }
    }
    for groups in [json!([]), json!("IAM_OWNER"), json!(["IAM_OWNER"]), json!({}), Value::Null] {
        let token = of(&rig, &stub, "alice", &groups);
        let caller = authenticate(&rig.app, &token, None, START).await.unwrap();
        assert!(caller.memberships.is_empty(), "{groups}");
    }
}

#[tokio::test]
async fn callers_may_do_what_their_roles_allow() {
    let (rig, stub) = with_issuer("").await;
    let owner = of(&rig, &stub, "olga", &json!(["group IAM_OWNER"]));
    let login = of(&rig, &stub, "login", &json!(["group IAM_LOGIN_CLIENT"]));
    let viewer = of(&rig, &stub, "vera", &json!(["group IAM_OWNER_VIEWER"]));
    let nobody = of(&rig, &stub, "nora", &json!([]));
    let user = rig.add_human("mini@mouse.com").await;
    let create = json!({ "checks": { "user": { "userId": user } } });
    for (token, expected) in [(&viewer, "AUTH-AWfge"), (&nobody, "AUTHZ-cdgFk")] {
        assert_eq!(rig.id("session.CreateSession", token, create.clone()).await, expected);
    }
    let made = rig.ok("session.CreateSession", &login, create.clone()).await;
    let asking = json!({ "sessionId": made["sessionId"] });
    for token in [&owner, &login, &viewer] {
        rig.ok("session.GetSession", token, asking.clone()).await;
    }
    assert_eq!(rig.id("session.GetSession", &nobody, asking.clone()).await, "AUTHZ-cdgFk");
    // Whoever made a session sees it, whatever has become of their roles since.
    let demoted = of(&rig, &stub, "login", &json!([]));
    rig.ok("session.GetSession", &demoted, asking).await;
    let own = json!({ "queries": [{ "creatorQuery": {} }] });
    for (token, expected) in [(&demoted, 1), (&owner, 0), (&nobody, 0)] {
        let found = rig.ok("session.ListSessions", token, own.clone()).await;
        assert_eq!(found["sessions"].as_array().map_or(0, Vec::len), expected);
    }
    assert_eq!(rig.id("user.DeleteUser", &viewer, json!({ "userId": user })).await, "AUTH-AWfge");
    rig.ok("user.DeleteUser", &owner, json!({ "userId": user })).await;
}

#[tokio::test]
async fn organisation_subject_and_roles_are_as_configured() {
    let more = "organisation = \"17\"\nsubject_claim = \"/act/id\"\ndefault_roles = [\"ORG_OWNER\"]";
    let (rig, stub) = with_issuer(more).await;
    let token = token_with(&rig, &stub, |claims| {
        claims.remove("sub");
        claims.insert("act".to_owned(), json!({ "id": 4711 }));
        claims.insert("groups".to_owned(), json!(["group IAM_OWNER_VIEWER"]));
    });
    let caller = authenticate(&rig.app, &token, None, START).await.unwrap();
    assert_eq!((caller.user_id.as_str(), caller.organisation.as_str()), ("company:4711", "17"));
    let held: Vec<_> =
        caller.memberships.iter().map(|held| (held.role, held.organisation.as_deref())).collect();
    assert_eq!(held, [(Role::IamOwnerViewer, None), (Role::OrgOwner, Some("17"))]);
    let elsewhere = rig.add_organisation("Elsewhere").await;
    let caller = authenticate(&rig.app, &token, Some(&elsewhere), START).await.unwrap();
    assert_eq!(caller.organisation, elsewhere);
    let unknown = authenticate(&rig.app, &token, Some("18"), START).await.unwrap_err();
    assert_eq!(unknown.id, "AUTH-Bs7Ds");
}

#[tokio::test]
async fn no_user_passes_for_a_caller_of_an_issuer() {
    let (rig, stub) = with_issuer("").await;
    let organisation = rig.app.instance.default_organisation.clone();
    let request = |id: &str| {
        json!({
            "organizationId": organisation, "userId": id, "username": id, "machine": { "name": "robot" },
        })
    };
    for id in ["company:alice", "company:"] {
        assert_eq!(rig.id("user.CreateUser", &rig.admin, request(id)).await, "COMMAND-7yiox1isql", "{id}");
    }
    for id in ["company", "other:alice", "my:company:alice"] {
        rig.ok("user.CreateUser", &rig.admin, request(id)).await;
    }
    let earlier = User {
        id: "company:bob".to_owned(),
        organisation,
        state: UserState::Active,
        username: "bob".to_owned(),
        kind: UserKind::Machine(Machine { name: "bob".to_owned(), ..Machine::default() }),
        created: Timestamp(1),
        changed: Timestamp(1),
        sequence: 1,
    };
    let added = rig.app.db.write(move |conn| {
        Box::pin(async move { doorward_store::user::insert(conn, &earlier).await.map(|_| ()) })
    });
    added.await.unwrap();
    assert!(!is_let_in(&rig, &of(&rig, &stub, "bob", &json!([]))).await, "who was there before is not he");
    assert!(is_let_in(&rig, &of(&rig, &stub, "alice", &json!([]))).await);
}

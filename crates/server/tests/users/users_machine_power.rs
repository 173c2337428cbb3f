//! Nobody makes themselves a token, a secret or a key of a machine user who may do more than they.

use serde_json::{Value, json};

use crate::rig::Rig;

const BEYOND: &str = "DOORWARD-R0le5";

/// What gives its caller something to log in with as a machine user.
fn ways(user: &str) -> [(&'static str, Value); 4] {
    let expires = "2099-01-01T00:00:00Z";
    // The public key of P-256 whose private half is 1.
    let public = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK8\
                  4zV2sxXs7LtkBoN79R9Q==";
    [
        ("user.AddPersonalAccessToken", json!({ "userId": user, "expirationDate": expires })),
        ("user.AddSecret", json!({ "userId": user })),
        ("user.AddKey", json!({ "userId": user, "expirationDate": expires })),
        ("user.AddKey", json!({ "userId": user, "expirationDate": expires, "publicKey": public })),
    ]
}

/// How each of the ways ends for a caller, which is the same for all of them.
async fn outcome(rig: &Rig, token: &str, user: &str) -> Option<String> {
    let mut outcomes = Vec::new();
    for (method, request) in ways(user) {
        outcomes.push(rig.call(method, token, request).await.err().map(|refusal| refusal.id()));
    }
    outcomes.dedup();
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    outcomes.remove(0)
}

#[tokio::test]
async fn credentials_of_a_machine_user_take_everything_that_it_may_do() {
    let rig = Rig::start().await;
    let home = rig.app.instance.default_organisation.clone();
    let away = rig.add_organisation("Away").await;
    let (home, away) = (Some(home.as_str()), Some(away.as_str()));
    let mut people = Vec::new();
    for (name, held) in [
        ("nobody", vec![]),
        ("login", vec![(None, "IAM_LOGIN_CLIENT")]),
        ("owner", vec![(None, "IAM_OWNER")]),
        ("viewer", vec![(None, "IAM_OWNER_VIEWER")]),
        ("home-owner", vec![(home, "ORG_OWNER")]),
        ("home-manager", vec![(home, "ORG_USER_MANAGER")]),
        ("away-owner", vec![(away, "ORG_OWNER")]),
        ("both", vec![(home, "ORG_OWNER"), (away, "ORG_OWNER_VIEWER")]),
        ("deleter", vec![(home, "ORG_USER_SELF_MANAGER")]),
    ] {
        let (id, token) = rig.add_machine(name, &held).await;
        people.push((name, id, token));
    }
    for (caller, allowed) in [
        ("owner", "nobody login owner viewer home-owner home-manager away-owner both deleter"),
        ("login", "nobody login viewer"),
        ("home-owner", "nobody home-owner home-manager deleter"),
        ("both", "nobody home-owner home-manager both deleter"),
        ("home-manager", "nobody home-manager deleter"),
    ] {
        let (_, own, token) = people.iter().find(|(name, ..)| *name == caller).unwrap();
        for (target, user, _) in &people {
            let fits = user == own || allowed.split(' ').any(|name| name == *target);
            let expected = (!fits).then(|| BEYOND.to_owned());
            assert_eq!(outcome(&rig, token, user).await, expected, "{caller} for {target}");
        }
    }
    for caller in ["nobody", "viewer"] {
        let (_, own, token) = people.iter().find(|(name, ..)| *name == caller).unwrap();
        assert_eq!(outcome(&rig, token, own).await, None, "{caller} for itself");
    }
}

#[tokio::test]
async fn a_refused_secret_leaves_the_one_before_and_a_role_counts_at_once() {
    let rig = Rig::start().await;
    let (user, _) = rig.add_machine("robot", &[(None, "IAM_USER_MANAGER")]).await;
    rig.ok("user.AddSecret", &rig.admin, json!({ "userId": user })).await;
    let shown = rig.ok("user.GetUserByID", &rig.admin, json!({ "userId": user })).await;
    assert_eq!(rig.id("user.AddSecret", &rig.login, json!({ "userId": user })).await, BEYOND);
    let after = rig.ok("user.GetUserByID", &rig.admin, json!({ "userId": user })).await;
    assert_eq!(shown, after);
    assert_eq!(after["user"]["machine"]["hasSecret"], true);
    let admin = rig.ok("user.ListUsers", &rig.admin, json!({})).await;
    let named = |user: &&Value| user["username"] == "admin";
    let admin = admin["result"].as_array().unwrap().iter().find(named).unwrap()["userId"].clone();
    for (method, request) in ways(admin.as_str().unwrap()) {
        assert_eq!(rig.id(method, &rig.login, request).await, BEYOND, "{method}");
    }
}

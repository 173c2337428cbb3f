//! The check of a session that takes a login: each refusal, and one use.

use doorward_core::base::Span;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::client::Protocol;
use crate::flow::{log_in, with_stub};
use crate::rig::{Rig, human};
use crate::stub::Stub;

const ACCOUNT: &str = "248289761001";

/// A person with the account of the stub.
async fn linked(rig: &Rig) -> String {
    let mut request = human("mini@mouse.example");
    request["idpLinks"] = json!([{ "idpId": "stub", "userId": ACCOUNT, "userName": "mini" }]);
    rig.ok("user.AddHumanUser", &rig.admin, request).await["userId"].as_str().unwrap().to_owned()
}

/// A login at the stub, as a check presents it.
async fn check(rig: &Rig, stub: &Stub) -> Value {
    let (id, token, _) = log_in(rig, stub).await;
    json!({ "idpIntentId": id, "idpIntentToken": token })
}

fn request(user: Option<&str>, intent: &Value) -> Value {
    let mut checks = json!({ "idpIntent": intent });
    if let Some(user) = user {
        checks["user"] = json!({ "userId": user });
    }
    json!({ "checks": checks })
}

#[tokio::test]
async fn a_login_is_a_factor_of_one_session() {
    let (rig, stub) = with_stub("").await;
    let user = linked(&rig).await;
    let intent = check(&rig, &stub).await;
    let (id, _) = rig.session(request(Some(&user), &intent)).await;
    let factors = rig.shown(&id).await["factors"].clone();
    assert!(factors["intent"]["verifiedAt"].is_string(), "{factors}");
    assert_eq!(factors["user"]["id"], json!(user));
    for _ in 0..2 {
        let again = rig.id("session.CreateSession", &rig.login, request(Some(&user), &intent)).await;
        assert_eq!(again, "COMMAND-Df4bw");
    }
    let told = rig.id("user.RetrieveIdentityProviderIntent", &rig.login, intent).await;
    assert_eq!(told, "IDP-nme4gszsvx");
}

#[tokio::test]
async fn a_login_is_added_to_a_session_that_has_its_user() {
    let (rig, stub) = with_stub("").await;
    let user = linked(&rig).await;
    let (id, _) = rig.session(json!({ "checks": { "user": { "userId": user } } })).await;
    let mut set = request(None, &check(&rig, &stub).await);
    set["sessionId"] = json!(id);
    rig.ok("session.SetSession", &rig.login, set.clone()).await;
    assert!(rig.shown(&id).await["factors"]["intent"]["verifiedAt"].is_string());
    assert_eq!(rig.id("session.SetSession", &rig.login, set).await, "COMMAND-Df4bw");
}

#[tokio::test]
async fn each_refusal_has_its_id_and_uses_nothing_up() {
    let (rig, stub) = with_stub("").await;
    let user = linked(&rig).await;
    let other = rig.add_human("other@mouse.example").await;
    let (intent, another) = (check(&rig, &stub).await, check(&rig, &stub).await);
    let with = |token: &Value| json!({ "idpIntentId": intent["idpIntentId"], "idpIntentToken": token });
    for (user, intent, id) in [
        (None, intent.clone(), "COMMAND-Sfw3r"),
        (Some(&user), with(&json!("no base64!")), "CRYPTO-Swg31"),
        (Some(&user), with(&json!("Z2FyYmFnZQ")), "CRYPTO-Sf4gt"),
        (Some(&user), with(&json!(rig.login)), "CRYPTO-Sf4gt"),
        (Some(&user), with(&another["idpIntentToken"]), "CRYPTO-CRYPTO"),
        (Some(&other), intent.clone(), "COMMAND-O8xk3w"),
    ] {
        let request = request(user.map(String::as_str), &intent);
        assert_eq!(rig.id("session.CreateSession", &rig.login, request).await, id);
    }
    let mut wrong = request(Some(&user), &intent);
    wrong["checks"]["password"] = json!({ "password": "wrong" });
    assert_eq!(rig.id("session.CreateSession", &rig.login, wrong).await, "COMMAND-3M0fs");
    rig.session(request(Some(&user), &intent)).await;
    rig.clock.advance(Span::minutes(60));
    let late = rig.id("session.CreateSession", &rig.login, request(Some(&user), &another)).await;
    assert_eq!(late, "COMMAND-SAf42");
}

#[tokio::test]
async fn an_account_that_is_linked_after_the_login_counts_and_one_that_is_unlinked_does_not() {
    let (rig, stub) = with_stub("").await;
    let user = rig.add_human("mini@mouse.example").await;
    let unlinked = check(&rig, &stub).await;
    let early = rig.id("session.CreateSession", &rig.login, request(Some(&user), &unlinked)).await;
    assert_eq!(early, "COMMAND-O8xk3w");
    let link = json!({ "idpId": "stub", "userId": ACCOUNT, "userName": "mini" });
    rig.ok("user.AddIDPLink", &rig.admin, json!({ "userId": user, "idpLink": link })).await;
    rig.session(request(Some(&user), &unlinked)).await;
    let linked = check(&rig, &stub).await;
    let removing = json!({ "userId": user, "idpId": "stub", "linkedUserId": ACCOUNT });
    rig.ok("user.RemoveIDPLink", &rig.admin, removing).await;
    let late = rig.id("session.CreateSession", &rig.login, request(Some(&user), &linked)).await;
    assert_eq!(late, "COMMAND-O8xk3w");
}

#[tokio::test]
async fn of_a_hundred_uses_at_once_one_succeeds() {
    let (rig, stub) = with_stub("").await;
    let user = linked(&rig).await;
    let intent = check(&rig, &stub).await;
    // On PostgreSQL the uses are spread over two servers.
    let (other, _second) = rig.second().await;
    let uses =
        [rig.http, other].into_iter().cycle().take(100).map(|way| {
            let (rig, request) = (&rig, request(Some(&user), &intent));
            async move {
                way.call(Protocol::ConnectJson, "session.CreateSession", Some(&rig.login), request).await
            }
        });
    let outcomes = join_all(uses).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refused = outcomes.into_iter().filter_map(Result::err);
    assert!(refused.into_iter().all(|refusal| refusal.id() == "COMMAND-Df4bw"));
}

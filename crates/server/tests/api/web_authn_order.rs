//! The order in which checks and challenges of WebAuthn are refused.

use serde_json::json;

use crate::authenticator::Says;
use crate::client::Outcome;
use crate::web_authn::{Scene, wish};

const SET: &str = "session.SetSession";

#[tokio::test]
async fn checks_are_refused_in_their_order() {
    let scene = Scene::open().await;
    let rig = &scene.rig;
    let assertion = json!({ "id": "AAAA" });
    let id =
        |outcome: Outcome| outcome.map(drop).map_err(|refusal| (refusal.code, refusal.id())).unwrap_err();
    let nobody = rig.session(json!({})).await.0;
    assert_eq!(id(scene.present(&nobody, &assertion).await), (9, "COMMAND-Ioqu5".to_owned()));
    let request = json!({
        "checks": {
            "user": { "userId": scene.user },
            "webAuthN": { "credentialAssertionData": assertion },
        },
        "challenges": wish("example.com", "REQUIRED"),
    });
    let created = rig.call("session.CreateSession", &rig.login, request).await;
    assert_eq!(
        id(created),
        (9, "COMMAND-Ioqu5".to_owned()),
        "a challenge of the same request comes too late"
    );
    for (switch, back) in
        [("user.LockUser", "user.UnlockUser"), ("user.DeactivateUser", "user.ReactivateUser")]
    {
        let (session, options) = scene.asked("REQUIRED").await;
        let good = scene.passkey.get(&options, &Says::counted(1));
        rig.ok(switch, &rig.admin, json!({ "userId": scene.user })).await;
        let refusal = scene.present(&session, &good).await.unwrap_err();
        // Deactivating ends the sessions, so its own refusal comes first.
        let expected = if switch == "user.LockUser" { "COMMAND-Df4b3" } else { "COMMAND-Hewfq" };
        assert_eq!((refusal.code, refusal.id().as_str()), (9, expected));
        rig.ok(back, &rig.admin, json!({ "userId": scene.user })).await;
    }
}

#[tokio::test]
async fn challenges_are_refused_in_their_order() {
    let scene = Scene::open().await;
    let rig = &scene.rig;
    let ask = async |session: &str, domain: &str, requirement: &str| {
        let request = json!({ "sessionId": session, "challenges": wish(domain, requirement) });
        let refusal = rig.call(SET, &rig.login, request).await.unwrap_err();
        (refusal.code, refusal.id())
    };
    let nobody = rig.session(json!({})).await.0;
    assert_eq!(ask(&nobody, "127.0.0.1:80", "REQUIRED").await, (9, "COMMAND-eeR2e".to_owned()));
    let (of_user, _) = rig.session(json!({ "checks": { "user": { "userId": scene.user } } })).await;
    assert_eq!(ask(&of_user, "127.0.0.1:80", "REQUIRED").await, (3, "WEBAU-UX9ta".to_owned()));
    assert_eq!(ask(&of_user, "example.org", "REQUIRED").await, (9, "WEBAU-4G8sw".to_owned()));
    assert_eq!(ask(&of_user, "login.example.com", "PREFERRED").await, (9, "WEBAU-4G8sw".to_owned()));
    rig.ok("user.LockUser", &rig.admin, json!({ "userId": scene.user })).await;
    assert_eq!(ask(&of_user, "127.0.0.1:80", "REQUIRED").await, (9, "COMMAND-Df4b3".to_owned()));
    let (robot, _) = rig.add_machine("robot", &[]).await;
    let (of_robot, _) = rig.session(json!({ "checks": { "user": { "userId": robot } } })).await;
    assert_eq!(ask(&of_robot, "example.com", "REQUIRED").await, (9, "COMMAND-Df4b3".to_owned()));
}

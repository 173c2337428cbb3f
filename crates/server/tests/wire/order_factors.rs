//! The order in which the methods of factors look: some tell first that there is nothing, others ask for the
//! permission first.

use serde_json::{Value, json};

use crate::rig::{Rig, human};

/// A person without any factor, a caller without any role, and one with too little.
struct Scene {
    rig: Rig,
    user: String,
    nobody: String,
    viewer: String,
}

impl Scene {
    async fn build() -> Self {
        let rig = Rig::start().await;
        let mut request = human("mini@mouse.com");
        request["password"] = Value::Null;
        request["email"]["isVerified"] = Value::Null;
        request["email"]["returnCode"] = json!({});
        let made = rig.ok("user.AddHumanUser", &rig.admin, request).await;
        let (_, nobody) = rig.add_machine("nobody", &[]).await;
        let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
        Self { user: made["userId"].as_str().unwrap().to_owned(), rig, nobody, viewer }
    }

    /// How a call about a user ends for the caller without a role, the one with too little, and the administrator.
    async fn ends(&self, method: &str, user: &str, mut request: Value) -> [String; 3] {
        request["userId"] = json!(user);
        let method = format!("user.{method}");
        let mut ends = [const { String::new() }; 3];
        for (end, token) in ends.iter_mut().zip([&self.nobody, &self.viewer, &self.rig.admin]) {
            let outcome = self.rig.call(&method, token, request.clone()).await;
            *end = outcome.map_or_else(|refusal| refusal.id(), |_| "fine".to_owned());
        }
        ends
    }
}

const NO_ROLE: &str = "AUTHZ-cdgFk";
const TOO_LITTLE: &str = "AUTH-AWfge";

#[tokio::test]
async fn whoever_may_not_is_refused_before_it_is_looked_what_there_is() {
    let scene = Scene::build().await;
    let passkey = json!({ "passkeyId": "unknown", "publicKeyCredential": {}, "passkeyName": "key" });
    let key = json!({ "u2fId": "unknown", "publicKeyCredential": {}, "tokenName": "key" });
    for (method, request, end) in [
        ("VerifyTOTPRegistration", json!({ "code": "123456" }), "COMMAND-3Mif9s"),
        ("AddOTPSMS", json!({}), "COMMAND-Q54j2"),
        ("AddOTPEmail", json!({}), "COMMAND-KLJ2d"),
        ("RemoveOTPSMS", json!({}), "COMMAND-Sr3h3"),
        ("RemoveOTPEmail", json!({}), "COMMAND-b312D"),
        ("RemoveRecoveryCodes", json!({}), "DOORWARD-R3c0n"),
        ("RemoveIDPLink", json!({ "idpId": "idp", "linkedUserId": "account" }), "COMMAND-1M9xR"),
        ("VerifyPasskeyRegistration", passkey, "WEBAU-5M9so"),
        ("VerifyU2FRegistration", key, "WEBAU-5M9so"),
    ] {
        let expected = [NO_ROLE, TOO_LITTLE, end];
        assert_eq!(scene.ends(method, &scene.user, request).await, expected, "{method}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_before_the_permission_where_the_api_does_so() {
    let scene = Scene::build().await;
    let code = json!({ "code": { "id": "unknown", "code": "wrong" } });
    for (method, request, end) in [
        ("RemoveTOTP", json!({}), "COMMAND-Hd9sd"),
        ("RemovePasskey", json!({ "passkeyId": "unknown" }), "COMMAND-DAfb2"),
        ("RemoveU2F", json!({ "u2fId": "unknown" }), "COMMAND-DAfb2"),
        ("RegisterPasskey", code, "COMMAND-Eeb2a"),
        ("VerifyInviteCode", json!({ "verificationCode": "WRONG1" }), "DOORWARD-1nv1c"),
    ] {
        assert_eq!(scene.ends(method, &scene.user, request).await, [end; 3], "{method}");
    }
}

#[tokio::test]
async fn a_user_who_is_not_there_is_told_before_the_permission_where_the_api_does_so() {
    let scene = Scene::build().await;
    let link = json!({ "idpLink": { "idpId": "idp", "userId": "account", "userName": "mini" } });
    for (method, request, end) in [
        ("RegisterTOTP", json!({}), "COMMAND-SqyJz"),
        ("AddIDPLink", link, "COMMAND-vzktar7b7f"),
        ("HumanMFAInitSkipped", json!({}), "COMMAND-4g3xq"),
    ] {
        assert_eq!(scene.ends(method, "unknown", request).await, [end; 3], "{method}");
    }
    for method in ["ListAuthenticationMethodTypes", "ListAuthenticationFactors"] {
        let expected = [NO_ROLE, "fine", "fine"];
        assert_eq!(scene.ends(method, "unknown", json!({})).await, expected, "{method}");
    }
}

#[tokio::test]
async fn a_registration_link_asks_for_the_permission_before_the_limits() {
    let scene = Scene::build().await;
    for user in ["", &scene.user] {
        let [nobody, viewer, admin] =
            scene.ends("CreatePasskeyRegistrationLink", user, json!({ "returnCode": {} })).await;
        assert_eq!((nobody.as_str(), viewer.as_str()), (NO_ROLE, "AUTH-5mWD2"));
        let limit = admin.starts_with("invalid CreatePasskeyRegistrationLinkRequest.UserId: ");
        assert_eq!(limit, user.is_empty(), "{admin}");
    }
}

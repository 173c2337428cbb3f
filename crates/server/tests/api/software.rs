//! The passkey of a library that others wrote.

use passkey::authenticator::Authenticator;
use passkey::client::{Client, DefaultClientData};
use passkey::crypto::rust_crypto::RustCryptoBackend;
use passkey::types::ctap2::Aaguid;
use serde_json::json;
use url::Url;

use self::present::Present;
use crate::authenticator::{PASSKEYS, begin, finishing};
use crate::rig::Rig;

#[path = "../../../core/src/passkey/tests/present.rs"]
mod present;

#[tokio::test]
async fn the_passkey_of_another_library_logs_in() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let authenticator = Authenticator::new(Aaguid::new_empty(), None, Present, RustCryptoBackend);
    let mut browser = Client::new(authenticator);
    let origin = Url::parse("https://login.example.com").unwrap();
    let (id, options) = begin(&rig, &user, PASSKEYS).await;
    let options = serde_json::from_value(options).unwrap();
    let credential = browser.register(&origin, options, DefaultClientData).await.unwrap();
    let credential = serde_json::to_value(credential).unwrap();
    rig.ok(PASSKEYS.verify, &rig.admin, finishing(&user, PASSKEYS, &id, credential)).await;
    let request = json!({
        "checks": { "user": { "userId": user } },
        "challenges": { "webAuthN": {
            "domain": "example.com",
            "userVerificationRequirement": "USER_VERIFICATION_REQUIREMENT_REQUIRED",
        } },
    });
    let made = rig.ok("session.CreateSession", &rig.login, request).await;
    let options = made["challenges"]["webAuthN"]["publicKeyCredentialRequestOptions"].clone();
    let options = serde_json::from_value(options).unwrap();
    let assertion = browser.authenticate(&origin, options, DefaultClientData).await.unwrap();
    let checks =
        json!({ "webAuthN": { "credentialAssertionData": serde_json::to_value(assertion).unwrap() } });
    let request = json!({ "sessionId": made["sessionId"], "checks": checks });
    rig.ok("session.SetSession", &rig.login, request).await;
    let session = rig.shown(made["sessionId"].as_str().unwrap()).await;
    assert_eq!(session["factors"]["webAuthN"]["userVerified"], true);
}

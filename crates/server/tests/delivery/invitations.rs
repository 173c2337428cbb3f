//! Invitations by mail, and the rules of sending codes again.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::mail_server::MailServer;
use crate::rig::{PASSWORD, Rig};
use crate::tools::{add_unverified, outbox, start, unverified};

/// A person without any way to log in; gives the id.
async fn add_without_password(rig: &Rig, email: &str) -> String {
    let mut request = unverified(email, json!({}));
    request.as_object_mut().unwrap().remove("password");
    request["email"]["returnCode"] = json!({});
    rig.ok("user.AddHumanUser", &rig.admin, request).await["userId"].as_str().unwrap().to_owned()
}

async fn is_verified(rig: &Rig, user: &str) -> bool {
    let shown = rig.ok("user.GetUserByID", &rig.admin, json!({ "userId": user })).await;
    shown["user"]["human"]["email"]["isVerified"] == true
}

#[tokio::test]
async fn an_invitation_comes_by_mail_and_proves_the_address() {
    let mut mails = MailServer::start().await;
    let rig = start(&mails.settings()).await;
    let user = add_without_password(&rig, "mini@mouse.example").await;
    let send =
        json!({ "urlTemplate": "https://app.example/{{.LoginName}}/{{.Code}}", "applicationName": "Cheese" });
    let answer =
        rig.ok("user.CreateInviteCode", &rig.admin, json!({ "userId": user, "sendCode": send })).await;
    assert!(answer["inviteCode"].is_null() && answer["details"]["sequence"] == "2", "{answer}");
    let mail = mails.mail().await;
    assert!(mail.text().contains("invited to Cheese"), "{mail:?}");
    assert_eq!(mail.link(), format!("https://app.example/mini@mouse.example/{}", mail.code()));
    rig.ok("user.ResendInviteCode", &rig.admin, json!({ "userId": user })).await;
    let again = mails.mail().await;
    assert!(again.link().ends_with("&invite=true"), "{again:?}");
    let verify = |code: &str| json!({ "userId": user, "verificationCode": code });
    let old = rig.id("user.VerifyInviteCode", &rig.admin, verify(&mail.code())).await;
    assert_eq!(old, "DOORWARD-1nv1c", "the new code voids the one before");
    assert!(!is_verified(&rig, &user).await);
    rig.ok("user.VerifyInviteCode", &rig.admin, verify(&again.code())).await;
    assert!(is_verified(&rig, &user).await);
    let used = rig.id("user.VerifyInviteCode", &rig.admin, verify(&again.code())).await;
    assert_eq!(used, "DOORWARD-1nv1c", "only once");
    let resend = rig.id("user.ResendInviteCode", &rig.admin, json!({ "userId": user })).await;
    assert_eq!(resend, "DOORWARD-1nv1n");
}

#[tokio::test]
async fn only_who_has_no_way_to_log_in_is_invited() {
    let rig = Rig::start().await;
    let user = add_without_password(&rig, "mini@mouse.example").await;
    let invite = |user: &str| json!({ "userId": user, "returnCode": {} });
    let code = rig.ok("user.CreateInviteCode", &rig.admin, invite(&user)).await["inviteCode"].clone();
    assert_eq!(code.as_str().unwrap().len(), 6);
    let set = json!({ "userId": user, "newPassword": { "password": PASSWORD } });
    rig.ok("user.SetPassword", &rig.admin, set).await;
    assert_eq!(rig.id("user.CreateInviteCode", &rig.admin, invite(&user)).await, "DOORWARD-1nv1a");
    let (machine, _) = rig.add_machine("robot", &[]).await;
    assert_eq!(rig.id("user.CreateInviteCode", &rig.admin, invite(&machine)).await, "DOORWARD-Hum4n");
    assert_eq!(rig.id("user.CreateInviteCode", &rig.admin, invite("unknown")).await, "COMMAND-4g3xq");
    // Nothing is set up here that could send it.
    let other = add_without_password(&rig, "max@mouse.example").await;
    for request in [json!({ "userId": other }), json!({ "userId": other, "sendCode": {} })] {
        assert_eq!(rig.id("user.CreateInviteCode", &rig.admin, request).await, "DOORWARD-N0tif");
    }
}

#[tokio::test]
async fn an_invitation_is_void_after_five_wrong_codes_after_its_time_and_with_another_address() {
    let rig = Rig::start().await;
    let user = add_without_password(&rig, "mini@mouse.example").await;
    let invite = async || {
        let request = json!({ "userId": user, "returnCode": {} });
        rig.ok("user.CreateInviteCode", &rig.admin, request).await["inviteCode"].clone()
    };
    let verify = async |code: &Value| {
        rig.id("user.VerifyInviteCode", &rig.admin, json!({ "userId": user, "verificationCode": code })).await
    };
    let code = invite().await;
    for _ in 0..5 {
        assert_eq!(verify(&json!("WRONG1")).await, "DOORWARD-1nv1c");
    }
    assert_eq!(verify(&code).await, "DOORWARD-1nv1c");
    let code = invite().await;
    rig.clock.advance(Span::minutes(72 * 60));
    assert_eq!(verify(&code).await, "DOORWARD-1nv1c");
    let code = invite().await;
    let set = json!({ "userId": user, "email": "max@mouse.example", "returnCode": {} });
    rig.ok("user.SetEmail", &rig.admin, set).await;
    assert_eq!(verify(&code).await, "DOORWARD-1nv1c", "the code never was in that mail box");
    assert!(!is_verified(&rig, &user).await);
    let unknown = json!({ "userId": "unknown", "verificationCode": "WRONG1" });
    assert_eq!(rig.id("user.VerifyInviteCode", &rig.admin, unknown).await, "DOORWARD-1nv1c");
}

#[tokio::test]
async fn a_code_is_sent_again_only_where_there_is_one_and_to_what_is_not_proven() {
    let rig = Rig::start().await;
    let user = add_unverified(&rig, "mini@mouse.example").await;
    let request = json!({ "userId": user, "returnCode": {} });
    assert_eq!(rig.id("user.ResendEmailCode", &rig.admin, request.clone()).await, "DOORWARD-R3s3n");
    let first = rig.ok("user.SendEmailCode", &rig.admin, request.clone()).await["verificationCode"].clone();
    let second =
        rig.ok("user.ResendEmailCode", &rig.admin, request.clone()).await["verificationCode"].clone();
    let verify = |code: &Value| json!({ "userId": user, "verificationCode": code });
    assert_eq!(rig.id("user.VerifyEmail", &rig.admin, verify(&first)).await, "COMMAND-eis9R");
    rig.ok("user.VerifyEmail", &rig.admin, verify(&second)).await;
    for method in ["user.ResendEmailCode", "user.SendEmailCode"] {
        assert_eq!(rig.id(method, &rig.admin, request.clone()).await, "DOORWARD-R3s3v");
        let unknown = json!({ "userId": "unknown", "returnCode": {} });
        assert_eq!(rig.id(method, &rig.admin, unknown).await, "DOORWARD-R3s3u");
    }
    assert_eq!(rig.id("user.ResendPhoneCode", &rig.admin, request.clone()).await, "COMMAND-ieJ2e");
    rig.ok("user.SetPhone", &rig.admin, json!({ "userId": user, "phone": "+41791234567" })).await;
    let code = rig.ok("user.ResendPhoneCode", &rig.admin, request).await["verificationCode"].clone();
    rig.ok("user.VerifyPhone", &rig.admin, verify(&code)).await;
    assert!(outbox(&rig).await.is_empty());
}

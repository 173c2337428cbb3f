//! Mails that arrive: what is in them, and that the codes in them are good.

use serde_json::json;

use crate::mail_server::MailServer;
use crate::rig::PASSWORD;
use crate::tools::{add_unverified, outbox, start, unverified};

#[tokio::test]
async fn the_code_in_the_mail_verifies_the_address() {
    let mut mails = MailServer::start().await;
    let rig = start(&mails.settings()).await;
    let id = add_unverified(&rig, "mini@mouse.example").await;
    let mail = mails.mail().await;
    assert_eq!((mail.to(), mail.0["sender"].as_str()), ("mini@mouse.example", Some("door@ward.example")));
    assert_eq!(mail.header("from"), "Door <door@ward.example>");
    assert_eq!(mail.header("reply-to"), "help@ward.example");
    assert_eq!(mail.header("subject"), "Confirm your mail address");
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    assert_eq!(mail.header("date"), "Thu, 20 Nov 2025 10:00:00 +0000");
    assert_eq!(mail.header("message-id"), format!("<{}@ward.example>", outbox(&rig).await[0].id));
    assert!(mail.text().starts_with("Hello Mini Mouse,"), "{mail:?}");
    assert!(mail.text().contains("valid until 2025-11-20 11:00 UTC"), "{mail:?}");
    let code = mail.code();
    let organisation = &rig.app.instance.default_organisation;
    let link = format!("https://login.example/ui/verify?code={code}&userId={id}&organization={organisation}");
    assert_eq!(mail.link(), link);
    assert!(mail.html().contains(&format!(">{code}<")) && mail.html().contains(&link.replace('&', "&amp;")));
    let request = json!({ "userId": id, "verificationCode": code });
    rig.ok("user.VerifyEmail", &rig.admin, request.clone()).await;
    let shown = rig.ok("user.GetUserByID", &rig.admin, json!({ "userId": id })).await;
    assert_eq!(shown["user"]["human"]["email"]["isVerified"], true);
    assert_eq!(rig.id("user.VerifyEmail", &rig.admin, request).await, "COMMAND-eis9R", "only once");
}

#[tokio::test]
async fn the_mail_is_in_the_language_of_the_user() {
    let mut mails = MailServer::start().await;
    let rig = start(&mails.settings()).await;
    let profile = json!({ "givenName": "Zoë", "familyName": "Müller & Söhne", "preferredLanguage": "de-CH" });
    let request = unverified("zoe@mouse.example", json!({ "profile": profile }));
    rig.ok("user.AddHumanUser", &rig.admin, request).await;
    let mail = mails.mail().await;
    assert_eq!(mail.header("subject"), "Bestätigen Sie Ihre E-Mail-Adresse");
    assert!(mail.text().starts_with("Guten Tag Zoë Müller & Söhne,"), "{mail:?}");
    assert!(mail.html().contains("Guten Tag Zoë Müller &amp; Söhne,"), "{mail:?}");
}

#[tokio::test]
async fn templates_of_the_operator_take_the_place_of_the_built_in_ones() {
    let mut mails = MailServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("verify_email.en.subject.txt"), "Hi {{.LoginName}}").unwrap();
    let mut settings = mails.settings();
    settings.push(format!("delivery.templates={}", folder.path().display()));
    let rig = start(&settings).await;
    add_unverified(&rig, "mini@mouse.example").await;
    assert_eq!(mails.mail().await.header("subject"), "Hi mini@mouse.example");
}

#[tokio::test]
async fn the_link_is_made_of_the_template_of_the_request() {
    let mut mails = MailServer::start().await;
    let rig = start(&mails.settings()).await;
    let template = "https://app.example/{{.OrgID}}?u={{ .UserID }}&c={{.Code}}";
    let email = json!({ "email": "mini@mouse.example", "sendCode": { "urlTemplate": template } });
    let request = unverified("mini@mouse.example", json!({ "email": email }));
    let made = rig.ok("user.AddHumanUser", &rig.admin, request).await;
    assert!(made["emailCode"].is_null(), "{made}");
    let id = made["userId"].as_str().unwrap();
    let mail = mails.mail().await;
    let link =
        |code: &str| format!("https://app.example/{}?u={id}&c={code}", rig.app.instance.default_organisation);
    assert_eq!(mail.link(), link(&mail.code()));
    for (method, request) in [
        (
            "SetEmail",
            json!({ "userId": id, "email": "max@mouse.example", "sendCode": { "urlTemplate": template } }),
        ),
        ("SendEmailCode", json!({ "userId": id, "sendCode": { "urlTemplate": template } })),
        ("ResendEmailCode", json!({ "userId": id, "sendCode": { "urlTemplate": template } })),
    ] {
        rig.ok(&format!("user.{method}"), &rig.admin, request).await;
        let mail = mails.mail().await;
        assert_eq!((mail.to(), mail.link()), ("max@mouse.example", link(&mail.code()).as_str()), "{method}");
    }
    rig.ok("user.ResendEmailCode", &rig.admin, json!({ "userId": id })).await;
    assert!(mails.mail().await.link().starts_with("https://login.example/ui/verify?code="));
}

#[tokio::test]
async fn a_template_that_cannot_be_used_is_refused_before_anything_else() {
    let mails = MailServer::start().await;
    let rig = start(&mails.settings()).await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    for (template, id) in [
        ("https://app.example/{{.Code", "DOMAIN-oGh5e"),
        ("{{if .Code}}x{{end}}", "DOMAIN-oGh5e"),
        ("https://app.example/{{.Password}}", "DOMAIN-ieYa7"),
        ("{{.SessionID}}", "DOMAIN-ieYa7"),
    ] {
        let code = json!({ "urlTemplate": template });
        let email = json!({ "email": "not an address@", "sendCode": code });
        for (method, request) in [
            ("SetEmail", json!({ "userId": "unknown", "email": "m@m.co", "sendCode": code })),
            ("SendEmailCode", json!({ "userId": "unknown", "sendCode": code })),
            ("ResendEmailCode", json!({ "userId": "unknown", "sendCode": code })),
            ("PasswordReset", json!({ "userId": "unknown", "sendLink": code })),
            ("CreateInviteCode", json!({ "userId": "unknown", "sendCode": code })),
            (
                "UpdateHumanUser",
                json!({ "userId": "unknown", "email": { "email": "m@m.co", "sendCode": code } }),
            ),
        ] {
            assert_eq!(rig.id(&format!("user.{method}"), &nobody, request).await, id, "{method} {template}");
        }
        if template.contains("app.example") {
            let request = unverified("m@m.co", json!({ "email": email }));
            let refused = rig.id("user.AddHumanUser", &rig.admin, request).await;
            assert!(refused == id || refused.starts_with("invalid AddHumanUserRequest"), "{refused}");
        }
    }
    assert!(outbox(&rig).await.is_empty());
}

#[tokio::test]
async fn the_code_of_a_password_reset_comes_by_mail() {
    let mut mails = MailServer::start().await;
    let rig = start(&mails.settings()).await;
    let id = rig.add_human("mini@mouse.example").await;
    for request in [
        json!({ "userId": id }),
        json!({ "userId": id, "sendLink": {} }),
        json!({ "userId": id, "sendLink": { "notificationType": "NOTIFICATION_TYPE_Email" } }),
    ] {
        let answer = rig.ok("user.PasswordReset", &rig.admin, request).await;
        assert!(answer["verificationCode"].is_null(), "{answer}");
        let mail = mails.mail().await;
        assert_eq!(mail.header("subject"), "Choose a new password");
        assert!(mail.link().starts_with("https://login.example/ui/password/set?code="), "{mail:?}");
        let code = mail.code();
        let new = json!({ "password": format!("{PASSWORD}{code}") });
        let set = json!({ "userId": id, "newPassword": new, "verificationCode": code });
        rig.ok("user.SetPassword", &rig.admin, set).await;
    }
    // By SMS, which is not set up here.
    let sms = json!({ "userId": id, "sendLink": { "notificationType": "NOTIFICATION_TYPE_SMS" } });
    assert_eq!(rig.id("user.PasswordReset", &rig.admin, sms).await, "DOORWARD-N0tif");
}

#[tokio::test]
async fn a_code_that_a_session_asks_for_comes_by_mail_and_passes_the_check() {
    let mut mails = MailServer::start().await;
    let rig = start(&mails.settings()).await;
    let user = rig.add_human("mini@mouse.example").await;
    rig.ok("user.AddOTPEmail", &rig.admin, json!({ "userId": user })).await;
    let template = "https://app.example/{{.SessionID}}?c={{.Code}}&n={{.LoginName}}&d={{.DisplayName}}";
    let (id, token) = rig
        .session(json!({
            "checks": { "user": { "userId": user } },
            "challenges": { "otpEmail": { "sendCode": { "urlTemplate": template } } },
        }))
        .await;
    let mail = mails.mail().await;
    let code = mail.code();
    assert_eq!(mail.header("subject"), format!("{code} is your code to log in"));
    let link = format!("https://app.example/{id}?c={code}&n=mini@mouse.example&d=Mini Mouse");
    assert!(mail.text().contains(&link), "{mail:?}");
    let check = json!({ "sessionId": id, "sessionToken": token, "checks": { "otpEmail": { "code": code } } });
    rig.ok("session.SetSession", &rig.login, check).await;
    assert!(rig.shown(&id).await["factors"]["otpEmail"]["verifiedAt"].is_string());
    // Without a template the link is that of the configuration.
    let challenge = json!({ "sessionId": id, "challenges": { "otpEmail": {} } });
    rig.ok("session.SetSession", &rig.login, challenge).await;
    let mail = mails.mail().await;
    let code = mail.code();
    let link = format!("https://login.example/ui/otp/verify?code={code}&userID={user}&sessionId={id}");
    assert_eq!(mail.link(), link);
}

#[tokio::test]
async fn an_unsaid_verification_sends_where_it_can() {
    let mut mails = MailServer::start().await;
    let rig = start(&mails.settings()).await;
    // Mail is set up, SMS are not.
    let more = json!({ "phone": { "phone": "+41791234567" } });
    let request = unverified("mini@mouse.example", more);
    let id = rig.ok("user.AddHumanUser", &rig.admin, request).await["userId"].clone();
    assert_eq!(mails.mail().await.to(), "mini@mouse.example");
    rig.ok("user.SetEmail", &rig.admin, json!({ "userId": id, "email": "max@mouse.example" })).await;
    assert_eq!(mails.mail().await.to(), "max@mouse.example");
    let update = json!({ "userId": id, "email": { "email": "moritz@mouse.example" } });
    rig.ok("user.UpdateHumanUser", &rig.admin, update.clone()).await;
    assert_eq!(mails.mail().await.to(), "moritz@mouse.example");
    // The same address sent along once more is no reason for a mail, and neither is one that counts as verified.
    rig.ok("user.UpdateHumanUser", &rig.admin, update).await;
    let verified = json!({ "userId": id, "email": "mia@mouse.example", "isVerified": true });
    rig.ok("user.SetEmail", &rig.admin, verified).await;
    let set = json!({ "userId": id, "phone": "+41791234568", "sendCode": {} });
    assert_eq!(rig.id("user.SetPhone", &rig.admin, set).await, "DOORWARD-N0tif");
    let entries = outbox(&rig).await;
    assert_eq!(entries.len(), 3, "{entries:?}");
}

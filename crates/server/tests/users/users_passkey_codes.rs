//! Codes that let somebody register a passkey for a user.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::authenticator::{Key, PASSKEYS, Says, finishing};
use crate::client::Outcome;
use crate::rig::Rig;
use crate::tools::{add_in, text};

const LINK: &str = "user.CreatePasskeyRegistrationLink";

fn refusal(outcome: Outcome) -> (u32, String) {
    let refusal = outcome.unwrap_err();
    (refusal.code, refusal.id())
}

fn is(code: u32, id: &str) -> (u32, String) {
    (code, id.to_owned())
}

async fn code(rig: &Rig, user: &str) -> Value {
    let made = rig.ok(LINK, &rig.admin, json!({ "userId": user, "returnCode": {} })).await;
    made["code"].clone()
}

async fn register(rig: &Rig, token: &str, user: &str, code: &Value) -> Outcome {
    let request = json!({ "userId": user, "code": code, "domain": "example.com" });
    rig.call(PASSKEYS.register, token, request).await
}

#[tokio::test]
async fn a_code_is_good_for_one_registration() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let code = code(&rig, &user).await;
    assert_eq!(text(&code["code"]).len(), 12);
    let begun = register(&rig, &rig.admin, &user, &code).await.unwrap();
    let options = &begun["publicKeyCredentialCreationOptions"];
    let credential = Key::new("a key").create(options, &Says::default());
    let id = text(&begun["passkeyId"]);
    rig.ok(PASSKEYS.verify, &rig.admin, finishing(&user, PASSKEYS, &id, credential)).await;
    assert_eq!(refusal(register(&rig, &rig.admin, &user, &code).await), is(3, "COMMAND-Eeb2a"));
}

#[tokio::test]
async fn a_code_that_is_none_is_refused() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let other = rig.add_human("max@mouse.com").await;
    let (first, second) = (code(&rig, &user).await, code(&rig, &user).await);
    let swapped = json!({ "id": first["id"], "code": second["code"] });
    let unknown = json!({ "id": "12", "code": first["code"] });
    for (user, code) in
        [(&user, &swapped), (&user, &unknown), (&other, &first), (&"nobody".to_owned(), &first)]
    {
        assert_eq!(refusal(register(&rig, &rig.admin, user, code).await), is(3, "COMMAND-Eeb2a"));
    }
    register(&rig, &rig.admin, &user, &first).await.unwrap();
    rig.clock.advance(Span::minutes(60));
    assert_eq!(refusal(register(&rig, &rig.admin, &user, &second).await), is(3, "COMMAND-Eeb2a"), "expired");
}

#[tokio::test]
async fn the_fifth_wrong_code_voids_it() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    for (wrong, survives) in [(4, true), (5, false)] {
        let code = code(&rig, &user).await;
        let guess = json!({ "id": code["id"], "code": "AAAAAAAAAAAA" });
        for _ in 0..wrong {
            assert_eq!(refusal(register(&rig, &rig.admin, &user, &guess).await), is(3, "COMMAND-Eeb2a"));
        }
        assert_eq!(register(&rig, &rig.admin, &user, &code).await.is_ok(), survives);
    }
}

#[tokio::test]
async fn a_code_is_used_up_only_by_a_call_that_succeeds_and_replaces_no_permission() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let (_, stranger) = rig.add_machine("stranger", &[]).await;
    let code = code(&rig, &user).await;
    assert_eq!(refusal(register(&rig, &stranger, &user, &code).await), is(5, "AUTHZ-cdgFk"));
    let request = json!({ "userId": user, "code": code, "domain": "127.0.0.1:80" });
    assert_eq!(refusal(rig.call(PASSKEYS.register, &rig.admin, request).await), is(3, "WEBAU-UX9ta"));
    let (_, own) = rig.log_in("mini@mouse.com").await;
    register(&rig, &own, &user, &code).await.unwrap();
}

#[tokio::test]
async fn codes_are_made_with_the_permission_alone() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let home = rig.app.instance.default_organisation.clone();
    let away = rig.add_organisation("away").await;
    let elsewhere = add_in(&rig, &away, "max@mouse.com").await;
    let (_, own) = rig.log_in("mini@mouse.com").await;
    let (robot, stranger) = rig.add_machine("stranger", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let (_, owner) = rig.add_machine("owner", &[(Some(&home), "ORG_OWNER")]).await;
    let make = async |token: &str, user: &str| {
        rig.call(LINK, token, json!({ "userId": user, "returnCode": {} })).await
    };
    assert_eq!(refusal(make(&own, &user).await), is(5, "AUTHZ-cdgFk"));
    assert_eq!(refusal(make(&stranger, &user).await), is(5, "AUTHZ-cdgFk"));
    assert_eq!(refusal(make(&viewer, &user).await), is(7, "AUTH-5mWD2"));
    make(&owner, &user).await.unwrap();
    assert_eq!(refusal(make(&owner, &elsewhere).await), is(5, "AUTHZ-cdgFk"), "of another organisation");
    assert_eq!(refusal(make(&owner, "nobody").await), is(5, "AUTHZ-cdgFk"));
    for user in ["nobody", robot.as_str()] {
        assert_eq!(refusal(make(&rig.admin, user).await), is(5, "COMMAND-M9dsd"));
    }
}

#[tokio::test]
async fn a_code_can_be_sent() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    for unset in [json!({ "userId": user }), json!({ "userId": user, "sendLink": {} })] {
        assert_eq!(refusal(rig.call(LINK, &rig.admin, unset).await), is(9, "DOORWARD-N0tif"));
    }
    let rig = Rig::start_with(&["mail.transport=log"]).await;
    let user = rig.add_human("mini@mouse.com").await;
    let send = async |template: &str| {
        let link = json!({ "userId": user, "sendLink": { "urlTemplate": template } });
        rig.call(LINK, &rig.admin, link).await
    };
    let template = "https://example.com/{{.UserID}}/{{.OrgID}}/{{.CodeID}}/{{.Code}}";
    let made = send(template).await.unwrap();
    assert_eq!(made["details"]["sequence"], "2");
    assert!(made.get("code").is_none());
    assert_eq!(refusal(send("{{.Code").await), is(3, "DOMAIN-oGh5e"));
    assert_eq!(refusal(send("{{.LoginName}}").await), is(3, "DOMAIN-ieYa7"));
    let mut reading = rig.app.db.reading().await.unwrap();
    let sql = "SELECT purpose FROM outbox WHERE user_id = $1";
    let rows = reading.conn().unwrap().all(sql, &[user.as_str().into()]).await.unwrap();
    assert_eq!(rows.len(), 1);
}

//! Links to accounts at identity providers, and the refusals of logins there: every id.

use doorward::env::Clock;
use doorward_core::base::Span;
use doorward_core::intent::{Account, Intent, IntentState};
use doorward_core::token::TokenKind;
use doorward_store::intent::{self, Success};
use serde_json::{Value, json};

use crate::rig::{Rig, human};

/// Two providers, at neither of which anybody listens.
const PROVIDERS: &str = r#"
public_url = "https://doorward.example"
[intents]
provider_timeout_ms = 1000
[[idp]]
id = "one"
issuer = "http://127.0.0.1:9"
client_id = "doorward"
[[idp]]
id = "two"
issuer = "http://127.0.0.1:9"
client_id = "doorward"
"#;

const RETRIEVE: &str = "user.RetrieveIdentityProviderIntent";

async fn start() -> Rig {
    Rig::start_from(&[], PROVIDERS).await
}

fn link(idp: &str, account: &str) -> Value {
    json!({ "idpId": idp, "userId": account, "userName": format!("{account} at {idp}") })
}

fn adding(user: &str, idp: &str, account: &str) -> Value {
    json!({ "userId": user, "idpLink": link(idp, account) })
}

fn removing(user: &str, idp: &str, account: &str) -> Value {
    json!({ "userId": user, "idpId": idp, "linkedUserId": account })
}

/// An intent in some state, with its token.
async fn intent(rig: &Rig, state: IntentState) -> (String, String) {
    let (app, now) = (&rig.app, rig.clock.now());
    let id = app.mint_id(now);
    let minted = app.mint_token(TokenKind::Intent, &id);
    let started = Intent {
        id: id.clone(),
        idp_id: "one".to_owned(),
        state: IntentState::Answered,
        success_url: "https://a.example/".to_owned(),
        failure_url: "https://a.example/".to_owned(),
        token: None,
        user_id: None,
        account: None,
        secrets: None,
        created: now,
        changed: now,
        expires: now.plus(Span::minutes(10)),
    };
    let told = json!({ "access_token": "a", "id_token": null, "claims": { "sub": "x" } });
    let success = Success {
        token: minted.digest,
        user_id: None,
        account: Account { id: "x".to_owned(), name: "mini".to_owned() },
        secrets: app.seal(&format!("intent {id}"), told.to_string().as_bytes()),
        expires: now.plus(Span::minutes(60)),
    };
    let of = id.clone();
    let written = app.db.write(move |conn| {
        Box::pin(async move {
            intent::insert(conn, &started).await?;
            assert!(intent::succeed(conn, &of, &success, now).await?);
            if state != IntentState::Succeeded {
                assert!(intent::step(conn, &of, IntentState::Succeeded, state, now).await?);
            }
            Ok(())
        })
    });
    written.await.unwrap();
    (id, minted.text.expose().to_owned())
}

#[tokio::test]
async fn links_are_added_listed_and_removed() {
    let rig = start().await;
    let id = rig.add_human("mini@mouse.example").await;
    for (idp, account) in [("two", "x"), ("one", "y"), ("one", "x")] {
        let added = rig.ok("user.AddIDPLink", &rig.admin, adding(&id, idp, account)).await;
        assert!(added["details"]["sequence"].as_str().is_some(), "{added}");
    }
    let list = async |query: Value| {
        let request = json!({ "userId": id, "query": query });
        rig.ok("user.ListIDPLinks", &rig.admin, request).await
    };
    let all = list(json!({ "asc": true })).await;
    assert_eq!(all["result"], json!([link("one", "x"), link("one", "y"), link("two", "x")]));
    assert_eq!(all["details"]["totalResult"], "3");
    let page = list(json!({ "asc": true, "offset": 1, "limit": 1 })).await;
    assert_eq!((&page["result"], &page["details"]["totalResult"]), (&json!([link("one", "y")]), &json!("3")));
    rig.ok("user.RemoveIDPLink", &rig.admin, removing(&id, "one", "x")).await;
    assert_eq!(rig.id("user.RemoveIDPLink", &rig.admin, removing(&id, "one", "x")).await, "COMMAND-1M9xR");
    assert_eq!(list(json!({})).await["details"]["totalResult"], "2");
}

#[tokio::test]
async fn a_link_needs_a_user_a_provider_and_a_free_account() {
    let rig = start().await;
    let (mini, other) =
        (rig.add_human("mini@mouse.example").await, rig.add_human("other@mouse.example").await);
    rig.ok("user.AddIDPLink", &rig.admin, adding(&mini, "one", "x")).await;
    for (user, idp, account, id) in [
        ("nobody", "one", "z", "COMMAND-vzktar7b7f"),
        (mini.as_str(), "three", "z", "COMMAND-39nf2"),
        (mini.as_str(), "one", "x", "V3-DKcYh"),
        (other.as_str(), "one", "x", "V3-DKcYh"),
        (rig.app.instance.id.as_str(), "one", "z", "COMMAND-vzktar7b7f"),
    ] {
        assert_eq!(
            rig.id("user.AddIDPLink", &rig.admin, adding(user, idp, account)).await,
            id,
            "{user} {idp}"
        );
    }
    let without = json!({ "userId": mini });
    assert_eq!(rig.id("user.AddIDPLink", &rig.admin, without).await, "COMMAND-39nf2");
    let (machine, _) = rig.add_machine("robot", &[]).await;
    assert_eq!(rig.id("user.AddIDPLink", &rig.admin, adding(&machine, "one", "z")).await, "DOORWARD-Hum4n");
    for (user, idp, account) in [("nobody", "one", "x"), (&other, "one", "x"), (&mini, "two", "x")] {
        let id = rig.id("user.RemoveIDPLink", &rig.admin, removing(user, idp, account)).await;
        assert_eq!(id, "COMMAND-1M9xR");
    }
    assert_eq!(rig.id("user.ListIDPLinks", &rig.admin, json!({ "userId": "nobody" })).await, "COMMAND-4g3xq");
}

#[tokio::test]
async fn links_are_the_business_of_user_managers_and_of_the_user() {
    let rig = start().await;
    let id = rig.add_human("mini@mouse.example").await;
    let (_, own) = rig.log_in("mini@mouse.example").await;
    rig.ok("user.AddIDPLink", &own, adding(&id, "one", "x")).await;
    rig.ok("user.ListIDPLinks", &own, json!({ "userId": id })).await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    assert_eq!(rig.id("user.AddIDPLink", &nobody, adding(&id, "one", "y")).await, "AUTHZ-cdgFk");
    assert_eq!(rig.id("user.AddIDPLink", &viewer, adding(&id, "one", "y")).await, "AUTH-AWfge");
    assert_eq!(rig.id("user.RemoveIDPLink", &viewer, removing(&id, "one", "x")).await, "AUTH-AWfge");
    assert_eq!(rig.id("user.ListIDPLinks", &nobody, json!({ "userId": id })).await, "AUTHZ-cdgFk");
    rig.ok("user.ListIDPLinks", &viewer, json!({ "userId": id })).await;
    rig.ok("user.RemoveIDPLink", &own, removing(&id, "one", "x")).await;
}

#[tokio::test]
async fn a_user_has_a_hundred_links_at_most() {
    let rig = start().await;
    let links: Vec<Value> = (0..101).map(|number| link("one", &format!("x{number}"))).collect();
    let mut request = human("mini@mouse.example");
    request["idpLinks"] = json!(links);
    assert_eq!(rig.id("user.AddHumanUser", &rig.admin, request.clone()).await, "DOORWARD-L1nks");
    request["idpLinks"] = json!(links[..100]);
    let id = rig.ok("user.AddHumanUser", &rig.admin, request).await["userId"].as_str().unwrap().to_owned();
    assert_eq!(rig.id("user.AddIDPLink", &rig.admin, adding(&id, "two", "x")).await, "DOORWARD-L1nks");
}

#[tokio::test]
async fn a_new_user_has_its_links_or_is_not_made() {
    let rig = start().await;
    let mut request = human("mini@mouse.example");
    let organisation = rig.app.instance.default_organisation.clone();
    for (links, id) in [
        (json!([link("one", "x"), link("three", "x")]), "COMMAND-39nf2"),
        (json!([link("one", "x"), link("one", "x")]), "V3-DKcYh"),
    ] {
        request["idpLinks"] = links;
        assert_eq!(rig.id("user.AddHumanUser", &rig.admin, request.clone()).await, id);
        let create = json!({ "organizationId": organisation, "human": request });
        assert_eq!(rig.id("user.CreateUser", &rig.admin, create).await, id);
    }
    request["idpLinks"] = json!([link("one", "x"), link("two", "x")]);
    let create = json!({ "organizationId": organisation, "human": request });
    let id = rig.ok("user.CreateUser", &rig.admin, create).await["id"].as_str().unwrap().to_owned();
    let listed = rig.ok("user.ListIDPLinks", &rig.admin, json!({ "userId": id })).await;
    assert_eq!(listed["details"]["totalResult"], "2");
    let mut second = human("other@mouse.example");
    second["idpLinks"] = json!([link("one", "free"), link("one", "x")]);
    assert_eq!(rig.id("user.AddHumanUser", &rig.admin, second.clone()).await, "V3-DKcYh");
    second["idpLinks"] = json!([link("one", "free")]);
    rig.ok("user.AddHumanUser", &rig.admin, second).await;
}

#[tokio::test]
async fn a_deleted_user_frees_its_accounts() {
    let rig = start().await;
    let (mini, other) =
        (rig.add_human("mini@mouse.example").await, rig.add_human("other@mouse.example").await);
    rig.ok("user.AddIDPLink", &rig.admin, adding(&mini, "one", "x")).await;
    rig.ok("user.DeleteUser", &rig.admin, json!({ "userId": mini })).await;
    rig.ok("user.AddIDPLink", &rig.admin, adding(&other, "one", "x")).await;
}

#[tokio::test]
async fn a_login_that_cannot_start_says_why() {
    let rig = start().await;
    let urls = json!({ "successUrl": "https://a.example/", "failureUrl": "https://a.example/" });
    let bad = json!({ "successUrl": "https://a.example/", "failureUrl": "http://a.example/" });
    for (request, id) in [
        (json!({ "idpId": "one" }), "USERv2-S2g21"),
        (json!({ "idpId": "one", "ldap": { "username": "mini", "password": "x" } }), "DOORWARD-Ld4p1"),
        (json!({ "idpId": "three", "urls": urls }), "COMMAND-as02jin"),
        (json!({ "idpId": "one", "urls": bad }), "DOORWARD-R3dir"),
        (json!({ "idpId": "one", "urls": urls }), "DOORWARD-1dpun"),
    ] {
        assert_eq!(rig.id("user.StartIdentityProviderIntent", &rig.login, request).await, id);
    }
}

#[tokio::test]
async fn what_was_told_is_for_the_bearer_of_the_right_token_alone() {
    let rig = start().await;
    let (id, token) = intent(&rig, IntentState::Succeeded).await;
    let (other, of_other) = intent(&rig, IntentState::Succeeded).await;
    let mut wrong = token.clone();
    wrong.replace_range(60..61, if &token[60..61] == "A" { "B" } else { "A" });
    for (token, expected) in [
        ("no base64!", "CRYPTO-Swg31"),
        ("Z2FyYmFnZQ", "CRYPTO-Sf4gt"),
        (rig.admin.as_str(), "CRYPTO-Sf4gt"),
        (wrong.as_str(), "CRYPTO-Sf4gt"),
        (of_other.as_str(), "CRYPTO-CRYPTO"),
    ] {
        let request = json!({ "idpIntentId": id, "idpIntentToken": token });
        assert_eq!(rig.id(RETRIEVE, &rig.login, request).await, expected, "{token}");
    }
    let request = json!({ "idpIntentId": other, "idpIntentToken": of_other });
    rig.ok(RETRIEVE, &rig.login, request.clone()).await;
    rig.ok(RETRIEVE, &rig.login, request.clone()).await;
    rig.clock.advance(Span::minutes(60));
    assert_eq!(rig.id(RETRIEVE, &rig.login, request).await, "IDP-SAf42");
}

#[tokio::test]
async fn a_login_that_was_used_or_did_not_succeed_tells_nothing() {
    let rig = start().await;
    for state in [IntentState::Consumed, IntentState::Failed, IntentState::Answered] {
        let (id, token) = intent(&rig, state).await;
        let request = json!({ "idpIntentId": id, "idpIntentToken": token });
        assert_eq!(rig.id(RETRIEVE, &rig.login, request).await, "IDP-nme4gszsvx", "{state:?}");
    }
}

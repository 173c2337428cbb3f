//! A login at a provider that tells the truth, from its start to the links that follow.

use doorward_core::base::Span;
use doorward_core::intent::IntentState;
use doorward_store::intent;
use serde_json::{Value, json};

use crate::flow::{answer, asking, begin, come_back, failure, log_in, place, promise, query, with_stub};
use crate::rig::{Rig, human};
use crate::stub::{CLIENT, Reply, SECRET, challenge};

#[tokio::test]
async fn somebody_is_sent_to_the_provider_with_all_that_binds_the_answer() {
    let (rig, stub) = with_stub("").await;
    let (one, two) = (begin(&rig).await, begin(&rig).await);
    assert!(one.url.as_str().starts_with(&format!("{}/authorize?", stub.issuer)));
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", "https://doorward.example/idps/callback"),
        ("scope", "openid profile email"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(query(&one.url, name).as_deref(), Some(value));
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert!(query(&one.url, name).unwrap().len() >= 36);
        assert_ne!(query(&one.url, name), query(&two.url, name), "{name}");
    }
    assert_eq!(stub.seen("/.well-known/openid-configuration").len(), 1, "it is read once");
}

#[tokio::test]
async fn the_code_is_redeemed_with_secret_and_verifier() {
    let (rig, stub) = with_stub("").await;
    let login = begin(&rig).await;
    promise(&stub, &login);
    place(&answer(&rig, &stub, &login).await);
    let [token] = stub.seen("/token").try_into().unwrap();
    let verifier = token.field("code_verifier").unwrap();
    assert_eq!(Some(challenge(verifier)), query(&login.url, "code_challenge"));
    assert_eq!(token.field("code"), Some("code-hunter4"));
    assert_eq!(token.field("redirect_uri"), Some("https://doorward.example/idps/callback"));
    assert_eq!(token.field("client_secret"), None);
    assert!(token.authorization.starts_with("Basic "));
    assert_eq!(stub.seen("/userinfo")[0].authorization, "Bearer access-hunter3");
}

#[tokio::test]
async fn the_secret_stands_in_the_form_where_that_is_wanted() {
    let (rig, stub) = with_stub("client_auth = \"post\"").await;
    log_in(&rig, &stub).await;
    let [token] = stub.seen("/token").try_into().unwrap();
    assert_eq!((token.field("client_id"), token.field("client_secret")), (Some(CLIENT), Some(SECRET)));
    assert_eq!(token.authorization, "");
}

#[tokio::test]
async fn what_the_provider_told_is_shown_to_the_bearer_of_the_token() {
    let (rig, stub) = with_stub("").await;
    let (id, token, user) = log_in(&rig, &stub).await;
    assert_eq!(user, None);
    let told = rig.ok("user.RetrieveIdentityProviderIntent", &rig.login, asking(&id, &token)).await;
    let information = &told["idpInformation"];
    assert_eq!(information["oauth"]["accessToken"], "access-hunter3");
    assert!(information["oauth"]["idToken"].as_str().unwrap().contains('.'));
    assert_eq!(
        (&information["idpId"], &information["userId"], &information["userName"]),
        (&json!("stub"), &json!("248289761001"), &json!("mini@mouse.example"))
    );
    let raw = &information["rawInformation"];
    assert_eq!((&raw["name"], &raw["email"]), (&json!("Mini Mouse"), &json!("mini@mouse.example")));
    assert_eq!(told["userId"], Value::Null);
    let proposal = &told["addHumanUser"];
    assert_eq!(proposal["email"], json!({ "email": "mini@mouse.example", "isVerified": true }));
    assert_eq!(proposal["profile"]["givenName"], "Mini");
    assert_eq!(proposal["profile"]["displayName"], "Mini Mouse");
    let link = json!({ "idpId": "stub", "userId": "248289761001", "userName": "mini@mouse.example" });
    assert_eq!(proposal["idpLinks"], json!([link]));
    assert_eq!(told["details"]["resourceOwner"], json!(rig.app.instance.id));
}

#[tokio::test]
async fn the_proposal_makes_a_user_whom_the_next_login_knows() {
    let (rig, stub) = with_stub("").await;
    let (id, token, _) = log_in(&rig, &stub).await;
    let told = rig.ok("user.RetrieveIdentityProviderIntent", &rig.login, asking(&id, &token)).await;
    let mut proposal = told["addHumanUser"].clone();
    proposal["profile"]["familyName"] = json!("Mouse");
    let made = rig.ok("user.AddHumanUser", &rig.admin, proposal.clone()).await;
    let told = rig.ok("user.RetrieveIdentityProviderIntent", &rig.login, asking(&id, &token)).await;
    assert_eq!((&told["userId"], &told["addHumanUser"]), (&made["userId"], &Value::Null));
    let (_, _, user) = log_in(&rig, &stub).await;
    assert_eq!(json!(user), made["userId"]);
    proposal["username"] = json!("another");
    proposal["email"]["email"] = json!("another@mouse.example");
    assert_eq!(rig.id("user.AddHumanUser", &rig.admin, proposal.clone()).await, "V3-DKcYh");
    proposal["idpLinks"] = json!([]);
    rig.ok("user.AddHumanUser", &rig.admin, proposal).await;
}

#[tokio::test]
async fn a_login_is_finished_once() {
    let (rig, stub) = with_stub("").await;
    let login = begin(&rig).await;
    promise(&stub, &login);
    place(&answer(&rig, &stub, &login).await);
    for _ in 0..2 {
        assert_eq!(answer(&rig, &stub, &login).await.status, 400);
    }
    assert_eq!(stub.seen("/token").len(), 1, "the provider is asked once");
}

#[tokio::test]
async fn of_many_who_come_back_at_once_one_is_let_in() {
    let (rig, stub) = with_stub("").await;
    let login = begin(&rig).await;
    promise(&stub, &login);
    let answers = futures_util::future::join_all((0..20).map(|_| answer(&rig, &stub, &login))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 302).count(), 1);
    assert_eq!(stub.seen("/token").len(), 1);
}

#[tokio::test]
async fn who_comes_back_too_late_starts_again() {
    let (rig, stub) = with_stub("").await;
    let login = begin(&rig).await;
    promise(&stub, &login);
    rig.clock.advance(Span::minutes(10));
    assert_eq!(answer(&rig, &stub, &login).await.status, 400);
    assert!(stub.seen("/token").is_empty());
}

#[tokio::test]
async fn a_refusal_of_the_provider_ends_at_the_login_page() {
    let (rig, _stub) = with_stub("").await;
    let login = begin(&rig).await;
    let query = format!("state={}&error=access_denied&error_description=No+thanks", login.id);
    assert_eq!(failure(&come_back(&rig, &query).await, &login), "access_denied");
    assert_eq!(come_back(&rig, &query).await.status, 400, "that login is over, too");
    let id = login.id.clone();
    let mut reading = rig.app.db.reading().await.unwrap();
    let stored = intent::find(reading.conn().unwrap(), &id).await.unwrap().unwrap();
    assert_eq!((stored.state, stored.secrets, stored.token), (IntentState::Failed, None, None));
}

#[tokio::test]
async fn a_login_lasts_an_hour_unless_the_token_says_how_long() {
    let (rig, stub) = with_stub("").await;
    let (id, token, _) = log_in(&rig, &stub).await;
    let login = begin(&rig).await;
    let id_token = stub.key.sign(&crate::flow::claims(&stub, &login, crate::rig::START));
    let tokens = json!({ "access_token": "a", "id_token": id_token, "expires_in": 60 });
    stub.set("/token", Reply::Object(tokens));
    let brief = place(&answer(&rig, &stub, &login).await);
    let brief = asking(&login.id, &query(&brief, "token").unwrap());
    let method = "user.RetrieveIdentityProviderIntent";
    rig.clock.advance(Span::seconds(59));
    rig.ok(method, &rig.login, brief.clone()).await;
    rig.clock.advance(Span::seconds(1));
    assert_eq!(rig.id(method, &rig.login, brief).await, "IDP-SAf42");
    rig.clock.advance(Span::minutes(58));
    rig.ok(method, &rig.login, asking(&id, &token)).await;
    rig.clock.advance(Span::minutes(1));
    assert_eq!(rig.id(method, &rig.login, asking(&id, &token)).await, "IDP-SAf42");
}

#[tokio::test]
async fn nothing_of_it_is_stored_in_the_clear() {
    let (rig, stub) = with_stub("").await;
    let login = begin(&rig).await;
    promise(&stub, &login);
    let place = place(&answer(&rig, &stub, &login).await);
    let verifier = stub.seen("/token")[0].field("code_verifier").unwrap().to_owned();
    let mut reading = rig.app.db.reading().await.unwrap();
    let stored = intent::find(reading.conn().unwrap(), &login.id).await.unwrap().unwrap();
    let sealed = stored.secrets.clone().unwrap();
    let shown = format!("{stored:?} {}", String::from_utf8_lossy(&sealed));
    let token = query(&place, "token").unwrap();
    for secret in ["access-hunter3", "code-hunter4", SECRET, &verifier, &token, &login.nonce] {
        assert!(!shown.contains(secret), "{secret}");
        assert!(!sealed.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
}

const AUTO: &str = "auto_link = true";

/// A person whose mail address is that of the account.
async fn mini(rig: &Rig, verified: bool) -> String {
    let mut request = human("mini@mouse.example");
    if !verified {
        request["email"] = json!({ "email": "mini@mouse.example", "returnCode": {} });
    }
    rig.ok("user.AddHumanUser", &rig.admin, request).await["userId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_account_is_linked_by_its_address_where_that_is_wanted() {
    let (rig, stub) = with_stub(AUTO).await;
    let id = mini(&rig, true).await;
    assert_eq!(log_in(&rig, &stub).await.2.as_ref(), Some(&id));
    let links = rig.ok("user.ListIDPLinks", &rig.admin, json!({ "userId": id })).await;
    assert_eq!(links["result"][0]["userId"], "248289761001");
    // Another account with the same address may be that of another person.
    let login = begin(&rig).await;
    let mut claims = crate::flow::claims(&stub, &login, crate::rig::START);
    claims.insert("sub".to_owned(), json!("7"));
    stub.set("/userinfo", Reply::Object(json!({ "sub": "7" })));
    stub.give(&stub.key.sign(&claims));
    assert_eq!(query(&place(&answer(&rig, &stub, &login).await), "user"), None);
}

#[tokio::test]
async fn an_account_is_not_linked_by_an_address_that_anybody_could_name() {
    let (rig, stub) = with_stub("").await;
    mini(&rig, true).await;
    assert_eq!(log_in(&rig, &stub).await.2, None, "it is off unless it is wanted");
    let (rig, stub) = with_stub(AUTO).await;
    mini(&rig, false).await;
    assert_eq!(log_in(&rig, &stub).await.2, None, "this server has not verified it");
    let (rig, stub) = with_stub(AUTO).await;
    mini(&rig, true).await;
    let login = begin(&rig).await;
    let mut claims = crate::flow::claims(&stub, &login, crate::rig::START);
    claims.insert("email_verified".to_owned(), json!(false));
    stub.give(&stub.key.sign(&claims));
    assert_eq!(query(&place(&answer(&rig, &stub, &login).await), "user"), None, "the provider has not");
}

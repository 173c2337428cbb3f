//! Plain OAuth 2.0, as hubs for programmers speak it.

use serde_json::json;

use crate::flow::{answer, asking, begin, come_back, failure, place, query};
use crate::rig::Rig;
use crate::stub::{Reply, Stub, challenge};

async fn with_hub() -> (Rig, Stub) {
    let stub = Stub::start().await;
    let at = &stub.issuer;
    let file = format!(
        "public_url = \"https://doorward.example\"\n[[idp]]\nid = \"stub\"\nkind = \"oauth2\"\nclient_id = \"hub\"\n\
         client_secret = \"s\"\nauthorization_url = \"{at}/authorize\"\ntoken_url = \"{at}/token\"\n\
         user_url = \"{at}/user\"\nscopes = [\"read:user\"]\nusername_claim = \"login\"\n"
    );
    stub.set(
        "/token",
        Reply::Object(json!({ "access_token": "gho", "token_type": "bearer", "scope": "read:user" })),
    );
    stub.set(
        "/user",
        Reply::Object(json!({ "id": 583_231, "login": "octocat", "name": "The Octocat", "email": null })),
    );
    (Rig::start_from(&[], &file).await, stub)
}

#[tokio::test]
async fn the_user_endpoint_tells_who_it_is() {
    let (rig, stub) = with_hub().await;
    let login = begin(&rig).await;
    assert_eq!((login.nonce.as_str(), query(&login.url, "scope").as_deref()), ("", Some("read:user")));
    let token = query(&place(&answer(&rig, &stub, &login).await), "token").unwrap();
    let told = rig.ok("user.RetrieveIdentityProviderIntent", &rig.login, asking(&login.id, &token)).await;
    let information = &told["idpInformation"];
    assert_eq!((&information["userId"], &information["userName"]), (&json!("583231"), &json!("octocat")));
    assert_eq!(information["oauth"], json!({ "accessToken": "gho" }));
    assert_eq!(told["addHumanUser"]["profile"]["displayName"], "The Octocat");
    let verifier = stub.seen("/token")[0].field("code_verifier").map(challenge);
    assert_eq!(verifier, query(&login.url, "code_challenge"), "PKCE counts here, too");
    assert_eq!(stub.seen("/user")[0].authorization, "Bearer gho");
}

#[tokio::test]
async fn a_refused_code_and_a_user_without_an_id_let_nobody_in() {
    let (rig, stub) = with_hub().await;
    for user in
        [json!({ "login": "octocat" }), json!({ "id": "" }), json!({ "id": null }), json!({ "id": {} })]
    {
        stub.set("/user", Reply::Object(user));
        let login = begin(&rig).await;
        assert_eq!(failure(&answer(&rig, &stub, &login).await, &login), "server_error");
    }
    // This is how some hubs refuse, with status 200.
    stub.set("/token", Reply::Object(json!({ "error": "bad_verification_code" })));
    let login = begin(&rig).await;
    assert_eq!(failure(&answer(&rig, &stub, &login).await, &login), "access_denied");
    let login = begin(&rig).await;
    let without_code = come_back(&rig, &format!("state={}", login.id)).await;
    assert_eq!(failure(&without_code, &login), "invalid_request");
}

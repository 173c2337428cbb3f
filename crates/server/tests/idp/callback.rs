//! The callback as a browser sees it.

use serde_json::json;

use crate::flow::{FAILURE, SUCCESS, begin, place, promise, query, with_stub};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn a_posted_form_is_an_answer_like_any_other() {
    let (rig, stub) = with_stub("response_mode = \"form_post\"").await;
    let login = begin(&rig).await;
    assert_eq!(query(&login.url, "response_mode").as_deref(), Some("form_post"));
    promise(&stub, &login);
    let body = format!("state={}&code=c&iss={}", login.id, stub.issuer).into_bytes();
    let post = |headers: &'static [(&str, &str)], body: Vec<u8>| {
        rig.http.raw("POST", "/idps/callback", headers, body, false)
    };
    assert_eq!(post(&[("content-type", "application/json")], body.clone()).await.status, 415);
    assert_eq!(post(&[FORM], vec![b'a'; 40_000]).await.status, 400);
    assert!(query(&place(&post(&[FORM], body.clone()).await), "token").is_some());
    assert_eq!(post(&[FORM], body).await.status, 400);
}

#[tokio::test]
async fn a_program_that_only_looks_uses_nothing_up() {
    let (rig, stub) = with_stub("").await;
    let login = begin(&rig).await;
    promise(&stub, &login);
    let path = format!("/idps/callback?state={}&code=c&iss={}", login.id, stub.issuer);
    for verb in ["HEAD", "PUT", "DELETE"] {
        let answer = rig.http.raw(verb, &path, &[], Vec::new(), false).await;
        assert_eq!((answer.status.as_u16(), answer.headers["allow"].to_str().unwrap()), (405, "GET, POST"));
    }
    place(&rig.http.raw("GET", &path, &[], Vec::new(), true).await);
}

#[tokio::test]
async fn a_login_ends_only_where_the_configuration_allows() {
    let (rig, _stub) = with_stub("allowed_redirects = [\"https://login.example/\"]").await;
    let start = async |success: &str, failure: &str| {
        let urls = json!({ "successUrl": success, "failureUrl": failure });
        let request = json!({ "idpId": "stub", "urls": urls });
        rig.call("user.StartIdentityProviderIntent", &rig.login, request).await
    };
    assert!(start(SUCCESS, FAILURE).await.is_ok());
    for bad in ["https://evil.example/", "https://login.example.evil.example/", "http://localhost/", "/yes"] {
        for (success, failure) in [(bad, FAILURE), (SUCCESS, bad)] {
            assert_eq!(start(success, failure).await.unwrap_err().id(), "DOORWARD-R3dir", "{success} {failure}");
        }
    }
}

//! Where people are sent, and where they may end.

use std::time::Duration;

use super::*;

fn provider(change: impl FnOnce(&mut Idp)) -> Provider {
    let mut idp = Idp {
        id: "hub".to_owned(),
        kind: IdpKind::Oauth2,
        client_id: "doorward".to_owned(),
        authorization_url: Some("https://hub.example/authorize?tenant=1".to_owned()),
        token_url: Some("https://hub.example/token".to_owned()),
        user_url: Some("https://hub.example/user".to_owned()),
        ..Idp::default()
    };
    change(&mut idp);
    let outbound = Outbound::new(Duration::from_secs(1)).unwrap();
    Provider::new(&idp, "https://login.example/idps/callback".to_owned(), outbound).unwrap()
}

#[tokio::test]
async fn somebody_is_sent_with_what_binds_the_answer() {
    let opening =
        Opening { nonce: "n".to_owned(), verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned() };
    let hub = provider(|idp| idp.scopes = vec!["user".to_owned(), "user:email".to_owned()]);
    let url = hub.authorization_url("123", &opening, Timestamp(0)).await.unwrap();
    // The challenge is that of RFC 7636, appendix B.
    let expected = "https://hub.example/authorize?tenant=1&response_type=code&client_id=doorward\
                    &redirect_uri=https%3A%2F%2Flogin.example%2Fidps%2Fcallback&state=123\
                    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256\
                    &scope=user+user%3Aemail";
    assert_eq!(url, expected);
    let posting = provider(|idp| idp.response_mode = ResponseMode::FormPost);
    let url = posting.authorization_url("123", &opening, Timestamp(0)).await.unwrap();
    assert!(
        url.ends_with("&response_mode=form_post") && !url.contains("scope") && !url.contains("nonce"),
        "{url}"
    );
}

#[test]
fn without_a_list_a_login_ends_where_nobody_listens_in() {
    let open = provider(|_| {});
    for good in ["https://a.example/x?y=1", "http://localhost:3000/", "http://127.0.0.1/x"] {
        assert!(open.may_end_at(good), "{good}");
    }
    for bad in [
        "http://a.example/",
        "javascript:alert(1)",
        "https://u:p@a.example/",
        "/relative",
        "",
        "myapp://login/",
        "https:\\\\a.example",
        "http://localhost.example/",
    ] {
        assert!(!open.may_end_at(bad), "{bad}");
    }
}

#[test]
fn with_a_list_a_login_ends_below_one_of_its_entries() {
    let listed = provider(|idp| {
        idp.allowed_redirects = vec!["https://a.example/login/".to_owned(), "myapp://done/".to_owned()];
    });
    for good in ["https://a.example/login/yes?x=1", "https://A.example/login/x", "myapp://done/1"] {
        assert!(listed.may_end_at(good), "{good}");
    }
    for bad in [
        "https://a.example/login/../evil",
        "https://a.example/login/%2e%2e/evil",
        "https://a.example/",
        "https://a.example.evil.example/login/",
        "https://a.example@evil.example/login/",
        "http://localhost/",
        "https://a.example:444/login/",
    ] {
        assert!(!listed.may_end_at(bad), "{bad}");
    }
}

#[test]
fn an_opening_is_never_the_same() {
    let opening = Opening::new([1; 32], [2; 32]);
    assert_eq!((opening.nonce.len(), opening.verifier.len()), (43, 43));
    assert_ne!(opening.challenge(), Opening::new([1; 32], [3; 32]).challenge());
}

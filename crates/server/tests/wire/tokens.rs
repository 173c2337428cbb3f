//! Every change to a token makes it none, and no kind of token passes as another.

use serde_json::json;

use crate::rig::Rig;

/// The next character of base64url: every bit pattern stays well-formed.
fn other(byte: u8) -> char {
    match byte {
        b'z' | b'Z' | b'9' => '-',
        b'-' => '_',
        b'_' => 'A',
        byte => char::from(byte + 1),
    }
}

fn mutations(token: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (position, byte) in token.bytes().enumerate() {
        let mut changed = token.to_owned();
        changed.replace_range(position..=position, &other(byte).to_string());
        all.push(changed);
        if position > 0 {
            all.push(token[..position].to_owned());
            all.push(token[position..].to_owned());
        }
    }
    all.extend(["A", "AA", "AAAA", "=", "==", ".", "%00"].map(|tail| format!("{token}{tail}")));
    all.extend(["A", "AAAA", "="].map(|head| format!("{head}{token}")));
    all.push(format!("{token}{token}"));
    all.push(token.to_uppercase());
    all
}

#[tokio::test]
async fn every_mutation_of_a_personal_access_token_is_refused() {
    let rig = Rig::start().await;
    for changed in mutations(&rig.admin) {
        let answer = rig.rest("POST", "/v2/sessions/search", &changed, json!({})).await;
        assert_eq!(answer.status, 401, "{changed}");
        assert_eq!(answer.json()["details"][0]["id"], "AUTH-7fs1e", "{changed}");
    }
    assert_eq!(rig.rest("POST", "/v2/sessions/search", &rig.admin, json!({})).await.status, 200);
}

#[tokio::test]
async fn every_mutation_of_a_session_token_is_refused_as_bearer() {
    let rig = Rig::start().await;
    rig.add_human("mini@mouse.com").await;
    let (_, token) = rig.log_in("mini@mouse.com").await;
    for changed in mutations(&token) {
        let answer = rig.rest("POST", "/v2/sessions/search", &changed, json!({})).await;
        let said = answer.json();
        let id = said["details"][0]["id"].as_str().unwrap();
        assert!(["AUTH-7fs1e", "QUERY-SFeaa", "QUERY-dsfr3"].contains(&id), "{changed} {id}");
        assert!([401, 403, 404].contains(&answer.status.as_u16()), "{changed}");
    }
    assert_eq!(rig.rest("POST", "/v2/sessions/search", &token, json!({})).await.status, 200);
}

#[tokio::test]
async fn every_mutation_of_a_session_token_is_refused_in_a_request() {
    let rig = Rig::start().await;
    let (id, token) = rig.session(json!({})).await;
    for changed in mutations(&token).into_iter().filter(|changed| changed.len() <= 200) {
        let request = json!({ "sessionId": id, "sessionToken": changed });
        assert_eq!(
            rig.id("session.GetSession", &rig.admin, request.clone()).await,
            "QUERY-dsfr3",
            "{changed}"
        );
        for method in ["session.SetSession", "session.DeleteSession"] {
            let refused = rig.id(method, &rig.admin, request.clone()).await;
            assert!(["COMMAND-sGr42", "COMMAND-hi6Ph"].contains(&refused.as_str()), "{method} {changed}");
        }
    }
    rig.ok("session.DeleteSession", &rig.admin, json!({ "sessionId": id, "sessionToken": token })).await;
}

#[tokio::test]
async fn no_kind_of_token_passes_as_another() {
    let rig = Rig::start().await;
    rig.add_human("mini@mouse.com").await;
    let (id, token) = rig.log_in("mini@mouse.com").await;
    let as_pat = token.replacen("dws_", "dwp_", 1);
    assert_ne!(as_pat, token);
    assert_eq!(rig.id("session.ListSessions", &as_pat, json!({})).await, "AUTH-7fs1e");
    let as_session = rig.admin.replacen("dwp_", "dws_", 1);
    assert_ne!(as_session, rig.admin);
    assert_eq!(rig.id("session.ListSessions", &as_session, json!({})).await, "QUERY-SFeaa");
    for wrong in [&rig.admin, &as_session, &as_pat] {
        let request = json!({ "sessionId": id, "sessionToken": wrong });
        assert_eq!(rig.id("session.GetSession", &rig.admin, request.clone()).await, "QUERY-dsfr3");
        assert_eq!(rig.id("session.SetSession", &rig.admin, request.clone()).await, "COMMAND-sGr42");
        assert_eq!(rig.id("session.DeleteSession", &rig.admin, request).await, "COMMAND-sGr42");
    }
}

#[tokio::test]
async fn the_token_of_one_session_opens_no_other() {
    let rig = Rig::start().await;
    let (first, _) = rig.session(json!({})).await;
    let (_, token) = rig.session(json!({})).await;
    let request = json!({ "sessionId": first, "sessionToken": token });
    assert_eq!(rig.id("session.GetSession", &rig.admin, request.clone()).await, "QUERY-dsfr3");
    assert_eq!(rig.id("session.SetSession", &rig.admin, request.clone()).await, "COMMAND-sGr42");
    assert_eq!(rig.id("session.DeleteSession", &rig.admin, request).await, "COMMAND-sGr42");
}

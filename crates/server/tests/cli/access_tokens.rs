//! What access tokens look like, and the keys that sign them, are changed while the server runs.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::child::Server;
use crate::tools::{add_person, run, served, text, told};

/// What a machine user gets for its secret.
async fn log_in(server: &Server, client: &Value) -> String {
    let pair = format!("{}:{}", text(&client["client_id"]), text(&client["client_secret"]));
    let basic = format!("Basic {}", STANDARD.encode(pair));
    let headers = [("authorization", basic.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let body = b"grant_type=client_credentials".to_vec();
    let answer = server.http.raw("POST", "/oauth/v2/token", &headers, body, false).await.json();
    text(&answer["access_token"]).to_owned()
}

/// The id of the key that signed a token.
fn signed_by(token: &str) -> String {
    let head = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    text(&serde_json::from_slice::<Value>(&head).unwrap()["kid"]).to_owned()
}

/// The keys that the command shows: id and state.
fn listed(dir: &Path) -> Vec<(String, String)> {
    let keys = told(dir, &["keys", "signing", "list"]);
    let pair = |key: &Value| (text(&key["id"]).to_owned(), text(&key["state"]).to_owned());
    keys.as_array().unwrap().iter().map(pair).collect()
}

/// The ids of the keys that the server publishes.
async fn published(server: &Server) -> Vec<String> {
    let answer = server.http.rest("GET", "/oauth/v2/keys", None, "").await.json();
    answer["keys"].as_array().unwrap().iter().map(|key| text(&key["kid"]).to_owned()).collect()
}

/// Whether a token lets its user in.
async fn lets_in(server: &Server, token: &str) -> bool {
    server.http.rest("POST", "/v2/sessions/search", Some(token), "{}").await.status == 200
}

#[tokio::test]
async fn what_access_tokens_look_like_is_set_when_a_machine_is_added_and_later() {
    let (dir, server, _) = served();
    let dir = dir.path();
    told(dir, &["user", "add", "--machine", "signed", "--access-token", "jwt"]);
    told(dir, &["user", "add", "--machine", "robot"]);
    let signed = told(dir, &["secret", "add", "signed"]);
    let robot = told(dir, &["secret", "add", "robot"]);
    assert_eq!(log_in(&server, &signed).await.split('.').count(), 3);
    let before = log_in(&server, &robot).await;
    assert!(before.starts_with("dwa_"), "{before}");
    assert_eq!(told(dir, &["user", "set-access-token", "robot", "jwt"])["access_token"], "jwt");
    let after = log_in(&server, &robot).await;
    assert_eq!(after.split('.').count(), 3, "{after}");
    assert!(lets_in(&server, &before).await && lets_in(&server, &after).await, "what was given stays valid");
    told(dir, &["user", "set-access-token", "robot", "opaque"]);
    assert!(log_in(&server, &robot).await.starts_with("dwa_"));
    assert_eq!(run(dir, &["user", "set-access-token", "robot", "paper"]).code, Some(2));
    assert_eq!(run(dir, &["user", "set-access-token", "nobody", "jwt"]).code, Some(4));
    add_person(dir, "F1rst!password");
    assert_eq!(
        run(dir, &["user", "set-access-token", "mini@m.co", "jwt"]).code,
        Some(1),
        "it is of machines"
    );
}

#[tokio::test]
async fn signing_keys_are_listed_and_replaced_while_the_server_runs() {
    let (dir, server, _) = served();
    let dir = dir.path();
    told(dir, &["user", "add", "--machine", "robot", "--access-token", "jwt"]);
    let robot = told(dir, &["secret", "add", "robot"]);
    let before = log_in(&server, &robot).await;
    let first = signed_by(&before);
    assert_eq!(listed(dir), [(first.clone(), "signs".to_owned())]);
    let rotated = told(dir, &["keys", "signing", "rotate"]);
    let next = text(&rotated.as_array().unwrap().iter().find(|key| key["state"] == "next").unwrap()["id"]);
    assert_eq!(published(&server).await.len(), 2, "the next one is published before it signs");
    assert_eq!(signed_by(&log_in(&server, &robot).await), first);
    told(dir, &["keys", "signing", "rotate", "--lost"]);
    let states = listed(dir);
    let (last, _) = states.iter().find(|(_, state)| state == "signs").unwrap();
    assert!(*last != first && last != next, "{states:?}");
    assert_eq!(
        published(&server).await.as_slice(),
        std::slice::from_ref(last),
        "a lost key vouches for nothing any more"
    );
    assert_eq!(signed_by(&log_in(&server, &robot).await), *last);
    assert!(lets_in(&server, &before).await, "this server knows what it gave by more than the signature");
    let shown = run(dir, &["keys", "signing", "list"]);
    assert!(shown.output.starts_with("ID ") && shown.output.contains("RS256"), "{}", shown.output);
    assert_eq!(run(dir, &["keys", "signing", "rotate", "--found"]).code, Some(2));
    let status = told(dir, &["keys", "status"]);
    assert_eq!(status[0]["signing_keys"], json!(3), "their private halves are sealed: {status}");
}

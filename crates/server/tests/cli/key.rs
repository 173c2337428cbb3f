//! Keys and secrets of machine users are given and taken away while the server runs.

use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::tools::{add_person, run, served, text, told};

/// The public key of P-256 whose private half is 1.
const PUBLIC: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D\
                      54WK84zV2sxXs7LtkBoN79R9Q==";

/// The id of a machine user.
fn robot(dir: &std::path::Path) -> String {
    text(&told(dir, &["user", "add", "--machine", "robot"])["id"]).to_owned()
}

#[tokio::test]
async fn keys_are_made_listed_and_removed_while_the_server_runs() {
    let (dir, server, admin) = served();
    let dir = dir.path();
    let user = robot(dir);
    let printed = run(dir, &["key", "add", "robot", "--days", "30"]);
    let file = printed.json();
    assert_eq!((text(&file["type"]), text(&file["userId"])), ("serviceaccount", user.as_str()));
    assert!(text(&file["key"]).starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    let id = text(&file["keyId"]);
    let path = dir.join("robot.json");
    let out = path.to_str().unwrap();
    let written = told(dir, &["key", "add", "robot", "--out", out]);
    assert_eq!((text(&written["file"]), text(&written["user"])), (out, user.as_str()));
    assert_eq!(written["expires"], Value::Null, "it does not expire");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let kept: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(kept["keyId"], written["id"]);
    assert_ne!(kept["key"], file["key"]);
    let listed = told(dir, &["key", "list", "robot"]);
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|key| text(&key["id"])).collect();
    assert_eq!(ids, [id, text(&written["id"])]);
    let asked = server.http.rest("POST", "/v2/users/keys/search", Some(&admin), "{}").await.json();
    assert_eq!(asked["pagination"]["totalResult"], "2", "the server sees them at once");
    assert_eq!(told(dir, &["key", "remove", id])["removed"], json!(id));
    assert_eq!(run(dir, &["key", "remove", id]).code, Some(4));
    assert_eq!(told(dir, &["key", "list"]).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_file_is_never_overwritten_and_one_that_cannot_be_written_leaves_no_key() {
    let (dir, _server, _admin) = served();
    let dir = dir.path();
    robot(dir);
    let there = dir.join("there.json");
    std::fs::write(&there, "kept").unwrap();
    let refused = run(dir, &["key", "add", "robot", "--out", there.to_str().unwrap()]);
    assert_eq!((refused.code, refused.output.as_str()), (Some(2), ""));
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "kept");
    let refused = run(dir, &["key", "add", "robot", "--out", dir.join("none/key.json").to_str().unwrap()]);
    assert_eq!((refused.code, refused.output.as_str()), (Some(1), ""));
    assert_eq!(told(dir, &["key", "list"]), json!([]));
    add_person(dir, "F1rst!password");
    assert_eq!(run(dir, &["key", "add", "mini@m.co"]).code, Some(1), "keys are for machines");
}

#[tokio::test]
async fn a_public_key_of_ones_own_is_taken_from_a_file() {
    let (dir, _server, _admin) = served();
    let dir = dir.path();
    let user = robot(dir);
    let path = dir.join("public");
    let own = path.to_str().unwrap();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{PUBLIC}\n-----END PUBLIC KEY-----\n");
    for form in [pem.into_bytes(), STANDARD.decode(PUBLIC).unwrap()] {
        std::fs::write(&path, form).unwrap();
        let added = told(dir, &["key", "add", "robot", "--public-key", own]);
        assert_eq!((text(&added["user"]), added.get("file")), (user.as_str(), None));
    }
    assert_eq!(told(dir, &["key", "list", "robot"]).as_array().unwrap().len(), 2);
    for (form, code) in [("no key", 1), ("", 1)] {
        std::fs::write(&path, form).unwrap();
        assert_eq!(run(dir, &["key", "add", "robot", "--public-key", own]).code, Some(code), "{form:?}");
    }
    assert_eq!(run(dir, &["key", "add", "robot", "--public-key", "none"]).code, Some(1));
    assert_eq!(run(dir, &["key", "add", "robot", "--public-key", own, "--out", "file"]).code, Some(2));
}

#[tokio::test]
async fn secrets_are_given_and_taken_away_while_the_server_runs() {
    let (dir, server, admin) = served();
    let dir = dir.path();
    let user = robot(dir);
    let path = format!("/v2/users/{user}");
    let shown = async || {
        let answer = server.http.rest("GET", &path, Some(&admin), "").await.json();
        answer["user"]["machine"].get("hasSecret").cloned()
    };
    assert_eq!(shown().await, None);
    let first = told(dir, &["secret", "add", "robot"]);
    assert_eq!((&first["user"], text(&first["client_id"])), (&json!(user), "robot"));
    assert!(text(&first["client_secret"]).starts_with("dwc_"));
    assert_eq!(shown().await, Some(json!(true)));
    let second = told(dir, &["secret", "add", &user]);
    assert_ne!(second["client_secret"], first["client_secret"]);
    assert_eq!(told(dir, &["secret", "remove", "robot"])["removed"], json!(true));
    assert_eq!(shown().await, None);
    assert_eq!(run(dir, &["secret", "remove", "robot"]).code, Some(4));
    add_person(dir, "F1rst!password");
    assert_eq!(run(dir, &["secret", "add", "mini@m.co"]).code, Some(1), "secrets are for machines");
}

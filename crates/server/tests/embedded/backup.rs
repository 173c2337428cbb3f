//! `doorward backup`, and a server on what it made.

use serde_json::json;

use crate::child::Server;
use crate::tools::{add_person, log_in, run, served, text, told};

#[tokio::test]
async fn a_backup_of_a_running_server_holds_users_sessions_and_tokens() {
    let (dir, server, admin) = served();
    add_person(dir.path(), "F1rst!password");
    let (_, made) = log_in(&server, &admin, "F1rst!password").await;
    let file = dir.path().join("copy.db");
    let path = file.display().to_string();
    let done = told(dir.path(), &["backup", &path]);
    assert_eq!(done["bytes"], json!(std::fs::metadata(&file).unwrap().len()));
    assert_eq!(run(dir.path(), &["backup", &path]).code, Some(1), "a file that is there stays as it is");
    let (_, later) = log_in(&server, &admin, "F1rst!password").await;
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join("data")).unwrap();
    std::fs::copy(&file, other.path().join("data/doorward.db")).unwrap();
    std::fs::copy(dir.path().join("data/master.key"), other.path().join("data/master.key")).unwrap();
    let copy = Server::start(other.path(), &[]);
    let session = format!("/v2/sessions/{}", text(&made["sessionId"]));
    assert_eq!(copy.http.rest("GET", &session, Some(&admin), "").await.status, 200);
    let token = Some(text(&made["sessionToken"]));
    assert_eq!(copy.http.rest("POST", "/v2/sessions/search", token, "{}").await.status, 200);
    assert_eq!(log_in(&copy, &admin, "F1rst!password").await.0, 201);
    let later = format!("/v2/sessions/{}", text(&later["sessionId"]));
    assert_eq!(copy.http.rest("GET", &later, Some(&admin), "").await.status, 404, "made after the backup");
    assert_eq!(server.http.rest("GET", &later, Some(&admin), "").await.status, 200);
}

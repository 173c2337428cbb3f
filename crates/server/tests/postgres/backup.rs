//! A copy that PostgreSQL's own tools make, and a server on it.

use std::process::Command;

use doorward_postgres_rig::Server as Postgres;
use serde_json::json;

use crate::child::{Server, data};
use crate::home::Home;
use crate::tools::{add_person, log_in, run, served, text, told};

/// What `pg_dump` says of a database.
fn dump(url: &str) -> String {
    let dumped = Command::new(Postgres::shared().bin("pg_dump")).arg(url).output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    String::from_utf8(dumped.stdout).unwrap()
}

#[tokio::test]
async fn a_dump_of_a_running_server_holds_users_sessions_and_tokens() {
    let postgres = Postgres::shared();
    let (database, copied) = (postgres.database(), postgres.database());
    let (url, copy_name) = (database.url().to_owned(), copied.name().to_owned());
    let (home, copy) = (Home::on(Some(database)), Home::on(Some(copied)));
    let server = Server::start(home.path(), &[]);
    let admin = data(home.path(), "admin.pat");
    add_person(home.path(), "F1rst!password");
    let (_, made) = log_in(&server, &admin, "F1rst!password").await;
    let dumped = dump(&url);
    let (_, later) = log_in(&server, &admin, "F1rst!password").await;
    postgres.sql(&copy_name, &dumped);

    // Nothing of the first folder but the key.
    let without_key = run(copy.path(), &["user", "list"]);
    assert_eq!(without_key.code, Some(1));
    assert!(without_key.errors.contains("master.key is missing"), "{}", without_key.errors);
    std::fs::copy(home.path().join("data/master.key"), copy.path().join("data/master.key")).unwrap();
    let second = Server::start(copy.path(), &[]);
    let session = format!("/v2/sessions/{}", text(&made["sessionId"]));
    assert_eq!(second.http.rest("GET", &session, Some(&admin), "").await.status, 200);
    let token = Some(text(&made["sessionToken"]));
    assert_eq!(second.http.rest("POST", "/v2/sessions/search", token, "{}").await.status, 200);
    assert_eq!(log_in(&second, &admin, "F1rst!password").await.0, 201);
    let later = format!("/v2/sessions/{}", text(&later["sessionId"]));
    assert_eq!(second.http.rest("GET", &later, Some(&admin), "").await.status, 404, "made after the dump");
    assert_eq!(server.http.rest("GET", &later, Some(&admin), "").await.status, 200);
}

#[test]
fn the_backup_of_the_embedded_engine_is_refused_and_names_the_right_tools() {
    let (home, _server, _admin) = served();
    let file = home.path().join("copy.db");
    let refused = run(home.path(), &["backup", &file.display().to_string()]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.errors.contains("pg_dump"), "{}", refused.errors);
    assert!(!file.exists());
    assert_eq!(told(home.path(), &["org", "list"])[0]["name"], json!("Default"), "the server goes on");
}

//! The schema apart from serving: who may change it, and what the others are told.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

#[expect(dead_code, reason = "the tests of the shutdown use the rest of it")]
#[path = "wire/child.rs"]
mod child;
#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "api/client.rs"]
mod client;

use std::path::Path;

use child::{Ended, Server, data, run_with};
use doorward_postgres_rig::Server as Postgres;
use serde_json::{Value, json};

/// How many migrations there are.
const MIGRATIONS: usize = 4;

fn run(dir: &Path, arguments: &[&str]) -> Ended {
    run_with(dir, arguments, &[], "")
}

fn states(ended: &Ended) -> Vec<String> {
    let rows = ended.json();
    rows.as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect()
}

async fn create_session(server: &Server, token: &str) -> Value {
    let answer = server.http.rest("POST", "/v2/sessions", Some(token), "{}").await;
    assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn the_embedded_store_is_asked_brought_up_and_served_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(states(&run(dir.path(), &["--json", "migrate", "status"])), ["pending"; MIGRATIONS]);
    assert!(!dir.path().join("data").exists(), "asking makes nothing");
    let refused = run(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--set", "store.migrate=false"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.errors.contains("doorward migrate up"), "{refused:?}");
    assert_eq!(states(&run(dir.path(), &["--json", "migrate", "up"])), ["applied now"; MIGRATIONS]);
    let shown = run(dir.path(), &["migrate", "status"]);
    assert!(shown.output.contains("0002_session_end") && !shown.output.contains("pending"), "{shown:?}");
    let server = Server::start(dir.path(), &["--set", "store.migrate=false"]);
    create_session(&server, &data(dir.path(), "login-client.pat")).await;
}

#[test]
fn a_store_of_a_newer_version_is_shown_and_refused() {
    let dir = tempfile::tempdir().unwrap();
    let database = Postgres::shared().database();
    let url = format!("database_url={}", database.url());
    assert_eq!(run(dir.path(), &["--set", &url, "migrate", "up"]).code, Some(0));
    assert!(!dir.path().join("data").exists(), "nothing is needed on this machine");
    database.sql("INSERT INTO expansions VALUES (98, '0098_more')");
    assert_eq!(run(dir.path(), &["--set", &url, "migrate", "up"]).code, Some(0));
    database.sql("INSERT INTO migrations VALUES (99, '0099_less')");
    let told = states(&run(dir.path(), &["--json", "--set", &url, "migrate", "status"]));
    assert!(
        told[MIGRATIONS].ends_with("can live with") && told[MIGRATIONS + 1].ends_with("cannot live with"),
        "{told:?}"
    );
    for command in [&["migrate", "up"][..], &["serve", "--listen", "127.0.0.1:0"], &["user", "list"]] {
        let arguments: Vec<_> = ["--set", &url].into_iter().chain(command.iter().copied()).collect();
        let refused = run(dir.path(), &arguments);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.errors.contains("knows schema 99"), "{refused:?}");
    }
}

/// The text that an operator follows: what the owner of a database does once, and what the role that serves gets.
fn roles(database: &str, owner: &str, serving: &str) -> String {
    format!(
        "CREATE ROLE {owner} LOGIN;
         CREATE ROLE {serving} LOGIN;
         ALTER DATABASE {database} OWNER TO {owner};
         REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         GRANT USAGE, CREATE ON SCHEMA public TO {owner};
         GRANT USAGE ON SCHEMA public TO {serving};
         ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
             GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {serving};"
    )
}

#[tokio::test]
async fn a_role_that_may_change_no_schema_serves_what_the_owner_brought_up() {
    let dir = tempfile::tempdir().unwrap();
    let database = Postgres::shared().database();
    let (owner, serving) = (format!("{}_owner", database.name()), format!("{}_app", database.name()));
    database.sql(&roles(database.name(), &owner, &serving));
    let of =
        |role: &str| format!("database_url={}", database.url().replacen("postgres@", &format!("{role}@"), 1));
    let (as_owner, as_serving) = (of(&owner), of(&serving));

    let status = ["--json", "--set", &as_serving, "migrate", "status"];
    assert_eq!(states(&run(dir.path(), &status)), ["pending"; MIGRATIONS]);
    let denied = run(dir.path(), &["--set", &as_serving, "migrate", "up"]);
    assert!(denied.code == Some(1) && denied.errors.contains("permission denied"), "{denied:?}");
    let refused = run(
        dir.path(),
        &["serve", "--listen", "127.0.0.1:0", "--set", "store.migrate=false", "--set", &as_serving],
    );
    assert!(refused.code == Some(1) && refused.errors.contains("doorward migrate up"), "{refused:?}");

    let up = run(dir.path(), &["--json", "--set", &as_owner, "migrate", "up"]);
    assert_eq!(states(&up), ["applied now"; MIGRATIONS]);
    assert_eq!(states(&run(dir.path(), &status)), ["applied"; MIGRATIONS]);
    for migrate in ["store.migrate=false", "store.migrate=true"] {
        let server = Server::start(dir.path(), &["--set", migrate, "--set", &as_serving]);
        let (login, admin) = (data(dir.path(), "login-client.pat"), data(dir.path(), "admin.pat"));
        let session = create_session(&server, &login).await;
        let path = format!("/v2/sessions/{}", session["sessionId"].as_str().unwrap());
        let change = json!({ "metadata": { "a": "eA==" } }).to_string();
        assert!(server.http.rest("PATCH", &path, Some(&login), &change).await.status.is_success());
        assert!(server.http.rest("DELETE", &path, Some(&login), "{}").await.status.is_success());
        let search = server.http.rest("POST", "/v2/users", Some(&admin), "{}").await;
        assert!(search.status.is_success(), "{search:?}");
    }
    let pruned = run(dir.path(), &["--data-dir", "data", "--set", &as_serving, "session", "prune"]);
    assert_eq!(pruned.code, Some(0), "{pruned:?}");
    let dropped = format!("DROP TABLE sessions; -- {serving}");
    let psql = std::panic::catch_unwind(|| database.sql(&format!("SET ROLE {serving}; {dropped}")));
    assert!(psql.is_err(), "the role that serves may drop nothing");
    database.sql(&format!(
        "REASSIGN OWNED BY {owner} TO postgres; DROP OWNED BY {serving}; DROP OWNED BY {owner}; DROP ROLE {serving}, \
         {owner}"
    ));
}

#[test]
fn sessions_are_removed_by_hand_and_never_if_they_are_kept_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    drop(Server::start(dir.path(), &[]));
    let pruned = run(dir.path(), &["--json", "session", "prune"]).json();
    assert_eq!(pruned["removed"], 0);
    let for_ever = ["--set", "policy.session.keep_ended_days=0", "session", "prune"];
    let refused = run(dir.path(), &for_ever);
    assert!(refused.code == Some(2) && refused.errors.contains("--days"), "{refused:?}");
    let by_days: Vec<_> = for_ever.into_iter().chain(["--days", "7"]).collect();
    assert_eq!(run(dir.path(), &by_days).code, Some(0));
}

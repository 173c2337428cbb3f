//! The command line, as an operator uses it beside a running server.

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
#[path = "wire/cli_config.rs"]
mod cli_config;
#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "api/client.rs"]
mod client;

use std::path::Path;

use child::{Ended, Server, data, run_with};
use serde_json::{Value, json};
use tempfile::TempDir;

fn run(dir: &Path, arguments: &[&str]) -> Ended {
    run_with(dir, arguments, &[], "")
}

/// The JSON that a command prints.
fn told(dir: &Path, arguments: &[&str]) -> Value {
    let arguments: Vec<_> = ["--json"].iter().chain(arguments).copied().collect();
    run(dir, &arguments).json()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn served() -> (TempDir, Server, String) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let admin = data(dir.path(), "admin.pat");
    (dir, server, admin)
}

const PERSON: [&str; 8] =
    ["user", "add", "--email", "mini@m.co", "--given-name", "Mini", "--family-name", "Mouse"];

fn add_person(dir: &Path, password: &str) -> Value {
    let arguments: Vec<_> = ["--json"].iter().chain(&PERSON).chain(&["--password-stdin"]).copied().collect();
    run_with(dir, &arguments, &[], &format!("{password}\n")).json()
}

async fn log_in(server: &Server, admin: &str, password: &str) -> (u16, Value) {
    let checks = json!({ "user": { "loginName": "mini@m.co" }, "password": { "password": password } });
    let body = json!({ "checks": checks }).to_string();
    let answer = server.http.rest("POST", "/v2/sessions", Some(admin), &body).await;
    (answer.status.as_u16(), answer.json())
}

#[test]
fn every_command_has_a_help_text() {
    let dir = tempfile::tempdir().unwrap();
    let groups: [(&str, &[&str]); 10] = [
        ("serve", &[]),
        ("user", &["add", "list", "show", "set-password", "lock", "unlock", "delete"]),
        ("org", &["add", "list"]),
        ("token", &["create", "list", "revoke"]),
        ("session", &["list", "show", "end", "prune"]),
        ("config", &["print", "check", "example"]),
        ("backup", &[]),
        ("migrate", &["status", "up"]),
        ("move", &[]),
        ("version", &[]),
    ];
    let all = run(dir.path(), &["--help"]);
    assert_eq!(all.code, Some(0));
    assert!(all.output.contains("Exit codes: 0 done"), "{}", all.output);
    for (group, commands) in groups {
        assert!(all.output.lines().any(|line| line.trim().starts_with(group)), "{group}\n{}", all.output);
        let help = run(dir.path(), &[group, "--help"]);
        assert!(help.code == Some(0) && help.output.contains("Usage: doorward"), "{help:?}");
        let inner = help.output.split("Commands:").nth(1).map_or(0, |list| {
            list.lines()
                .skip(1)
                .take_while(|line| line.starts_with("  "))
                .filter(|line| !line.starts_with("   "))
                .count()
        });
        assert_eq!(inner, commands.len(), "{group}: a command is missing here\n{}", help.output);
        for command in commands {
            let help = run(dir.path(), &[group, command, "--help"]);
            assert_eq!(help.code, Some(0), "{group} {command}");
            let first = help.output.lines().next().unwrap();
            assert!(first.len() > 10 && !first.starts_with("Usage"), "{group} {command}: {first}");
        }
    }
    assert!(!dir.path().join("data").exists(), "asking for help makes no data folder");
}

#[test]
fn the_exit_code_tells_what_went_wrong() {
    let (dir, _server, _admin) = served();
    let code = |arguments: &[&str]| run(dir.path(), arguments).code.unwrap();
    assert_eq!(code(&["version"]), 0);
    assert_eq!(code(&[]), 2);
    assert_eq!(code(&["nonsense"]), 2);
    assert_eq!(code(&["user", "add"]), 2);
    assert_eq!(code(&["user", "add", "--machine", "robot", "--role", "KING"]), 2);
    assert_eq!(code(&["user", "set-password", "admin"]), 2, "no password on standard input");
    assert_eq!(code(&["--set", "nonsense=1", "user", "list"]), 3);
    assert_eq!(code(&["--config", "missing.toml", "user", "list"]), 3);
    assert_eq!(code(&["user", "show", "nobody"]), 4);
    assert_eq!(code(&["user", "lock", "nobody"]), 4);
    assert_eq!(code(&["token", "revoke", "5"]), 4);
    assert_eq!(code(&["session", "show", "5"]), 4);
    assert_eq!(code(&["session", "end", "5"]), 4);
    assert_eq!(code(&["user", "unlock", "admin"]), 1);
    assert_eq!(code(&["user", "add", "--machine", "admin"]), 1);
    assert_eq!(code(&["org", "add", " "]), 1);
    assert_eq!(code(&["org", "add", "Default"]), 1);
    let refused = run(dir.path(), &["user", "show", "nobody"]);
    assert_eq!(refused.errors.trim(), "doorward: User could not be found (QUERY-Dfbg2)");
    assert_eq!(refused.output, "");
}

#[test]
fn a_folder_without_a_store_is_refused_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("copy.db").display().to_string();
    let commands: [&[&str]; 5] =
        [&["user", "list"], &["org", "list"], &["token", "list"], &["session", "list"], &["backup", &file]];
    for command in commands {
        let refused = run(dir.path(), command);
        assert_eq!((refused.code, refused.output.as_str()), (Some(1), ""), "{command:?}");
        assert!(refused.errors.contains("--data-dir"), "{}", refused.errors);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn the_version_is_that_of_the_package() {
    let dir = tempfile::tempdir().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(run(dir.path(), &["version"]).output, format!("doorward {version}\n"));
    assert_eq!(run(dir.path(), &["--version"]).output, format!("doorward {version}\n"));
    assert_eq!(told(dir.path(), &["version"]), json!({ "name": "doorward", "version": version }));
}

#[tokio::test]
async fn users_are_managed_while_the_server_runs() {
    let (dir, server, admin) = served();
    let dir = dir.path();
    let made = add_person(dir, "F1rst!password");
    assert_eq!((text(&made["login_name"]), &made["password"]), ("mini@m.co", &json!(true)));
    let id = text(&made["id"]);
    assert_eq!(log_in(&server, &admin, "F1rst!password").await.0, 201);
    let shown = told(dir, &["user", "show", "mini@m.co"]);
    assert_eq!((&shown["id"], text(&shown["state"]), text(&shown["kind"])), (&made["id"], "active", "human"));
    let listed = told(dir, &["user", "list"]);
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|user| text(&user["login_name"])).collect();
    assert_eq!(names.len(), 3);
    assert!(["admin", "login-client", "mini@m.co"].iter().all(|name| names.contains(name)), "{names:?}");
    let set = run_with(dir, &["user", "set-password", "mini@m.co"], &[], "Sec0nd!password\r\nsecond line\n");
    assert_eq!(set.code, Some(0), "{set:?}");
    assert_eq!(log_in(&server, &admin, "F1rst!password").await.0, 400);
    assert_eq!(log_in(&server, &admin, "Sec0nd!password").await.0, 201);
    let weak = run_with(dir, &["user", "set-password", id], &[], "weak\n");
    assert_eq!(weak.code, Some(1), "{weak:?}");
    assert_eq!(told(dir, &["user", "lock", id])["state"], "locked");
    assert_eq!(log_in(&server, &admin, "Sec0nd!password").await.0, 400);
    assert_eq!(told(dir, &["user", "unlock", id])["state"], "active");
    let (status, session) = log_in(&server, &admin, "Sec0nd!password").await;
    assert_eq!(status, 201);
    assert_eq!(told(dir, &["user", "delete", id])["id"], json!(id));
    let path = format!("/v2/sessions/{}", text(&session["sessionId"]));
    assert_eq!(server.http.rest("GET", &path, Some(&admin), "").await.status, 404);
    assert_eq!(run(dir, &["user", "show", id]).code, Some(4));
}

#[tokio::test]
async fn organisations_and_roles_take_effect_in_the_running_server() {
    let (dir, server, _admin) = served();
    let dir = dir.path();
    let away = told(dir, &["org", "add", "Away"]);
    let listed = told(dir, &["org", "list"]);
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|one| text(&one["name"])).collect();
    assert_eq!(names, ["Default", "Away"]);
    let org = text(&away["id"]);
    let add = ["user", "add", "--machine", "robot", "--org", org, "--role", "ORG_OWNER"];
    let made = told(dir, &add);
    assert_eq!((&made["organisation"], text(&made["roles"])), (&away["id"], "ORG_OWNER"));
    let token = told(dir, &["token", "create", "robot"]);
    let list = server.http.rest("POST", "/v2/users", Some(text(&token["token"])), "{}").await.json();
    assert_eq!(list["details"]["totalResult"], "1", "the robot is alone in its organisation");
}

#[tokio::test]
async fn a_token_works_until_it_is_revoked_and_not_one_call_longer() {
    let (dir, server, _admin) = served();
    let dir = dir.path();
    told(dir, &["user", "add", "--machine", "robot", "--role", "IAM_LOGIN_CLIENT"]);
    let made = told(dir, &["token", "create", "robot", "--days", "7"]);
    let (id, token) = (text(&made["id"]), text(&made["token"]));
    assert_eq!(server.http.rest("POST", "/v2/sessions", Some(token), "{}").await.status, 201);
    let listed = told(dir, &["token", "list", "robot"]);
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &made["id"]));
    assert!(!listed.to_string().contains(token), "the text is shown once");
    assert_eq!(told(dir, &["token", "list"]).as_array().unwrap().len(), 3);
    assert_eq!(told(dir, &["token", "revoke", id])["revoked"], json!(id));
    assert_eq!(server.http.rest("POST", "/v2/sessions", Some(token), "{}").await.status, 401);
    assert_eq!(run(dir, &["token", "revoke", id]).code, Some(4));
    assert_eq!(run(dir, &["token", "create", "nobody"]).code, Some(4));
    add_person(dir, "F1rst!password");
    assert_eq!(run(dir, &["token", "create", "mini@m.co"]).code, Some(1), "tokens are for machines");
}

#[tokio::test]
async fn sessions_are_seen_and_ended_while_the_server_runs() {
    let (dir, server, admin) = served();
    let dir = dir.path();
    add_person(dir, "F1rst!password");
    let mut ids = Vec::new();
    for _ in 0..3 {
        let (status, made) = log_in(&server, &admin, "F1rst!password").await;
        assert_eq!(status, 201);
        ids.push((text(&made["sessionId"]).to_owned(), text(&made["sessionToken"]).to_owned()));
    }
    assert_eq!(server.http.rest("POST", "/v2/sessions", Some(&admin), "{}").await.status, 201);
    assert_eq!(told(dir, &["session", "list"]).as_array().unwrap().len(), 4);
    assert_eq!(told(dir, &["session", "list", "--limit", "1"]).as_array().unwrap().len(), 1);
    let of_user = told(dir, &["session", "list", "--user", "mini@m.co"]);
    assert_eq!(of_user.as_array().unwrap().len(), 3);
    let (id, token) = &ids[0];
    let shown = told(dir, &["session", "show", id]);
    assert_eq!((text(&shown["login_name"]), text(&shown["factors"])), ("mini@m.co", "password"));
    assert!(!shown.to_string().contains(token.as_str()), "no token is shown");
    assert_eq!(told(dir, &["session", "end", id])["ended"], json!(id));
    let path = format!("/v2/sessions/{id}");
    assert_eq!(server.http.rest("GET", &path, Some(&admin), "").await.status, 404);
    assert_eq!(server.http.rest("POST", "/v2/sessions/search", Some(token), "{}").await.status, 404);
    assert_eq!(told(dir, &["session", "end", "--user", "mini@m.co"])["ended"], 2);
    assert_eq!(told(dir, &["session", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(run(dir, &["session", "end"]).code, Some(2));
}

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

#[test]
fn people_get_lines_and_tables() {
    let (dir, _server, _admin) = served();
    let listed = run(dir.path(), &["user", "list"]);
    let mut lines = listed.output.lines();
    assert!(lines.next().unwrap().starts_with("ID "), "{}", listed.output);
    assert_eq!(lines.count(), 2);
    let shown = run(dir.path(), &["user", "show", "admin"]);
    assert!(shown.output.lines().any(|line| line.starts_with("roles ") && line.ends_with("IAM_OWNER")));
}

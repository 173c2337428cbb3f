//! What the tests of the command line share.

use std::path::Path;

use serde_json::{Value, json};

use crate::child::{Ended, Server, data, run_with};
use crate::home::Home;

/// Runs a command to its end.
pub fn run(dir: &Path, arguments: &[&str]) -> Ended {
    run_with(dir, arguments, &[], "")
}

/// The JSON that a command prints.
pub fn told(dir: &Path, arguments: &[&str]) -> Value {
    let arguments: Vec<_> = ["--json"].iter().chain(arguments).copied().collect();
    run(dir, &arguments).json()
}

/// The text of a field.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// A server that runs, and the token of its administrator.
pub fn served() -> (Home, Server, String) {
    let home = Home::new();
    let server = Server::start(home.path(), &[]);
    let admin = data(home.path(), "admin.pat");
    (home, server, admin)
}

const PERSON: [&str; 8] =
    ["user", "add", "--email", "mini@m.co", "--given-name", "Mini", "--family-name", "Mouse"];

/// Adds a person with a password by the command line.
pub fn add_person(dir: &Path, password: &str) -> Value {
    let arguments: Vec<_> = ["--json"].iter().chain(&PERSON).chain(&["--password-stdin"]).copied().collect();
    run_with(dir, &arguments, &[], &format!("{password}\n")).json()
}

/// Logs the person in over the API.
pub async fn log_in(server: &Server, admin: &str, password: &str) -> (u16, Value) {
    let checks = json!({ "user": { "loginName": "mini@m.co" }, "password": { "password": password } });
    let body = json!({ "checks": checks }).to_string();
    let answer = server.http.rest("POST", "/v2/sessions", Some(admin), &body).await;
    (answer.status.as_u16(), answer.json())
}

//! Roles are granted and taken away while the server runs, and by the configuration at the first start.

use std::io::Write;

use serde_json::{Value, json};

use crate::child::{Server, data};
use crate::home::Home;
use crate::tools::{add_person, run, served, text, told};

#[tokio::test]
async fn roles_are_granted_and_taken_away_while_the_server_runs() {
    let (dir, server, _admin) = served();
    let dir = dir.path();
    let robot = told(dir, &["user", "add", "--machine", "robot"]);
    let token = told(dir, &["token", "create", "robot"]);
    let status =
        async || server.http.rest("POST", "/v2/sessions", Some(text(&token["token"])), "{}").await.status;
    assert_eq!(status().await, 404);
    let granted = told(dir, &["grant", "add", "robot", "IAM_LOGIN_CLIENT"]);
    let expected = json!({ "granted": "IAM_LOGIN_CLIENT", "user": robot["id"], "organisation": null });
    assert_eq!(granted, expected);
    assert_eq!(status().await, 201);
    let listed = told(dir, &["grant", "list", text(&robot["id"])]);
    assert_eq!(listed, json!([{ "user": robot["id"], "role": "IAM_LOGIN_CLIENT", "organisation": null }]));
    assert_eq!(told(dir, &["grant", "list"]).as_array().unwrap().len(), 3);
    assert_eq!(told(dir, &["grant", "remove", "robot", "IAM_LOGIN_CLIENT"])["removed"], "IAM_LOGIN_CLIENT");
    assert_eq!(status().await, 404);
    let gone = run(dir, &["grant", "remove", "robot", "IAM_LOGIN_CLIENT"]);
    assert_eq!(gone.code, Some(4), "{gone:?}");
}

#[tokio::test]
async fn roles_are_held_where_they_fit() {
    let (dir, _server, _admin) = served();
    let dir = dir.path();
    let away = told(dir, &["org", "add", "Away"]);
    let org = text(&away["id"]);
    add_person(dir, "F1rst!password");
    let granted = told(dir, &["grant", "add", "mini@m.co", "ORG_OWNER", "--organisation", org]);
    assert_eq!(granted["organisation"], away["id"]);
    assert_eq!(told(dir, &["user", "show", "mini@m.co"])["roles"], "ORG_OWNER");
    for (arguments, code) in [
        (vec!["mini@m.co", "ORG_OWNER"], 1),
        (vec!["mini@m.co", "IAM_OWNER", "--organisation", org], 1),
        (vec!["mini@m.co", "ORG_OWNER", "--organisation", "17"], 1),
        (vec!["mini@m.co", "EMPEROR"], 2),
        (vec!["nobody", "IAM_OWNER"], 4),
    ] {
        let refused = run(dir, &[["grant", "add"].as_slice(), arguments.as_slice()].concat());
        assert_eq!(refused.code, Some(code), "{arguments:?} {refused:?}");
    }
    let elsewhere = run(dir, &["grant", "remove", "mini@m.co", "ORG_OWNER"]);
    assert_eq!(elsewhere.code, Some(4), "it is not held on the instance");
    told(dir, &["grant", "remove", "mini@m.co", "ORG_OWNER", "--organisation", org]);
    assert_eq!(told(dir, &["user", "show", "mini@m.co"])["roles"], "");
}

fn add_to_configuration(home: &Home, text: &str) {
    let path = home.path().join("doorward.toml");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[tokio::test]
async fn the_configuration_grants_roles_at_the_first_start_and_only_then() {
    let home = Home::new();
    let grant = |user: &str, role: &str| format!("[[grant]]\nuser = \"{user}\"\nrole = \"{role}\"\n");
    let roles = [("Robot", "ORG_USER_MANAGER"), ("robot", "IAM_OWNER_VIEWER"), ("login-client", "ORG_OWNER")];
    for (user, role) in roles {
        add_to_configuration(&home, &grant(user, role));
    }
    let server = Server::start(home.path(), &[]);
    let held = |user: &str| -> Vec<Value> {
        let listed = told(home.path(), &["grant", "list", user]);
        listed.as_array().unwrap().iter().map(|held| held["role"].clone()).collect()
    };
    let mut robots = held("robot");
    robots.sort_by_key(ToString::to_string);
    assert_eq!(robots, ["IAM_OWNER_VIEWER", "ORG_USER_MANAGER"]);
    assert_eq!(held("login-client").len(), 2);
    assert_eq!(held("admin"), ["IAM_OWNER"]);
    assert_eq!(told(home.path(), &["user", "show", "robot"])["kind"], "machine");
    let tokens = told(home.path(), &["token", "list", "robot"]);
    assert_eq!(tokens, json!([]), "nobody can call as the robot before there is a token");
    drop(server);
    add_to_configuration(&home, &grant("robot", "IAM_OWNER"));
    told(home.path(), &["grant", "remove", "login-client", "IAM_LOGIN_CLIENT"]);
    let server = Server::start(home.path(), &[]);
    assert_eq!(held("robot").len(), 2);
    assert_eq!(held("login-client"), ["ORG_OWNER"]);
    let login = data(home.path(), "login-client.pat");
    assert_eq!(server.http.rest("POST", "/v2/sessions", Some(&login), "{}").await.status, 404);
}

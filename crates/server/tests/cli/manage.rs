//! Users, organisations, tokens and sessions are managed while the server runs.

use serde_json::json;

use crate::child::run_with;
use crate::tools::{add_person, log_in, run, served, text, told};

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

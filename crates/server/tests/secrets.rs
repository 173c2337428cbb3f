//! Secrets stay secret: the real program goes through a full scenario at the most talkative log level, and nothing that
//! is secret is found in what it wrote.
//!
//! This binary runs on the embedded engine; `secrets_postgres.rs` takes it to PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

#[expect(dead_code, reason = "the tests of the command line use the rest of it")]
#[path = "wire/child.rs"]
pub(crate) mod child;
#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "api/client.rs"]
pub(crate) mod client;
#[path = "cli/home.rs"]
pub(crate) mod home;
#[path = "wire/scenario.rs"]
mod scenario;
#[path = "cli/stored.rs"]
mod stored;
#[expect(dead_code, reason = "the tests of the command line use the rest of it")]
#[path = "cli/vault.rs"]
pub(crate) mod vault;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use child::{Server, data};
use home::Home;
use scenario::Scenario;
use serde_json::{Value, json};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn no_secret_is_in_the_log_in_an_error_or_in_the_metrics() {
    let dir = Home::new();
    let arguments = ["--log", "trace", "--set", "log_format=json"];
    let server = Server::start(dir.path(), &arguments);
    let (admin, login) = (data(dir.path(), "admin.pat"), data(dir.path(), "login-client.pat"));
    let mut secrets = vec![admin.clone(), login, data(dir.path(), "master.key")];
    secrets.extend(dir.password());
    let mut scenario = Scenario { server, admin, secrets, refusals: String::new() };
    let user = scenario.users().await;
    scenario.second_factors(&user).await;
    let token = scenario.sessions(&user).await;
    scenario.malformed().await;
    scenario.machine().await;
    scenario.protocols(&token).await;
    let metrics = scenario.server.http.rest("GET", "/metrics", None, "").await.bytes;
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    let Scenario { server, secrets, refusals, .. } = scenario;
    let ended = tokio::task::spawn_blocking(move || server.stop()).await.unwrap();
    stored::assert_hides(&dir, &secrets).await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    assert!(
        ended.errors.lines().count() > 1000,
        "the log tells a lot: {} lines",
        ended.errors.lines().count()
    );
    assert!(refusals.contains("COMMAND-3M0fs") && refusals.contains("QUERY-dsfr3"), "errors were met");
    let mut found = Vec::new();
    for secret in &secrets {
        let encoded = STANDARD.encode(secret);
        for (place, text) in
            [("log", &ended.errors), ("output", &ended.output), ("metrics", &metrics), ("errors", &refusals)]
        {
            for form in [secret, &encoded] {
                if let Some(line) = text.lines().find(|line| line.contains(form.as_str())) {
                    let line: String = line.chars().take(600).collect();
                    found.push(format!("{secret} is in the {place}: {line}"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    for scheme in ["$argon2", "$2a$", "$unknown$"] {
        assert!(!ended.errors.contains(scheme) && !refusals.contains(scheme), "{scheme}");
    }
    for line in ended.errors.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "no JSON: {line}");
    }
}

#[tokio::test]
async fn only_the_owner_may_read_the_data_folder_its_tokens_and_its_key() {
    let dir = Home::new();
    let server = Server::start(dir.path(), &[]);
    let folder = dir.path().join("data");
    assert_eq!(mode(&folder), 0o700);
    for name in ["admin.pat", "login-client.pat", "master.key"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    let ended = tokio::task::spawn_blocking(move || server.stop()).await.unwrap();
    assert_eq!(ended.code, Some(0));
    assert!(ended.output.contains("data/admin.pat"), "{}", ended.output);
}

#[tokio::test]
async fn requests_in_flight_finish_when_the_server_is_told_to_stop() {
    const LOGINS: usize = 8;
    let dir = Home::new();
    let slow = [
        "hashing.memory_kib=65536",
        "hashing.iterations=4",
        "hashing.threads=1",
        // Hashing gives way to everything else on the machine, which may be busy.
        "hashing.max_wait_ms=250000",
        "limits.request_timeout_ms=300000",
        "limits.drain_timeout_ms=300000",
    ];
    let arguments: Vec<_> = slow.iter().flat_map(|pair| ["--set", pair]).collect();
    let server = Server::start(dir.path(), &arguments);
    let (admin, http) = (data(dir.path(), "admin.pat"), server.http);
    let new = json!({
        "profile": { "givenName": "Mini", "familyName": "Mouse" },
        "email": { "email": "mini@m.co", "isVerified": true },
        "password": { "password": "F1rst!password" },
    });
    assert_eq!(http.rest("POST", "/v2/users/human", Some(&admin), &new.to_string()).await.status, 200);
    let login = json!({ "checks": {
        "user": { "loginName": "mini@m.co" }, "password": { "password": "F1rst!password" },
    }})
    .to_string();
    let logins: Vec<_> = (0..LOGINS)
        .map(|_| {
            let (admin, login) = (admin.clone(), login.clone());
            tokio::spawn(async move { http.rest("POST", "/v2/sessions", Some(&admin), &login).await })
        })
        .collect();
    let mut waiting = 0;
    for _ in 0..1000 {
        let metrics = http.rest("GET", "/metrics", None, "").await.bytes;
        let text = String::from_utf8(metrics.to_vec()).unwrap();
        let queue = text.lines().find_map(|line| line.strip_prefix("doorward_hashing_queue "));
        waiting = queue.unwrap().parse::<usize>().unwrap();
        if waiting >= LOGINS - 2 {
            break;
        }
    }
    assert!(waiting >= LOGINS - 2, "the logins are in flight: {waiting}");
    server.terminate();
    let mut ids = Vec::new();
    for login in logins {
        let answer = login.await.unwrap();
        assert_eq!(answer.status, 201, "{:?}", answer.bytes);
        ids.push(answer.json()["sessionId"].as_str().unwrap().to_owned());
    }
    let ended = tokio::task::spawn_blocking(move || server.wait()).await.unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let server = Server::start(dir.path(), &[]);
    for id in ids {
        let path = format!("/v2/sessions/{id}");
        assert_eq!(server.http.rest("GET", &path, Some(&admin), "").await.status, 200, "{id}");
    }
}

//! A store is moved to PostgreSQL and back with the command line, killed in the middle, and served afterwards.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

#[path = "wire/child.rs"]
mod child;
#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "api/client.rs"]
mod client;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use child::{Ended, Server, data, run_with};
use doorward_postgres_rig::Server as Postgres;
use serde_json::{Value, json};

fn run(dir: &Path, arguments: &[&str]) -> Ended {
    run_with(dir, arguments, &[], "")
}

async fn rest(server: &Server, verb: &str, path: &str, token: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = server.http.rest(verb, path, Some(token), &body).await;
    (answer.status.as_u16(), answer.json())
}

/// A person with a session, and the token of that.
async fn fill(server: &Server, dir: &Path) -> (String, String) {
    let person = json!({
        "profile": { "givenName": "Zoë", "familyName": "🐭" },
        "email": { "email": "zoë@m.example", "isVerified": true },
        "password": { "password": "Secr3t!pass" },
    });
    let added = rest(server, "POST", "/v2/users/human", &data(dir, "admin.pat"), person).await;
    assert_eq!(added.0, 200, "{added:?}");
    log_in(server, dir).await
}

/// A session of that person, and its token.
async fn log_in(server: &Server, dir: &Path) -> (String, String) {
    let checks =
        json!({ "user": { "loginName": "zoë@m.example" }, "password": { "password": "Secr3t!pass" } });
    let body = json!({ "checks": checks, "metadata": { "a": "AP8=" } });
    let (status, session) = rest(server, "POST", "/v2/sessions", &data(dir, "login-client.pat"), body).await;
    assert_eq!(status, 201, "{session}");
    let text = |name: &str| session[name].as_str().unwrap().to_owned();
    (text("sessionId"), text("sessionToken"))
}

/// The session as its own token opens it, and as a bearer.
async fn opens(server: &Server, dir: &Path, (id, token): &(String, String)) -> Value {
    let path = format!("/v2/sessions/{id}?sessionToken={token}");
    let (status, shown) = rest(server, "GET", &path, &data(dir, "login-client.pat"), Value::Null).await;
    assert_eq!(status, 200, "{shown}");
    let (status, _) = rest(server, "GET", &format!("/v2/sessions/{id}"), token, Value::Null).await;
    assert_eq!(status, 200, "the token of the session is a bearer");
    shown["session"].clone()
}

#[tokio::test]
async fn a_store_goes_to_postgres_and_back_and_every_token_stays_valid() {
    let dir = tempfile::tempdir().unwrap();
    let database = Postgres::shared().database();
    let server = Server::start(dir.path(), &[]);
    let session = fill(&server, dir.path()).await;
    let before = opens(&server, dir.path(), &session).await;
    let there = ["--json", "move", "--from", "sqlite:data", "--to", database.url()];
    let refused = run(dir.path(), &there);
    assert!(refused.code == Some(1) && refused.errors.contains("another server runs"), "{refused:?}");
    server.stop();

    let moved = run(dir.path(), &there);
    assert!(moved.errors.contains("rows") && moved.errors.contains("master.key fits"), "{moved:?}");
    let rows = moved.json();
    assert!(rows.as_array().unwrap().iter().all(|row| row["equal"] == true), "{rows}");
    let sessions = rows.as_array().unwrap().iter().find(|row| row["table"] == "sessions").unwrap();
    assert_eq!((&sessions["from_rows"], &sessions["to_rows"]), (&json!(1), &json!(1)));
    let refused = run(dir.path(), &there);
    assert!(refused.code == Some(1) && refused.errors.contains("holds a store already"), "{refused:?}");

    let url = format!("database_url={}", database.url());
    let server = Server::start(dir.path(), &["--set", &url]);
    assert_eq!(opens(&server, dir.path(), &session).await, before);
    let back = ["--set", &url, "move", "--from", "config", "--to", "sqlite:back/doorward.db"];
    let refused = run(dir.path(), &back);
    assert!(refused.code == Some(1) && refused.errors.contains("stop all servers"), "{refused:?}");
    let later = log_in(&server, dir.path()).await;
    server.stop();

    assert_eq!(run(dir.path(), &back).code, Some(0));
    std::fs::rename(dir.path().join("data"), dir.path().join("old")).unwrap();
    std::fs::rename(dir.path().join("back"), dir.path().join("data")).unwrap();
    for file in ["master.key", "login-client.pat"] {
        std::fs::copy(dir.path().join("old").join(file), dir.path().join("data").join(file)).unwrap();
    }
    let server = Server::start(dir.path(), &[]);
    assert_eq!(opens(&server, dir.path(), &session).await, before);
    opens(&server, dir.path(), &later).await;
}

#[tokio::test]
async fn a_store_whose_master_key_was_replaced_is_moved_with_its_keys_and_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let database = Postgres::shared().database();
    let server = Server::start(dir.path(), &[]);
    let session = fill(&server, dir.path()).await;
    server.stop();
    let key = dir.path().join("data/master.key");
    let before = std::fs::read_to_string(&key).unwrap();
    assert_eq!(run(dir.path(), &["keys", "rotate", "--keep-old"]).code, Some(0));
    let (both, there) =
        (std::fs::read_to_string(&key).unwrap(), ["--from", "sqlite:data", "--to", database.url()]);
    let there = [&["move"], &there as &[_]].concat();
    std::fs::write(&key, before).unwrap();
    let refused = run(dir.path(), &there);
    assert!(refused.code == Some(1) && refused.errors.contains("master.key is not the key"), "{refused:?}");
    std::fs::write(&key, both).unwrap();
    let moved = run(dir.path(), &there);
    assert!(moved.code == Some(0) && moved.errors.contains("master.key fits"), "{moved:?}");
    let url = format!("database_url={}", database.url());
    let server = Server::start(dir.path(), &["--set", &url]);
    opens(&server, dir.path(), &session).await;
    server.stop();
    assert_eq!(
        run(dir.path(), &["--set", &url, "keys", "rotate"]).code,
        Some(0),
        "and the old key is dropped"
    );
    let server = Server::start(dir.path(), &["--set", &url]);
    opens(&server, dir.path(), &session).await;
}

/// Many sessions, made by SQL in a store that nobody serves.
async fn many_sessions(file: &Path, many: u32) {
    use doorward_store::{Db, Settings, SqliteSettings};
    let settings = SqliteSettings {
        path: file.to_owned(),
        readers: 1,
        batch: 1,
        queue: 1,
        busy: std::time::Duration::from_secs(5),
    };
    let db = Db::open(Settings::Sqlite(settings)).unwrap();
    let filled = db.write(move |conn| {
        Box::pin(async move {
            let sql = format!(
                "INSERT INTO sessions (id, creator_id, created, changed, sequence, ended, token, web_auth_n_uv, \
                 metadata) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many}) SELECT \
                 's' || i, 'c', i, i, 1, i, x'00', i % 2, '{{\"a\":\"00\"}}' FROM n"
            );
            conn.run(&sql, &[]).await
        })
    });
    assert_eq!(filled.await.unwrap(), u64::from(many));
}

/// Starts a move and kills it when it has copied something; gives whether it came to its end before.
fn killed(dir: &Path, arguments: &[&str], target_has_rows: impl Fn() -> bool) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.env_clear().current_dir(dir).args(arguments);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !target_has_rows() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    drop(child.kill());
    let status = child.wait().unwrap();
    let errors = BufReader::new(child.stderr.take().unwrap());
    let last = errors.lines().map_while(Result::ok).last();
    assert!(status.success() || status.code().is_none(), "{last:?}");
    status.success()
}

#[tokio::test]
async fn killed_again_and_again_a_move_comes_to_its_end_and_nothing_is_there_twice() {
    let dir = tempfile::tempdir().unwrap();
    let database = Postgres::shared().database();
    Server::start(dir.path(), &[]).stop();
    many_sessions(&dir.path().join("data/doorward.db"), 60_000).await;
    let there = ["move", "--from", "sqlite:data/doorward.db", "--to", database.url()];
    let count = || {
        let known = database
            .sql("SELECT to_regclass('sessions') IS NOT NULL AND to_regclass('unfinished_move') IS NOT NULL");
        if known.trim() == "t" {
            database.sql("SELECT COUNT(*) FROM sessions").trim().parse::<u32>().unwrap()
        } else {
            0
        }
    };
    let mut kills = 0;
    for _ in 0..3 {
        let before = count();
        if killed(dir.path(), &there, || count() > before) {
            break;
        }
        kills += 1;
        let url = format!("database_url={}", database.url());
        let refused = run(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--set", &url]);
        assert!(refused.code == Some(1) && refused.errors.contains("doorward move"), "{refused:?}");
    }
    assert!(kills > 0, "it was never killed");
    let moved = run(dir.path(), &there);
    assert_eq!(moved.code, Some(0), "{moved:?}");
    assert_eq!(
        count_all(&database.sql("SELECT COUNT(*), COUNT(DISTINCT id) FROM sessions")),
        (60_000, 60_000)
    );
    assert_eq!(database.sql("SELECT to_regclass('unfinished_move') IS NULL").trim(), "t");
}

fn count_all(line: &str) -> (u32, u32) {
    let (all, distinct) = line.trim().split_once('|').unwrap();
    (all.parse().unwrap(), distinct.parse().unwrap())
}

#[tokio::test]
async fn a_row_that_was_tampered_with_is_found_and_the_target_is_not_released() {
    let dir = tempfile::tempdir().unwrap();
    let database = Postgres::shared().database();
    Server::start(dir.path(), &[]).stop();
    many_sessions(&dir.path().join("data/doorward.db"), 3000).await;
    let there = ["move", "--from", "sqlite:data", "--to", database.url()];
    let whole = run(dir.path(), &there);
    assert_eq!(whole.code, Some(0), "{whole:?}");
    // As if it had been broken off before the comparison, and a bit had tipped over.
    let instance = database.sql("SELECT id FROM instance");
    database.sql("CREATE TABLE unfinished_move (id TEXT PRIMARY KEY)");
    database.sql(&format!("INSERT INTO unfinished_move VALUES ('{}')", instance.trim()));
    database.sql("UPDATE sessions SET changed = changed + 1 WHERE id = 's1234'");
    let found = run(dir.path(), &there);
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(found.errors.contains("differ in sessions,") && found.output.contains("false"), "{found:?}");
    assert_eq!(database.sql("SELECT to_regclass('unfinished_move') IS NOT NULL").trim(), "t");
}

#[test]
fn another_master_key_a_missing_file_and_nonsense_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    Server::start(dir.path(), &[]).stop();
    std::fs::create_dir(dir.path().join("other")).unwrap();
    std::fs::write(dir.path().join("other/master.key"), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
        .unwrap();
    let moved = |from: &str, to: &str| run(dir.path(), &["move", "--from", from, "--to", to]);
    let refused = moved("sqlite:data", "sqlite:other");
    assert!(
        refused.code == Some(1) && refused.errors.contains("other/master.key is not the key"),
        "{refused:?}"
    );
    let refused = moved("sqlite:nowhere/doorward.db", "sqlite:other");
    assert!(refused.code == Some(1) && refused.errors.contains("there is no database"), "{refused:?}");
    assert!(!dir.path().join("nowhere").exists());
    assert_eq!(moved("sqlite:data", "sqlite:data/doorward.db").code, Some(2));
    let refused = moved("mysql://root:hunter2@h/d", "sqlite:other");
    assert!(refused.code == Some(2) && !refused.errors.contains("hunter2"), "{refused:?}");
}

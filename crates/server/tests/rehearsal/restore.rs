//! Copies that are made while the server serves, and a server on each.

use std::path::Path;
use std::process::Command;

use doorward_postgres_rig::Server as Postgres;

use crate::child::Server;
use crate::site::{Site, assert_refused_with_another_key};
use crate::storm::Storm;
use crate::tools::told;

/// Runs one of PostgreSQL's programs to its end.
fn tool(name: &str, arguments: &[&str]) {
    let done = Command::new(Postgres::shared().bin(name)).args(arguments).output().unwrap();
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_restored_into_another_database_serves_what_was_acknowledged_before_it() {
    let postgres = Postgres::shared();
    let (database, empty) = (postgres.database(), postgres.database());
    let site = Site::new(Some(&database.tcp_url()));
    let server = site.begin();
    let mut storm = Storm::start(&server, &site.token("login-client.pat"), 4);
    storm.until(|told| told.acknowledged.len() >= 50).await;
    let before = storm.acknowledged();
    let dump = site.file("doorward.dump");
    tokio::task::block_in_place(|| {
        tool("pg_dump", &["--format=custom", "--file", path(&dump), "--dbname", database.url()]);
    });
    let all = storm.stop().await;
    assert!(all.len() > before.len(), "the server went on meanwhile");
    tool("pg_restore", &["--exit-on-error", "--no-owner", "--dbname", empty.url(), path(&dump)]);

    assert_refused_with_another_key(&Site::new(Some(empty.url())));
    let restored = Site::with_key_of(&site, Some(empty.url()));
    let second = Server::start(restored.path(), &[]);
    site.assert_holds(&second, &before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_backup_serves_what_was_acknowledged_before_it() {
    let postgres = Postgres::start(&[]);
    let database = postgres.database();
    let site = Site::new(Some(database.url()));
    let server = site.begin();
    let mut storm = Storm::start(&server, &site.token("login-client.pat"), 4);
    storm.until(|told| told.acknowledged.len() >= 50).await;
    let before = storm.acknowledged();
    let copy = tokio::task::block_in_place(|| postgres.base_backup());
    storm.stop().await;
    drop(postgres);
    let restored = Site::with_key_of(&site, Some(&copy.url(database.name())));
    let second = Server::start(restored.path(), &[]);
    site.assert_holds(&second, &before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_the_embedded_engine_serves_what_was_acknowledged_before_it() {
    let site = Site::new(None);
    let server = site.begin();
    let mut storm = Storm::start(&server, &site.token("login-client.pat"), 4);
    storm.until(|told| told.acknowledged.len() >= 50).await;
    let before = storm.acknowledged();
    let file = site.file("copy.db");
    tokio::task::block_in_place(|| told(site.path(), &["backup", path(&file)]));
    let all = storm.stop().await;
    assert!(all.len() > before.len(), "the server went on meanwhile");

    let other = Site::new(None);
    std::fs::copy(&file, other.file("data/doorward.db")).unwrap();
    assert_refused_with_another_key(&other);
    let restored = Site::with_key_of(&site, None);
    std::fs::copy(&file, restored.file("data/doorward.db")).unwrap();
    let second = Server::start(restored.path(), &[]);
    site.assert_holds(&second, &before).await;
}

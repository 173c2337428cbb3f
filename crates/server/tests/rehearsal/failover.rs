//! A PostgreSQL that another one follows: the first is lost, the second takes its place, the server is not restarted.

use std::time::Instant;

use doorward_postgres_rig::Server as Postgres;

use crate::child::Server;
use crate::site::{Site, on_either};
use crate::storm::Storm;

/// Every commit waits until another server has it on its disk.
const PRIMARY: &[(&str, &str)] = &[("synchronous_standby_names", "*")];

/// Nobody follows the second once it is the first.
const STANDBY: &[(&str, &str)] = &[("synchronous_standby_names", "")];

async fn ready(server: &Server) -> u16 {
    server.http.rest("GET", "/debug/ready", None, "").await.status.as_u16()
}

async fn lose_the_primary(tcp: bool) {
    let mut primary = Postgres::start(PRIMARY);
    let mut standby = primary.standby(STANDBY);
    let database = primary.database();
    let site = Site::new(Some(&on_either(&primary, &standby, database.name(), tcp)));
    let server = site.begin();
    let mut storm = Storm::start(&server, &site.token("login-client.pat"), 16);
    storm.until(|told| told.acknowledged.len() >= 200).await;
    tokio::task::block_in_place(|| primary.crash());
    storm.until(|told| told.unavailable > 0).await;
    let lost = storm.acknowledged().len();
    assert_eq!(ready(&server).await, 503);
    let promoting = Instant::now();
    tokio::task::block_in_place(|| standby.promote());
    let promoted = promoting.elapsed();
    storm.until(|told| told.acknowledged.len() >= lost + 200).await;
    assert_eq!(ready(&server).await, 200);
    let all = storm.stop().await;
    let first = all.iter().map(|session| session.at).filter(|at| *at > promoting).min().unwrap();
    println!(
        "{lost} acknowledged before the crash, {} after it; promotion took {promoted:?}, first success {:?} after it began",
        all.len() - lost,
        first - promoting
    );
    site.assert_holds(&server, &all).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_crashes_loses_nothing_that_was_acknowledged() {
    lose_the_primary(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_goes_for_a_primary_that_is_reached_by_its_socket() {
    lose_the_primary(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_commits_wait_for_a_standby_that_is_away_writes_are_unavailable_and_reads_go_on() {
    let primary = Postgres::start(PRIMARY);
    let mut standby = primary.standby(STANDBY);
    let database = primary.database();
    let site = Site::new(Some(database.url()));
    let server = site.begin_with(&["--set", "postgres.statement_timeout_ms=500"]);
    let login = site.token("login-client.pat");
    let mut storm = Storm::start(&server, &login, 4);
    storm.until(|told| told.acknowledged.len() >= 50).await;
    tokio::task::block_in_place(|| standby.crash());
    storm.until(|told| told.unavailable > 0).await;
    let read = format!("/v2/sessions/{}", storm.acknowledged()[0].id);
    assert_eq!(server.http.rest("GET", &read, Some(&login), "").await.status, 200);
    assert_eq!(ready(&server).await, 200);
    // Commits that were given up wait on: only their standby, or an operator, can end that.
    let waiting = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    assert_eq!(primary.sql("postgres", waiting), "t");
    let before = storm.acknowledged().len();
    tokio::task::block_in_place(|| standby.resume());
    storm.until(|told| told.acknowledged.len() >= before + 50).await;
    let all = storm.stop().await;
    site.assert_holds(&server, &all).await;
}

//! Scenes with nodes in this process: clocks that differ, and two first starts at once.

use std::sync::Arc;

use doorward_core::base::Span;
use doorward_postgres_rig::Server as Postgres;
use serde_json::json;
use tokio::sync::Barrier;

use crate::near::Near;
use crate::process::read_token;
use crate::rules::Terms;
use crate::scene::{nothing, play, scene_seed};
use crate::wire::Line;
use crate::world::World;

/// How far one clock is ahead of the other.
const AHEAD: Span = Span::seconds(5);
/// How often two nodes start together.
const STARTS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_whose_clocks_differ_are_one_server() {
    let database = Postgres::shared().database();
    let mut one = Near::open(database.url(), Span(0)).await;
    let mut other = Near::open(database.url(), AHEAD).await;
    let (admin, login) =
        (read_token(one.dir.path(), "admin.pat"), read_token(one.dir.path(), "login-client.pat"));
    let (here, there) = (one.listen().await, other.listen().await);
    let world = Arc::new(World::set_up(&[&here, &there], &admin, &login).await);
    let terms = Terms { disturbed: false, nodes: 2, tolerance: AHEAD.0 + 1_000_000 };
    play("clocks that differ", world, (terms, scene_seed()), nothing()).await;
}

/// One of the two brings the schema up to date and fills the store; the other waits, and finds all done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_that_start_together_one_sets_up() {
    for _ in 0..STARTS {
        let database = Postgres::shared().database();
        let barrier = Arc::new(Barrier::new(2));
        let opening = [0, 1].map(|_| {
            let (barrier, url) = (Arc::clone(&barrier), database.url().to_owned());
            tokio::spawn(async move {
                barrier.wait().await;
                Near::open(&url, Span(0)).await
            })
        });
        let [one, other] = opening;
        let (mut one, mut other) = (one.await.unwrap(), other.await.unwrap());
        assert!(one.first_start != other.first_start, "one sets up");
        assert_eq!((one.has_tokens(), other.has_tokens()), (one.first_start, other.first_start));
        assert_eq!(one.app.instance, other.app.instance);
        let token = read_token(if one.first_start { &one } else { &other }.dir.path(), "login-client.pat");
        for node in [&mut one, &mut other] {
            let mut line = Line::connect(&node.listen().await).await.unwrap();
            let answer = line.call("POST", "/v2/sessions", &token, json!({})).await;
            assert!(answer.is_ok_and(|answer| answer.status.is_success()), "the token is known to both");
        }
        assert_eq!(database.sql("SELECT COUNT(*) FROM organisations"), "1");
        assert_eq!(database.sql("SELECT COUNT(*) FROM users"), "2");
    }
}

//! The scenes: what happens to the nodes while clients work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_postgres_rig::{Database, Server as Postgres};

use crate::client::Client;
use crate::cutter::Cutter;
use crate::pair::{Nodes, PATIENT};
use crate::process::{PROGRAM, Server, Start, read_token};
use crate::rules::Terms;
use crate::scene::{length, nothing, play, scene_seed};
use crate::world::World;

/// Clocks of nodes and clients are the same one.
const TOLERANCE: i64 = 1_000_000;
/// The name of the client that tries whether nodes work again.
const PROBE: u16 = 1000;
/// The time between one cut and the next.
const CUT: Duration = Duration::from_millis(200);

/// Two nodes are asked, and both are the same one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_on_sqlite_keeps_the_same_promises() {
    let dir = tempfile::tempdir().unwrap();
    let environment = vec![(PATIENT.0.to_owned(), PATIENT.1.to_owned())];
    let start = Start { program: PROGRAM.into(), dir: dir.path().to_owned(), environment };
    let (server, _) = Server::start(&start).await;
    let (admin, login) = (read_token(dir.path(), "admin.pat"), read_token(dir.path(), "login-client.pat"));
    let address = server.address.as_str();
    let world = Arc::new(World::set_up(&[address, address], &admin, &login).await);
    let terms = Terms { disturbed: false, nodes: 2, tolerance: TOLERANCE };
    play("one node on SQLite", world, (terms, scene_seed()), nothing()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_are_one_server() {
    let postgres = Postgres::shared();
    let database = postgres.database();
    let nodes = Nodes::start(database.url()).await;
    let terms = Terms { disturbed: false, nodes: 2, tolerance: TOLERANCE };
    let seed = (terms, scene_seed());
    play("two nodes", Arc::clone(&nodes.world), seed, nothing()).await;
    nodes.quiet();
}

/// `DOORWARD_PREVIOUS` names the program of the version before; without it this one replaces itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_replaced_by_a_new_version_one_after_the_other_without_an_error() {
    let database = Postgres::shared().database();
    let previous = std::env::var("DOORWARD_PREVIOUS").unwrap_or_else(|_| PROGRAM.to_owned());
    let mut nodes = Nodes::start_on(&previous, database.url()).await;
    let (world, pause) = (Arc::clone(&nodes.world), length() / 4);
    let rollout = async {
        for node in 0..2 {
            tokio::time::sleep(pause).await;
            nodes.replace(node).await;
        }
        tokio::time::sleep(pause).await;
        ((), Vec::new())
    };
    let terms = Terms { disturbed: false, nodes: 2, tolerance: TOLERANCE };
    play("rolled out", world, (terms, scene_seed()), rollout).await;
    nodes.quiet();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_of_which_one_is_killed_again_and_again_are_one_server() {
    let database = Postgres::shared().database();
    let mut nodes = Nodes::start(database.url()).await;
    let world = Arc::clone(&nodes.world);
    let end = Instant::now() + length();
    let pause = (length() / 30).clamp(Duration::from_millis(1500), Duration::from_secs(10));
    let killer = async {
        let (mut kills, mut slowest) = (0, Duration::ZERO);
        while Instant::now() + pause < end {
            tokio::time::sleep(pause).await;
            slowest = slowest.max(nodes.kill_and_start(kills % 2).await);
            kills += 1;
        }
        tokio::time::sleep(pause).await;
        ((kills, slowest), Vec::new())
    };
    let terms = Terms { disturbed: true, nodes: 2, tolerance: TOLERANCE };
    let (kills, slowest) = play("killed nodes", world, (terms, scene_seed()), killer).await;
    nodes.complaints();
    println!("killed nodes: {kills} kills, slowest restart {slowest:?}");
    assert!(kills > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_go_on_by_themselves_when_postgresql_is_back() {
    let mut postgres = Postgres::start(&[("max_connections", "200")]);
    let database = postgres.database();
    let nodes = Nodes::start(database.url()).await;
    let world = Arc::clone(&nodes.world);
    let pause = length() / 3;
    let happens = async {
        let cut_off = cut_off(&database, pause).await;
        let mut probe = Client::new(&world, PROBE, 0);
        let mut took = Vec::new();
        for crash in [false, true] {
            let back = tokio::task::spawn_blocking(move || {
                if crash {
                    postgres.crash();
                    std::thread::sleep(Duration::from_secs(1));
                    postgres.resume();
                } else {
                    postgres.restart();
                }
                postgres
            });
            postgres = back.await.unwrap();
            took.push([probe.until_made(0).await, probe.until_made(1).await]);
            tokio::time::sleep(pause).await;
        }
        ((took, cut_off, postgres), probe.calls)
    };
    let terms = Terms { disturbed: true, nodes: 2, tolerance: TOLERANCE };
    let seed = (terms, scene_seed());
    let (took, cut_off, postgres) =
        play("restarted PostgreSQL", Arc::clone(&nodes.world), seed, happens).await;
    nodes.complaints();
    println!("restarted PostgreSQL: {cut_off} connections were cut off before that");
    println!("restarted PostgreSQL: both nodes went on after {:?}, after a crash {:?}", took[0], took[1]);
    drop((database, nodes, postgres));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_was_made_or_not_but_never_half() {
    let postgres = Postgres::shared();
    let database = postgres.database();
    let seed = scene_seed();
    let cutter = Cutter::start(postgres.port(), seed).await;
    let direct = format!("127.0.0.1:{}", postgres.port());
    let url = database.tcp_url().replace(&direct, &format!("127.0.0.1:{}", cutter.port));
    // A node that cannot be sure of its schema does not start, and that is not what this is about.
    let nodes = Nodes::start(&url).await;
    cutter.begin();
    let terms = (Terms { disturbed: true, nodes: 2, tolerance: TOLERANCE }, seed);
    play("lost answers", Arc::clone(&nodes.world), terms, nothing()).await;
    nodes.complaints();
    let (lost, made) = cutter.counts();
    println!("lost answers: {lost} commits never arrived, {made} were made and not answered");
    assert!(lost > 0 && made > 0);
}

/// Lets PostgreSQL cut off the connections of all nodes, again and again; gives how many.
async fn cut_off(database: &Database, long: Duration) -> usize {
    let (end, mut count) = (Instant::now() + long, 0);
    while Instant::now() < end {
        let all =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'doorward'";
        let answer = tokio::task::block_in_place(|| database.sql(all));
        count += answer.lines().filter(|line| *line == "t").count();
        tokio::time::sleep(CUT).await;
    }
    count
}

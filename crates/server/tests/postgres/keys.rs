//! The master key is replaced under nodes that run, in the way that is documented: none of them stops, and no request
//! fails.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use doorward::app::App;
use doorward::config::{Config, Overrides};
use doorward::env::Env;
use doorward::first_start::DataDir;
use doorward::master_key::follow;
use doorward::rotation::{Asked, Site, Step, rotate};
use doorward::wiring::open;
use doorward_core::master::MasterKey;
use doorward_postgres_rig::Server as Postgres;
use doorward_store::sealed::{self, OUTBOX};
use tokio::sync::watch;

use crate::child::{Server, data};
use crate::client::Http;
use crate::home::Home;
use crate::tools::{add_person, log_in, run, text};
use crate::vault::Vault;

const PASSWORD: &str = "F1rst!password";
const OLD: [u8; 32] = [1; 32];
const NEW: [u8; 32] = [2; 32];

fn listed(keys: &[[u8; 32]]) -> String {
    let texts: Vec<_> = keys.iter().map(|key| MasterKey::new(*key).text().to_string()).collect();
    format!("master_key={}", texts.join(","))
}

fn node(home: &Home, keys: &[[u8; 32]]) -> Server {
    Server::start(home.path(), &["--set", &listed(keys)])
}

/// Makes sessions and uses their tokens until it is told to stop; gives how many.
async fn use_it(http: Http, login: String, stop: Arc<AtomicBool>) -> usize {
    let mut many = 0;
    while !stop.load(Ordering::Relaxed) || many == 0 {
        let checks = "{\"checks\":{\"user\":{\"loginName\":\"mini@m.co\"}}}";
        let made = http.rest("POST", "/v2/sessions", Some(&login), checks).await;
        assert_eq!(made.status, 201, "{}", made.json());
        let made = made.json();
        let (id, token) = (text(&made["sessionId"]), text(&made["sessionToken"]));
        let path = format!("/v2/sessions/{id}?sessionToken={token}");
        assert_eq!(http.rest("GET", &path, Some(&login), "").await.status, 200);
        many += 1;
    }
    many
}

/// Restarts a node with other keys, while the other one is used.
async fn restart(home: &Home, node_: Server, other: &Server, keys: &[[u8; 32]]) -> Server {
    let stop = Arc::new(AtomicBool::new(false));
    let used = tokio::spawn(use_it(other.http, data(home.path(), "login-client.pat"), Arc::clone(&stop)));
    let set = listed(keys);
    let path = home.path().to_owned();
    let restarted = tokio::task::spawn_blocking(move || {
        assert_eq!(node_.stop().code, Some(0));
        Server::start(&path, &["--set", &set])
    });
    let restarted = restarted.await.unwrap();
    stop.store(true, Ordering::Relaxed);
    assert!(used.await.unwrap() > 0);
    restarted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_get_another_master_key_one_after_the_other_and_no_request_fails() {
    let home = Home::on(Some(Postgres::shared().database()));
    let (mut one, mut two) = (node(&home, &[OLD]), node(&home, &[OLD]));
    add_person_with(home.path(), &listed(&[OLD]));
    let (admin, login) = (data(home.path(), "admin.pat"), data(home.path(), "login-client.pat"));
    let (_, before) = log_in(&one, &admin, PASSWORD).await;
    // One of them has the keys in the wrong order, which must not matter.
    one = restart(&home, one, &two, &[NEW, OLD]).await;
    two = restart(&home, two, &one, &[OLD, NEW]).await;

    let vault = Vault::of(home.path());
    vault.fill(&MasterKey::new(OLD), 500).await;
    let stop = Arc::new(AtomicBool::new(false));
    let used = [&one, &two].map(|node| tokio::spawn(use_it(node.http, login.clone(), Arc::clone(&stop))));
    let path = home.path().to_owned();
    let rotated =
        tokio::task::spawn_blocking(move || run(&path, &["--set", &listed(&[NEW, OLD]), "keys", "rotate"]));
    let rotated = rotated.await.unwrap();
    stop.store(true, Ordering::Relaxed);
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    for used in used {
        assert!(used.await.unwrap() > 0);
    }
    vault.assert_opens(&MasterKey::new(NEW), 500).await;

    one = restart(&home, one, &two, &[NEW]).await;
    two = restart(&home, two, &one, &[NEW]).await;
    for node in [&one, &two] {
        assert_eq!(log_in(node, &admin, PASSWORD).await.0, 201);
        let path = format!("/v2/sessions/{}", text(&before["sessionId"]));
        let token = text(&before["sessionToken"]);
        assert_eq!(node.http.rest("GET", &path, Some(token), "").await.status, 200);
    }
}

fn add_person_with(dir: &Path, set: &str) {
    let toml = std::fs::read_to_string(dir.join("doorward.toml")).unwrap();
    let key = set.strip_prefix("master_key=").unwrap();
    std::fs::write(dir.join("doorward.toml"), format!("{toml}master_key = \"{key}\"\n")).unwrap();
    add_person(dir, PASSWORD);
    std::fs::write(dir.join("doorward.toml"), toml).unwrap();
}

/// A node in this process, which follows the store.
async fn app(home: &Home, keys: &[[u8; 32]], stop: &watch::Receiver<bool>) -> (Arc<App>, Config) {
    let folder = format!("data_dir={}", home.path().join("data").display());
    let overrides = Overrides {
        config: Some(home.path().join("doorward.toml")),
        set: vec![listed(keys), folder],
        ..Overrides::default()
    };
    let config = Config::load_from(&overrides, [], home.path()).unwrap();
    let app = open(&config, Env::system()).await.unwrap().app;
    let (following, stop) = (Arc::clone(&app), stop.clone());
    tokio::spawn(async move { follow(&following, stop).await });
    (app, config)
}

/// Seals something on one node, stores it, and opens it on the other, as a message that waits.
async fn hand_over(from: &App, to: &App, id: String) {
    let payload = from.seal(&OUTBOX.purpose(&id), id.as_bytes());
    let row = id.clone();
    let sql = "INSERT INTO outbox (id, payload, user_id, channel, purpose, state, attempts, created, due, expires) \
               VALUES ($1, $2, '', '', '', 0, 0, 0, 0, 0)";
    let added = from
        .db
        .write(move |conn| Box::pin(async move { conn.run(sql, &[(&row).into(), (&payload).into()]).await }));
    added.await.unwrap();
    let read = "SELECT payload FROM outbox WHERE id = $1";
    let row = to.db.reading().await.unwrap().conn().unwrap().one(read, &[(&id).into()]).await.unwrap();
    let sealed = row.unwrap().read("outbox").bytes("payload").unwrap();
    let opened = to.seals.open(&OUTBOX.purpose(&id), &sealed).expect("every node has both keys");
    assert_eq!(*opened, id.as_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nodes_seal_during_a_rotation_opens_on_the_others_and_nothing_stays_under_the_old_key() {
    let home = Home::on(Some(Postgres::shared().database()));
    let (end, stop) = watch::channel(false);
    let (one, config) = app(&home, &[OLD, NEW], &stop).await;
    let (two, _) = app(&home, &[NEW, OLD], &stop).await;
    let [old, new] = [MasterKey::new(OLD), MasterKey::new(NEW)];
    hand_over(&one, &two, "before-1".to_owned()).await;
    hand_over(&two, &one, "before-2".to_owned()).await;
    let vault = Vault::of(home.path());
    assert_eq!(vault.count(&OUTBOX, &old).await, 2, "all seal with the key that the store names");

    let (turned, over) = (Arc::clone(&one), Arc::new(AtomicBool::new(false)));
    let (other, ended) = (Arc::clone(&two), Arc::clone(&over));
    let traffic = tokio::spawn(async move {
        let mut number = 0;
        while !ended.load(Ordering::Relaxed) {
            hand_over(&turned, &other, format!("{number:06}-1")).await;
            hand_over(&other, &turned, format!("{number:06}-2")).await;
            number += 1;
        }
        number
    });
    let env = Env::system();
    let dir = DataDir::unopened(&config.data_dir);
    let masters = dir.masters(Some(vec![new.clone(), old.clone()]), true, &env).unwrap();
    let site = Site { db: &vault.db, env: &env, pause: Duration::from_secs(5), alone: false };
    let mut steps = Vec::new();
    rotate(&site, masters, Asked::default(), &mut |step| {
        steps.push(step);
        Ok(())
    })
    .await
    .unwrap();
    over.store(true, Ordering::Relaxed);
    assert!(traffic.await.unwrap() > 0);
    assert_eq!(steps.first(), Some(&Step::Named(new.id())), "{steps:?}");
    for (from, to, id) in [(&one, &two, "after-1"), (&two, &one, "after-2")] {
        hand_over(from, to, id.to_owned()).await;
    }
    let counts = sealed::count(vault.db.reading().await.unwrap().conn().unwrap(), &OUTBOX).await.unwrap();
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [Some(new.id())]);
    end.send_replace(true);
}

//! A server that stops, crashes, or cuts a connection: a clear error in bounded time, and recovery without a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use doorward_postgres_rig::Server;
use doorward_store::{Db, Settings, StoreError, migrate, session};

use crate::rig::{Rig, failing, note, postgres_settings};
use crate::sample::{add_session, session as plain};

async fn on(server: &Server) -> Rig {
    let database = server.database();
    let settings = Settings::Postgres(postgres_settings(database.url()));
    let db = Db::open(settings.clone()).unwrap();
    migrate(&db).await.unwrap();
    Rig { db, settings, _dir: tempfile::tempdir().unwrap(), _database: Some(database) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_server_is_noticed_by_nobody_who_comes_after_it() {
    let mut server = Server::start(&[]);
    let rig = on(&server).await;
    add_session(&rig, &plain(0)).await;
    for round in 1..4 {
        server.restart();
        assert!(reading!(rig, session::load(&plain(0).id)).unwrap().is_some());
        add_session(&rig, &plain(round)).await;
    }
    assert_eq!(rig.count("sessions").await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_down_everything_is_refused_soon_and_nothing_acknowledged_is_lost() {
    let mut server = Server::start(&[]);
    let rig = on(&server).await;
    note(&rig.db, "before").await.unwrap();
    server.crash();
    let started = Instant::now();
    for _ in 0..3 {
        let refused = note(&rig.db, "meanwhile").await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        let refused = reading!(rig, session::load("1"));
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        let refused = rig.db.scan(|conn| Box::pin(async move { session::load(conn, "1").await })).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    server.resume();
    assert!(rig.has_note("before").await && !rig.has_note("meanwhile").await);
    note(&rig.db, "after").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_in_the_middle_of_a_story_costs_nobody_anything() {
    let rig = Rig::empty().await;
    let (killer, told) = (rig.neighbour(), Arc::new(AtomicUsize::new(0)));
    let (db, mine) = (rig.db.clone(), Arc::clone(&told));
    let written = db.write(move |conn| {
        Box::pin(async move {
            conn.run("INSERT INTO instance (id, created) VALUES ('once', 0)", &[]).await?;
            if mine.fetch_add(1, Ordering::SeqCst) == 0 {
                cut_all_others(&killer).await;
            }
            conn.run("INSERT INTO instance (id, created) VALUES ('twice', 0)", &[]).await
        })
    });
    written.await.unwrap();
    assert_eq!(told.load(Ordering::SeqCst), 2);
    assert!(rig.has_note("once").await && rig.has_note("twice").await);
    assert_eq!(rig.count("instance").await, 2);
}

/// Ends every connection to the database but that of the story itself.
async fn cut_all_others(db: &Db) {
    let cut = db.write(|conn| {
        Box::pin(async move {
            conn.script(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await
        })
    });
    cut.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_connections_that_were_cut_are_replaced_without_a_word() {
    let rig = Rig::fresh().await;
    add_session(&rig, &plain(0)).await;
    for _ in 0..3 {
        assert!(reading!(rig, session::load(&plain(0).id)).unwrap().is_some());
        cut_all_others(&rig.neighbour()).await;
    }
    assert!(reading!(rig, session::load(&plain(0).id)).unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_away_in_the_middle_leaves_no_transaction_open() {
    let rig = Rig::empty().await;
    for number in 0..20 {
        let write = note(&rig.db, number.to_string());
        // Enough for some to have begun, and for none to be answered.
        let _ = tokio::time::timeout(Duration::from_micros(number * 50), write).await;
    }
    drop(failing(&rig.db, "never"));
    note(&rig.db, "last").await.unwrap();
    let idle = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
                AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()";
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut reading = rig.db.reading().await.unwrap();
        if reading.conn().unwrap().all(idle, &[]).await.unwrap().is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "a transaction stays open");
        tokio::task::yield_now().await;
    }
}

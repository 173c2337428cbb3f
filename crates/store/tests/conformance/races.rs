//! Transactions at the same time: nothing is lost, and nothing is seen before its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use doorward_core::session::Session;
use doorward_store::{StoreError, session};
use futures_util::future::join_all;
use tokio::sync::Barrier;

use crate::rig::{Once, Rig, failing, note, panicking, step};
use crate::sample::{add_session, later, session as plain};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_400_concurrent_updates_of_one_session_none_is_lost() {
    let rig = Rig::fresh().await;
    let session = plain(0);
    add_session(&rig, &session).await;
    // Two processes with a writer each, so that the lock is needed and not only the queue.
    let (dbs, barrier) = ([rig.db.clone(), rig.neighbour()], Arc::new(Barrier::new(8)));
    let tasks = (0..8).map(|number| {
        let (db, id, barrier) = (dbs[number % 2].clone(), session.id.clone(), Arc::clone(&barrier));
        tokio::spawn(async move {
            barrier.wait().await;
            join_all((0..50).map(|_| step(&db, &id))).await
        })
    });
    let mut seen: Vec<_> =
        join_all(tasks).await.into_iter().flat_map(std::result::Result::unwrap).map(Result::unwrap).collect();
    seen.sort_unstable();
    assert_eq!(seen, (2..=401).collect::<Vec<_>>(), "each of them saw the one before");
    let Session { sequence, .. } = reading!(rig, session::load(&session.id)).unwrap().unwrap().session;
    assert_eq!(sequence, 401);
}

#[tokio::test]
async fn a_write_that_fails_takes_back_its_own_work_only() {
    let rig = Rig::empty().await;
    let writes = [note(&rig.db, "a"), failing(&rig.db, "b"), note(&rig.db, "c")];
    let outcomes = join_all(writes).await;
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    assert!(matches!(&outcomes[1], Err(StoreError::Driver(text)) if text == "on purpose"));
    for (id, there) in [("a", true), ("b", false), ("c", true)] {
        assert_eq!(rig.has_note(id).await, there, "{id}");
    }
}

#[tokio::test]
async fn a_write_that_panics_takes_back_its_own_work_only_and_the_store_goes_on() {
    let rig = Rig::empty().await;
    let outcomes = join_all([note(&rig.db, "a"), panicking(&rig.db), note(&rig.db, "c")]).await;
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    assert!(matches!(&outcomes[1], Err(StoreError::Driver(_))), "{:?}", outcomes[1]);
    assert!(!rig.has_note("panic").await && rig.has_note("a").await && rig.has_note("c").await);
    for number in 0..10 {
        note(&rig.db, number.to_string()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_sees_every_acknowledged_write_at_once() {
    let rig = Rig::fresh().await;
    let session = plain(0);
    add_session(&rig, &session).await;
    let newest = Arc::new(AtomicUsize::new(1));
    let (db, id, mine) = (rig.db.clone(), session.id.clone(), Arc::clone(&newest));
    let writing = tokio::spawn(async move {
        for _ in 0..200 {
            let sequence = step(&db, &id).await.unwrap();
            mine.store(usize::try_from(sequence).unwrap(), Ordering::SeqCst);
        }
    });
    while !writing.is_finished() {
        let acknowledged = newest.load(Ordering::SeqCst) as u64;
        let seen = reading!(rig, session::load(&session.id)).unwrap().unwrap().session.sequence;
        assert!(seen >= acknowledged, "{seen} seen, {acknowledged} acknowledged");
    }
    writing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_transaction_is_not_seen_and_holds_up_no_reader() {
    let rig = Rig::fresh().await;
    add_session(&rig, &plain(0)).await;
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let (db, id, ends) = (rig.db.clone(), plain(0).id, Once::new((entered, wait)));
    let writing = tokio::spawn(async move {
        db.write(move |conn| {
            Box::pin(async move {
                let mut session = session::lock(conn, &id).await?.expect("a session").session;
                session.sequence += 1;
                session::save(conn, &session).await?;
                let (entered, wait) = ends.take();
                let _ = entered.send(());
                let _ = tokio::task::block_in_place(|| wait.recv());
                Ok(())
            })
        })
        .await
    });
    inside.await.unwrap();
    assert_eq!(reading!(rig, session::load(&plain(0).id)).unwrap().unwrap().session.sequence, 1);
    drop(go);
    writing.await.unwrap().unwrap();
    assert_eq!(reading!(rig, session::load(&plain(0).id)).unwrap().unwrap().session.sequence, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_statements_of_a_scan_see_one_state() {
    let rig = Rig::fresh().await;
    add_session(&rig, &plain(0)).await;
    let (db, id) = (rig.db.clone(), plain(0).id);
    let (go, wait) = std::sync::mpsc::channel();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let mine = id.clone();
    let scan = tokio::spawn(async move {
        db.scan(move |conn| {
            Box::pin(async move {
                let first = session::load(conn, &mine).await?;
                let _ = entered.send(());
                let _ = tokio::task::block_in_place(|| wait.recv());
                Ok((first, session::load(conn, &mine).await?))
            })
        })
        .await
    });
    inside.await.unwrap();
    step(&rig.db, &id).await.unwrap();
    go.send(()).unwrap();
    let (first, second) = scan.await.unwrap().unwrap();
    assert_eq!(first, second);
    assert_eq!(reading!(rig, session::load(&id)).unwrap().unwrap().session.sequence, 2);
}

#[tokio::test]
async fn a_connection_that_reads_cannot_write() {
    let rig = Rig::fresh().await;
    add_session(&rig, &plain(0)).await;
    assert!(reading!(rig, session::lock(&plain(0).id)).is_err());
    assert!(reading!(rig, session::end_all_of_user("a", later(0))).is_err());
    let refused = rig.db.scan(|conn| Box::pin(async move { session::insert(conn, &plain(1)).await }));
    assert!(refused.await.is_err());
    assert_eq!(rig.count("sessions").await, 1);
}

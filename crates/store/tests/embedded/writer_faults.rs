//! The writer when it is full, closed, or held up by another process.

use std::time::Duration;

use doorward_store::{Db, Result, Settings, SqliteSettings, StoreError, session};
use futures_util::FutureExt;
use futures_util::future::{join_all, select_all};

use crate::hold::{Held, queued};
use crate::rig::{Once, Rig, note, sqlite_settings};
use crate::sample::{add_session, session as plain};
use crate::tuned::{path, tuned};

fn is_unavailable<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(StoreError::Unavailable(_)))
}

#[tokio::test]
async fn more_writes_than_may_wait_are_refused_at_once_and_the_others_are_done() {
    let rig = tuned(|settings| settings.queue = 3).await;
    let held = Held::start(&rig.db).await;
    let waiting = queued((0..3).map(|number| note(&rig.db, number.to_string())));
    for _ in 0..2 {
        let refused = note(&rig.db, "too many").now_or_never().expect("an answer at once");
        assert!(matches!(refused, Err(StoreError::Overloaded)), "{refused:?}");
    }
    held.release().await;
    assert!(waiting.await.into_iter().all(|one| one.is_ok()));
    note(&rig.db, "later").await.unwrap();
    assert!(!rig.has_note("too many").await);
    assert_eq!(rig.count("instance").await, 4);
}

#[tokio::test]
async fn reading_goes_on_while_the_queue_is_full() {
    let rig = tuned(|settings| settings.queue = 1).await;
    add_session(&rig, &plain(0)).await;
    let held = Held::start(&rig.db).await;
    let waiting = queued([note(&rig.db, "one")]);
    assert!(reading!(rig, session::load(&plain(0).id)).unwrap().is_some());
    held.release().await;
    assert!(waiting.await[0].is_ok());
}

#[tokio::test]
async fn closing_finishes_what_waits_and_takes_nothing_more() {
    let rig = tuned(|settings| settings.batch = 2).await;
    let held = Held::start(&rig.db).await;
    let waiting = queued((0..9).map(|number| note(&rig.db, number.to_string())));
    let (ready, both) = std::sync::mpsc::channel();
    let closing = [(); 2].map(|()| {
        let (db, ready) = (rig.db.clone(), ready.clone());
        tokio::task::spawn_blocking(move || {
            ready.send(()).unwrap();
            db.close();
        })
    });
    both.recv().unwrap();
    both.recv().unwrap();
    held.release().await;
    let (done, other) = select_all(closing).map(|(done, _, rest)| (done, join_all(rest))).await;
    done.unwrap();
    // Whichever call returned first, the thread is gone: all answers are there without waiting.
    let answers = waiting.now_or_never().expect("every write is answered when close() returns");
    assert!(answers.into_iter().all(|one| one.is_ok()));
    assert!(other.await.into_iter().all(|one| one.is_ok()));
    assert_eq!(rig.count("instance").await, 9, "and reading goes on");
    let refused = note(&rig.db, "late").now_or_never().expect("an answer at once");
    assert!(is_unavailable(&refused), "{refused:?}");
    rig.db.close();
}

#[tokio::test]
async fn dropping_the_last_handle_finishes_what_waits() {
    let rig = Rig::empty().await;
    let neighbour = Db::open(rig.settings.clone()).unwrap();
    let held = Held::start(&neighbour).await;
    let waiting = queued([note(&neighbour, "waits")]);
    drop(neighbour);
    held.release().await;
    assert!(waiting.await[0].is_ok());
    assert!(rig.has_note("waits").await);
}

/// Tells, when it is dropped, whether that happens in a panic.
struct Witness(Option<tokio::sync::oneshot::Sender<bool>>);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(std::thread::panicking());
    }
}

#[tokio::test]
async fn a_story_may_hold_the_last_handle_of_its_store() {
    let rig = Rig::empty().await;
    let db = Db::open(rig.settings.clone()).unwrap();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (ended, end) = tokio::sync::oneshot::channel();
    let (taken, kept) = (Once::new((Witness(Some(ended)), entered, wait)), db.clone());
    let mut write = Box::pin(async move {
        db.write(move |_| {
            Box::pin(async move {
                // Dropped from the last to the first, when the writer lets go of the story and with it of the store.
                let (_witness, entered, wait) = taken.take();
                let _kept = kept;
                let _ = entered.send(());
                let _ = wait.recv();
                Ok(())
            })
        })
        .await
    });
    assert!((&mut write).now_or_never().is_none());
    inside.await.unwrap();
    drop(write);
    drop(go);
    assert!(!end.await.unwrap(), "the writer waited for itself");
    note(&rig.db, "next").await.unwrap();
}

#[tokio::test]
async fn a_lock_of_another_process_is_waited_for() {
    let rig = Rig::empty().await;
    let other = rig.neighbour();
    let held = Held::start(&other).await;
    let waiting = queued([note(&rig.db, "patient")]);
    held.release().await;
    assert!(waiting.await[0].is_ok());
    assert!(rig.has_note("patient").await);
}

#[tokio::test]
async fn a_lock_that_stays_is_unavailability_in_bounded_time_and_passes_without_a_restart() {
    let rig = tuned(|settings| settings.busy = Duration::from_millis(50)).await;
    let other = Db::open(Settings::Sqlite(SqliteSettings {
        busy: Duration::from_secs(60),
        ..sqlite_settings(path(&rig, "store.db"))
    }))
    .unwrap();
    let held = Held::start(&other).await;
    for _ in 0..2 {
        let refused = note(&rig.db, "refused").await;
        assert!(is_unavailable(&refused), "{refused:?}");
        assert!(reading!(rig, session::load("1")).unwrap().is_none(), "reading goes on");
    }
    held.release().await;
    note(&rig.db, "works").await.unwrap();
    assert!(rig.has_note("works").await && !rig.has_note("refused").await);
}

#[tokio::test]
async fn a_story_that_ends_the_transaction_gets_nobody_a_false_yes() {
    let rig = Rig::empty().await;
    let held = Held::start(&rig.db).await;
    let db = rig.db.clone();
    let traitor: futures_util::future::BoxFuture<'static, Result<()>> =
        Box::pin(
            async move { db.write(|conn| Box::pin(async move { conn.script("ROLLBACK").await })).await },
        );
    let all = queued([note(&rig.db, "before"), traitor, note(&rig.db, "after")]);
    held.release().await;
    for outcome in all.await {
        assert!(is_unavailable(&outcome), "{outcome:?}");
    }
    assert_eq!(rig.count("instance").await, 0);
    note(&rig.db, "next").await.unwrap();
}

/// What a caller gets who goes away; panics when it is thrown away.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new("on purpose"));
    }
}

#[tokio::test]
async fn an_answer_that_panics_when_it_is_dropped_does_not_end_the_writer() {
    let rig = Rig::empty().await;
    let (entered, inside) = tokio::sync::oneshot::channel();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (db, ends) = (rig.db.clone(), Once::new((entered, wait)));
    let mut write = Box::pin(async move {
        db.write(move |_| {
            Box::pin(async move {
                let (entered, wait) = ends.take();
                let _ = entered.send(());
                let _ = wait.recv();
                Ok(Bomb)
            })
        })
        .await
        .map(std::mem::forget)
    });
    assert!((&mut write).now_or_never().is_none());
    inside.await.unwrap();
    drop(write);
    let waiting = queued([note(&rig.db, "waits")]);
    drop(go);
    let answers = tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("an answer");
    assert!(answers[0].is_ok());
    assert!(rig.has_note("waits").await);
}

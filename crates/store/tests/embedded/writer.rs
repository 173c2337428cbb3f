//! The one writer: writes that wait share a commit and nothing else.

use doorward_store::{Result, StoreError, session};
use futures_util::FutureExt;

use crate::hold::{Held, queued};
use crate::rig::{Rig, failing, note, panicking, step};
use crate::sample::{add_session, session as plain};
use crate::tuned::tuned;

#[tokio::test]
async fn writes_that_wait_are_committed_together_up_to_the_limit() {
    let rig = tuned(|settings| settings.batch = 20).await;
    let held = Held::start(&rig.db).await;
    let _ = rig.db.take_stats();
    let all = queued((0..50).map(|number| note(&rig.db, number.to_string())));
    assert_eq!(rig.db.waiting(), 50);
    held.release().await;
    assert!(all.await.into_iter().all(|one| one.is_ok()));
    // The figures of the last batch are noted after its answers; the next write comes after that.
    note(&rig.db, "last").await.unwrap();
    note(&rig.db, "very last").await.unwrap();
    let stats = rig.db.take_stats();
    assert_eq!(stats.batches[..5], [1, 20, 20, 10, 1]);
    assert_eq!(stats.batches.len(), stats.commits.len());
    assert_eq!(rig.count("instance").await, 52);
    assert_eq!(rig.db.waiting(), 0);
}

#[tokio::test]
async fn a_write_that_fails_takes_back_its_own_work_only() {
    let rig = Rig::empty().await;
    let held = Held::start(&rig.db).await;
    let writes = [note(&rig.db, "a"), failing(&rig.db, "b"), note(&rig.db, "c")];
    let all = queued(writes);
    held.release().await;
    let outcomes = all.await;
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    assert!(matches!(&outcomes[1], Err(StoreError::Driver(text)) if text == "on purpose"));
    for (id, there) in [("a", true), ("b", false), ("c", true)] {
        assert_eq!(rig.has_note(id).await, there, "{id}");
    }
}

#[tokio::test]
async fn a_write_that_panics_takes_back_its_own_work_only_and_the_writer_goes_on() {
    let rig = Rig::empty().await;
    let held = Held::start(&rig.db).await;
    let all = queued([note(&rig.db, "a"), panicking(&rig.db), note(&rig.db, "c")]);
    held.release().await;
    let outcomes = all.await;
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    assert!(matches!(&outcomes[1], Err(StoreError::Driver(_))), "{:?}", outcomes[1]);
    assert!(!rig.has_note("panic").await && rig.has_note("a").await && rig.has_note("c").await);
    note(&rig.db, "d").await.unwrap();
}

#[tokio::test]
async fn a_write_that_waits_for_something_else_is_refused_and_taken_back() {
    let rig = Rig::empty().await;
    let refused = rig.db.write(|conn| {
        Box::pin(async move {
            conn.run("INSERT INTO instance (id, created) VALUES ('slow', 0)", &[]).await?;
            std::future::pending::<Result<()>>().await
        })
    });
    assert!(matches!(refused.await, Err(StoreError::Driver(_))));
    assert!(!rig.has_note("slow").await);
    note(&rig.db, "next").await.unwrap();
}

#[tokio::test]
async fn a_caller_who_has_gone_away_gets_nothing_written() {
    let rig = Rig::empty().await;
    let held = Held::start(&rig.db).await;
    let mut gone = note(&rig.db, "gone");
    assert!((&mut gone).now_or_never().is_none());
    let stays = queued([note(&rig.db, "stays")]);
    drop(gone);
    held.release().await;
    assert!(stays.await[0].is_ok());
    assert!(rig.has_note("stays").await && !rig.has_note("gone").await);
}

#[tokio::test]
async fn writes_happen_in_the_order_in_which_they_came() {
    let rig = Rig::fresh().await;
    let session = plain(0);
    add_session(&rig, &session).await;
    let held = Held::start(&rig.db).await;
    let all = queued((0..100).map(|_| step(&rig.db, &session.id)));
    held.release().await;
    let sequences: Vec<_> = all.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(sequences, (2..102).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_open_transaction_is_not_seen_and_holds_up_no_reader() {
    let rig = Rig::fresh().await;
    add_session(&rig, &plain(0)).await;
    let held = Held::start(&rig.db).await;
    let waiting = queued([step(&rig.db, &plain(0).id)]);
    assert_eq!(reading!(rig, session::load(&plain(0).id)).unwrap().unwrap().session.sequence, 1);
    held.release().await;
    assert!(waiting.await[0].is_ok());
    assert_eq!(reading!(rig, session::load(&plain(0).id)).unwrap().unwrap().session.sequence, 2);
}

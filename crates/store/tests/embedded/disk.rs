//! A disk that is full or read-only: a clear error, nothing acknowledged is lost, and no restart is needed.

use std::process::Command;

use doorward_core::session::Session;
use doorward_store::{Result, StoreError, session};
use futures_util::future::BoxFuture;

use crate::hold::{Held, queued};
use crate::rig::{Rig, note};
use crate::sample::{add_session, session as plain};
use crate::tuned::{fill_disk, free_disk};

/// A session that needs pages of its own.
fn large(age: i64) -> Session {
    Session { metadata: [("ballast".to_owned(), vec![7; 20_000])].into(), ..plain(age) }
}

fn insert(rig: &Rig, session: Session) -> BoxFuture<'static, Result<()>> {
    let db = rig.db.clone();
    Box::pin(async move {
        db.write(move |conn| Box::pin(async move { session::insert(conn, &session).await })).await
    })
}

fn says_why(refused: &Result<()>, why: &str) -> bool {
    matches!(refused, Err(StoreError::Unavailable(text)) if text.contains(why))
}

async fn is_there(rig: &Rig, session: &Session) -> bool {
    match reading!(rig, session::load(&session.id)).unwrap() {
        Some(shown) => shown.session == *session,
        None => false,
    }
}

#[tokio::test]
async fn a_full_disk_is_a_clear_error_and_passes_without_a_restart() {
    let rig = Rig::fresh().await;
    add_session(&rig, &large(0)).await;
    fill_disk(&rig).await;
    let mut changed = plain(0);
    for age in 1..5 {
        let refused = insert(&rig, large(age)).await;
        assert!(says_why(&refused, "full"), "{refused:?}");
        assert!(!is_there(&rig, &large(age)).await);
        assert!(is_there(&rig, &large(0)).await, "reading goes on");
    }
    changed.sequence = 2;
    writing!(rig, [changed] session::save(&changed)).expect("what needs no room can be written");
    free_disk(&rig).await;
    insert(&rig, large(1)).await.unwrap();
    assert!(is_there(&rig, &large(1)).await && is_there(&rig, &changed).await);
}

#[tokio::test]
async fn on_a_full_disk_nobody_in_the_batch_is_told_what_is_not_so() {
    let rig = Rig::fresh().await;
    for order in [[0, 1, 2], [1, 0, 2], [1, 2, 0]] {
        let base = i64::try_from(rig.count("sessions").await).unwrap() * 10;
        fill_disk(&rig).await;
        let held = Held::start(&rig.db).await;
        let sessions = order.map(|kind| if kind == 0 { large(base) } else { plain(base + kind) });
        let all = queued(sessions.iter().map(|session| insert(&rig, session.clone())));
        held.release().await;
        for (session, outcome) in sessions.iter().zip(all.await) {
            assert_eq!(outcome.is_ok(), is_there(&rig, session).await, "{outcome:?}");
            assert!(outcome.is_ok() || says_why(&outcome, "full"), "{outcome:?}");
            assert!(outcome.is_err() || session.metadata.is_empty(), "there was no room for the large one");
        }
        free_disk(&rig).await;
        insert(&rig, large(base + 5)).await.unwrap();
    }
}

#[tokio::test]
async fn a_story_that_hides_a_full_disk_gets_no_false_yes() {
    let rig = Rig::fresh().await;
    fill_disk(&rig).await;
    let (small, big) = (plain(1), large(2));
    let (first, second) = (small.clone(), big.clone());
    let outcome = rig.db.write(move |conn| {
        Box::pin(async move {
            session::insert(conn, &first).await?;
            drop(session::insert(conn, &second).await);
            Ok(())
        })
    });
    assert_eq!(outcome.await.is_ok(), is_there(&rig, &small).await);
    assert!(!is_there(&rig, &big).await);
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_a_clear_error_and_goes_on_to_be_read() {
    let rig = Rig::empty().await;
    note(&rig.db, "before").await.unwrap();
    rig.sql("PRAGMA query_only = ON").await;
    for _ in 0..2 {
        let refused = note(&rig.db, "refused").await;
        assert!(says_why(&refused, "readonly"), "{refused:?}");
    }
    assert!(rig.has_note("before").await && !rig.has_note("refused").await);
}

/// Set in the process whose files may not grow.
const IN_CHILD: &str = "DOORWARD_TEST_SMALL_FILES";

/// The system refuses the log of the database to grow, in a process of its own. So it is the commit that fails.
#[cfg(unix)]
#[test]
fn a_commit_that_does_not_fit_on_the_disk_is_refused_and_loses_nothing() {
    if std::env::var_os(IN_CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(commits_until_the_disk_is_full());
    }
    let name = "disk::a_commit_that_does_not_fit_on_the_disk_is_refused_and_loses_nothing";
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(IN_CHILD, "1")
        .output()
        .unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

async fn commits_until_the_disk_is_full() {
    let rig = Rig::fresh().await;
    let mut acknowledged: Vec<_> = (0..4).map(large).collect();
    for session in &acknowledged {
        add_session(&rig, session).await;
    }
    for round in 0..3 {
        let mut refused = 0;
        for number in 0..2000 {
            let kept = &mut acknowledged[number % 4];
            let changed = Session { sequence: kept.sequence + 1, ..kept.clone() };
            match writing!(rig, [changed] session::save(&changed)) {
                Ok(()) => *kept = changed,
                Err(StoreError::Unavailable(_)) => refused += 1,
                Err(other) => panic!("{other:?}"),
            }
            if refused == 8 {
                break;
            }
        }
        assert_eq!(refused, 8, "the disk was never full in round {round}");
        for session in &acknowledged {
            assert!(is_there(&rig, session).await, "what was acknowledged is there, and nothing else");
        }
        // Room comes back: what the log holds moves into the database, and the log begins anew.
        let mut reading = rig.db.reading().await.unwrap();
        reading.conn().unwrap().script("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    }
    assert!(acknowledged.iter().all(|session| session.sequence > 20));
}

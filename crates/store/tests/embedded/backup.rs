//! A copy of the store, taken while others write.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use doorward_store::{Db, Settings, StoreError, migrate, session, session_search};

use crate::hold::Held;
use crate::rig::{Rig, note, sqlite_settings};
use crate::sample::{ALL, everything};
use crate::sample::{add_session, complete_session, session as plain};
use crate::tuned::path;

fn opened(rig: &Rig, name: &str) -> Rig {
    let settings = Settings::Sqlite(sqlite_settings(path(rig, name)));
    let db = Db::open(settings.clone()).unwrap();
    Rig { db, settings, _dir: tempfile::tempdir().unwrap(), _database: None }
}

#[tokio::test]
async fn a_copy_holds_everything_and_opens() {
    let rig = Rig::fresh().await;
    let session = complete_session(0);
    add_session(&rig, &session).await;
    rig.db.backup(&path(&rig, "copy.db")).unwrap();
    let copy = opened(&rig, "copy.db");
    assert!(migrate(&copy.db).await.unwrap().is_empty());
    assert_eq!(reading!(copy, session::load(&session.id)).unwrap().unwrap().session, session);
    add_session(&copy, &plain(1)).await;
    assert_eq!(rig.count("sessions").await, 1, "and goes its own way");
}

#[tokio::test]
async fn a_copy_never_replaces_a_file_not_even_an_empty_one() {
    let rig = Rig::fresh().await;
    let target = path(&rig, "there");
    for content in ["", "precious"] {
        std::fs::write(&target, content).unwrap();
        let refused = rig.db.backup(&target).unwrap_err();
        assert!(refused.to_string().contains("exists"), "{refused}");
        assert_eq!(std::fs::read_to_string(&target).unwrap(), content);
    }
    let refused = rig.db.backup(&path(&rig, "no/such/folder")).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_copy_can_be_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::fresh().await;
    rig.db.backup(&path(&rig, "copy.db")).unwrap();
    let mode = std::fs::metadata(path(&rig, "copy.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[tokio::test]
async fn a_copy_is_taken_while_a_transaction_is_open_and_without_it() {
    let rig = Rig::fresh().await;
    note(&rig.db, "before").await.unwrap();
    let held = Held::start(&rig.db).await;
    rig.db.backup(&path(&rig, "copy.db")).unwrap();
    held.release().await;
    let copy = opened(&rig, "copy.db");
    assert!(copy.has_note("before").await);
}

/// Each transaction writes a pair of sessions: a copy with half of a pair is torn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_taken_while_others_write_are_whole() {
    let rig = Arc::new(Rig::fresh().await);
    let (acknowledged, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (mine, ended) = (Arc::clone(&acknowledged), Arc::clone(&stop));
    let db = rig.db.clone();
    let writing = tokio::spawn(async move {
        let mut pair = 0;
        while ended.load(Ordering::SeqCst) == 0 {
            let (left, right) = (complete_session(pair * 2), complete_session(pair * 2 + 1));
            let written = db.write(move |conn| {
                Box::pin(async move {
                    session::insert(conn, &left).await?;
                    session::insert(conn, &right).await
                })
            });
            written.await.unwrap();
            pair += 1;
            mine.store(usize::try_from(pair).unwrap() * 2, Ordering::SeqCst);
        }
    });
    for number in 0..5 {
        let (before, from) = (acknowledged.load(Ordering::SeqCst), Arc::clone(&rig));
        let name = format!("copy-{number}.db");
        let target = path(&rig, &name);
        tokio::task::spawn_blocking(move || from.db.backup(&target)).await.unwrap().unwrap();
        let copy = opened(&rig, &name);
        let count = copy.count("sessions").await;
        assert_eq!(count % 2, 0, "half of a transaction was copied");
        assert!(count >= before, "{count} copied, {before} acknowledged before");
        let all = reading!(copy, session_search::search(&[], &everything(), ALL)).unwrap();
        assert_eq!(all.total, 0, "all of them are ended, and each of them can be read");
    }
    stop.store(1, Ordering::SeqCst);
    writing.await.unwrap();
}

//! The schema: brought up to date once, and never taken from a newer version.

use doorward_store::{Db, Settings, StoreError, migrate};
use futures_util::future::join_all;

use crate::rig::Rig;
use crate::sample;

#[tokio::test]
async fn a_migration_runs_once_and_keeps_what_is_there() {
    let rig = Rig::fresh().await;
    assert!(migrate(&rig.db).await.unwrap().is_empty());
    assert_eq!(rig.count("organisations").await, 2);
    rig.db.close();
    let again = Rig { db: rig.neighbour(), ..rig };
    assert!(migrate(&again.db).await.unwrap().is_empty());
    assert_eq!(again.count("organisations").await, 2);
}

#[tokio::test]
async fn two_processes_that_start_together_migrate_once() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::empty().await;
    let settings = Settings { path: dir.path().join("shared.db"), ..rig.settings.clone() };
    let both = [Db::open(settings.clone()).unwrap(), Db::open(settings).unwrap()];
    let ran = join_all(both.iter().map(migrate)).await;
    let names: Vec<_> = ran.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(names, ["0001_initial"]);
}

#[tokio::test]
async fn a_store_that_a_newer_version_wrote_is_refused_by_name_and_left_alone() {
    let rig = Rig::fresh().await;
    rig.sql("INSERT INTO migrations (number, name) VALUES (9999, '9999_from_tomorrow')").await;
    let refused = migrate(&rig.db).await.unwrap_err();
    assert!(matches!(refused, StoreError::Version(_)), "{refused:?}");
    let text = refused.to_string();
    assert!(text.contains("newer") && text.contains("9999"), "{text}");
    assert_eq!(rig.count("migrations").await, 2);
    sample::add_user(&rig, &sample::human("1", "mini")).await;
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_with_a_clear_text() {
    let rig = Rig::empty().await;
    let path = rig.path("letter.txt");
    std::fs::write(&path, "Dear reader, this is no database at all. ".repeat(100)).unwrap();
    let refused = Db::open(Settings { path: path.clone(), ..rig.settings.clone() }).unwrap_err();
    assert!(refused.to_string().contains("not a database"), "{refused}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("Dear reader"));
    let nowhere = Settings { path: rig.path("no/such/folder/store.db"), ..rig.settings.clone() };
    let refused = Db::open(nowhere).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
}

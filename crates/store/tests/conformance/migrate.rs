//! The schema: brought up to date once, and never taken from a newer version.

use doorward_store::{StoreError, migrate};
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
    let rig = Rig::bare();
    let both = [rig.neighbour(), rig.neighbour()];
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

//! On PostgreSQL the sessions may lie in partitions, made by the script in `packaging/postgres`. With
//! `DOORWARD_TEST_PARTITIONED=1` every store of the tests on PostgreSQL is made so, and all of them hold.

use doorward_core::search::SessionFilter;
use doorward_core::session::Session;
use doorward_store::migrate::{check, migrate};
use doorward_store::session_cleanup::{self, End, Mark};
use doorward_store::session_search;
use doorward_store::transfer::{copy, sums};
use doorward_store::{Db, Settings, session};

use crate::rig::{Rig, on_postgres, sqlite_settings};
use crate::sample::{self, ALL, add_session, add_user, complete_session, human, later, of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_in_partitions_are_written_found_searched_removed_and_moved() {
    if !on_postgres() || std::env::var_os("DOORWARD_TEST_PARTITIONED").is_some() {
        return;
    }
    let rig = Rig::fresh().await;
    add_user(&rig, &human("mini", "mini")).await;
    let mine = |age: i64| Session { user: Some(of("mini", "home", later(age))), ..sample::session(age) };
    add_session(&rig, &complete_session(1)).await;
    for age in 2..40 {
        add_session(&rig, &mine(age)).await;
    }
    let before = sums(&rig.db).await.unwrap();
    rig.partition().await;
    let rig = Rig { db: rig.neighbour(), ..rig };
    assert_eq!(sums(&rig.db).await.unwrap(), before);
    assert!(rig.count("sessions_part_0").await > 0 && rig.count("sessions_part_7").await > 0);

    add_session(&rig, &mine(40)).await;
    let id = mine(40).id;
    assert_eq!(writing!(rig, [id] session::lock(&id)).unwrap().unwrap().session, mine(40));
    let changed = Session { sequence: 9, ended: Some(later(50)), ..mine(40) };
    writing!(rig, [changed] session::save(&changed)).unwrap();
    assert_eq!(reading!(rig, session::load(&id)).unwrap().unwrap().session, changed);
    assert_eq!(writing!(rig, [] session::end_all_of_user("mini", later(60))).unwrap(), 38);
    add_session(&rig, &mine(61)).await;
    add_session(&rig, &mine(59)).await;
    let filters = [SessionFilter::User("mini".to_owned())];
    let found = reading!(rig, session_search::search(&filters, &sample::everything(), ALL)).unwrap();
    let listed: Vec<_> = found.entries.iter().map(|shown| shown.session.id.clone()).collect();
    assert_eq!(listed, [mine(59).id, mine(61).id], "in the order of creation");

    let removed = writing!(rig, [] session_cleanup::remove(End::Ended, later(55), &Mark::START)).unwrap();
    assert_eq!(removed, (2, None), "the complete one and the changed one");
    assert_eq!(rig.count("sessions").await, 40);

    rig.sql("DROP INDEX sessions_by_end; DELETE FROM expansions WHERE number = 2").await;
    assert_eq!(check(&rig.db).await.unwrap(), ["0002_session_end"]);
    assert_eq!(migrate(&rig.db).await.unwrap(), ["0002_session_end"]);
    let dir = tempfile::tempdir().unwrap();
    let there = Db::open(Settings::Sqlite(sqlite_settings(dir.path().join("there.db")))).unwrap();
    copy(&rig.db, &there, |_| Ok(())).await.unwrap();
    assert_eq!(sums(&there).await.unwrap(), sums(&rig.db).await.unwrap());
}

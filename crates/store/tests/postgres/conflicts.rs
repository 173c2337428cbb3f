//! Transactions in each other's way: a story is told again, and comes through.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use doorward_core::base::Timestamp;
use doorward_core::session::Session;
use doorward_core::user::UserState;
use doorward_store::together::Births;
use doorward_store::{Result, organisation, session, user};
use tokio::sync::Barrier;

use crate::rig::Rig;
use crate::sample::{NOW, add_user, human, of, session as plain};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_wait_for_each_other_one_is_told_again_and_both_come_through() {
    let rig = Rig::fresh().await;
    for id in ["1", "2"] {
        add_user(&rig, &human(id, id)).await;
    }
    let (barrier, told) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
    let one = |first: &'static str, second: &'static str| {
        let (db, barrier, told) = (rig.db.clone(), Arc::clone(&barrier), Arc::clone(&told));
        tokio::spawn(async move {
            db.write(move |conn| {
                Box::pin(async move {
                    let mut user = user::lock(conn, first).await?.expect("a user");
                    if told.fetch_add(1, Ordering::SeqCst) < 2 {
                        barrier.wait().await;
                    }
                    user::lock(conn, second).await?;
                    user.touch(NOW);
                    user::save(conn, &user).await
                })
            })
            .await
        })
    };
    let (left, right) = (one("1", "2"), one("2", "1"));
    assert!(left.await.unwrap().unwrap() && right.await.unwrap().unwrap());
    assert_eq!(told.load(Ordering::SeqCst), 3, "one of them was told twice");
    for id in ["1", "2"] {
        let wanted = user::Wanted::Id(id.to_owned());
        assert_eq!(reading!(rig, user::find(&wanted)).unwrap().unwrap().sequence, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_another_takes_at_the_same_moment_is_a_plain_no() {
    let rig = Rig::fresh().await;
    for id in ["1", "2"] {
        add_user(&rig, &human(id, id)).await;
    }
    let barrier = Arc::new(Barrier::new(2));
    let rename = |id: &'static str| {
        let (db, barrier, told) = (rig.db.clone(), Arc::clone(&barrier), AtomicUsize::new(0));
        let told = Arc::new(told);
        tokio::spawn(async move {
            db.write(move |conn| {
                Box::pin(async move {
                    let mut user = user::lock(conn, id).await?.expect("a user");
                    if told.fetch_add(1, Ordering::SeqCst) == 0 {
                        barrier.wait().await;
                    }
                    user.username = "wanted".to_owned();
                    user::save(conn, &user).await
                })
            })
            .await
        })
    };
    let (left, right) = (rename("1"), rename("2"));
    let mut saved = [left.await.unwrap().unwrap(), right.await.unwrap().unwrap()];
    saved.sort_unstable();
    assert_eq!(saved, [false, true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_nodes_that_set_up_at_the_same_time_one_does_and_the_others_see_it() {
    let rig = Rig::empty().await;
    let nodes = (0..6).map(|number| {
        let db = rig.neighbour();
        tokio::spawn(async move {
            db.write(move |conn| {
                Box::pin(async move {
                    organisation::set_up_alone(conn).await?;
                    organisation::insert_instance(conn, &number.to_string(), Timestamp(number)).await
                })
            })
            .await
        })
    });
    let made: Vec<Result<bool>> =
        futures_util::future::join_all(nodes).await.into_iter().map(std::result::Result::unwrap).collect();
    assert_eq!(made.iter().filter(|one| *one.as_ref().unwrap()).count(), 1);
    assert_eq!(rig.count("instance").await, 1);
}

/// Whether somebody waits for a lock in the database of that store.
async fn somebody_waits(rig: &Rig) -> bool {
    let sql =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    !rig.db.reading().await.unwrap().conn().unwrap().all(sql, &[]).await.unwrap().is_empty()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_not_born_while_its_user_is_being_deactivated_nor_after() {
    let rig = Rig::fresh().await;
    add_user(&rig, &human("1", "mini")).await;
    let (barrier, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (db, mine, released) = (rig.db.clone(), Arc::clone(&barrier), Arc::clone(&go));
    let deactivating = tokio::spawn(async move {
        db.write(move |conn| {
            Box::pin(async move {
                let mut user = user::lock(conn, "1").await?.expect("a user");
                user.state = UserState::Inactive;
                user::save(conn, &user).await?;
                session::end_all_of_user(conn, "1", NOW).await?;
                mine.wait().await;
                released.wait().await;
                Ok(())
            })
        })
        .await
    });
    barrier.wait().await;
    let births = Births::new(&rig.db);
    let born = Session { user: Some(of("1", "home", NOW)), ..plain(0) };
    let birth = tokio::spawn(async move { births.add(born).await });
    while !somebody_waits(&rig).await {
        assert!(!birth.is_finished(), "born beside a transaction that ends all sessions of its user");
    }
    go.wait().await;
    deactivating.await.unwrap().unwrap();
    assert!(!birth.await.unwrap().unwrap());
    assert_eq!(rig.count("sessions").await, 0);
}

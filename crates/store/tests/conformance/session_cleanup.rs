//! The clean-up of sessions that are over for long: what it removes, in which order, and that it waits for nobody.

use std::sync::Arc;

use doorward_core::session::Session;
use doorward_store::session_cleanup::{self, BATCH, End, Mark};
use doorward_store::{Db, session};
use tokio::sync::Notify;

use crate::rig::{Rig, on_postgres};
use crate::sample::{add_session, later, session as sample};

/// A session that ended and one that expired so many microseconds after the beginning.
fn over(age: i64) -> [Session; 2] {
    let ended = Session { ended: Some(later(age)), ..sample(age) };
    let expired = Session { expires: Some(later(age)), id: format!("{}x", ended.id), ..sample(age) };
    [ended, expired]
}

async fn step(db: &Db, end: End, before: i64, after: Mark) -> (u64, Option<Mark>) {
    let story = db.write(move |conn| {
        Box::pin(async move { session_cleanup::remove(conn, end, later(before), &after).await })
    });
    story.await.unwrap()
}

/// Removes everything, and gives how many each step removed.
async fn all_steps(db: &Db, end: End, before: i64) -> Vec<u64> {
    let (mut mark, mut steps) = (Some(Mark::START), Vec::new());
    while let Some(after) = mark {
        let (removed, next) = step(db, end, before, after).await;
        steps.push(removed);
        mark = next;
    }
    steps
}

async fn add_many(rig: &Rig, sessions: Vec<Session>) {
    let story = rig.db.write(move |conn| {
        Box::pin(async move {
            for session in &sessions {
                session::insert(conn, session).await?;
            }
            Ok(())
        })
    });
    story.await.unwrap();
}

#[tokio::test]
async fn what_ended_or_expired_before_the_time_goes_and_nothing_else() {
    let rig = Rig::fresh().await;
    let open = sample(1);
    let [ended, expired] = over(10);
    let [ended_later, expired_later] = over(11);
    let both =
        Session { id: "both".to_owned(), ended: Some(later(10)), expires: Some(later(9)), ..sample(2) };
    for session in [&open, &ended, &expired, &ended_later, &expired_later, &both] {
        add_session(&rig, session).await;
    }
    assert_eq!(all_steps(&rig.db, End::Ended, 11).await, [2]);
    assert_eq!(all_steps(&rig.db, End::Expired, 11).await, [1]);
    for (session, stays) in [
        (open, true),
        (ended, false),
        (expired, false),
        (ended_later, true),
        (expired_later, true),
        (both, false),
    ] {
        let found = reading!(rig, session::load(&session.id)).unwrap();
        assert_eq!(found.is_some(), stays, "{session:?}");
    }
}

#[tokio::test]
async fn many_are_removed_in_batches_the_oldest_first() {
    let rig = Rig::fresh().await;
    let many = i64::from(BATCH) * 2 + 7;
    // Added in another order than that of their ends; several ended at the same moment.
    let ended = |number: i64| Session { ended: Some(later(number / 3)), ..sample(many - number) };
    add_many(&rig, (0..many).map(ended).collect()).await;
    let (removed, mark) = step(&rig.db, End::Ended, many, Mark::START).await;
    assert_eq!(removed, u64::from(BATCH));
    let mut reading = rig.db.reading().await.unwrap();
    let sql = format!("SELECT 1 FROM sessions WHERE ended < {}", later(i64::from(BATCH) / 3).0);
    assert!(reading.conn().unwrap().one(&sql, &[]).await.unwrap().is_none(), "an older one is still there");
    let (removed, mark) = step(&rig.db, End::Ended, many, mark.unwrap()).await;
    assert_eq!(removed, u64::from(BATCH));
    assert_eq!(step(&rig.db, End::Ended, many, mark.unwrap()).await, (7, None));
    assert_eq!(rig.count("sessions").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_nodes_share_the_work_without_doubles() {
    let rig = Rig::fresh().await;
    let many = i64::from(BATCH) * 4;
    add_many(&rig, (0..many).map(|age| Session { ended: Some(later(age)), ..sample(age) }).collect()).await;
    let nodes = [rig.neighbour(), rig.neighbour(), rig.neighbour()];
    let works = nodes.map(|node| tokio::spawn(async move { all_steps(&node, End::Ended, many).await }));
    let mut removed = 0;
    for work in works {
        removed += work.await.unwrap().into_iter().sum::<u64>();
    }
    // What one passed over since another held it was removed by that one.
    assert_eq!(removed, u64::try_from(many).unwrap());
    assert_eq!(rig.count("sessions").await, 0);
}

#[tokio::test]
async fn a_session_that_somebody_holds_is_passed_over_and_nobody_waits() {
    if !on_postgres() {
        // There the one who writes holds everything, and the next one begins when that is done.
        return;
    }
    let rig = Rig::fresh().await;
    let [held, _] = over(1);
    let [free, _] = over(2);
    add_session(&rig, &held).await;
    add_session(&rig, &free).await;
    let (locked, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (db, id) = (rig.db.clone(), held.id.clone());
    let (tell, wait) = (Arc::clone(&locked), Arc::clone(&release));
    let holder = tokio::spawn(async move {
        let story = db.write(move |conn| {
            Box::pin(async move {
                session::lock(conn, &id).await?;
                tell.notify_one();
                wait.notified().await;
                Ok(())
            })
        });
        story.await.unwrap();
    });
    locked.notified().await;
    assert_eq!(step(&rig.db, End::Ended, 9, Mark::START).await, (1, None));
    release.notify_one();
    holder.await.unwrap();
    assert_eq!(step(&rig.db, End::Ended, 9, Mark::START).await, (1, None));
    assert_eq!(rig.count("sessions").await, 0);
}

#[tokio::test]
async fn the_clean_up_reads_nothing_but_what_it_removes() {
    let rig = Rig::fresh().await;
    let mut reading = rig.db.reading().await.unwrap();
    let columns = [("ended", "sessions_by_end"), ("expires", "sessions_by_expiry")];
    for (column, index) in columns {
        let which = format!(
            "SELECT id FROM sessions WHERE {column} IS NOT NULL AND {column} < 5 AND ({column}, id) > (1, '') ORDER \
             BY {column}, id LIMIT 9"
        );
        let plan = if on_postgres() {
            rig.sql("ANALYZE").await;
            let rows = reading.conn().unwrap().all(&format!("EXPLAIN {which}"), &[]).await.unwrap();
            // An empty table is read whole, whatever there is; that the index could be used is known from its text.
            drop(rows);
            let sql = format!("SELECT indexdef FROM pg_indexes WHERE indexname = '{index}'");
            format!("{:?}", reading.conn().unwrap().all(&sql, &[]).await.unwrap())
        } else {
            format!(
                "{:?}",
                reading.conn().unwrap().all(&format!("EXPLAIN QUERY PLAN {which}"), &[]).await.unwrap()
            )
        };
        assert!(plan.contains(index), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}

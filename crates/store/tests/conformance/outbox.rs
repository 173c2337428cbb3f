//! The outbox: who takes which message, what follows from an attempt, and what is counted, replaced and removed.

use std::collections::HashSet;

use doorward_core::base::Timestamp;
use doorward_core::message::{Channel, Purpose};
use doorward_store::outbox::{self, Entry, State, Taken, Terms, Whose};
use doorward_store::outbox_list::{self, BATCH};
use doorward_store::{Db, user};

use crate::rig::Rig;
use crate::sample::{add_user, human, later};

/// How long a message is taken for here.
const LEASE: i64 = 1000;

/// A mail that waits, asked for so many microseconds after the beginning.
fn entry(id: &str, age: i64) -> Entry {
    Entry {
        id: id.to_owned(),
        user_id: "mini".to_owned(),
        session_id: Some(format!("session of {id}")),
        channel: Channel::Email,
        purpose: Purpose::OtpEmail,
        state: State::Waiting,
        payload: Some(vec![0, 1, 255]),
        attempts: 0,
        error: None,
        created: later(age),
        due: later(age),
        expires: later(1_000_000),
        ended: None,
    }
}

fn terms(age: i64) -> Terms {
    Terms { channel: Channel::Email, now: later(age), leased: later(age + LEASE), most: 100, attempts: 3 }
}

async fn put(rig: &Rig, entry: &Entry) {
    writing!(rig, [entry] outbox::put(&entry)).unwrap();
}

async fn take(db: &Db, terms: Terms) -> Taken {
    db.write(move |conn| Box::pin(async move { outbox::take(conn, terms).await })).await.unwrap()
}

async fn take_ids(rig: &Rig, terms: Terms) -> Vec<String> {
    take(&rig.db, terms).await.entries.into_iter().map(|entry| entry.id).collect()
}

async fn take_one(rig: &Rig, age: i64) -> Entry {
    let mut entries = take(&rig.db, terms(age)).await.entries;
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

async fn find(rig: &Rig, id: &str) -> Entry {
    reading!(rig, outbox_list::find(id)).unwrap().unwrap()
}

async fn fail(rig: &Rig, entry: &Entry, again: Option<Timestamp>, age: i64) -> bool {
    let now = later(age);
    writing!(rig, [entry] outbox::fail(&entry, "no answer", again, now)).unwrap()
}

#[tokio::test]
async fn what_was_put_is_found_as_it_was() {
    let rig = Rig::fresh().await;
    let bare = Entry { session_id: None, payload: None, channel: Channel::Sms, ..entry("bare", 1) };
    for entry in [entry("a", 0), bare] {
        put(&rig, &entry).await;
        assert_eq!(find(&rig, &entry.id).await, entry);
    }
    assert_eq!(reading!(rig, outbox_list::find("b")).unwrap(), None);
    for purpose in Purpose::ALL {
        let entry = Entry { purpose, ..entry(purpose.name(), 0) };
        put(&rig, &entry).await;
        assert_eq!(find(&rig, &entry.id).await.purpose, purpose);
    }
}

#[tokio::test]
async fn what_is_due_is_taken_the_longest_due_first_and_by_its_channel() {
    let rig = Rig::fresh().await;
    for (id, age) in [("late", 3), ("early", 1), ("future", 11)] {
        put(&rig, &entry(id, age)).await;
    }
    put(&rig, &Entry { channel: Channel::Sms, ..entry("sms", 0) }).await;
    assert!(!reading!(rig, outbox::is_due(Channel::Email, later(0))).unwrap());
    assert!(reading!(rig, outbox::is_due(Channel::Email, later(1))).unwrap());
    assert_eq!(take_ids(&rig, Terms { most: 1, ..terms(10) }).await, ["early"]);
    let taken = take_one(&rig, 10).await;
    assert_eq!((taken.id.as_str(), taken.attempts, taken.due), ("late", 1, later(10 + LEASE)));
    assert_eq!(take_ids(&rig, Terms { channel: Channel::Sms, ..terms(10) }).await, ["sms"]);
    assert!(!reading!(rig, outbox::is_due(Channel::Email, later(10))).unwrap());
    assert_eq!(reading!(rig, outbox_list::waiting(Channel::Email)).unwrap(), 3);
}

#[tokio::test]
async fn a_message_whose_lease_ran_out_is_taken_again_and_the_first_taker_can_only_finish_it() {
    let rig = Rig::fresh().await;
    put(&rig, &entry("a", 0)).await;
    let first = take_one(&rig, 0).await;
    assert!(take_ids(&rig, terms(LEASE - 1)).await.is_empty(), "still leased");
    let second = take_one(&rig, LEASE).await;
    assert_eq!((second.attempts, &second.payload), (2, &first.payload));
    // Whoever was too slow does not undo what the other does …
    assert!(!fail(&rig, &first, Some(later(1)), LEASE + 1).await);
    assert_eq!(find(&rig, "a").await.due, later(2 * LEASE));
    // … but what was sent was sent.
    let now = later(LEASE + 2);
    assert!(writing!(rig, [first] outbox::finish(&first, now)).unwrap());
    assert!(!fail(&rig, &second, Some(later(1)), LEASE + 3).await);
    assert!(!writing!(rig, [second] outbox::finish(&second, now)).unwrap());
    let found = find(&rig, "a").await;
    assert_eq!((found.state, found.payload, found.ended), (State::Sent, None, Some(now)));
    assert!(take_ids(&rig, terms(900_000)).await.is_empty());
}

#[tokio::test]
async fn a_failed_attempt_is_made_again_at_its_time_or_never() {
    let rig = Rig::fresh().await;
    put(&rig, &entry("a", 0)).await;
    let taken = take_one(&rig, 0).await;
    assert!(fail(&rig, &taken, Some(later(50)), 5).await);
    let found = find(&rig, "a").await;
    assert_eq!((found.state, found.error.as_deref()), (State::Waiting, Some("no answer")));
    assert!(take_ids(&rig, terms(49)).await.is_empty());
    let taken = take_one(&rig, 50).await;
    assert!(fail(&rig, &taken, None, 60).await);
    let found = find(&rig, "a").await;
    assert_eq!((found.state, found.payload, found.ended), (State::GivenUp, None, Some(later(60))));
    assert_eq!((found.error.as_deref(), found.attempts), (Some("no answer"), 2));
    assert_eq!(reading!(rig, outbox_list::waiting(Channel::Email)).unwrap(), 0);
}

#[tokio::test]
async fn a_message_is_given_up_when_its_time_or_its_attempts_are_over() {
    let rig = Rig::fresh().await;
    put(&rig, &Entry { expires: later(5), ..entry("stale", 0) }).await;
    put(&rig, &Entry { attempts: 3, error: Some("no answer".to_owned()), ..entry("tried", 0) }).await;
    put(&rig, &Entry { attempts: 2, expires: later(6), ..entry("fresh", 0) }).await;
    let taken = take(&rig.db, terms(5)).await;
    assert_eq!((taken.entries.len(), taken.given_up), (1, 2));
    assert_eq!(taken.entries[0].id, "fresh");
    for (id, error) in
        [("stale", "its time was over"), ("tried", "its last attempt was broken off; before: no answer")]
    {
        let found = find(&rig, id).await;
        assert_eq!((found.state, found.error.as_deref()), (State::GivenUp, Some(error)));
        assert_eq!((found.payload, found.ended), (None, Some(later(5))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_nodes_never_take_the_same_message() {
    let rig = Rig::fresh().await;
    for number in 0..120 {
        put(&rig, &entry(&format!("{number:03}"), number)).await;
    }
    let nodes = [rig.neighbour(), rig.neighbour(), rig.neighbour()];
    let works = nodes.map(|node| {
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let taken = take(&node, Terms { most: 7, ..terms(500) }).await.entries;
                if taken.is_empty() {
                    return mine;
                }
                mine.extend(taken.into_iter().map(|entry| entry.id));
            }
        })
    });
    let (mut all, mut distinct) = (0, HashSet::new());
    for work in works {
        let mine = work.await.unwrap();
        all += mine.len();
        distinct.extend(mine);
    }
    // One that was passed over since another node held it was taken by that one.
    assert_eq!((all, distinct.len()), (120, 120));
}

#[tokio::test]
async fn a_new_message_replaces_the_one_that_waits_for_the_same() {
    let rig = Rig::fresh().await;
    let of_session =
        |id: &str, session: &str, age| Entry { session_id: Some(session.to_owned()), ..entry(id, age) };
    let of_user =
        |id: &str, user: &str, age| Entry { session_id: None, user_id: user.to_owned(), ..entry(id, age) };
    put(&rig, &of_session("s1", "s", 0)).await;
    put(&rig, &of_session("other session", "t", 0)).await;
    put(&rig, &Entry { purpose: Purpose::OtpSms, ..of_session("other purpose", "s", 0) }).await;
    put(&rig, &of_user("u1", "u", 0)).await;
    put(&rig, &of_user("other user", "v", 0)).await;
    put(&rig, &of_session("s2", "s", 1)).await;
    put(&rig, &of_user("u2", "u", 1)).await;
    for entry in reading!(rig, outbox_list::list(None, None, 100)).unwrap() {
        let replaced = ["s1", "u1"].contains(&entry.id.as_str());
        assert_eq!(entry.state, if replaced { State::Replaced } else { State::Waiting }, "{entry:?}");
        assert_eq!((entry.payload.is_none(), entry.ended.is_some()), (replaced, replaced), "{entry:?}");
    }
    // What is on its way while it is replaced was sent all the same, if it was.
    let (now, mut first) = (later(2), find(&rig, "s1").await);
    first.attempts = 1;
    assert!(!fail(&rig, &first, None, 2).await);
    assert!(writing!(rig, [first] outbox::finish(&first, now)).unwrap());
    assert_eq!(find(&rig, "s1").await.state, State::Sent);
    // What was sent before stays as it is.
    for sent in take(&rig.db, terms(2)).await.entries {
        writing!(rig, [sent] outbox::finish(&sent, now)).unwrap();
    }
    put(&rig, &of_session("s3", "s", 3)).await;
    assert_eq!(find(&rig, "s2").await.state, State::Sent);
}

#[tokio::test]
async fn messages_of_an_hour_can_be_counted_by_user_and_by_session() {
    let rig = Rig::fresh().await;
    for (id, age) in [("a", 0), ("b", 1), ("c", 2)] {
        put(&rig, &Entry { session_id: Some("s".to_owned()), ..entry(id, age) }).await;
    }
    put(&rig, &Entry { session_id: None, ..entry("d", 3) }).await;
    for (whose, since, number, expected) in [
        (Whose::User("mini"), 0, 1, Some(3)),
        (Whose::User("mini"), 0, 3, Some(1)),
        (Whose::User("mini"), 0, 4, None),
        (Whose::User("mini"), -1, 4, Some(0)),
        (Whose::User("max"), -1, 1, None),
        (Whose::Session("s"), -1, 1, Some(2)),
        (Whose::Session("s"), -1, 3, Some(0)),
        (Whose::Session("s"), -1, 4, None),
        (Whose::Session("t"), -1, 1, None),
    ] {
        let found = reading!(rig, outbox::nth_newest(whose, later(since), number)).unwrap();
        assert_eq!(found, expected.map(later), "{whose:?} {since} {number}");
    }
}

#[tokio::test]
async fn the_operator_lists_and_retries_what_waits() {
    let rig = Rig::fresh().await;
    for (id, age) in [("a", 0), ("b", 1), ("c", 2)] {
        put(&rig, &entry(id, age)).await;
    }
    for taken in take(&rig.db, terms(3)).await.entries {
        let again = (taken.id != "c").then(|| later(90_000));
        assert!(fail(&rig, &taken, again, 4).await);
    }
    let ids = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>();
    assert_eq!(ids(reading!(rig, outbox_list::list(None, None, 2)).unwrap()), ["c", "b"]);
    assert_eq!(ids(reading!(rig, outbox_list::list(Some(State::Waiting), None, 9)).unwrap()), ["b", "a"]);
    assert_eq!(ids(reading!(rig, outbox_list::list(Some(State::GivenUp), Some("mini"), 9)).unwrap()), ["c"]);
    assert!(reading!(rig, outbox_list::list(None, Some("max"), 9)).unwrap().is_empty());
    let now = later(5);
    assert_eq!(writing!(rig, [] outbox_list::retry(Some("c"), now)).unwrap(), 0, "it holds nothing any more");
    assert_eq!(writing!(rig, [] outbox_list::retry(Some("a"), now)).unwrap(), 1);
    let taken = take_one(&rig, 5).await;
    assert_eq!((taken.id.as_str(), taken.attempts), ("a", 1), "its attempts begin anew");
    assert_eq!(writing!(rig, [] outbox_list::retry(None, now)).unwrap(), 2);
}

#[tokio::test]
async fn ended_messages_are_removed_in_batches_and_those_of_a_deleted_user_at_once() {
    let rig = Rig::fresh().await;
    add_user(&rig, &human("mini", "mini")).await;
    let many = i64::from(BATCH) + 3;
    let sql = format!(
        "INSERT INTO outbox (id, user_id, channel, purpose, state, attempts, created, due, expires, ended) WITH \
         RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many}) SELECT 'm' || i, 'max', \
         'email', 'otp_email', 1, 1, 0, 0, 0, i FROM n"
    );
    rig.sql(sql).await;
    put(&rig, &entry("waits", 0)).await;
    let before = Timestamp(many);
    assert_eq!(writing!(rig, [] outbox_list::remove_ended(before)).unwrap(), u64::from(BATCH));
    assert_eq!(
        writing!(rig, [] outbox_list::remove_ended(before)).unwrap(),
        2,
        "not the one that ended just then"
    );
    assert_eq!(writing!(rig, [] outbox_list::remove_ended(before)).unwrap(), 0);
    assert_eq!(rig.count("outbox").await, 2);
    let now = later(1);
    writing!(rig, [] user::delete("mini", now)).unwrap();
    assert_eq!(rig.count("outbox").await, 1);
}

#[tokio::test]
async fn whoever_waits_for_messages_is_told_of_each_once_it_is_committed() {
    let rig = Rig::fresh().await;
    let mut stirs = rig.db.stirs();
    stirs.mark_unchanged();
    let told = entry("a", 0);
    put(&rig, &told).await;
    stirs.changed().await.unwrap();
    assert_eq!(find(&rig, "a").await, told);
    take(&rig.db, terms(1)).await;
    assert!(!stirs.has_changed().unwrap(), "nobody waits for what was taken");
    let now = later(2);
    writing!(rig, [] outbox_list::retry(None, now)).unwrap();
    stirs.changed().await.unwrap();
}

//! The filters of the search for sessions, at their boundaries.

use doorward_core::base::Timestamp;
use doorward_core::search::{Comparison, Page, SessionFilter};
use doorward_core::session::{Session, UserAgent};
use doorward_store::session_search;

use crate::rig::Rig;
use crate::sample::{
    ALL, COMPARISONS, add_session, complete_session, everything, later, of, session as plain,
};

/// The ages of the sessions that are found; the total must agree.
async fn ages(rig: &Rig, filters: &[SessionFilter]) -> Vec<i64> {
    let found = reading!(rig, session_search::search(filters, &everything(), ALL)).unwrap();
    assert_eq!(found.total, found.entries.len() as u64);
    found.entries.iter().map(|shown| shown.session.created.0 - later(0).0).collect()
}

async fn add_ages(rig: &Rig, ages: impl IntoIterator<Item = i64>) {
    for age in ages {
        add_session(rig, &plain(age)).await;
    }
}

#[tokio::test]
async fn without_a_filter_every_session_is_found_but_the_ended_ones() {
    let rig = Rig::fresh().await;
    assert!(ages(&rig, &[]).await.is_empty());
    add_ages(&rig, [2, 0, 1]).await;
    add_session(&rig, &Session { ended: Some(later(4)), ..plain(3) }).await;
    assert_eq!(ages(&rig, &[]).await, [0, 1, 2], "in the order of creation");
}

#[tokio::test]
async fn a_found_session_is_whole() {
    let rig = Rig::fresh().await;
    let session = Session { ended: None, ..complete_session(0) };
    add_session(&rig, &session).await;
    let found = reading!(rig, session_search::search(&[], &everything(), ALL)).unwrap();
    assert_eq!(found.entries[0].session, session);
}

#[tokio::test]
async fn the_date_of_creation_is_compared_to_the_microsecond() {
    let rig = Rig::fresh().await;
    add_ages(&rig, [-1, 0, 1]).await;
    for (comparison, sign) in COMPARISONS {
        let expected: &[i64] = match comparison {
            Comparison::Equal => &[0],
            Comparison::Greater => &[1],
            Comparison::GreaterOrEqual => &[0, 1],
            Comparison::Less => &[-1],
            Comparison::LessOrEqual => &[-1, 0],
        };
        assert_eq!(ages(&rig, &[SessionFilter::Created(later(0), comparison)]).await, expected, "{sign}");
    }
}

#[tokio::test]
async fn dates_that_no_id_can_name_are_compared_all_the_same() {
    let rig = Rig::fresh().await;
    add_ages(&rig, [0]).await;
    // The years 2286, 2300, 5138 and 9999, the end of numbers, and times before 1970.
    let future = [9_999_999_999_999_999, 10_413_792_000_000_000, 100_000_000_000_000_000]
        .map(Timestamp)
        .into_iter()
        .chain([Timestamp::LATEST, Timestamp(i64::MAX)]);
    let past = [Timestamp(0), Timestamp(-1), Timestamp(i64::MIN)];
    for (at, is_past) in future.map(|at| (at, false)).chain(past.map(|at| (at, true))) {
        for (comparison, sign) in COMPARISONS {
            let found = match comparison {
                Comparison::Equal => false,
                Comparison::Greater | Comparison::GreaterOrEqual => is_past,
                Comparison::Less | Comparison::LessOrEqual => !is_past,
            };
            let expected: &[i64] = if found { &[0] } else { &[] };
            assert_eq!(
                ages(&rig, &[SessionFilter::Created(at, comparison)]).await,
                expected,
                "{sign} {at:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_session_without_end_outlasts_every_date() {
    let rig = Rig::fresh().await;
    add_session(&rig, &plain(9)).await;
    for age in [0, 1, 2] {
        add_session(&rig, &Session { expires: Some(later(100 + age)), ..plain(age) }).await;
    }
    for (comparison, sign) in COMPARISONS {
        let expected: &[i64] = match comparison {
            Comparison::Equal => &[1],
            Comparison::Greater => &[2, 9],
            Comparison::GreaterOrEqual => &[1, 2, 9],
            Comparison::Less => &[0],
            Comparison::LessOrEqual => &[0, 1],
        };
        assert_eq!(ages(&rig, &[SessionFilter::Expires(later(101), comparison)]).await, expected, "{sign}");
    }
}

#[tokio::test]
async fn ids_are_alternatives_and_none_of_them_finds_nothing() {
    let rig = Rig::fresh().await;
    add_ages(&rig, [0, 1, 2]).await;
    let ids = |ages: &[i64]| SessionFilter::Ids(ages.iter().map(|age| plain(*age).id).collect());
    assert!(ages(&rig, &[ids(&[])]).await.is_empty());
    assert_eq!(ages(&rig, &[ids(&[2, 0, 0, 77])]).await, [0, 2]);
    assert_eq!(ages(&rig, &[ids(&[0, 1]), ids(&[1, 2])]).await, [1], "filters are joined by and");
}

#[tokio::test]
async fn user_creator_and_browser_are_found_by_their_exact_id() {
    let rig = Rig::fresh().await;
    let agent = |id: &str| UserAgent { fingerprint: Some(id.to_owned()), ..UserAgent::default() };
    add_session(&rig, &Session { user: Some(of("ann", "home", later(0))), ..plain(0) }).await;
    add_session(&rig, &Session { creator: "ann".to_owned(), ..plain(1) }).await;
    add_session(&rig, &Session { user_agent: agent("ann"), ..plain(2) }).await;
    add_session(&rig, &Session { user_agent: agent(""), ..plain(3) }).await;
    add_session(&rig, &plain(4)).await;
    let ann = || "ann".to_owned();
    assert_eq!(ages(&rig, &[SessionFilter::User(ann())]).await, [0]);
    assert_eq!(ages(&rig, &[SessionFilter::Creator(ann())]).await, [1]);
    assert_eq!(ages(&rig, &[SessionFilter::Fingerprint(ann())]).await, [2]);
    assert_eq!(ages(&rig, &[SessionFilter::Fingerprint(String::new())]).await, [3]);
    for odd in ["ANN", "an%", "an_", "' OR '1'='1", ""] {
        assert!(ages(&rig, &[SessionFilter::User(odd.to_owned())]).await.is_empty(), "{odd}");
    }
}

#[tokio::test]
async fn pages_together_show_everything_once() {
    let rig = Rig::fresh().await;
    add_ages(&rig, 0..7).await;
    for ascending in [true, false] {
        let mut seen = Vec::new();
        for offset in [0, 3, 6] {
            let page = Page { offset, limit: 3, ascending };
            let found = reading!(rig, session_search::search(&[], &everything(), page)).unwrap();
            assert_eq!(found.total, 7, "offset {offset}");
            seen.extend(found.entries.into_iter().map(|shown| shown.session.created.0 - later(0).0));
        }
        if !ascending {
            seen.reverse();
        }
        assert_eq!(seen, (0..7).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_total_is_right_at_every_edge_of_a_page() {
    let rig = Rig::fresh().await;
    add_ages(&rig, 0..3).await;
    let cases = [
        (0, 2, 2, 3),
        (0, 3, 3, 3),
        (0, 4, 3, 3),
        (2, 5, 1, 3),
        (3, 5, 0, 0),
        (u64::MAX, 5, 0, 0),
        (0, 0, 0, 0),
    ];
    for (offset, limit, entries, total) in cases {
        let page = Page { offset, limit, ascending: true };
        let found = reading!(rig, session_search::search(&[], &everything(), page)).unwrap();
        assert_eq!((found.entries.len(), found.total), (entries, total), "offset {offset}, limit {limit}");
    }
}

#[tokio::test]
async fn thousands_of_filters_are_no_fault() {
    let rig = Rig::fresh().await;
    add_ages(&rig, [0, 1]).await;
    let filters = vec![SessionFilter::Creator("creator".to_owned()); 3000];
    assert_eq!(ages(&rig, &filters).await, [0, 1]);
    let ids = SessionFilter::Ids((0..10_000).map(|age| plain(age).id).collect());
    assert_eq!(ages(&rig, &[ids]).await, [0, 1]);
}

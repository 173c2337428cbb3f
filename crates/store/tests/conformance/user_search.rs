//! The search for users: conditions, orders, pages and views. Texts have a file of their own.

use doorward_core::caller::Reach;
use doorward_core::search::{Page, TextFilter, TextMatch, UserFilter, UserOrder, UserText, UserView};
use doorward_core::user::{Contact, User, UserState};
use doorward_store::{user, user_search};

use crate::rig::Rig;
use crate::sample::ALL;
use crate::sample::{add_user, complete_human, human, later, machine, person};

pub fn everything() -> UserView {
    UserView { reach: Reach::Everything, caller: "nobody".to_owned() }
}

/// The ids of the users that are found; the total must agree.
pub async fn ids(rig: &Rig, filter: &UserFilter) -> Vec<String> {
    seen(rig, filter, &everything()).await
}

async fn seen(rig: &Rig, filter: &UserFilter, view: &UserView) -> Vec<String> {
    let found = reading!(rig, user_search::search(filter, view, UserOrder::Id, ALL)).unwrap();
    assert_eq!(found.total, found.entries.len() as u64);
    found.entries.into_iter().map(|user| user.id).collect()
}

pub fn all() -> UserFilter {
    UserFilter::All(Vec::new())
}

/// 1: a person with little, 2: one with everything, locked; 3: a machine, away; 4: deleted; 5: inactive.
async fn filled() -> Rig {
    let rig = Rig::fresh().await;
    add_user(&rig, &human("1", "mini")).await;
    add_user(&rig, &complete_human("2", "zoë")).await;
    let away = User { organisation: "away".to_owned(), created: later(1), ..machine("3", "robot") };
    add_user(&rig, &away).await;
    add_user(&rig, &human("4", "gone")).await;
    writing!(rig, [] user::delete("4", later(1))).unwrap();
    add_user(&rig, &User { state: UserState::Inactive, created: later(-1), ..human("5", "Idle") }).await;
    rig
}

#[tokio::test]
async fn a_deleted_user_is_never_found() {
    let rig = filled().await;
    assert_eq!(ids(&rig, &all()).await, ["1", "2", "3", "5"]);
    assert!(ids(&rig, &UserFilter::State(3)).await.is_empty());
    assert!(ids(&rig, &UserFilter::Ids(vec!["4".to_owned()])).await.is_empty());
    assert!(!ids(&rig, &UserFilter::Not(Box::new(UserFilter::State(1)))).await.contains(&"4".to_owned()));
}

#[tokio::test]
async fn a_found_user_is_whole() {
    let rig = filled().await;
    let filter = UserFilter::Ids(vec!["2".to_owned()]);
    let found = reading!(rig, user_search::search(&filter, &everything(), UserOrder::Id, ALL)).unwrap();
    assert_eq!(found.entries, [complete_human("2", "zoë")]);
}

#[tokio::test]
async fn simple_conditions_find_what_they_name() {
    let rig = filled().await;
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let cases: [(UserFilter, &[&str]); 12] = [
        (UserFilter::State(1), &["1", "3"]),
        (UserFilter::State(2), &["5"]),
        (UserFilter::State(4), &["2"]),
        (UserFilter::State(77), &[]),
        (UserFilter::Human(true), &["1", "2", "5"]),
        (UserFilter::Human(false), &["3"]),
        (UserFilter::Ids(Vec::new()), &[]),
        (UserFilter::Ids(texts(&["3", "1", "1", "77"])), &["1", "3"]),
        (UserFilter::Emails(Vec::new()), &[]),
        (UserFilter::Emails(texts(&["mini@mouse.example", "zoë@bücher.example", ""])), &["1", "2"]),
        (UserFilter::Organisation("away".to_owned()), &["3"]),
        (UserFilter::Organisation("nowhere".to_owned()), &[]),
    ];
    for (filter, expected) in cases {
        assert_eq!(ids(&rig, &filter).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn conditions_are_joined_and_turned_round() {
    let rig = filled().await;
    let (people, away) = (UserFilter::Human(true), UserFilter::Organisation("away".to_owned()));
    let locked = UserFilter::State(4);
    let not = |filter: &UserFilter| UserFilter::Not(Box::new(filter.clone()));
    let cases: [(UserFilter, &[&str]); 8] = [
        (UserFilter::Any(Vec::new()), &[]),
        (UserFilter::All(Vec::new()), &["1", "2", "3", "5"]),
        (UserFilter::Any(vec![locked.clone(), away.clone()]), &["2", "3"]),
        (UserFilter::All(vec![people.clone(), locked.clone()]), &["2"]),
        (not(&people), &["3"]),
        (not(&UserFilter::Any(vec![locked.clone(), away.clone()])), &["1", "5"]),
        (UserFilter::All(vec![people.clone(), not(&UserFilter::Any(vec![away, locked]))]), &["1", "5"]),
        (not(&not(&people)), &["1", "2", "5"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(ids(&rig, &filter).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn what_does_not_hold_for_a_user_without_a_value_holds_when_turned_round() {
    let rig = filled().await;
    let not = |filter| UserFilter::Not(Box::new(filter));
    let text =
        |text: &str| TextFilter { text: text.to_owned(), matching: TextMatch::Contains, ignore_case: true };
    let without_mini = ["2", "3", "5"];
    assert_eq!(
        ids(&rig, &not(UserFilter::Emails(vec!["mini@mouse.example".to_owned()]))).await,
        without_mini
    );
    assert_eq!(ids(&rig, &not(UserFilter::Text(UserText::Email, text("mini@")))).await, without_mini);
    assert_eq!(ids(&rig, &not(UserFilter::Text(UserText::Phone, text("4179")))).await, ["1", "3", "5"]);
    assert_eq!(ids(&rig, &not(UserFilter::Text(UserText::NickName, text("x")))).await.len(), 4);
}

#[tokio::test]
async fn metadata_finds_its_user() {
    let rig = filled().await;
    for (id, key, value) in
        [("1", "Team", &b"\x00red"[..]), ("2", "team", b"blue"), ("2", "other", b"\x00red")]
    {
        let entries = vec![(key.to_owned(), value.to_vec())];
        writing!(rig, [entries] user_search::save_metadata(id, &entries, later(0))).unwrap();
    }
    let key = |text: &str, ignore_case| {
        UserFilter::MetadataKey(TextFilter {
            text: text.to_owned(),
            matching: TextMatch::Equals,
            ignore_case,
        })
    };
    let red = b"\x00red".to_vec();
    let cases: [(UserFilter, &[&str]); 6] = [
        (key("team", false), &["2"]),
        (key("team", true), &["1", "2"]),
        (key("tea", true), &[]),
        (UserFilter::MetadataValue(red.clone(), true), &["1", "2"]),
        (UserFilter::MetadataValue(red.clone(), false), &["2"]),
        (UserFilter::Not(Box::new(UserFilter::MetadataValue(red, true))), &["3", "5"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(ids(&rig, &filter).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_caller_sees_itself_and_its_organisations() {
    let rig = filled().await;
    let view = |caller: &str, organisations: &[&str]| UserView {
        reach: Reach::Organisations(organisations.iter().map(|&id| id.to_owned()).collect()),
        caller: caller.to_owned(),
    };
    let cases: [(UserView, &[&str]); 6] = [
        (view("1", &[]), &["1"]),
        (view("stranger", &[]), &[]),
        (view("4", &[]), &[]),
        (view("1", &["away"]), &["1", "3"]),
        (view("3", &["home"]), &["1", "2", "3", "5"]),
        (view("stranger", &["home", "away"]), &["1", "2", "3", "5"]),
    ];
    for (view, expected) in cases {
        assert_eq!(seen(&rig, &all(), &view).await, expected, "{view:?}");
    }
    let asked = UserFilter::Any(vec![UserFilter::Ids(vec!["2".to_owned()]), all()]);
    assert_eq!(seen(&rig, &asked, &view("1", &[])).await, ["1"], "no filter shows what the view hides");
}

#[tokio::test]
async fn users_are_sorted_by_every_column_and_then_by_id() {
    let rig = filled().await;
    let mut twin = human("6", "mini2");
    person(&mut twin).email = Contact { address: "mini@mouse.example".to_owned(), verified: false };
    add_user(&rig, &twin).await;
    let cases: [(UserOrder, [&str; 5]); 9] = [
        (UserOrder::Id, ["1", "2", "3", "5", "6"]),
        (UserOrder::Text(UserText::Username), ["5", "1", "6", "3", "2"]),
        (UserOrder::Text(UserText::GivenName), ["3", "1", "5", "6", "2"]),
        (UserOrder::Text(UserText::FamilyName), ["3", "1", "5", "6", "2"]),
        (UserOrder::Text(UserText::DisplayName), ["5", "3", "2", "1", "6"]),
        (UserOrder::Text(UserText::Email), ["3", "5", "1", "6", "2"]),
        (UserOrder::Text(UserText::Phone), ["1", "3", "5", "6", "2"]),
        (UserOrder::State, ["1", "3", "6", "5", "2"]),
        (UserOrder::Created, ["5", "1", "2", "6", "3"]),
    ];
    for (order, expected) in cases {
        for ascending in [true, false] {
            let page = Page { ascending, ..ALL };
            let found = reading!(rig, user_search::search(&all(), &everything(), order, page)).unwrap();
            let mut got: Vec<_> = found.entries.into_iter().map(|user| user.id).collect();
            if !ascending {
                got.reverse();
            }
            if order == UserOrder::Text(UserText::DisplayName) {
                got.retain(|id| id != "2" && id != "3");
                assert_eq!(got, ["5", "1", "6"], "{order:?}");
            } else {
                assert_eq!(got, expected, "{order:?}, ascending: {ascending}");
            }
        }
    }
}

#[tokio::test]
async fn people_come_before_machines() {
    let rig = filled().await;
    let found = reading!(rig, user_search::search(&all(), &everything(), UserOrder::Kind, ALL)).unwrap();
    assert_eq!(found.entries.last().unwrap().id, "3");
}

#[tokio::test]
async fn the_total_of_a_page_counts_all_matches() {
    let rig = filled().await;
    for (offset, limit, entries, total) in
        [(0, 2, 2, 4), (2, 2, 2, 4), (3, 9, 1, 4), (4, 9, 0, 0), (u64::MAX, 1, 0, 0)]
    {
        let page = Page { offset, limit, ascending: true };
        let found = reading!(rig, user_search::search(&all(), &everything(), UserOrder::Id, page)).unwrap();
        assert_eq!((found.entries.len(), found.total), (entries, total), "offset {offset}, limit {limit}");
    }
}

#[tokio::test]
async fn thousands_of_conditions_are_no_fault() {
    let rig = filled().await;
    assert_eq!(ids(&rig, &UserFilter::All(vec![UserFilter::Human(false); 5000])).await, ["3"]);
    let any = (0..5000).map(|id| UserFilter::Organisation(format!("away{}", id % 2))).collect();
    assert!(ids(&rig, &UserFilter::Any(any)).await.is_empty());
    let deep = (0..25)
        .fold(UserFilter::Human(false), |inner, _| UserFilter::Not(Box::new(UserFilter::All(vec![inner]))));
    assert_eq!(ids(&rig, &deep).await.len(), 3);
}

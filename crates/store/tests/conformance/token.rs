//! Personal access tokens, and the one read that lets their bearer in.

use doorward_core::base::Timestamp;
use doorward_core::caller::{Membership, Reach, Role};
use doorward_core::search::{Page, UserView};
use doorward_core::user::{User, UserState};
use doorward_store::token::{self, AccessToken, Bearer, TokenFilter, TokenOrder};
use doorward_store::{StoreError, grant, user};

use super::user_search::everything;
use crate::rig::Rig;
use crate::sample::{ALL, COMPARISONS};
use crate::sample::{add_user, later, machine};

fn made(id: &str, user: &str, organisation: &str, age: i64) -> AccessToken {
    AccessToken {
        id: id.to_owned(),
        user_id: user.to_owned(),
        organisation: organisation.to_owned(),
        created: later(age),
        expires: later(100 - age),
    }
}

async fn add(rig: &Rig, token: &AccessToken) {
    writing!(rig, [token] token::insert(&token, &[9; 32])).unwrap();
}

/// Two machines at home and one away; tokens `a` to `d`, the older the later they end.
async fn filled() -> Rig {
    let rig = Rig::fresh().await;
    add_user(&rig, &machine("1", "one")).await;
    add_user(&rig, &machine("2", "two")).await;
    add_user(&rig, &User { organisation: "away".to_owned(), ..machine("3", "three") }).await;
    for (id, user, organisation, age) in
        [("a", "2", "home", 0), ("b", "1", "home", 1), ("c", "3", "away", 2), ("d", "1", "home", 3)]
    {
        add(&rig, &made(id, user, organisation, age)).await;
    }
    rig
}

async fn ids(rig: &Rig, filters: &[TokenFilter], view: &UserView) -> String {
    let found = reading!(rig, token::search(filters, view, TokenOrder::Id, ALL)).unwrap();
    assert_eq!(found.total, found.entries.len() as u64);
    found.entries.into_iter().map(|token| token.id).collect()
}

#[tokio::test]
async fn a_bearer_comes_with_user_and_roles_in_one_read() {
    let rig = filled().await;
    let held = [
        Membership { organisation: None, role: Role::IamLoginClient },
        Membership { organisation: Some("away".to_owned()), role: Role::OrgOwner },
    ];
    let mut expected = Bearer {
        digest: [9; 32],
        expires: later(99),
        user_id: "1".to_owned(),
        organisation: "home".to_owned(),
        state: Some(UserState::Active),
        memberships: Vec::new(),
    };
    assert_eq!(reading!(rig, token::bearer("b")).unwrap(), Some(expected.clone()));
    for membership in &held {
        writing!(rig, [membership] grant::insert("1", &membership)).unwrap();
    }
    let mut bearer = reading!(rig, token::bearer("b")).unwrap().unwrap();
    bearer.memberships.sort_by_key(|membership| membership.organisation.clone());
    expected.memberships = held.to_vec();
    assert_eq!(bearer, expected);
    assert_eq!(reading!(rig, token::bearer("z")).unwrap(), None);
}

#[tokio::test]
async fn a_bearer_shows_the_state_that_its_user_has_now() {
    let rig = filled().await;
    for state in [UserState::Inactive, UserState::Locked, UserState::Active] {
        let user = User { state, ..machine("1", "one") };
        assert!(writing!(rig, [user] user::save(&user)).unwrap());
        assert_eq!(reading!(rig, token::bearer("b")).unwrap().unwrap().state, Some(state));
    }
    writing!(rig, [] user::delete("1", later(9))).unwrap();
    assert_eq!(reading!(rig, token::bearer("b")).unwrap(), None);
}

#[tokio::test]
async fn a_token_is_removed_by_its_own_user_only() {
    let rig = filled().await;
    assert!(!writing!(rig, [] token::delete("2", "b")).unwrap());
    assert!(!writing!(rig, [] token::delete("1", "z")).unwrap());
    assert!(writing!(rig, [] token::delete("1", "b")).unwrap());
    assert!(!writing!(rig, [] token::delete("1", "b")).unwrap());
    assert_eq!(ids(&rig, &[], &everything()).await, "acd");
}

#[tokio::test]
async fn a_token_of_nobody_and_a_second_one_with_the_same_id_are_refused() {
    let rig = filled().await;
    for token in [made("e", "nobody", "home", 0), made("a", "1", "home", 0)] {
        let refused = writing!(rig, [token] token::insert(&token, &[0; 32])).unwrap_err();
        assert!(matches!(refused, StoreError::Driver(_)), "{refused:?}");
    }
    assert_eq!(reading!(rig, token::bearer("a")).unwrap().unwrap().digest, [9; 32]);
}

#[tokio::test]
async fn tokens_are_found_by_each_filter() {
    let rig = filled().await;
    let text = |text: &str| text.to_owned();
    let cases = [
        (vec![], "abcd"),
        (vec![TokenFilter::Id(text("b"))], "b"),
        (vec![TokenFilter::User(text("1"))], "bd"),
        (vec![TokenFilter::Organisation(text("home"))], "abd"),
        (vec![TokenFilter::User(text("1")), TokenFilter::Id(text("a"))], ""),
    ];
    for (filters, expected) in cases {
        assert_eq!(ids(&rig, &filters, &everything()).await, expected, "{filters:?}");
    }
    for ((comparison, sign), (created, expires)) in
        COMPARISONS.into_iter().zip([("b", "b"), ("cd", "a"), ("bcd", "ab"), ("a", "cd"), ("ab", "bcd")])
    {
        let by_creation = [TokenFilter::Created(later(1), comparison)];
        assert_eq!(ids(&rig, &by_creation, &everything()).await, created, "created {sign}");
        let by_end = [TokenFilter::Expires(later(99), comparison)];
        assert_eq!(ids(&rig, &by_end, &everything()).await, expires, "expires {sign}");
    }
}

#[tokio::test]
async fn tokens_of_users_whom_the_caller_may_not_see_are_not_found() {
    let rig = filled().await;
    let view = |caller: &str, organisations: &[&str]| UserView {
        reach: Reach::Organisations(organisations.iter().map(|&id| id.to_owned()).collect()),
        caller: caller.to_owned(),
    };
    for (view, expected) in [
        (view("1", &[]), "bd"),
        (view("stranger", &[]), ""),
        (view("1", &["away"]), "bcd"),
        (view("stranger", &["home"]), "abd"),
    ] {
        assert_eq!(ids(&rig, &[], &view).await, expected, "{view:?}");
        let filters = [TokenFilter::Organisation("away".to_owned())];
        let expected = if expected.contains('c') { "c" } else { "" };
        assert_eq!(ids(&rig, &filters, &view).await, expected, "{view:?}");
    }
}

#[tokio::test]
async fn tokens_are_sorted_and_shown_in_pages() {
    let rig = filled().await;
    for (order, expected) in [
        (TokenOrder::Id, "abcd"),
        (TokenOrder::User, "bdac"),
        (TokenOrder::Organisation, "cabd"),
        (TokenOrder::Expires, "dcba"),
    ] {
        for ascending in [true, false] {
            let mut got = String::new();
            for offset in [0, 3] {
                let page = Page { offset, limit: 3, ascending };
                let found = reading!(rig, token::search(&[], &everything(), order, page)).unwrap();
                assert_eq!(found.total, 4);
                got.extend(found.entries.into_iter().map(|token| token.id));
            }
            let expected =
                if ascending { expected.to_owned() } else { expected.chars().rev().collect::<String>() };
            assert_eq!(got, expected, "{order:?}");
        }
    }
}

#[tokio::test]
async fn every_field_of_a_token_survives() {
    let rig = filled().await;
    let token = AccessToken { expires: Timestamp::LATEST, ..made("e", "3", "away", 7) };
    add(&rig, &token).await;
    let filter = [TokenFilter::Id("e".to_owned())];
    let found = reading!(rig, token::search(&filter, &everything(), TokenOrder::Id, ALL)).unwrap();
    assert_eq!(found.entries, [token]);
}

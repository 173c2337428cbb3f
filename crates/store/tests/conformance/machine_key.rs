//! Keys of machine users, and the access tokens that go with a key or with the secret.

use doorward_core::base::Timestamp;
use doorward_core::caller::Reach;
use doorward_core::search::{Page, UserView};
use doorward_core::user::User;
use doorward_store::access_token::{self, AccessToken};
use doorward_store::credential::{Credential, CredentialFilter, CredentialOrder};
use doorward_store::machine_key::{self, MachineKey};
use doorward_store::{StoreError, user};

use super::user_search::everything;
use crate::rig::Rig;
use crate::sample::{ALL, COMPARISONS, add_user, later, machine};

fn made(id: &str, user: &str, age: i64) -> MachineKey {
    MachineKey {
        id: id.to_owned(),
        user_id: user.to_owned(),
        public_key: (0..=255).collect(),
        created: later(age),
        expires: later(100 - age),
    }
}

/// Two machines at home and one away; keys `a` to `d`, the older the later they end.
async fn filled() -> Rig {
    let rig = Rig::fresh().await;
    add_user(&rig, &machine("1", "one")).await;
    add_user(&rig, &machine("2", "two")).await;
    add_user(&rig, &User { organisation: "away".to_owned(), ..machine("3", "three") }).await;
    for (id, user, age) in [("a", "2", 0), ("b", "1", 1), ("c", "3", 2), ("d", "1", 3)] {
        let key = made(id, user, age);
        writing!(rig, [key] machine_key::insert(&key)).unwrap();
    }
    rig
}

async fn ids(rig: &Rig, filters: &[CredentialFilter], view: &UserView) -> String {
    let found = reading!(rig, machine_key::search(filters, view, CredentialOrder::Id, ALL)).unwrap();
    assert_eq!(found.total, found.entries.len() as u64);
    found.entries.into_iter().map(|key| key.id).collect()
}

#[tokio::test]
async fn every_field_of_a_key_survives() {
    let rig = filled().await;
    let key = MachineKey { expires: Timestamp::LATEST, ..made("e", "3", 7) };
    writing!(rig, [key] machine_key::insert(&key)).unwrap();
    assert_eq!(reading!(rig, machine_key::find("e")).unwrap(), Some(key));
    assert_eq!(reading!(rig, machine_key::find("z")).unwrap(), None);
    let filter = [CredentialFilter::Id("e".to_owned())];
    let found = reading!(rig, machine_key::search(&filter, &everything(), CredentialOrder::Id, ALL)).unwrap();
    let expected = Credential {
        id: "e".to_owned(),
        user_id: "3".to_owned(),
        organisation: "away".to_owned(),
        created: later(7),
        expires: Timestamp::LATEST,
    };
    assert_eq!(found.entries, [expected]);
}

#[tokio::test]
async fn a_key_is_removed_by_its_own_user_only_and_counted_until_then() {
    let rig = filled().await;
    assert_eq!(reading!(rig, machine_key::count("1")).unwrap(), 2);
    assert!(!writing!(rig, [] machine_key::delete("2", "b")).unwrap());
    assert!(!writing!(rig, [] machine_key::delete("1", "z")).unwrap());
    assert!(writing!(rig, [] machine_key::delete("1", "b")).unwrap());
    assert!(!writing!(rig, [] machine_key::delete("1", "b")).unwrap());
    assert_eq!(ids(&rig, &[], &everything()).await, "acd");
    assert_eq!(reading!(rig, machine_key::count("1")).unwrap(), 1);
    assert_eq!(reading!(rig, machine_key::count("nobody")).unwrap(), 0);
}

#[tokio::test]
async fn a_key_of_nobody_and_a_second_one_with_the_same_id_are_refused() {
    let rig = filled().await;
    for key in [made("e", "nobody", 0), made("a", "1", 9)] {
        let refused = writing!(rig, [key] machine_key::insert(&key)).unwrap_err();
        assert!(matches!(refused, StoreError::Driver(_)), "{refused:?}");
    }
    assert_eq!(reading!(rig, machine_key::find("a")).unwrap(), Some(made("a", "2", 0)));
}

#[tokio::test]
async fn keys_are_found_by_each_filter_and_only_by_those_who_may_see_their_users() {
    let rig = filled().await;
    let text = |text: &str| text.to_owned();
    for (filter, expected) in [
        (CredentialFilter::Id(text("b")), "b"),
        (CredentialFilter::User(text("1")), "bd"),
        (CredentialFilter::Organisation(text("home")), "abd"),
    ] {
        assert_eq!(ids(&rig, std::slice::from_ref(&filter), &everything()).await, expected, "{filter:?}");
    }
    for ((comparison, sign), (created, expires)) in
        COMPARISONS.into_iter().zip([("b", "b"), ("cd", "a"), ("bcd", "ab"), ("a", "cd"), ("ab", "bcd")])
    {
        let by_creation = [CredentialFilter::Created(later(1), comparison)];
        assert_eq!(ids(&rig, &by_creation, &everything()).await, created, "created {sign}");
        let by_end = [CredentialFilter::Expires(later(99), comparison)];
        assert_eq!(ids(&rig, &by_end, &everything()).await, expires, "expires {sign}");
    }
    for (caller, reach, expected) in
        [("1", vec![], "bd"), ("stranger", vec![], ""), ("1", vec![text("away")], "bcd")]
    {
        let view = UserView { reach: Reach::Organisations(reach), caller: caller.to_owned() };
        assert_eq!(ids(&rig, &[], &view).await, expected, "{view:?}");
    }
}

#[tokio::test]
async fn keys_are_sorted_and_shown_in_pages() {
    let rig = filled().await;
    for (order, expected) in [
        (CredentialOrder::Id, "abcd"),
        (CredentialOrder::User, "bdac"),
        (CredentialOrder::Organisation, "cabd"),
        (CredentialOrder::Expires, "dcba"),
    ] {
        for ascending in [true, false] {
            let mut got = String::new();
            for offset in [0, 3] {
                let page = Page { offset, limit: 3, ascending };
                let found = reading!(rig, machine_key::search(&[], &everything(), order, page)).unwrap();
                assert_eq!(found.total, 4);
                got.extend(found.entries.into_iter().map(|key| key.id));
            }
            let expected =
                if ascending { expected.to_owned() } else { expected.chars().rev().collect::<String>() };
            assert_eq!(got, expected, "{order:?}");
        }
    }
}

#[tokio::test]
async fn access_tokens_go_with_what_they_were_given_for() {
    let rig = filled().await;
    let given = [("t1", "1", Some("b")), ("t2", "1", Some("d")), ("t3", "1", None), ("t4", "2", None)];
    for (id, user, source) in given {
        let token = AccessToken {
            id: id.to_owned(),
            user_id: user.to_owned(),
            source: source.map(str::to_owned),
            scope: "openid".to_owned(),
            digest: [7; 32],
            created: later(1),
            expires: later(9),
        };
        writing!(rig, [token] access_token::insert(&token)).unwrap();
        assert_eq!(reading!(rig, access_token::find(id)).unwrap(), Some(token));
    }
    let left = async || {
        let mut left = Vec::new();
        for (id, ..) in given {
            left.extend(reading!(rig, access_token::find(id)).unwrap().map(|token| token.id));
        }
        left.join(" ")
    };
    writing!(rig, [] access_token::delete_from("2", Some("b"))).unwrap();
    assert_eq!(left().await, "t1 t2 t3 t4", "the key of another");
    writing!(rig, [] access_token::delete_from("1", Some("b"))).unwrap();
    assert_eq!(left().await, "t2 t3 t4");
    writing!(rig, [] access_token::delete_from("1", None)).unwrap();
    assert_eq!(left().await, "t2 t4");
    writing!(rig, [] user::delete("1", later(9))).unwrap();
    assert_eq!((left().await.as_str(), ids(&rig, &[], &everything()).await.as_str()), ("t4", "ac"));
}

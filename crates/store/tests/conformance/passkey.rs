//! Keys of users, on their way from a registration to their last use, and the codes that allow one.

use doorward_core::passkey::{KeyList, Registered};
use doorward_store::passkey::{self, Passkey, PasskeyCode, Pending};
use doorward_store::{StoreError, user};
use futures_util::future::join_all;

use crate::rig::Rig;
use crate::sample::{NOW, add_user, human, later};

async fn two_users() -> Rig {
    let rig = Rig::fresh().await;
    add_user(&rig, &human("1", "mini")).await;
    add_user(&rig, &human("2", "max")).await;
    rig
}

fn pending(id: &str, user: &str, list: KeyList) -> Pending {
    Pending {
        id: id.to_owned(),
        user_id: user.to_owned(),
        list,
        rp_id: "example.com".to_owned(),
        registration: format!("challenge of {id}"),
        created: NOW,
        expires: later(5),
    }
}

fn key(sign_count: u32) -> Registered {
    let credential_id = (0..=255).collect();
    Registered { credential_id, credential: r#"{"key":"…"}"#.to_owned(), sign_count }
}

async fn begun(rig: &Rig, pending: &Pending) {
    writing!(rig, [pending] passkey::begin(&pending)).unwrap();
}

async fn finished(rig: &Rig, id: &str, user: &str, list: KeyList) -> Passkey {
    let pending = pending(id, user, list);
    begun(rig, &pending).await;
    assert!(writing!(rig, [pending] passkey::finish(&pending, "my key", &key(3), later(1))).unwrap());
    Passkey {
        id: id.to_owned(),
        user_id: user.to_owned(),
        list,
        rp_id: "example.com".to_owned(),
        name: "my key".to_owned(),
        registered: key(3),
        created: NOW,
        changed: later(1),
    }
}

const LISTS: [KeyList; 2] = [KeyList::Passkeys, KeyList::SecondFactors];

#[tokio::test]
async fn a_key_is_in_its_list_once_its_registration_is_finished() {
    let rig = two_users().await;
    for (id, list) in ["a", "b"].into_iter().zip(LISTS) {
        let pending = pending(id, "1", list);
        begun(&rig, &pending).await;
        assert_eq!(reading!(rig, passkey::list("1", list)).unwrap(), []);
        assert_eq!(reading!(rig, passkey::pending("1", list, id)).unwrap(), Some(pending));
    }
    let first = finished(&rig, "c", "1", KeyList::Passkeys).await;
    let second = finished(&rig, "d", "1", KeyList::Passkeys).await;
    assert_eq!(reading!(rig, passkey::list("1", KeyList::Passkeys)).unwrap(), [first, second]);
    assert_eq!(reading!(rig, passkey::list("1", KeyList::SecondFactors)).unwrap(), []);
    assert_eq!(reading!(rig, passkey::list("2", KeyList::Passkeys)).unwrap(), []);
    assert_eq!(reading!(rig, passkey::pending("1", KeyList::Passkeys, "c")).unwrap(), None);
}

#[tokio::test]
async fn a_new_registration_replaces_an_unfinished_one_of_the_same_list() {
    let rig = two_users().await;
    finished(&rig, "a", "1", KeyList::Passkeys).await;
    for (id, user, list) in [
        ("b", "1", KeyList::Passkeys),
        ("c", "1", KeyList::SecondFactors),
        ("d", "2", KeyList::Passkeys),
        ("e", "1", KeyList::Passkeys),
    ] {
        begun(&rig, &pending(id, user, list)).await;
    }
    let is_there = async |user, list, id| reading!(rig, passkey::pending(user, list, id)).unwrap().is_some();
    assert!(!is_there("1", KeyList::Passkeys, "b").await);
    assert!(is_there("1", KeyList::SecondFactors, "c").await);
    assert!(is_there("2", KeyList::Passkeys, "d").await);
    assert!(is_there("1", KeyList::Passkeys, "e").await);
    assert!(!is_there("1", KeyList::SecondFactors, "e").await, "of another list");
    assert!(!is_there("2", KeyList::Passkeys, "e").await, "of another user");
    assert!(!is_there("2", KeyList::Passkeys, "\0").await);
    assert_eq!(rig.count("passkeys").await, 4);
}

#[tokio::test]
async fn a_registration_is_finished_once() {
    let rig = two_users().await;
    let begun_first = pending("a", "1", KeyList::Passkeys);
    begun(&rig, &begun_first).await;
    let replaced = Pending { registration: "another challenge".to_owned(), ..begun_first.clone() };
    assert!(!writing!(rig, [replaced] passkey::finish(&replaced, "x", &key(0), NOW)).unwrap());
    let finish = || async {
        let pending = begun_first.clone();
        writing!(rig, [pending] passkey::finish(&pending, "x", &key(0), NOW)).unwrap()
    };
    let outcomes = join_all((0..20).map(|_| finish())).await;
    assert_eq!(outcomes.into_iter().filter(|finished| *finished).count(), 1);
}

#[tokio::test]
async fn a_key_is_removed_from_its_own_list_alone() {
    let rig = two_users().await;
    finished(&rig, "a", "1", KeyList::Passkeys).await;
    begun(&rig, &pending("b", "1", KeyList::SecondFactors)).await;
    for (user, list, id) in
        [("1", KeyList::SecondFactors, "a"), ("2", KeyList::Passkeys, "a"), ("1", KeyList::Passkeys, "\0")]
    {
        assert!(!writing!(rig, [] passkey::remove(user, list, id)).unwrap());
    }
    for (list, id) in LISTS.into_iter().zip(["a", "b"]) {
        assert!(writing!(rig, [] passkey::remove("1", list, id)).unwrap());
        assert!(!writing!(rig, [] passkey::remove("1", list, id)).unwrap());
    }
    assert_eq!(rig.count("passkeys").await, 0);
}

#[tokio::test]
async fn a_counter_only_grows_unless_it_never_counted() {
    let rig = two_users().await;
    finished(&rig, "a", "1", KeyList::Passkeys).await;
    for (sign_count, grew) in [(3, false), (0, false), (4, true), (4, false), (u32::MAX, true), (5, false)] {
        let advanced = writing!(rig, [] passkey::advance("a", sign_count, later(9)));
        assert_eq!(advanced.unwrap(), grew, "{sign_count}");
    }
    let used = reading!(rig, passkey::list("1", KeyList::Passkeys)).unwrap().remove(0);
    assert_eq!((used.registered.sign_count, used.changed), (u32::MAX, later(9)));
    let uncounted = pending("b", "1", KeyList::Passkeys);
    begun(&rig, &uncounted).await;
    assert!(!writing!(rig, [] passkey::advance("b", 0, NOW)).unwrap(), "not finished");
    writing!(rig, [uncounted] passkey::finish(&uncounted, "x", &key(0), NOW)).unwrap();
    for (sign_count, grew) in [(0, true), (0, true), (1, true), (0, false)] {
        assert_eq!(writing!(rig, [] passkey::advance("b", sign_count, NOW)).unwrap(), grew);
    }
    assert!(!writing!(rig, [] passkey::advance("nobody's", 1, NOW)).unwrap());
}

#[tokio::test]
async fn of_many_who_bring_the_same_count_one_advances_it() {
    let rig = two_users().await;
    finished(&rig, "a", "1", KeyList::Passkeys).await;
    let advance = || async { writing!(rig, [] passkey::advance("a", 4, NOW)).unwrap() };
    let outcomes = join_all((0..20).map(|_| advance())).await;
    assert_eq!(outcomes.into_iter().filter(|advanced| *advanced).count(), 1);
}

#[tokio::test]
async fn a_finished_key_can_be_locked_by_what_writes() {
    let rig = two_users().await;
    let made = finished(&rig, "a", "1", KeyList::SecondFactors).await;
    begun(&rig, &pending("b", "1", KeyList::SecondFactors)).await;
    assert_eq!(writing!(rig, [] passkey::lock("1", "a")).unwrap(), Some(made));
    assert_eq!(writing!(rig, [] passkey::lock("2", "a")).unwrap(), None);
    assert_eq!(writing!(rig, [] passkey::lock("1", "b")).unwrap(), None, "not finished");
    assert!(reading!(rig, passkey::lock("1", "a")).is_err());
}

fn code(id: &str, user: &str, expires: i64) -> PasskeyCode {
    PasskeyCode {
        id: id.to_owned(),
        user_id: user.to_owned(),
        digest: [7; 32],
        expires: later(expires),
        failed: 0,
    }
}

async fn code_made(rig: &Rig, made: &PasskeyCode) {
    writing!(rig, [made] passkey::insert_code(&made, NOW)).unwrap();
}

#[tokio::test]
async fn codes_stand_beside_each_other_and_the_expired_ones_go() {
    let rig = two_users().await;
    code_made(&rig, &code("old", "1", 0)).await;
    code_made(&rig, &code("other", "2", 0)).await;
    code_made(&rig, &code("a", "1", 1)).await;
    code_made(&rig, &code("b", "1", 2)).await;
    assert_eq!(reading!(rig, passkey::code("1", "a")).unwrap(), Some(code("a", "1", 1)));
    assert_eq!(reading!(rig, passkey::code("1", "b")).unwrap(), Some(code("b", "1", 2)));
    for (user, id) in [("1", "old"), ("2", "a"), ("1", "\0")] {
        assert_eq!(reading!(rig, passkey::code(user, id)).unwrap(), None);
    }
    assert_eq!(rig.count("passkey_codes").await, 3);
}

#[tokio::test]
async fn the_fifth_wrong_code_voids_it() {
    let rig = two_users().await;
    code_made(&rig, &code("a", "1", 1)).await;
    for failed in 1..5 {
        writing!(rig, [] passkey::fail_code("a")).unwrap();
        assert_eq!(reading!(rig, passkey::code("1", "a")).unwrap().unwrap().failed, failed);
    }
    writing!(rig, [] passkey::fail_code("a")).unwrap();
    assert_eq!(reading!(rig, passkey::code("1", "a")).unwrap(), None);
    writing!(rig, [] passkey::fail_code("a")).unwrap();
}

#[tokio::test]
async fn a_code_is_used_once() {
    let rig = two_users().await;
    code_made(&rig, &code("a", "1", 1)).await;
    let used = || async { writing!(rig, [] passkey::use_code("a")).unwrap() };
    let outcomes = join_all((0..20).map(|_| used())).await;
    assert_eq!(outcomes.into_iter().filter(|used| *used).count(), 1);
}

#[tokio::test]
async fn keys_and_codes_go_with_their_user_and_belong_to_somebody() {
    let rig = two_users().await;
    finished(&rig, "a", "1", KeyList::Passkeys).await;
    code_made(&rig, &code("a", "1", 1)).await;
    writing!(rig, [] user::delete("1", NOW)).unwrap();
    assert_eq!((rig.count("passkeys").await, rig.count("passkey_codes").await), (0, 0));
    let (orphan, code) = (pending("a", "3", KeyList::Passkeys), code("a", "3", 1));
    for refused in [
        writing!(rig, [orphan] passkey::begin(&orphan)),
        writing!(rig, [code] passkey::insert_code(&code, NOW)),
    ] {
        assert!(matches!(refused, Err(StoreError::Driver(_))), "{refused:?}");
    }
}

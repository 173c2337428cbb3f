//! Links to accounts at identity providers: each account has one user at most.

use doorward_core::search::Page;
use doorward_core::user::{Contact, User, UserState};
use doorward_store::idp_link::{self, IdpLink};
use doorward_store::{StoreError, user};
use futures_util::future::join_all;

use crate::rig::Rig;
use crate::sample::{ALL, add_user, human, later, person};

fn link(idp: &str, account: &str, user: &str) -> IdpLink {
    IdpLink {
        idp_id: idp.to_owned(),
        external_id: account.to_owned(),
        user_id: user.to_owned(),
        username: format!("{account} at {idp}"),
        created: later(3),
    }
}

async fn add(rig: &Rig, link: &IdpLink) -> bool {
    writing!(rig, [link] idp_link::insert(&link)).unwrap()
}

/// Two users; the first has three links, the other one.
async fn filled() -> Rig {
    let rig = Rig::fresh().await;
    add_user(&rig, &human("1", "one")).await;
    add_user(&rig, &human("2", "two")).await;
    for (idp, account, user) in [("b", "x", "1"), ("a", "y", "1"), ("a", "x", "1"), ("b", "y", "2")] {
        assert!(add(&rig, &link(idp, account, user)).await);
    }
    rig
}

#[tokio::test]
async fn an_account_is_linked_once_whoever_asks() {
    let rig = filled().await;
    for taken in [link("a", "x", "1"), link("a", "x", "2")] {
        assert!(!add(&rig, &taken).await);
    }
    assert_eq!(reading!(rig, idp_link::find("a", "x")).unwrap(), Some(link("a", "x", "1")));
    assert_eq!(reading!(rig, idp_link::find("a", "X")).unwrap(), None);
    assert_eq!(reading!(rig, idp_link::find("c", "x")).unwrap(), None);
    let new: Vec<IdpLink> =
        (0..10).map(|number| link("c", "z", if number % 2 == 0 { "1" } else { "2" })).collect();
    let added = join_all(new.iter().map(|link| add(&rig, link))).await;
    assert_eq!(added.into_iter().filter(|added| *added).count(), 1);
}

#[tokio::test]
async fn a_link_of_nobody_is_refused() {
    let rig = filled().await;
    let refused = writing!(rig, [] idp_link::insert(&link("a", "z", "nobody"))).unwrap_err();
    assert!(matches!(refused, StoreError::Driver(_)), "{refused:?}");
}

#[tokio::test]
async fn links_of_a_user_are_shown_in_pages() {
    let rig = filled().await;
    let all = [link("a", "x", "1"), link("a", "y", "1"), link("b", "x", "1")];
    let found = reading!(rig, idp_link::list("1", ALL)).unwrap();
    assert_eq!((found.entries.as_slice(), found.total), (all.as_slice(), 3));
    for (offset, ascending, expected) in
        [(0, true, &all[..2]), (2, true, &all[2..]), (3, true, &[]), (2, false, &all[..1])]
    {
        let found = reading!(rig, idp_link::list("1", Page { offset, limit: 2, ascending })).unwrap();
        assert_eq!((found.entries.as_slice(), found.total), (expected, 3), "{offset} {ascending}");
    }
    assert_eq!(reading!(rig, idp_link::count("2")).unwrap(), 1);
    assert_eq!(reading!(rig, idp_link::count("nobody")).unwrap(), 0);
}

#[tokio::test]
async fn a_link_is_removed_by_its_own_user_only() {
    let rig = filled().await;
    for (user, idp, account) in [("2", "a", "x"), ("1", "a", "z"), ("1", "c", "x")] {
        assert!(!writing!(rig, [] idp_link::remove(user, idp, account)).unwrap());
    }
    assert!(writing!(rig, [] idp_link::remove("1", "a", "x")).unwrap());
    assert!(!writing!(rig, [] idp_link::remove("1", "a", "x")).unwrap());
    assert!(add(&rig, &link("a", "x", "2")).await, "it is free again");
}

#[tokio::test]
async fn a_deleted_user_has_no_links() {
    let rig = filled().await;
    writing!(rig, [] user::delete("1", later(9))).unwrap();
    assert_eq!(reading!(rig, idp_link::count("1")).unwrap(), 0);
    assert_eq!(rig.count("idp_links").await, 1);
}

#[tokio::test]
async fn a_user_who_is_taken_back_was_never_there() {
    let rig = filled().await;
    writing!(rig, [] user::take_back("1")).unwrap();
    assert_eq!((rig.count("idp_links").await, rig.count("users").await), (1, 1));
    add_user(&rig, &human("1", "one")).await;
}

#[tokio::test]
async fn it_is_known_whether_a_user_has_any_account_at_a_provider() {
    let rig = filled().await;
    for (user, idp, expected) in [("1", "a", true), ("1", "c", false), ("2", "a", false), ("2", "b", true)] {
        assert_eq!(reading!(rig, idp_link::has_any(user, idp)).unwrap(), expected, "{user} {idp}");
    }
}

#[tokio::test]
async fn the_owners_of_a_mail_address_have_verified_it_and_are_active() {
    let rig = Rig::fresh().await;
    for (id, verified, state) in [
        ("1", true, UserState::Active),
        ("2", false, UserState::Active),
        ("3", true, UserState::Inactive),
        ("4", true, UserState::Locked),
    ] {
        let mut user = User { state, ..human(id, &format!("user{id}")) };
        person(&mut user).email = Contact { address: "mini@mouse.example".to_owned(), verified };
        add_user(&rig, &user).await;
    }
    let owners = async |address: &str| reading!(rig, idp_link::owners_of_mail(address)).unwrap();
    assert_eq!(owners("mini@mouse.example").await, ["1"]);
    assert!(owners("MINI@mouse.example").await.is_empty() && owners("").await.is_empty());
    for id in ["5", "6"] {
        let mut user = human(id, &format!("user{id}"));
        person(&mut user).email = Contact { address: "mini@mouse.example".to_owned(), verified: true };
        add_user(&rig, &user).await;
    }
    assert_eq!(owners("mini@mouse.example").await, ["1", "5"], "two tell enough");
}

//! Access tokens of machine users: found, let in, removed with what they were given for, and no more than so many.

use doorward_core::token::Digest;
use doorward_core::user::UserState;
use doorward_store::access_token::{self, AccessToken};
use doorward_store::token::{self, AccessToken as PersonalToken};

use crate::rig::Rig;
use crate::sample::{add_user, later, machine};

const DIGEST: Digest = [7; 32];

fn made(id: &str, user: &str, source: Option<&str>, ends: i64) -> AccessToken {
    AccessToken {
        id: id.to_owned(),
        user_id: user.to_owned(),
        source: source.map(str::to_owned),
        scope: "openid profile".to_owned(),
        digest: DIGEST,
        created: later(0),
        expires: later(ends),
    }
}

/// Of machine 1: `a` by the secret, `b` and `d` by a key; of machine 2: `c` by the secret.
async fn filled() -> Rig {
    let rig = Rig::fresh().await;
    add_user(&rig, &machine("1", "one")).await;
    add_user(&rig, &machine("2", "two")).await;
    for (id, user, source, ends) in
        [("a", "1", None, 10), ("b", "1", Some("key"), 20), ("c", "2", None, 30), ("d", "1", Some("key"), 40)]
    {
        let token = made(id, user, source, ends);
        writing!(rig, [token] access_token::insert(&token)).unwrap();
    }
    rig
}

async fn left(rig: &Rig) -> String {
    let mut left = String::new();
    for id in ["a", "b", "c", "d"] {
        if reading!(rig, access_token::find(id)).unwrap().is_some() {
            left.push_str(id);
        }
    }
    left
}

#[tokio::test]
async fn a_token_is_found_as_it_was_stored_and_with_its_bearer() {
    let rig = filled().await;
    assert_eq!(reading!(rig, access_token::find("a")).unwrap(), Some(made("a", "1", None, 10)));
    assert_eq!(reading!(rig, access_token::find("b")).unwrap(), Some(made("b", "1", Some("key"), 20)));
    assert_eq!(reading!(rig, access_token::find("x")).unwrap(), None);
    let bearers = reading!(rig, access_token::bearers(&["a", "c", "x"])).unwrap();
    assert_eq!(bearers.len(), 2);
    let bearer = &bearers["c"];
    assert_eq!((bearer.user_id.as_str(), bearer.digest, bearer.expires), ("2", DIGEST, later(30)));
    assert_eq!(bearer.state, Some(UserState::Active));
}

#[tokio::test]
async fn tokens_go_one_by_one_by_what_they_were_given_for_and_when_they_are_over() {
    let rig = filled().await;
    assert!(!writing!(rig, [] access_token::delete("2", "a")).unwrap(), "it is somebody else's");
    assert!(writing!(rig, [] access_token::delete("1", "a")).unwrap());
    assert!(!writing!(rig, [] access_token::delete("1", "a")).unwrap());
    writing!(rig, [] access_token::delete_from("2", Some("key"))).unwrap();
    assert_eq!(left(&rig).await, "bcd");
    writing!(rig, [] access_token::delete_from("1", Some("key"))).unwrap();
    assert_eq!(left(&rig).await, "c");
    assert_eq!(writing!(rig, [] access_token::remove_expired(later(30))).unwrap(), 0);
    assert_eq!(writing!(rig, [] access_token::remove_expired(later(31))).unwrap(), 1);
    assert_eq!(left(&rig).await, "");
}

#[tokio::test]
async fn of_too_many_tokens_of_a_user_the_oldest_go() {
    let rig = filled().await;
    assert_eq!(writing!(rig, [] access_token::trim("1", 3)).unwrap(), 0);
    assert_eq!(writing!(rig, [] access_token::trim("1", 1)).unwrap(), 2);
    assert_eq!(left(&rig).await, "cd");
}

#[tokio::test]
async fn a_personal_access_token_tells_when_it_was_made() {
    let rig = filled().await;
    let (id, user_id, organisation) = ("p".to_owned(), "1".to_owned(), "home".to_owned());
    let token = PersonalToken { id, user_id, organisation, created: later(5), expires: later(6) };
    writing!(rig, [token] token::insert(&token, &DIGEST)).unwrap();
    assert_eq!(reading!(rig, token::created("p")).unwrap(), Some(later(5)));
    assert_eq!(reading!(rig, token::created("a")).unwrap(), None);
}

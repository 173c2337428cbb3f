//! What many ask at the same time, each gets its own answer to.

use std::sync::Arc;

use doorward_core::caller::{Membership, Role};
use doorward_core::session::{Session, UserAgent};
use doorward_core::user::UserState;
use doorward_store::together::{Bearers, Births, LookUp, Users};
use doorward_store::token::AccessToken;
use doorward_store::user::Wanted;
use doorward_store::{StoreError, grant, session, session_search, token, user};
use futures_util::future::join_all;

use crate::rig::Rig;
use crate::sample::{ALL, NOW, add_user, everything, human, later, machine, of, session as plain};

fn of_user(age: i64, id: &str) -> Session {
    Session { user: Some(of(id, "home", later(age))), ..plain(age) }
}

async fn set_state(rig: &Rig, id: &str, state: UserState) {
    let id = id.to_owned();
    let changed = rig.db.write(move |conn| {
        Box::pin(async move {
            let mut user = user::lock(conn, &id).await?.expect("a user");
            user.state = state;
            user::save(conn, &user).await
        })
    });
    assert!(changed.await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_born_together_are_all_there_but_those_of_users_who_may_not_log_in() {
    let rig = Rig::fresh().await;
    for (id, name) in [("1", "mini"), ("2", "max")] {
        add_user(&rig, &human(id, name)).await;
    }
    set_state(&rig, "2", UserState::Inactive).await;
    let births = Arc::new(Births::new(&rig.db));
    let all = (0..150).map(|age| {
        let births = Arc::clone(&births);
        let born = match age % 4 {
            0 => plain(age),
            1 => of_user(age, "1"),
            2 => of_user(age, "2"),
            _ => of_user(age, "nobody"),
        };
        tokio::spawn(async move { births.add(born).await.unwrap() })
    });
    let added: Vec<bool> = join_all(all).await.into_iter().map(Result::unwrap).collect();
    for (age, added) in added.iter().enumerate() {
        assert_eq!(*added, age % 4 < 2, "{age}");
    }
    let found = reading!(rig, session_search::search(&[], &everything(), ALL)).unwrap();
    let ages: Vec<_> = found.entries.iter().map(|shown| shown.session.created.0 - NOW.0).collect();
    assert_eq!(ages, (0..150).filter(|age| age % 4 < 2).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_cannot_be_stored_takes_nobody_with_it() {
    let rig = Rig::fresh().await;
    let births = Arc::new(Births::new(&rig.db));
    let all = (0..40).map(|age| {
        let births = Arc::clone(&births);
        let fingerprint = (age == 20).then(|| "a\0b".to_owned());
        let agent = UserAgent { fingerprint, ..UserAgent::default() };
        tokio::spawn(async move { births.add(Session { user_agent: agent, ..plain(age) }).await })
    });
    for (age, outcome) in join_all(all).await.into_iter().map(Result::unwrap).enumerate() {
        match outcome {
            Ok(added) => assert!(added && age != 20),
            Err(error) => assert!(age == 20 && matches!(error, StoreError::Unstorable), "{age} {error}"),
        }
    }
    assert_eq!(rig.count("sessions").await, 39);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_is_born_after_its_user_was_deactivated_and_all_sessions_ended() {
    let rig = Rig::fresh().await;
    add_user(&rig, &human("1", "mini")).await;
    let births = Arc::new(Births::new(&rig.db));
    for round in 0..10 {
        set_state(&rig, "1", UserState::Active).await;
        let born = (0..20).map(|number| {
            let births = Arc::clone(&births);
            tokio::spawn(async move { births.add(of_user(round * 100 + number, "1")).await.unwrap() })
        });
        let born: Vec<_> = born.collect();
        let ended = rig.db.write(|conn| {
            Box::pin(async move {
                let mut user = user::lock(conn, "1").await?.expect("a user");
                user.state = UserState::Inactive;
                user::save(conn, &user).await?;
                session::end_all_of_user(conn, "1", later(1_000_000)).await
            })
        });
        let ended = ended.await.unwrap();
        let added = join_all(born).await.into_iter().filter(|one| *one.as_ref().unwrap()).count();
        assert_eq!(ended, added as u64, "round {round}: each was born before, and ended, or not at all");
        let found = reading!(rig, session_search::search(&[], &everything(), ALL)).unwrap();
        assert_eq!(found.total, 0, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_who_asks_for_a_bearer_gets_its_own_and_a_removed_one_is_gone_at_once() {
    let rig = Rig::fresh().await;
    for number in 0..3 {
        add_user(&rig, &machine(&format!("m{number}"), &format!("robot-{number}"))).await;
        let made = AccessToken {
            id: format!("t{number}"),
            user_id: format!("m{number}"),
            organisation: "home".to_owned(),
            created: NOW,
            expires: later(9),
        };
        writing!(rig, [made] token::insert(&made, &[7; 32])).unwrap();
    }
    let bearers = Arc::new(Bearers::personal(&rig.db));
    let all = (0..100).map(|number| {
        let bearers = Arc::clone(&bearers);
        tokio::spawn(async move { bearers.of(&format!("t{}", number % 4)).await.unwrap() })
    });
    for (number, bearer) in join_all(all).await.into_iter().map(Result::unwrap).enumerate() {
        let expected = (number % 4 < 3).then(|| format!("m{}", number % 4));
        assert_eq!(bearer.map(|bearer| bearer.user_id.clone()), expected);
    }
    let (user, id) = ("m1".to_owned(), "t1".to_owned());
    assert!(writing!(rig, [user, id] token::delete(&user, &id)).unwrap());
    assert_eq!(bearers.of("t1").await.unwrap(), None);
}

#[tokio::test]
async fn a_bearer_and_a_session_are_found_beside_each_other_as_each_is_by_itself() {
    let rig = Rig::fresh().await;
    add_user(&rig, &machine("m", "robot")).await;
    add_user(&rig, &human("1", "mini")).await;
    for (organisation, role) in [(None, Role::IamLoginClient), (Some("home".to_owned()), Role::OrgOwner)] {
        let (user, held) = ("m".to_owned(), Membership { organisation, role });
        writing!(rig, [user, held] grant::insert(&user, &held)).unwrap();
    }
    let made = AccessToken {
        id: "t".to_owned(),
        user_id: "m".to_owned(),
        organisation: "home".to_owned(),
        created: NOW,
        expires: later(9),
    };
    writing!(rig, [made] token::insert(&made, &[7; 32])).unwrap();
    let (of_mini, of_nobody) = (of_user(1, "1"), plain(2));
    for session in [&of_mini, &of_nobody] {
        writing!(rig, [session] session::insert(&session)).unwrap();
    }
    let (bearers, sessions) = (Bearers::personal(&rig.db), LookUp::sessions(&rig.db));
    for token in ["t", "none", "a\0b"] {
        for session in [of_mini.id.as_str(), &of_nobody.id, "none", "a\0b", ""] {
            let (bearer, begun) = bearers.beside(token, session, &sessions).await.unwrap();
            assert_eq!(bearer, bearers.of(token).await.unwrap(), "{token:?} {session:?}");
            assert_eq!(bearer.map_or(0, |bearer| bearer.memberships.len()), if token == "t" { 2 } else { 0 });
            if token == "t" {
                let shown = sessions.end(begun).await.unwrap();
                assert_eq!(shown, sessions.of(session).await.unwrap(), "{session:?}");
                assert_eq!(shown.is_some(), session == of_mini.id || session == of_nobody.id);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_who_asks_for_a_user_gets_its_own_by_id_and_by_name_in_any_case() {
    let rig = Rig::fresh().await;
    for (id, name) in [("1", "mini"), ("2", "ÄRGER"), ("3", "gone")] {
        add_user(&rig, &human(id, name)).await;
    }
    let id = "3".to_owned();
    writing!(rig, [id] user::delete(&id, NOW)).unwrap();
    let users = Arc::new(Users::new(&rig.db));
    let name = |text: &str| Wanted::LoginName(text.to_owned());
    let id = |text: &str| Wanted::Id(text.to_owned());
    let asked = [
        (name("MINI"), Some("1")),
        (name("ärger"), Some("2")),
        (name("Ärger"), Some("2")),
        (name("gone"), None),
        (id("1"), Some("1")),
        (id("3"), None),
        (id("mini"), None),
    ];
    let all = (0..70).map(|number| {
        let (users, (wanted, _)) = (Arc::clone(&users), asked[number % asked.len()].clone());
        tokio::spawn(async move { users.find(&wanted).await.unwrap() })
    });
    for (number, found) in join_all(all).await.into_iter().map(Result::unwrap).enumerate() {
        let (wanted, expected) = &asked[number % asked.len()];
        assert_eq!(found.map(|user| user.id), expected.map(str::to_owned), "{wanted:?}");
    }
}

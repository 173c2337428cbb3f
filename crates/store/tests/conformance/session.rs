//! Sessions as rows: nothing is lost on the way there and back.

use doorward_core::base::Timestamp;
use doorward_core::session::{Factors, Session, UserAgent};
use doorward_store::{StoreError, session, user};

use crate::rig::Rig;
use crate::sample::{
    add_session, add_user, complete_session, human, later, machine, of, person, session as plain,
};

async fn loaded(rig: &Rig, id: &str) -> Session {
    reading!(rig, session::load(id)).unwrap().expect("a session").session
}

#[tokio::test]
async fn every_field_of_a_session_survives() {
    let rig = Rig::fresh().await;
    for session in [plain(0), complete_session(1)] {
        add_session(&rig, &session).await;
        assert_eq!(loaded(&rig, &session.id).await, session);
        let id = session.id.clone();
        assert_eq!(writing!(rig, [id] session::lock(&id)).unwrap().unwrap().session, session);
    }
}

#[tokio::test]
async fn each_factor_has_a_place_of_its_own() {
    let rig = Rig::fresh().await;
    let none = Factors::default();
    let at = Some(later(5));
    let factors = [
        Factors { password: at, ..none },
        Factors { web_auth_n: at.map(|at| (at, true)), ..none },
        Factors { web_auth_n: at.map(|at| (at, false)), ..none },
        Factors { intent: at, ..none },
        Factors { totp: at, ..none },
        Factors { otp_sms: at, ..none },
        Factors { otp_email: at, ..none },
        Factors { recovery_code: at, ..none },
    ];
    for (age, factors) in (0..).zip(factors) {
        let session = Session { factors, ..plain(age) };
        add_session(&rig, &session).await;
        assert_eq!(loaded(&rig, &session.id).await.factors, factors);
    }
}

#[tokio::test]
async fn a_user_agent_that_is_there_but_empty_differs_from_none() {
    let rig = Rig::fresh().await;
    let (none, empty) = (UserAgent::default(), Some(String::new()));
    let agents = [
        UserAgent { fingerprint: empty.clone(), ..none.clone() },
        UserAgent { ip: empty.clone(), ..none.clone() },
        UserAgent { description: empty.clone(), ..none.clone() },
        UserAgent { header: [(String::new(), Vec::new())].into(), ..none.clone() },
        UserAgent { fingerprint: empty.clone(), ip: empty, ..none.clone() },
        none,
    ];
    for (age, user_agent) in (0..).zip(agents) {
        let session = Session { user_agent: user_agent.clone(), ..plain(age) };
        add_session(&rig, &session).await;
        assert_eq!(loaded(&rig, &session.id).await.user_agent, user_agent);
    }
}

#[tokio::test]
async fn the_furthest_times_and_counts_survive() {
    let rig = Rig::fresh().await;
    let expires = Some(Timestamp::LATEST);
    let session = Session { expires, ended: Some(Timestamp(-1)), sequence: i64::MAX as u64, ..plain(0) };
    add_session(&rig, &session).await;
    assert_eq!(loaded(&rig, &session.id).await, session);
}

#[tokio::test]
async fn saving_writes_all_that_may_change() {
    let rig = Rig::fresh().await;
    let before = plain(0);
    add_session(&rig, &before).await;
    let full = complete_session(3);
    let fixed = Session { created: before.created, ..before.clone() };
    let changed = Session { user_agent: fixed.user_agent, id: fixed.id, ..full };
    let changed = Session { created: fixed.created, ..changed };
    writing!(rig, [changed] session::save(&changed)).unwrap();
    assert_eq!(loaded(&rig, &before.id).await, changed);
    writing!(rig, [before] session::save(&before)).unwrap();
    assert_eq!(loaded(&rig, &before.id).await, before, "and takes all of it away again");
}

#[tokio::test]
async fn saving_never_touches_what_is_fixed_at_birth_nor_another_session() {
    let rig = Rig::fresh().await;
    let (one, other) = (complete_session(0), plain(50));
    add_session(&rig, &one).await;
    add_session(&rig, &other).await;
    let forged = Session {
        creator: "thief".to_owned(),
        created: later(99),
        user_agent: UserAgent { fingerprint: Some("thief".to_owned()), ..UserAgent::default() },
        ..one.clone()
    };
    writing!(rig, [forged] session::save(&forged)).unwrap();
    assert_eq!(loaded(&rig, &one.id).await, one);
    assert_eq!(loaded(&rig, &other.id).await, other);
}

#[tokio::test]
async fn a_session_that_is_not_there_is_nothing() {
    let rig = Rig::fresh().await;
    assert_eq!(reading!(rig, session::load("1")).unwrap(), None);
    assert_eq!(reading!(rig, session::load("' OR 1=1 --")).unwrap(), None);
    assert_eq!(writing!(rig, [] session::lock("1")).unwrap(), None);
}

#[tokio::test]
async fn an_id_is_given_to_one_session_only() {
    let rig = Rig::fresh().await;
    let (first, second) = (plain(0), Session { creator: "thief".to_owned(), ..plain(0) });
    add_session(&rig, &first).await;
    let refused = writing!(rig, [second] session::insert(&second)).unwrap_err();
    assert!(matches!(refused, StoreError::Driver(_)), "{refused:?}");
    assert_eq!(loaded(&rig, &first.id).await, first);
}

#[tokio::test]
async fn a_session_shows_its_users_names_as_they_are_now() {
    let rig = Rig::fresh().await;
    let mut user = human("zoë", "zoe");
    add_user(&rig, &user).await;
    let session = complete_session(0);
    let id = session.id.clone();
    add_session(&rig, &session).await;
    let names = async || {
        let (read, locked) = (reading!(rig, session::load(&id)), writing!(rig, [id] session::lock(&id)));
        assert_eq!(read.as_ref().unwrap(), locked.as_ref().unwrap());
        let shown = read.unwrap().unwrap();
        (shown.login_name, shown.display_name)
    };
    assert_eq!(names().await, ("zoe".to_owned(), "zoe, shown".to_owned()));
    user.username = "zora".to_owned();
    person(&mut user).profile.display_name = "Zora".to_owned();
    assert!(writing!(rig, [user] user::save(&user)).unwrap());
    assert_eq!(names().await, ("zora".to_owned(), "Zora".to_owned()));
    writing!(rig, [] user::delete("zoë", later(9))).unwrap();
    assert_eq!(names().await, (String::new(), String::new()));
}

#[tokio::test]
async fn a_session_shows_the_name_of_a_machine_too() {
    let rig = Rig::fresh().await;
    add_user(&rig, &machine("zoë", "robot-1")).await;
    add_session(&rig, &complete_session(0)).await;
    let shown = reading!(rig, session::load(&plain(0).id)).unwrap().unwrap();
    assert_eq!((shown.login_name.as_str(), shown.display_name.as_str()), ("robot-1", "Robot"));
}

#[tokio::test]
async fn ending_all_sessions_of_a_user_ends_the_open_ones_only() {
    let rig = Rig::fresh().await;
    let of_user = |age, user: &str| Session { user: Some(of(user, "home", later(age))), ..plain(age) };
    let (open, other, nobody) = (of_user(0, "a"), of_user(1, "b"), plain(2));
    let ended = Session { ended: Some(later(4)), ..of_user(3, "a") };
    let ahead = Session { changed: later(1000), sequence: 9, ..of_user(4, "a") };
    for session in [&open, &other, &nobody, &ended, &ahead] {
        add_session(&rig, session).await;
    }
    let now = later(100);
    assert_eq!(writing!(rig, [] session::end_all_of_user("a", now)).unwrap(), 2);
    for untouched in [other, nobody, ended] {
        assert_eq!(loaded(&rig, &untouched.id).await, untouched);
    }
    let gone = Session { ended: Some(now), changed: now, sequence: 2, ..open };
    assert_eq!(loaded(&rig, &gone.id).await, gone);
    let gone = Session { ended: Some(now), sequence: 10, ..ahead };
    assert_eq!(loaded(&rig, &gone.id).await, gone, "a change never lies before the last one");
    assert_eq!(writing!(rig, [] session::end_all_of_user("a", now)).unwrap(), 0);
}

#[tokio::test]
async fn clearing_the_password_factor_changes_nothing_else() {
    let rig = Rig::fresh().await;
    let (mine, other) =
        (complete_session(0), Session { user: Some(of("b", "home", later(1))), ..complete_session(1) });
    add_session(&rig, &mine).await;
    add_session(&rig, &other).await;
    assert_eq!(writing!(rig, [] session::clear_password_factor("zoë")).unwrap(), 1);
    let cleared = Session { factors: Factors { password: None, ..mine.factors }, ..mine };
    assert_eq!(loaded(&rig, &cleared.id).await, cleared);
    assert_eq!(loaded(&rig, &other.id).await, other);
    assert_eq!(writing!(rig, [] session::clear_password_factor("zoë")).unwrap(), 0);
}

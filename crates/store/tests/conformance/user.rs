//! Users as rows, and the names and ids that nobody has twice.

use doorward_core::attempt::{Attempts, Counted};
use doorward_core::base::Timestamp;
use doorward_core::caller::{Membership, Role};
use doorward_core::user::{CodePurpose, Contact, Machine, StoredCode, User, UserKind, UserState};
use doorward_store::user::{self, Taken, Wanted};
use doorward_store::{StoreError, grant, session, user_search};

use crate::rig::Rig;
use crate::sample::{
    NOW, add_session, add_user, complete_human, complete_session, human, later, machine, person,
};

async fn by_id(rig: &Rig, id: &str) -> Option<User> {
    reading!(rig, user::find(&Wanted::Id(id.to_owned()))).unwrap()
}

async fn by_name(rig: &Rig, name: &str) -> Option<User> {
    reading!(rig, user::find(&Wanted::LoginName(name.to_owned()))).unwrap()
}

#[tokio::test]
async fn every_field_of_a_user_survives() {
    let rig = Rig::fresh().await;
    for user in [human("1", "mini"), complete_human("2", "zoë"), machine("3", "robot")] {
        add_user(&rig, &user).await;
        assert_eq!(by_id(&rig, &user.id).await, Some(user.clone()));
        let id = user.id.clone();
        assert_eq!(writing!(rig, [id] user::lock(&id)).unwrap(), Some(user));
    }
}

#[tokio::test]
async fn every_state_survives_and_a_locked_or_inactive_user_is_found() {
    let rig = Rig::fresh().await;
    for (id, state) in [("1", UserState::Active), ("2", UserState::Inactive), ("4", UserState::Locked)] {
        add_user(&rig, &User { state, ..human(id, id) }).await;
        assert_eq!(by_id(&rig, id).await.unwrap().state, state);
        assert_eq!(reading!(rig, user::state(id)).unwrap(), Some(state));
    }
    assert_eq!(reading!(rig, user::state("5")).unwrap(), None);
}

#[tokio::test]
async fn saving_changes_everything_but_the_id() {
    let rig = Rig::fresh().await;
    let (plain, other) = (human("1", "mini"), human("2", "max"));
    add_user(&rig, &plain).await;
    add_user(&rig, &other).await;
    let robot = User { organisation: "away".to_owned(), ..machine("1", "robot") };
    for user in [complete_human("1", "zoë"), robot, plain] {
        assert!(writing!(rig, [user] user::save(&user)).unwrap());
        assert_eq!(by_id(&rig, "1").await, Some(user));
    }
    assert_eq!(by_id(&rig, "2").await, Some(other));
}

#[tokio::test]
async fn a_user_is_found_by_its_name_whatever_the_case() {
    let rig = Rig::fresh().await;
    add_user(&rig, &human("1", "ÄrgerMouse")).await;
    for name in ["ÄrgerMouse", "ärgermouse", "ÄRGERMOUSE"] {
        assert_eq!(by_name(&rig, name).await.unwrap().username, "ÄrgerMouse", "{name}");
    }
    for name in ["Ärger", "Arger%", "", "ärgermouse "] {
        assert_eq!(by_name(&rig, name).await, None, "{name}");
    }
}

#[tokio::test]
async fn a_taken_name_or_id_is_told_apart() {
    let rig = Rig::fresh().await;
    add_user(&rig, &human("1", "Mini")).await;
    for (new, taken) in [
        (human("2", "mINI"), Taken::Username),
        (human("1", "other"), Taken::Id),
        (human("1", "mini"), Taken::Id),
    ] {
        assert_eq!(writing!(rig, [new] user::insert(&new)).unwrap(), Some(taken));
    }
    assert_eq!(rig.count("users").await, 1);
}

#[tokio::test]
async fn a_user_cannot_be_renamed_to_the_name_of_another() {
    let rig = Rig::fresh().await;
    let (mini, max) = (human("1", "mini"), human("2", "max"));
    add_user(&rig, &mini).await;
    add_user(&rig, &max).await;
    let thief = User { username: "MINI".to_owned(), sequence: 2, ..max.clone() };
    assert!(!writing!(rig, [thief] user::save(&thief)).unwrap());
    assert_eq!(by_id(&rig, "2").await, Some(max), "nothing of it was written");
    let louder = User { username: "MINI".to_owned(), ..mini };
    assert!(writing!(rig, [louder] user::save(&louder)).unwrap(), "but its own name in another case is free");
    assert_eq!(by_name(&rig, "mini").await, Some(louder));
}

#[tokio::test]
async fn a_user_of_an_unknown_organisation_is_refused() {
    let rig = Rig::fresh().await;
    let lost = User { organisation: "nowhere".to_owned(), ..human("1", "mini") };
    let refused = writing!(rig, [lost] user::insert(&lost)).unwrap_err();
    assert!(matches!(refused, StoreError::Driver(_)), "{refused:?}");
    assert_eq!(rig.count("users").await, 0);
}

#[tokio::test]
async fn a_user_who_is_not_there_cannot_be_locked() {
    let rig = Rig::fresh().await;
    assert_eq!(writing!(rig, [] user::lock("1")).unwrap(), None);
}

async fn with_belongings(rig: &Rig) {
    let user = complete_human("1", "zoë");
    add_user(rig, &user).await;
    let held = Membership { organisation: None, role: Role::IamOwner };
    let code = StoredCode { digest: [1; 32], expires: NOW, failed: 0 };
    let failed = Attempts { failed: 3, blocked_until: None };
    let entries = vec![("key".to_owned(), b"value".to_vec())];
    let done = rig.db.write(move |conn| {
        Box::pin(async move {
            grant::insert(conn, "1", &held).await?;
            user::save_code(conn, "1", CodePurpose::Email, Some(&code)).await?;
            user::save_attempts(conn, "1", Counted::Password, failed).await?;
            user_search::save_metadata(conn, "1", &entries, NOW).await
        })
    });
    done.await.unwrap();
    rig.sql("INSERT INTO personal_access_tokens (id, user_id, digest, created, expires) VALUES ('t', '1', '', 0, 0)")
        .await;
}

const BELONGINGS: [&str; 5] = ["user_metadata", "attempts", "codes", "grants", "personal_access_tokens"];

#[tokio::test]
async fn a_deleted_user_is_gone_with_all_that_belongs_to_it() {
    let rig = Rig::fresh().await;
    with_belongings(&rig).await;
    for table in BELONGINGS {
        assert_eq!(rig.count(table).await, 1, "{table}");
    }
    writing!(rig, [] user::delete("1", later(50))).unwrap();
    for table in BELONGINGS {
        assert_eq!(rig.count(table).await, 0, "{table}");
    }
    assert_eq!(by_id(&rig, "1").await, None);
    assert_eq!(by_name(&rig, "zoë").await, None);
    assert_eq!(by_name(&rig, "").await, None, "not even by the empty name");
    assert_eq!(writing!(rig, [] user::lock("1")).unwrap(), None);
    assert_eq!(reading!(rig, user::state("1")).unwrap(), Some(UserState::Deleted));
}

#[tokio::test]
async fn the_row_of_a_deleted_user_holds_nothing_personal() {
    let rig = Rig::fresh().await;
    with_belongings(&rig).await;
    writing!(rig, [] user::delete("1", later(50))).unwrap();
    let blank = "state = 3 AND username = '' AND username_key IS NULL AND given_name = '' AND family_name = '' \
         AND nick_name IS NULL AND display_name = '' AND preferred_language IS NULL AND gender IS NULL \
         AND email IS NULL AND NOT email_verified AND phone IS NULL AND NOT phone_verified \
         AND password_hash IS NULL AND password_changed IS NULL AND NOT password_change_required \
         AND description = '' AND sequence = 4294967296";
    assert_eq!(rig.count(&format!("users WHERE {blank} AND changed = {}", later(50).0)).await, 1);
}

#[tokio::test]
async fn the_name_of_a_deleted_user_is_free_again_but_its_id_never() {
    let rig = Rig::fresh().await;
    add_user(&rig, &human("1", "mini")).await;
    writing!(rig, [] user::delete("1", later(1))).unwrap();
    let again = human("1", "somebody");
    assert_eq!(writing!(rig, [again] user::insert(&again)).unwrap(), Some(Taken::Id));
    add_user(&rig, &human("2", "mini")).await;
    writing!(rig, [] user::delete("2", later(1))).unwrap();
    add_user(&rig, &human("3", "mini")).await;
    assert_eq!(by_name(&rig, "mini").await.unwrap().id, "3");
}

#[tokio::test]
async fn deleting_a_user_touches_no_other_and_no_session() {
    let rig = Rig::fresh().await;
    let other = complete_human("2", "max");
    add_user(&rig, &human("zoë", "mini")).await;
    add_user(&rig, &other).await;
    let session = complete_session(0);
    add_session(&rig, &session).await;
    writing!(rig, [] user::delete("zoë", later(1))).unwrap();
    writing!(rig, [] user::delete("nobody", later(1))).unwrap();
    assert_eq!(by_id(&rig, "2").await, Some(other));
    assert_eq!(reading!(rig, session::load(&session.id)).unwrap().unwrap().session, session);
}

#[tokio::test]
async fn texts_of_every_kind_survive() {
    let rig = Rig::fresh().await;
    for (id, text) in
        ["", "'", "%_\\", "\u{1f42d}\u{200d}", "e\u{301}", " blank ", "$1", "\n\t"].iter().enumerate()
    {
        let mut user = complete_human(&id.to_string(), &format!("{text}{id}"));
        let human = person(&mut user);
        human.profile.given_name = (*text).to_owned();
        human.profile.nick_name = Some((*text).to_owned());
        human.email = Contact { address: (*text).to_owned(), verified: false };
        add_user(&rig, &user).await;
        assert_eq!(by_id(&rig, &user.id).await, Some(user));
        let kind = UserKind::Machine(Machine {
            name: (*text).to_owned(),
            description: (*text).to_owned(),
            ..Machine::default()
        });
        let robot =
            User { kind, created: Timestamp(-1), ..machine(&format!("m{id}"), &format!("m{text}{id}")) };
        add_user(&rig, &robot).await;
        assert_eq!(by_id(&rig, &robot.id).await, Some(robot));
    }
}

//! Users, sessions and organisations that tests begin with.

use std::collections::BTreeMap;

use doorward_core::base::{Secret, Timestamp, mint_id};
use doorward_core::caller::Reach;
use doorward_core::search::{Comparison, Page, SessionView};
use doorward_core::session::{Factors, Session, SessionUser, UserAgent};
use doorward_core::user::{Contact, Human, Machine, Profile, StoredPassword, User, UserKind, UserState};
use doorward_store::organisation::{self, Organisation};
use doorward_store::{session, user};

use crate::rig::Rig;

/// The first page of everything.
pub const ALL: Page = Page { offset: 0, limit: 1000, ascending: true };

pub const COMPARISONS: [(Comparison, &str); 5] = [
    (Comparison::Equal, "="),
    (Comparison::Greater, ">"),
    (Comparison::GreaterOrEqual, ">="),
    (Comparison::Less, "<"),
    (Comparison::LessOrEqual, "<="),
];

/// The view of somebody who may see everything.
pub fn everything() -> SessionView {
    SessionView { reach: Reach::Everything, caller: "nobody".to_owned(), agent: None }
}

/// 2025-11-20T10:00:00.123456Z.
pub const NOW: Timestamp = Timestamp(1_763_632_800_123_456);

/// So many microseconds after [`NOW`].
pub fn later(micros: i64) -> Timestamp {
    Timestamp(NOW.0 + micros)
}

pub async fn organisations(rig: &Rig) {
    assert!(writing!(rig, [] organisation::insert_instance("instance", NOW)).unwrap());
    for (id, age) in [("home", 0), ("away", 1)] {
        let made = Organisation { id: id.to_owned(), name: id.to_uppercase(), created: later(age) };
        assert!(writing!(rig, [made] organisation::insert(&made)).unwrap());
    }
}

/// A person with nothing that need not be.
pub fn human(id: &str, username: &str) -> User {
    let profile = Profile {
        given_name: "Mini".to_owned(),
        family_name: "Mouse".to_owned(),
        display_name: format!("{username}, shown"),
        ..Profile::default()
    };
    let email = Contact { address: format!("{username}@mouse.example"), verified: false };
    User {
        id: id.to_owned(),
        organisation: "home".to_owned(),
        state: UserState::Active,
        username: username.to_owned(),
        kind: UserKind::Human(Box::new(Human {
            profile,
            email,
            phone: None,
            password: None,
            mfa_init_skipped: None,
        })),
        created: NOW,
        changed: NOW,
        sequence: 1,
    }
}

/// A person with all that can be.
pub fn complete_human(id: &str, username: &str) -> User {
    let mut user = human(id, username);
    user.kind = UserKind::Human(Box::new(Human {
        profile: Profile {
            given_name: "Zoë".to_owned(),
            family_name: "O'Møller; DROP TABLE users".to_owned(),
            nick_name: Some(String::new()),
            display_name: "Zoë 🐭".to_owned(),
            preferred_language: Some("de-CH".to_owned()),
            gender: Some(3),
        },
        email: Contact { address: "zoë@bücher.example".to_owned(), verified: true },
        phone: Some(Contact { address: "+41791234567".to_owned(), verified: true }),
        password: Some(StoredPassword {
            hash: Secret::new("$argon2id$v=19$hunter2"),
            changed: later(7),
            change_required: true,
        }),
        mfa_init_skipped: Some(later(8)),
    }));
    (user.state, user.changed, user.sequence) = (UserState::Locked, later(9), u64::from(u32::MAX));
    user
}

pub fn machine(id: &str, username: &str) -> User {
    let kind = UserKind::Machine(Machine {
        name: "Robot".to_owned(),
        description: "Cleans.".to_owned(),
        ..Machine::default()
    });
    User { kind, ..human(id, username) }
}

/// What a human holds; fails for a machine.
pub fn person(user: &mut User) -> &mut Human {
    match &mut user.kind {
        UserKind::Human(human) => human,
        UserKind::Machine(_) => panic!("a machine"),
    }
}

/// A session with nothing that need not be, made so many microseconds after [`NOW`].
pub fn session(age: i64) -> Session {
    Session {
        id: mint_id(later(age), 7),
        creator: "creator".to_owned(),
        created: later(age),
        changed: later(age),
        sequence: 1,
        expires: None,
        ended: None,
        token: [0; 32],
        user: None,
        factors: Factors::default(),
        metadata: BTreeMap::new(),
        user_agent: UserAgent::default(),
    }
}

/// A session with all that can be, each value another one.
pub fn complete_session(age: i64) -> Session {
    let mut token = [0; 32];
    token.iter_mut().zip(0..).for_each(|(byte, number)| *byte = number * 8);
    let every_byte: Vec<u8> = (0..=255).collect();
    Session {
        changed: later(age + 1),
        sequence: 41,
        expires: Some(later(age + 2)),
        ended: Some(later(age + 3)),
        token,
        user: Some(of("zoë", "home", later(age + 4))),
        factors: Factors {
            password: Some(later(age + 5)),
            web_auth_n: Some((later(age + 6), true)),
            intent: Some(later(age + 7)),
            totp: Some(later(age + 8)),
            otp_sms: Some(later(age + 9)),
            otp_email: Some(later(age + 10)),
            recovery_code: Some(later(age + 11)),
        },
        metadata: BTreeMap::from([
            (String::new(), b"empty key".to_vec()),
            ("every byte".to_owned(), every_byte),
            ("\0\u{1}\"\\'$1 \u{1f42d}".to_owned(), vec![0]),
            ("empty value".to_owned(), Vec::new()),
        ]),
        user_agent: UserAgent {
            fingerprint: Some("browser".to_owned()),
            ip: Some("2001:db8::1".to_owned()),
            description: Some("Fire \"fox\" \0".to_owned()),
            header: BTreeMap::from([
                ("Accept".to_owned(), vec!["a".to_owned(), String::new()]),
                (String::new(), Vec::new()),
            ]),
        },
        ..session(age)
    }
}

/// The user of a session.
pub fn of(id: &str, organisation: &str, verified: Timestamp) -> SessionUser {
    SessionUser { id: id.to_owned(), organisation: organisation.to_owned(), verified }
}

pub async fn add_user(rig: &Rig, user: &User) {
    assert_eq!(writing!(rig, [user] user::insert(&user)).unwrap(), None);
}

pub async fn add_session(rig: &Rig, session: &Session) {
    writing!(rig, [session] session::insert(&session)).unwrap();
}

//! Random stories on the store and on a model of it in memory must come to the same.

use std::collections::{BTreeMap, BTreeSet};

use doorward_core::session::{Factors, Session};
use doorward_core::user::{User, UserState, username_key};
use doorward_store::user::{Taken, Wanted};
use doorward_store::{session, user};
use proptest::prelude::*;

use crate::rig::Rig;
use crate::sample::{complete_human, complete_session, human, later, machine, of, session as plain};

const IDS: [&str; 4] = ["1", "2", "3", "ü"];
const NAMES: [&str; 5] = ["mini", "MINI", "max", "Ärger", "ärger"];

#[derive(Clone, Debug)]
enum Step {
    AddUser {
        id: usize,
        name: usize,
        kind: u8,
    },
    ChangeUser {
        id: usize,
        name: usize,
        kind: u8,
        state: u8,
    },
    DeleteUser {
        id: usize,
    },
    AddSession {
        age: i64,
        user: Option<usize>,
        full: bool,
    },
    ChangeSession {
        age: i64,
        user: Option<usize>,
        full: bool,
    },
    EndAll {
        id: usize,
    },
    ClearPasswords {
        id: usize,
    },
    /// Adds a user and fails.
    Fail {
        id: usize,
        name: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (id, name, age) = (0..IDS.len(), 0..NAMES.len(), 0_i64..5);
    let user = proptest::option::of(id.clone());
    prop_oneof![
        3 => (id.clone(), name.clone(), 0_u8..3).prop_map(|(id, name, kind)| Step::AddUser { id, name, kind }),
        3 => (id.clone(), name.clone(), 0_u8..3, 0_u8..3)
            .prop_map(|(id, name, kind, state)| Step::ChangeUser { id, name, kind, state }),
        1 => id.clone().prop_map(|id| Step::DeleteUser { id }),
        3 => (age.clone(), user.clone(), any::<bool>())
            .prop_map(|(age, user, full)| Step::AddSession { age, user, full }),
        3 => (age, user, any::<bool>()).prop_map(|(age, user, full)| Step::ChangeSession { age, user, full }),
        1 => id.clone().prop_map(|id| Step::EndAll { id }),
        1 => id.clone().prop_map(|id| Step::ClearPasswords { id }),
        1 => (id, name).prop_map(|(id, name)| Step::Fail { id, name }),
    ]
}

fn user_of(kind: u8, id: usize, name: usize) -> User {
    match kind {
        0 => human(IDS[id], NAMES[name]),
        1 => complete_human(IDS[id], NAMES[name]),
        _ => machine(IDS[id], NAMES[name]),
    }
}

fn session_of(age: i64, user: Option<usize>, full: bool) -> Session {
    let session = if full { complete_session(age) } else { plain(age) };
    Session { user: user.map(|id| of(IDS[id], "home", later(age))), ended: None, ..session }
}

#[derive(Default)]
struct Model {
    users: BTreeMap<String, User>,
    deleted: BTreeSet<String>,
    sessions: BTreeMap<String, Session>,
}

impl Model {
    fn holder(&self, name: &str) -> Option<&User> {
        self.users.values().find(|user| username_key(&user.username) == username_key(name))
    }

    fn add(&mut self, user: &User) -> Option<Taken> {
        if self.users.contains_key(&user.id) || self.deleted.contains(&user.id) {
            return Some(Taken::Id);
        }
        if self.holder(&user.username).is_some() {
            return Some(Taken::Username);
        }
        self.users.insert(user.id.clone(), user.clone());
        None
    }

    fn of_user(&mut self, id: &str) -> impl Iterator<Item = &mut Session> {
        let is_of = move |session: &&mut Session| session.user.as_ref().is_some_and(|user| user.id == id);
        self.sessions.values_mut().filter(is_of)
    }

    async fn take(&mut self, rig: &Rig, at: i64, step: Step) {
        let now = later(at);
        match step {
            Step::AddUser { id, name, kind } => {
                let new = user_of(kind, id, name);
                assert_eq!(writing!(rig, [new] user::insert(&new)).unwrap(), self.add(&new));
            }
            Step::ChangeUser { id, name, kind, state } => {
                let locked = writing!(rig, [] user::lock(IDS[id])).unwrap();
                assert_eq!(locked.as_ref(), self.users.get(IDS[id]));
                let Some(locked) = locked else { return };
                let state = [UserState::Active, UserState::Inactive, UserState::Locked][usize::from(state)];
                let mut changed = User { state, sequence: locked.sequence, ..user_of(kind, id, name) };
                changed.touch(now);
                let free = self.holder(NAMES[name]).is_none_or(|holder| holder.id == IDS[id]);
                assert_eq!(writing!(rig, [changed] user::save(&changed)).unwrap(), free);
                if free {
                    self.users.insert(changed.id.clone(), changed);
                }
            }
            Step::DeleteUser { id } => {
                if self.users.remove(IDS[id]).is_some() {
                    self.deleted.insert(IDS[id].to_owned());
                    writing!(rig, [] user::delete(IDS[id], now)).unwrap();
                }
            }
            Step::AddSession { age, user, full } => {
                let new = session_of(age, user, full);
                let added = writing!(rig, [new] session::insert(&new)).is_ok();
                assert_eq!(added, !self.sessions.contains_key(&new.id));
                self.sessions.entry(new.id.clone()).or_insert(new);
            }
            Step::ChangeSession { age, user, full } => {
                self.change_session(rig, at, session_of(age, user, full)).await
            }
            Step::EndAll { id } => {
                let mut ended = 0;
                for session in self.of_user(IDS[id]).filter(|session| session.ended.is_none()) {
                    session.terminate(now);
                    ended += 1;
                }
                assert_eq!(writing!(rig, [] session::end_all_of_user(IDS[id], now)).unwrap(), ended);
            }
            Step::ClearPasswords { id } => {
                let with_password =
                    self.of_user(IDS[id]).filter(|session| session.factors.password.is_some());
                let mut cleared = 0;
                for session in with_password {
                    session.factors = Factors { password: None, ..session.factors };
                    cleared += 1;
                }
                assert_eq!(writing!(rig, [] session::clear_password_factor(IDS[id])).unwrap(), cleared);
            }
            Step::Fail { id, name } => {
                let new = user_of(0, id, name);
                let failed = rig.db.write(move |conn| {
                    Box::pin(async move {
                        user::insert(conn, &new).await?;
                        Err::<(), _>(doorward_store::StoreError::Driver("on purpose".to_owned()))
                    })
                });
                assert!(failed.await.is_err());
            }
        }
    }

    async fn change_session(&mut self, rig: &Rig, at: i64, wanted: Session) {
        let id = wanted.id.clone();
        let locked = writing!(rig, [id] session::lock(&id)).unwrap().map(|shown| shown.session);
        assert_eq!(locked.as_ref(), self.sessions.get(&id));
        let Some(before) = locked else { return };
        let changed = Session {
            changed: later(at),
            sequence: before.sequence + 1,
            user_agent: before.user_agent,
            ended: before.ended,
            ..wanted
        };
        writing!(rig, [changed] session::save(&changed)).unwrap();
        self.sessions.insert(id, changed);
    }

    async fn compare(&self, rig: &Rig) {
        for id in IDS {
            let found = reading!(rig, user::find(&Wanted::Id(id.to_owned()))).unwrap();
            assert_eq!(found.as_ref(), self.users.get(id));
            let state = self.users.get(id).map(|user| user.state);
            let state = state.or(self.deleted.contains(id).then_some(UserState::Deleted));
            assert_eq!(reading!(rig, user::state(id)).unwrap(), state);
        }
        for name in NAMES {
            let found = reading!(rig, user::find(&Wanted::LoginName(name.to_owned()))).unwrap();
            assert_eq!(found.as_ref(), self.holder(name), "{name}");
        }
        for age in 0..5 {
            let id = plain(age).id;
            let shown = reading!(rig, session::load(&id)).unwrap();
            assert_eq!(shown.as_ref().map(|shown| &shown.session), self.sessions.get(&id));
            let Some(shown) = shown else { continue };
            let user = shown.session.user.as_ref().and_then(|user| self.users.get(&user.id));
            assert_eq!(shown.login_name, user.map_or("", |user| &user.username));
            assert_eq!(shown.display_name, user.map_or("", User::display_name));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_stories_come_to_what_the_model_says(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (rig, mut model) = (Rig::fresh().await, Model::default());
            for (at, step) in (100..).zip(steps) {
                model.take(&rig, at, step).await;
                model.compare(&rig).await;
            }
        });
    }
}

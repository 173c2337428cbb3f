//! Random stories of many calls must come to what a small reference says, step by step.
//!
//! The seed is printed with a failure; `DOORWARD_MODEL_SEED` tells the same stories again.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::client::Outcome;
use crate::model::{Dice, Known, Model, Person, Seen, State, Wish, encoded};
use crate::rig::{PASSWORD, Rig, START};

const STORIES: u64 = 4;
const STEPS: usize = 150;

struct Story {
    rig: Rig,
    model: Model,
    dice: Dice,
    /// The tokens of those who call, and their ids.
    callers: Vec<(String, String)>,
    /// How many calls were granted, and how many refused.
    told: (usize, usize),
}

#[tokio::test]
async fn random_stories_come_to_what_the_reference_says() {
    let seed = std::env::var("DOORWARD_MODEL_SEED").ok();
    let seed = seed.map_or_else(|| RandomState::new().hash_one(0), |text| text.parse().unwrap());
    println!("DOORWARD_MODEL_SEED={seed}");
    for number in 0..STORIES {
        let mut story = Story::begin(seed.wrapping_add(number), number.is_multiple_of(2)).await;
        for step in 0..STEPS {
            story.step().await;
            if step % 5 == 0 {
                story.compare().await;
            }
        }
        story.compare().await;
        let (granted, refused) = story.told;
        assert!(granted > STEPS / 4 && refused > STEPS / 20, "{granted} granted, {refused} refused");
    }
}

impl Story {
    async fn begin(seed: u64, ends: bool) -> Self {
        let end = format!("policy.session.end_on_deactivate={ends}");
        let cheap = ["hashing.memory_kib=7168", "hashing.iterations=5", "policy.backoff.enabled=false", &end];
        let rig = Rig::start_with(&cheap).await;
        let mut callers = Vec::new();
        for (token, name) in [(rig.login.clone(), "login-client"), (rig.admin.clone(), "admin")] {
            let query = json!({ "queries": [{ "userNameQuery": { "userName": name } }] });
            let found = rig.ok("user.ListUsers", &rig.admin, query).await;
            callers.push((token, found["result"][0]["userId"].as_str().unwrap().to_owned()));
        }
        let model = Model::new(ends, START);
        let mut story = Self { rig, model, dice: Dice(seed), callers, told: (0, 0) };
        for _ in 0..3 {
            story.add_person().await;
        }
        story
    }

    async fn add_person(&mut self) {
        let name = format!("mouse-{}@mouse.com", self.model.people.len());
        let id = self.rig.add_human(&name).await;
        self.model.people.push(Person { id, name, state: State::Active });
    }

    async fn step(&mut self) {
        let micros = 1 + i64::try_from(self.dice.below(20_000_000)).unwrap();
        self.rig.clock.advance(Span(micros));
        self.model.now += micros;
        match self.dice.below(20) {
            0..5 => self.create().await,
            5..11 => self.set().await,
            11..14 => self.get().await,
            14..17 => self.list().await,
            17..18 => self.delete().await,
            _ => self.turn().await,
        }
    }

    /// Calls, and compares whether and how it is refused.
    async fn call(
        &mut self,
        method: &str,
        token: &str,
        request: Value,
        expected: Option<&str>,
    ) -> Option<Value> {
        let shown = request.to_string();
        let outcome: Outcome = self.rig.call(method, token, request).await;
        let refused = outcome.as_ref().err().map(crate::client::Refusal::id);
        assert_eq!(refused.as_deref(), expected, "{method} {shown}: {outcome:?}");
        match outcome {
            Ok(_) => self.told.0 += 1,
            Err(_) => self.told.1 += 1,
        }
        outcome.ok()
    }

    fn person(&mut self) -> usize {
        // The latest few, so that most are still there.
        let count = self.model.people.len();
        count - 1 - self.dice.below(count.min(4))
    }

    fn wish(&mut self) -> (Wish, Value) {
        let mut wish = Wish { user: self.dice.once_in(2).then(|| self.person()), ..Wish::default() };
        if self.dice.once_in(5) {
            wish.password = Some(!self.dice.once_in(4));
        }
        for key in ["a", "b", "\0ü"] {
            if self.dice.once_in(3) {
                let length = self.dice.below(3);
                wish.metadata.insert(key.to_owned(), vec![0; length]);
            }
        }
        wish.lifetime = self.dice.once_in(3).then(|| 1 + i64::try_from(self.dice.below(300)).unwrap());
        let metadata: BTreeMap<_, _> =
            wish.metadata.iter().map(|(key, value)| (key.clone(), encoded(value))).collect();
        let mut request = json!({ "metadata": metadata, "checks": {} });
        if let Some(user) = wish.user {
            let Person { id, name, state } = &self.model.people[user];
            let by_id = *state == State::Deleted || id.ends_with('0');
            request["checks"]["user"] =
                if by_id { json!({ "userId": id }) } else { json!({ "loginName": name.to_uppercase() }) };
        }
        if let Some(right) = wish.password {
            let text = if right { PASSWORD } else { "wrong" };
            request["checks"]["password"] = json!({ "password": text });
        }
        if let Some(seconds) = wish.lifetime {
            request["lifetime"] = json!(format!("{seconds}s"));
        }
        (wish, request)
    }

    async fn create(&mut self) {
        let creator = self.dice.below(self.callers.len());
        let (wish, request) = self.wish();
        let expected = self.model.refusal(&wish, None);
        let token = self.callers[creator].0.clone();
        let Some(made) = self.call("session.CreateSession", &token, request, expected).await else { return };
        let now = self.model.now;
        let seen = Seen {
            id: made["sessionId"].as_str().unwrap().to_owned(),
            created: now,
            changed: now,
            sequence: 1,
            expires: None,
            user: None,
            login_name: String::new(),
            password: None,
            metadata: BTreeMap::new(),
        };
        let tokens = vec![made["sessionToken"].as_str().unwrap().to_owned()];
        let mut session = Known { seen, owner: None, creator, tokens, ended: false };
        self.model.apply(&mut session, &wish);
        session.seen.sequence += 1;
        assert_eq!(made["details"]["sequence"], json!(session.seen.sequence.to_string()));
        self.model.sessions.push(session);
    }

    /// A session, and a token to present with it: mostly its own, else a spent one, one of another, or none. The flag
    /// says whether it must be taken.
    fn presented(&mut self) -> Option<(usize, String, bool)> {
        let count = self.model.sessions.len().checked_sub(1)? + 1;
        let index = count - 1 - self.dice.below(count.min(12));
        let own = &self.model.sessions[index].tokens;
        let token = match self.dice.below(6) {
            0..3 => own[own.len() - 1].clone(),
            3 => own[self.dice.below(own.len())].clone(),
            4 => self.model.sessions[self.dice.below(count)].tokens[0].clone(),
            _ => String::new(),
        };
        let fits = token.is_empty() || own.last() == Some(&token);
        Some((index, token, fits))
    }

    async fn set(&mut self) {
        let Some((index, token, fits)) = self.presented() else { return };
        let (mut wish, mut request) = self.wish();
        if self.dice.once_in(8) {
            (wish, request) = (Wish::default(), json!({}));
        }
        let session = self.model.sessions[index].clone();
        request["sessionId"] = json!(session.seen.id);
        request["sessionToken"] = json!(token);
        let expected = match () {
            () if !fits => Some("COMMAND-sGr42"),
            () if session.ended => Some("COMMAND-Hewfq"),
            () if session.seen.expires.is_some_and(|at| at <= self.model.now) => Some("COMMAND-Hkl3d"),
            () => self.model.refusal(&wish, session.owner),
        };
        let caller = self.rig.login.clone();
        let Some(answer) = self.call("session.SetSession", &caller, request, expected).await else { return };
        let mut changed = session;
        if self.model.apply(&mut changed, &wish) {
            changed.seen.sequence += 1;
            changed.seen.changed = self.model.now;
            changed.tokens.push(answer["sessionToken"].as_str().unwrap().to_owned());
        } else {
            assert!(answer.get("sessionToken").is_none(), "{answer}");
        }
        assert_eq!(answer["details"]["sequence"], json!(changed.seen.sequence.to_string()));
        self.model.sessions[index] = changed;
    }

    async fn get(&mut self) {
        let Some((index, token, fits)) = self.presented() else { return };
        let session = self.model.sessions[index].clone();
        let expected = match () {
            () if session.ended => Some("QUERY-SFeaa"),
            () if !fits => Some("QUERY-dsfr3"),
            () => None,
        };
        let request = named(&session, &token);
        let caller = self.rig.admin.clone();
        if let Some(answer) = self.call("session.GetSession", &caller, request, expected).await {
            assert_eq!(Seen::of(&answer["session"]), self.model.seen(&session));
        }
    }

    async fn delete(&mut self) {
        let Some((index, token, fits)) = self.presented() else { return };
        let request = named(&self.model.sessions[index], &token);
        let expected = (!fits).then_some("COMMAND-sGr42");
        let caller = self.rig.login.clone();
        if self.call("session.DeleteSession", &caller, request, expected).await.is_some() {
            self.model.end(index);
        }
    }

    async fn list(&mut self) {
        let some: Vec<usize> = (0..self.model.sessions.len()).filter(|_| self.dice.once_in(3)).collect();
        let (user, creator) = (self.person(), self.dice.below(self.callers.len()));
        let by_user = json!({ "userIdQuery": { "id": self.model.people[user].id } });
        let by_creator = json!({ "creatorQuery": { "id": self.callers[creator].1 } });
        let ids: Vec<_> = some.iter().map(|index| self.model.sessions[*index].seen.id.clone()).collect();
        let by_ids = json!({ "idsQuery": { "ids": ids } });
        let (queries, expected) = match self.dice.below(4) {
            0 => (json!([by_user]), self.model.listed(|session| session.owner == Some(user))),
            1 => (json!([by_creator]), self.model.listed(|session| session.creator == creator)),
            2 => (json!([by_ids]), self.model.listed(|session| ids.contains(&session.seen.id))),
            _ => {
                let fits = |session: &Known| session.owner == Some(user) && session.creator == creator;
                (json!([by_creator, by_user]), self.model.listed(fits))
            }
        };
        self.must_list(queries, expected).await;
    }

    async fn must_list(&mut self, queries: Value, expected: Vec<Seen>) {
        let request = json!({
            "queries": queries, "query": { "asc": true },
            "sortingColumn": "SESSION_FIELD_NAME_CREATION_DATE",
        });
        let admin = self.rig.admin.clone();
        let answer = self.call("session.ListSessions", &admin, request, None).await.unwrap();
        let sessions = answer["sessions"].as_array().cloned().unwrap_or_default();
        assert_eq!(sessions.iter().map(Seen::of).collect::<Vec<_>>(), expected, "{queries}");
        let total = answer["details"]["totalResult"].as_str().map_or(0, |text| text.parse().unwrap());
        assert_eq!(total, expected.len());
    }

    async fn compare(&mut self) {
        self.must_list(json!([]), self.model.listed(|_| true)).await;
    }

    /// Deactivates, reactivates, locks, unlocks or deletes a user.
    async fn turn(&mut self) {
        let user = self.person();
        let Person { id, state, .. } = self.model.people[user].clone();
        let (method, next, expected) = state.turned(self.dice.below(9));
        let admin = self.rig.admin.clone();
        let request = json!({ "userId": id });
        if self.call(&format!("user.{method}"), &admin, request, expected).await.is_some() {
            self.model.turn(user, next);
            if next == State::Deleted {
                self.add_person().await;
            }
        }
    }
}

/// The session, with a token if there is one.
fn named(session: &Known, token: &str) -> Value {
    match token {
        "" => json!({ "sessionId": session.seen.id }),
        token => json!({ "sessionId": session.seen.id, "sessionToken": token }),
    }
}

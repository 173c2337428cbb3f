//! What sessions are, in as few words as possible: the reference that random stories are held against.

use std::collections::BTreeMap;

use doorward_core::base::Timestamp;
use serde_json::Value;

/// The state of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Active,
    Inactive,
    Locked,
    Deleted,
}

/// A user of the story.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub state: State,
}

/// What a request asks to be changed.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub user: Option<usize>,
    /// A password, and whether it is the right one.
    pub password: Option<bool>,
    pub metadata: BTreeMap<String, Vec<u8>>,
    /// Seconds.
    pub lifetime: Option<i64>,
}

/// A session as it must be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub id: String,
    pub created: i64,
    pub changed: i64,
    pub sequence: u64,
    pub expires: Option<i64>,
    /// Id and time.
    pub user: Option<(String, i64)>,
    pub login_name: String,
    pub password: Option<i64>,
    pub metadata: BTreeMap<String, String>,
}

/// A session of the reference.
#[derive(Clone, Debug)]
pub struct Known {
    pub seen: Seen,
    pub owner: Option<usize>,
    pub creator: usize,
    /// All tokens that it ever had; the last one is valid.
    pub tokens: Vec<String>,
    pub ended: bool,
}

/// The reference: all users and all sessions.
#[derive(Debug, Default)]
pub struct Model {
    pub people: Vec<Person>,
    pub sessions: Vec<Known>,
    /// Whether sessions end with the activity of their user.
    pub ends: bool,
    pub now: i64,
}

impl State {
    /// A call that is to change the state, the state that is left, and what the call is refused with.
    pub fn turned(self, by: usize) -> (&'static str, Self, Option<&'static str>) {
        match (by, self) {
            (0..2, State::Deleted) => ("DeactivateUser", self, Some("COMMAND-5gp2p62iin")),
            (0..2, State::Inactive) => ("DeactivateUser", self, Some("COMMAND-5gunjw0cd7")),
            (0..2, _) => ("DeactivateUser", State::Inactive, None),
            (2..4, State::Inactive) => ("ReactivateUser", State::Active, None),
            (2..4, State::Deleted) => ("ReactivateUser", self, Some("COMMAND-9hy5kzbuk6")),
            (2..4, _) => ("ReactivateUser", self, Some("COMMAND-s5qqcz97hf")),
            (4..6, State::Active) => ("LockUser", State::Locked, None),
            (4..6, State::Deleted) => ("LockUser", self, Some("COMMAND-450yxuqrh1")),
            (4..6, _) => ("LockUser", self, Some("COMMAND-lgws8wtsqf")),
            (6..8, State::Locked) => ("UnlockUser", State::Active, None),
            (6..8, State::Deleted) => ("UnlockUser", self, Some("COMMAND-x377t913pw")),
            (6..8, _) => ("UnlockUser", self, Some("COMMAND-olb9vb0oca")),
            (_, State::Deleted) => ("DeleteUser", self, Some("COMMAND-bd4ir1mblj")),
            _ => ("DeleteUser", State::Deleted, None),
        }
    }
}

/// Chance from a seed: splitmix64.
pub struct Dice(pub u64);

impl Dice {
    /// A number below that one.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % end
    }

    /// Once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

fn micros(value: &Value) -> Option<i64> {
    value.as_str().map(|text| text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

impl Seen {
    /// From what the API shows.
    pub fn of(shown: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (user, password) = (&shown["factors"]["user"], &shown["factors"]["password"]);
        let entries = shown["metadata"].as_object().cloned().unwrap_or_default();
        Self {
            id: text(&shown["id"]),
            created: micros(&shown["creationDate"]).unwrap(),
            changed: micros(&shown["changeDate"]).unwrap(),
            sequence: text(&shown["sequence"]).parse().unwrap(),
            expires: micros(&shown["expirationDate"]),
            user: micros(&user["verifiedAt"]).map(|at| (text(&user["id"]), at)),
            login_name: text(&user["loginName"]),
            password: micros(&password["verifiedAt"]),
            metadata: entries.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
        }
    }
}

impl Model {
    /// An empty one.
    pub fn new(ends: bool, now: Timestamp) -> Self {
        Self { ends, now: now.0, ..Self::default() }
    }

    /// What the checks of a wish are refused with, in their order.
    pub fn refusal(&self, wish: &Wish, owner: Option<usize>) -> Option<&'static str> {
        if let Some(user) = wish.user {
            match self.people[user].state {
                State::Deleted => return Some("QUERY-Dfbg2"),
                State::Inactive | State::Locked => return Some("SESSION-Gj4ko"),
                State::Active => {}
            }
            if owner.is_some_and(|owner| owner != user) {
                return Some("");
            }
        }
        let right = wish.password?;
        match wish.user.or(owner).map(|user| self.people[user].state) {
            None => Some("COMMAND-Sfw3f"),
            Some(State::Deleted) => Some("COMMAND-3n77z"),
            Some(State::Locked) => Some("COMMAND-JLK35"),
            Some(State::Inactive) => Some("SESSION-Gj4ko"),
            Some(State::Active) => (!right).then_some("COMMAND-3M0fs"),
        }
    }

    /// What a wish makes of a session; gives whether that is a change at all.
    pub fn apply(&self, session: &mut Known, wish: &Wish) -> bool {
        let (now, seen) = (self.now, &mut session.seen);
        let before = seen.sequence;
        if let Some(user) = wish.user {
            session.owner = Some(user);
            seen.user = Some((self.people[user].id.clone(), now));
            seen.sequence += 1;
        }
        if wish.password.is_some() {
            seen.password = Some(now);
            seen.sequence += 1;
        }
        let mut merged = false;
        for (key, value) in &wish.metadata {
            merged |= match value.is_empty() {
                true => seen.metadata.remove(key).is_some(),
                false => {
                    seen.metadata.insert(key.clone(), encoded(value));
                    true
                }
            };
        }
        seen.sequence += u64::from(merged);
        if let Some(seconds) = wish.lifetime {
            seen.expires = Some(now + seconds * 1_000_000);
            seen.sequence += 1;
        }
        seen.sequence != before
    }

    /// A session as it must be seen now: names are those that the user has today.
    pub fn seen(&self, session: &Known) -> Seen {
        let owner = session.owner.map(|user| &self.people[user]);
        let named = owner.filter(|person| person.state != State::Deleted);
        Seen {
            login_name: named.map(|person| person.name.clone()).unwrap_or_default(),
            ..session.seen.clone()
        }
    }

    /// What must be listed of the sessions that fit, oldest first.
    pub fn listed(&self, fits: impl Fn(&Known) -> bool) -> Vec<Seen> {
        let open = self.sessions.iter().filter(|session| !session.ended && fits(session));
        open.map(|session| self.seen(session)).collect()
    }

    /// Ends a session.
    pub fn end(&mut self, index: usize) {
        let session = &mut self.sessions[index];
        if !session.ended {
            session.ended = true;
            session.seen.sequence += 1;
            session.seen.changed = self.now;
        }
    }

    /// Puts a user into another state.
    pub fn turn(&mut self, user: usize, state: State) {
        self.people[user].state = state;
        if self.ends && matches!(state, State::Inactive | State::Deleted) {
            for index in 0..self.sessions.len() {
                if self.sessions[index].owner == Some(user) {
                    self.end(index);
                }
            }
        }
    }
}

/// Bytes as JSON has them.
pub fn encoded(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

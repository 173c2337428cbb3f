//! Histories made by hand: one call after the other, unless told otherwise.

use crate::checker::check;
use crate::history::{Act, Call, Entry, Filter, Op, Outcome, Parts, State};
use crate::rules::{Rule, Terms};

/// A change by its number; the session that these histories are about is made by the first.
pub fn op(number: u32) -> Op {
    Op { client: 0, number }
}

pub const SESSION: Op = Op { client: 0, number: 1 };
/// When these histories begin, and for how long each call lasts.
pub const START: i64 = 1_763_632_800_000_000;
pub const LASTS: i64 = 100;
/// The sequence after the birth.
pub const BORN: u64 = 4;

/// The birth: a user check.
pub fn birth() -> Parts {
    Parts { user: Some(0), ..Parts::default() }
}

/// Entry `left` gets the name of the change.
pub fn left() -> Parts {
    Parts { left: Entry::Put, ..Parts::default() }
}

/// The session right after its birth.
pub fn newborn() -> State {
    State {
        session: SESSION,
        id: id(START),
        sequence: BORN,
        writer: SESSION,
        left: None,
        right: None,
        expires: None,
        user: Some((0, START)),
        password: None,
        created: START,
        changed: START,
    }
}

/// The session after a change of its entry `left`.
pub fn changed(number: u32, sequence: u64) -> State {
    State { sequence, writer: op(number), left: Some(op(number)), changed: START + 1, ..newborn() }
}

/// An id of that time.
pub fn id(time: i64) -> u128 {
    u128::try_from(time).unwrap() * 10_u128.pow(20)
}

pub fn refused(id: &str) -> Outcome {
    Outcome::Refused(id.to_owned())
}

pub fn unknown() -> Outcome {
    Outcome::Unknown("the connection broke".to_owned())
}

/// A history.
#[derive(Clone, Default)]
pub struct Tape(pub Vec<Call>);

impl Tape {
    /// Begins with an acknowledged birth.
    pub fn born() -> Self {
        let act = Act::Create { op: SESSION, parts: birth() };
        Self::default().call(act, Outcome::Written { id: id(START), sequence: BORN })
    }

    /// One call after the last one.
    pub fn call(mut self, act: Act, outcome: Outcome) -> Self {
        let invoked = START + i64::try_from(self.0.len()).unwrap() * 2 * LASTS;
        self.0.push(Call { client: 0, node: 0, invoked, returned: invoked + LASTS, act, outcome });
        self
    }

    /// The last call was invoked before the one before it had returned.
    pub fn meanwhile(mut self) -> Self {
        let last = self.0.last_mut().unwrap();
        last.invoked -= 2 * LASTS;
        self
    }

    /// A change of the entry `left`.
    pub fn set(self, number: u32, token: Option<u32>, outcome: Outcome) -> Self {
        let act = Act::Set { op: op(number), session: SESSION, token: token.map(op), parts: left() };
        self.call(act, outcome)
    }

    /// One that was acknowledged.
    pub fn set_ok(self, number: u32, token: Option<u32>, sequence: u64) -> Self {
        self.set(number, token, Outcome::Written { id: id(START), sequence })
    }

    pub fn get(self, token: Option<u32>, outcome: Outcome) -> Self {
        self.call(Act::Get { session: SESSION, token: token.map(op) }, outcome)
    }

    pub fn shows(self, token: Option<u32>, state: State) -> Self {
        self.get(token, Outcome::Shown(Box::new(state)))
    }

    pub fn bearer(self, token: u32, outcome: Outcome) -> Self {
        self.call(Act::Bearer { session: SESSION, token: op(token) }, outcome)
    }

    pub fn delete(self, token: Option<u32>, outcome: Outcome) -> Self {
        self.call(Act::Delete { session: SESSION, token: token.map(op) }, outcome)
    }

    pub fn list(self, filter: Filter, limit: usize, states: Vec<State>) -> Self {
        self.call(Act::List { filter, limit: Some(limit) }, Outcome::Listed(states))
    }

    /// The session is read on both nodes, and the history ends.
    pub fn end(self, state: &State) -> Self {
        let mut tape = self.shows(None, state.clone()).shows(None, state.clone());
        tape.0.last_mut().unwrap().node = 1;
        tape
    }

    /// Both nodes say that it is gone, and the history ends.
    pub fn end_gone(self) -> Self {
        let mut tape = self.get(None, refused("QUERY-SFeaa")).get(None, refused("QUERY-SFeaa"));
        tape.0.last_mut().unwrap().node = 1;
        tape
    }

    /// The rules that are violated, each once.
    pub fn broken(&self) -> Vec<Rule> {
        let terms = Terms { disturbed: true, nodes: 2, tolerance: 1_000_000 };
        let mut rules: Vec<Rule> = check(&self.0, terms).into_iter().map(|found| found.rule).collect();
        rules.sort();
        rules.dedup();
        rules
    }

    /// Nothing is wrong with it.
    #[track_caller]
    pub fn holds(&self) {
        assert_eq!(self.broken(), []);
    }

    /// This rule is violated, whatever others are.
    #[track_caller]
    pub fn breaks(&self, rule: Rule) {
        let broken = self.broken();
        assert!(broken.contains(&rule), "{rule:?} is not among {broken:?}");
    }
}

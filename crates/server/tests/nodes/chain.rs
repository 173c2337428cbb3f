//! The changes of one session in the order in which they were made: each change tells by its sequence where it stands,
//! so there is one order at most for those that were acknowledged or seen. A change whose outcome is unknown stands
//! wherever it explains a gap, whole, or nowhere.

use std::collections::BTreeMap;

use crate::history::{Entry, Op, Parts, State};

/// A change that was acknowledged, or may have happened.
#[derive(Clone, Debug)]
pub struct Change {
    pub op: Op,
    pub parts: Parts,
    /// The token that it presented.
    pub token: Option<Op>,
    pub invoked: i64,
    /// When it was acknowledged, and with which sequence.
    pub acknowledged: Option<(i64, u64)>,
}

/// What a session must hold after some change. Every part names the change that it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Held {
    sequence: u64,
    writer: Op,
    left: Option<Op>,
    right: Option<Op>,
    lifetime: Option<Op>,
    user: Option<(u8, Op)>,
    password: Option<Op>,
}

/// Why the changes of a session are no chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Broken {
    /// A change of that name was refused, or never asked for.
    Ghost(String),
    /// The numbers do not add up.
    Sequence(String),
    /// The session does not hold what its changes wrote.
    Half(String),
    /// A change was made with a token that was not the newest.
    Token(String),
}

/// The changes of one session, and what was seen of it.
pub struct Chain<'a> {
    changes: BTreeMap<Op, &'a Change>,
    seen: &'a BTreeMap<u64, State>,
    /// Changes whose sequence is known, in its order.
    known: Vec<(u64, &'a Change)>,
    /// The sequence before the session was ended, if an acknowledged end tells.
    last: Option<u64>,
    /// How far the clocks of nodes and clients may differ.
    tolerance: i64,
    steps: u32,
}

/// More steps are not taken to find an order; it is an error of the run then that it left so much open.
const MOST_STEPS: u32 = 2_000_000;

/// A change without an answer was made this many microseconds after it was asked for, or never.
const LONGEST: i64 = 60_000_000;

impl<'a> Chain<'a> {
    /// Puts those changes in their places that tell where it is.
    pub fn new(
        changes: &'a [Change],
        seen: &'a BTreeMap<u64, State>,
        last: Option<u64>,
        tolerance: i64,
    ) -> Result<Self, Broken> {
        let by_name: BTreeMap<Op, &Change> = changes.iter().map(|change| (change.op, change)).collect();
        let mut places: BTreeMap<u64, &Change> = BTreeMap::new();
        let mut place_of: BTreeMap<Op, u64> = BTreeMap::new();
        let acknowledged = changes.iter().filter_map(|change| Some((change.acknowledged?.1, change.op)));
        let shown = seen.iter().map(|(sequence, state)| (*sequence, state.writer));
        for (sequence, op) in acknowledged.chain(shown) {
            let Some(change) = by_name.get(&op) else {
                return Err(Broken::Ghost(format!(
                    "{op} is seen at {sequence}, and was refused or never asked"
                )));
            };
            let here = places.insert(sequence, change).map_or(op, |change| change.op);
            let there = place_of.insert(op, sequence).unwrap_or(sequence);
            if here != op {
                return Err(Broken::Sequence(format!("{here} and {op} both made sequence {sequence}")));
            }
            if there != sequence {
                return Err(Broken::Sequence(format!("{op} made sequence {there} and {sequence}")));
            }
        }
        let known = places.into_iter().collect();
        Ok(Self { changes: by_name, seen, known, last, tolerance, steps: 0 })
    }

    /// Finds an order in which everything that was seen follows from the changes; gives the changes in this order,
    /// each with its sequence.
    pub fn settle(mut self) -> Result<Vec<(u64, Op)>, Broken> {
        let Some((sequence, birth)) = self.known.first().copied() else { return Ok(Vec::new()) };
        let born = birth.parts.weight() + 1;
        if sequence != born || birth.token.is_some() {
            return Err(Broken::Sequence(format!("it begins at {sequence} with {}", birth.op)));
        }
        let nothing = Held {
            sequence: 1,
            writer: birth.op,
            left: None,
            right: None,
            lifetime: None,
            user: None,
            password: None,
        };
        let mut path = vec![(born, birth.op)];
        self.walk(1, after(nothing, birth), &mut path)?;
        Ok(path)
    }

    /// Goes on from what is held, with the known change number `at` as the next one whose place is known.
    fn walk(&mut self, mut at: usize, mut held: Held, path: &mut Vec<(u64, Op)>) -> Result<(), Broken> {
        loop {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return Err(Broken::Sequence("too much is unknown to find an order".to_owned()));
            }
            if let Some(state) = self.seen.get(&held.sequence) {
                self.compare(&held, state)?;
            }
            let next = self.known.get(at).copied();
            let wanted = match next {
                Some((sequence, change)) => sequence.checked_sub(change.parts.weight()),
                None => Some(self.last.unwrap_or(held.sequence)),
            };
            let Some(wanted) = wanted.filter(|wanted| *wanted >= held.sequence) else {
                return Err(Broken::Sequence(format!("after {held:?} comes {next:?}, or {:?}", self.last)));
            };
            if held.sequence < wanted {
                return self.bridge(at, held, wanted, path);
            }
            let Some((sequence, change)) = next else { return Ok(()) };
            if change.token.is_some_and(|token| token != held.writer) {
                return Err(Broken::Token(format!("{change:?} was made upon {held:?}")));
            }
            held = after(held, change);
            path.push((sequence, change.op));
            at += 1;
        }
    }

    /// Tries each change that may have happened as the first of those that fill the gap up to `wanted`.
    fn bridge(
        &mut self,
        at: usize,
        held: Held,
        wanted: u64,
        path: &mut Vec<(u64, Op)>,
    ) -> Result<(), Broken> {
        let next = self.known.get(at).copied();
        let before = next.and_then(|(_, change)| change.acknowledged).map_or(i64::MAX, |(time, _)| time);
        let room = wanted - held.sequence;
        let fits = |change: &&Change| {
            change.acknowledged.is_none()
                && change.parts.weight() <= room
                && change.invoked < before
                && change.token.is_none_or(|token| token == held.writer)
        };
        let candidates: Vec<&Change> = self.changes.values().copied().filter(fits).collect();
        let mut fault = None;
        for change in candidates {
            let placed = |(_, other): &(u64, &Change)| other.op == change.op;
            if path.iter().any(|(_, op)| *op == change.op) || self.known.iter().any(placed) {
                continue;
            }
            let (mark, held) = (path.len(), after(held, change));
            path.push((held.sequence, change.op));
            match self.walk(at, held, path) {
                Ok(()) => return Ok(()),
                Err(broken) => fault = fault.or(Some(broken)),
            }
            path.truncate(mark);
        }
        Err(fault.unwrap_or_else(|| {
            Broken::Sequence(format!("nothing leads from {held:?} to {wanted}; next is {next:?}"))
        }))
    }

    /// Whether the session shows exactly what its changes wrote.
    fn compare(&self, held: &Held, state: &State) -> Result<(), Broken> {
        let names = [held.writer].map(Some).into_iter().chain([held.left, held.right]);
        let shown = [state.writer].map(Some).into_iter().chain([state.left, state.right]);
        let timely = |op: Option<Op>, time: Option<i64>| match (op, time) {
            (None, None) => true,
            (Some(op), Some(time)) => self.changes.get(&op).is_some_and(|change| {
                let latest = change.acknowledged.map_or(change.invoked + LONGEST, |(time, _)| time);
                (change.invoked - self.tolerance..=latest + self.tolerance).contains(&time)
            }),
            _ => false,
        };
        let lifetime = held.lifetime.map_or(0, Op::lifetime) * 1_000_000;
        let whole = names.eq(shown)
            && held.user.map(|user| user.0) == state.user.map(|user| user.0)
            && timely(held.user.map(|user| user.1), state.user.map(|user| user.1))
            && timely(held.password, state.password)
            && timely(held.lifetime, state.expires.map(|time| time - lifetime))
            && timely(self.birth(), Some(state.created));
        if whole { Ok(()) } else { Err(Broken::Half(format!("{state:?} instead of {held:?}"))) }
    }

    fn birth(&self) -> Option<Op> {
        self.known.first().map(|(_, change)| change.op)
    }
}

/// What is held after a change.
fn after(held: Held, change: &Change) -> Held {
    let (op, parts) = (change.op, change.parts);
    let entry = |before: Option<Op>, entry: Entry| match entry {
        Entry::Keep => before,
        Entry::Put => Some(op),
        Entry::Remove => None,
    };
    Held {
        sequence: held.sequence + parts.weight(),
        writer: op,
        left: entry(held.left, parts.left),
        right: entry(held.right, parts.right),
        lifetime: if parts.lifetime { Some(op) } else { held.lifetime },
        user: parts.user.map(|user| (user, op)).or(held.user),
        password: if parts.password { Some(op) } else { held.password },
    }
}

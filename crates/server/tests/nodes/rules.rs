//! The promises of one server, by name.

use std::fmt;

use crate::history::Op;

/// What is promised.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rule {
    /// Who reads later sees at least what was acknowledged, or seen by somebody, before.
    Stale,
    /// Nothing is seen before it was asked for.
    Early,
    /// Nothing is lost: only what was ended is gone.
    Lost,
    /// What has ended stays ended.
    Risen,
    /// A token dies when the next one is given.
    OldToken,
    /// Of many changes with one token one is made.
    TokenTwice,
    /// The newest token is accepted.
    TokenRefused,
    /// The sequence grows by what was changed.
    Sequence,
    /// A change is made as a whole, or not at all.
    Half,
    /// What was refused, or never asked for, does not happen.
    Ghost,
    /// The time of the last change does not go back; what does not change stays the same.
    Backwards,
    /// Only those errors come that may come.
    Error,
    /// At the end every node is asked for every session.
    Unread,
}

/// A promise that was not kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    pub rule: Rule,
    pub session: Option<Op>,
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}: {}", self.rule, self.session, self.text)
    }
}

/// What the run was like.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Whether nodes or the database went away: then calls may remain without a clear outcome.
    pub disturbed: bool,
    /// How many nodes there were.
    pub nodes: u8,
    /// How far the clocks of nodes and clients may differ, in microseconds.
    pub tolerance: i64,
}

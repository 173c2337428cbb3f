//! What the clients of a run asked, when, of which node, and what they were answered.

use std::fmt;

/// Names one change: the client that asked for it, and which of its changes it is. A session bears the name of the
/// change that made it; a token that of the change that it came with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Op {
    pub client: u16,
    pub number: u32,
}

impl Op {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (client, number) = text.split_once('-')?;
        Some(Self { client: client.parse().ok()?, number: number.parse().ok()? })
    }

    /// The lifetime in seconds that this change gives, if it gives one: no other change gives the same.
    pub fn lifetime(self) -> i64 {
        let nth = i64::from(self.number) * 1000 + i64::from(self.client);
        86_400 + nth * 100
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.client, self.number)
    }
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a change does to one entry of the metadata.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Entry {
    #[default]
    Keep,
    /// Its value becomes the name of the change.
    Put,
    Remove,
}

/// What a change asks for, besides writing its own name into the metadata, which every change does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Parts {
    pub left: Entry,
    pub right: Entry,
    /// [`Op::lifetime`] from now on.
    pub lifetime: bool,
    /// A user check.
    pub user: Option<u8>,
    /// A password check.
    pub password: bool,
}

impl Parts {
    /// By how much the change makes the sequence grow: one for itself, and one for each of its parts.
    pub fn weight(&self) -> u64 {
        2 + u64::from(self.lifetime) + u64::from(self.user.is_some()) + u64::from(self.password)
    }
}

/// Which sessions a list is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Filter {
    Ids(Vec<Op>),
    User(u8),
    Creator,
}

/// What was asked. Tokens go by the change that they came with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    Create {
        op: Op,
        parts: Parts,
    },
    Set {
        op: Op,
        session: Op,
        token: Option<Op>,
        parts: Parts,
    },
    Get {
        session: Op,
        token: Option<Op>,
    },
    /// A session is read by the bearer of its own token.
    Bearer {
        session: Op,
        token: Op,
    },
    /// The newest that match, `limit` at most; without a limit, some later page.
    List {
        filter: Filter,
        limit: Option<usize>,
    },
    Delete {
        session: Op,
        token: Option<Op>,
    },
}

impl Act {
    /// For the summary.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Set { .. } => "set",
            Self::Get { .. } => "get",
            Self::Bearer { .. } => "bearer",
            Self::List { .. } => "list",
            Self::Delete { .. } => "delete",
        }
    }
}

/// A session as Get and List show it. Times are microseconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// The change that made the session, from its metadata.
    pub session: Op,
    pub id: u128,
    pub sequence: u64,
    /// The change that wrote its name last.
    pub writer: Op,
    pub left: Option<Op>,
    pub right: Option<Op>,
    pub expires: Option<i64>,
    /// The user, and when it was checked.
    pub user: Option<(u8, i64)>,
    pub password: Option<i64>,
    pub created: i64,
    pub changed: i64,
}

/// What was answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A session was made or changed, and came with a new token.
    Written {
        id: u128,
        sequence: u64,
    },
    Shown(Box<State>),
    Listed(Vec<State>),
    Ended {
        sequence: u64,
    },
    /// Nothing was done; the id of the error says why.
    Refused(String),
    /// The connection broke, or the answer was that the call is worth repeating: it may have happened or not.
    Unknown(String),
    /// An answer that nobody could make sense of.
    Unclear(String),
}

impl Outcome {
    /// For the summary.
    pub fn kind(&self) -> &str {
        match self {
            Self::Written { .. } | Self::Shown(_) | Self::Listed(_) | Self::Ended { .. } => "ok",
            Self::Refused(id) => id,
            Self::Unknown(_) => "unknown",
            Self::Unclear(_) => "UNCLEAR",
        }
    }
}

/// One call. Both times are microseconds since 1970, taken from one clock that never goes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    pub client: u16,
    pub node: u8,
    pub invoked: i64,
    pub returned: i64,
    pub act: Act,
    pub outcome: Outcome,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = |time: i64| format!("{}.{:06}", time / 1_000_000 % 1000, time % 1_000_000);
        let (invoked, returned) = (second(self.invoked), second(self.returned));
        let Self { client, node, act, outcome, .. } = self;
        write!(f, "[{invoked} to {returned}, client {client}, node {node}] {act:?} -> {outcome:?}")
    }
}

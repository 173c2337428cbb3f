//! What can be searched for, and how far a caller may see.

use crate::base::Timestamp;
use crate::caller::{Caller, Permission, Reach};
use crate::failure::{self, Failure};

/// The bounds that the operator sets on every search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchPolicy {
    /// How many entries a search without a limit gives.
    pub default_limit: u32,
    /// The most that a search may ask for.
    pub most: u32,
}

/// Which part of the matches is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many matches to skip.
    pub offset: u64,
    /// How many to give.
    pub limit: u32,
    /// Smallest first.
    pub ascending: bool,
}

impl Page {
    /// Applies the bounds to what was asked for; a limit of 0 means none was given.
    ///
    /// # Errors
    /// `QUERY-4M0fs` when more is asked for than allowed.
    pub fn new(offset: u64, limit: u32, ascending: bool, policy: SearchPolicy) -> Result<Self, Failure> {
        if limit > policy.most {
            return Err(failure::LIMIT_EXCEEDED);
        }
        let limit = if limit == 0 { policy.default_limit } else { limit };
        Ok(Self { offset, limit, ascending })
    }
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// After.
    Greater,
    /// At or after.
    GreaterOrEqual,
    /// Before.
    Less,
    /// At or before.
    LessOrEqual,
}

/// One condition on sessions; several are joined by "and".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionFilter {
    /// The id is one of these; none if the list is empty.
    Ids(Vec<String>),
    /// The user.
    User(String),
    /// The time of creation.
    Created(Timestamp, Comparison),
    /// Who created it.
    Creator(String),
    /// The fingerprint of the browser.
    Fingerprint(String),
    /// The end of the lifetime. "Greater" also finds sessions without one.
    Expires(Timestamp, Comparison),
}

/// Which sessions the caller may see at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Where the caller may read sessions.
    pub reach: Reach,
    /// Sessions that this user created or is in are seen too.
    pub caller: String,
    /// Sessions of this browser are seen too.
    pub agent: Option<String>,
}

impl SessionView {
    /// The view of a caller: the same rule as [`crate::session::Session::require_read`].
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        Self {
            reach: caller.reach(Permission::SessionRead),
            caller: caller.user_id.clone(),
            agent: caller.agent.clone().filter(|agent| !agent.is_empty()),
        }
    }
}

/// How a text is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextMatch {
    /// The same.
    Equals,
    /// Begins with it.
    StartsWith,
    /// Has it somewhere.
    Contains,
    /// Ends with it.
    EndsWith,
}

/// A condition on a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFilter {
    /// What to look for.
    pub text: String,
    /// Where in the value.
    pub matching: TextMatch,
    /// Whether upper and lower case are the same.
    pub ignore_case: bool,
}

/// A text of a user that can be searched and sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserText {
    /// The user name, which is also the login name.
    Username,
    /// The given name.
    GivenName,
    /// The family name.
    FamilyName,
    /// The nick name.
    NickName,
    /// The display name.
    DisplayName,
    /// The mail address.
    Email,
    /// The phone number.
    Phone,
}

/// One condition on users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserFilter {
    /// A text matches.
    Text(UserText, TextFilter),
    /// The number of the state.
    State(i32),
    /// Persons (`true`) or machines.
    Human(bool),
    /// The id is one of these.
    Ids(Vec<String>),
    /// The mail address is one of these.
    Emails(Vec<String>),
    /// The organisation.
    Organisation(String),
    /// Has a metadata entry with a matching key.
    MetadataKey(TextFilter),
    /// Has a metadata entry with this value, or (`false`) with another one.
    MetadataValue(Vec<u8>, bool),
    /// One of them holds; none if the list is empty.
    Any(Vec<Self>),
    /// All of them hold.
    All(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
}

/// By what users are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserOrder {
    /// The id.
    Id,
    /// A text.
    Text(UserText),
    /// The state.
    State,
    /// Persons and machines.
    Kind,
    /// The time of creation.
    Created,
}

/// Which users the caller may see at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserView {
    /// Where the caller may read users.
    pub reach: Reach,
    /// The caller's own user is seen too.
    pub caller: String,
}

impl UserView {
    /// The view of a caller.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        Self { reach: caller.reach(Permission::UserRead), caller: caller.user_id.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: SearchPolicy = SearchPolicy { default_limit: 1000, most: 1000 };

    #[test]
    fn a_missing_limit_means_the_default_and_too_large_a_limit_is_refused() {
        assert_eq!(Page::new(3, 0, true, POLICY).unwrap().limit, 1000);
        assert_eq!(Page::new(0, 1000, false, POLICY).unwrap().limit, 1000);
        assert_eq!(Page::new(0, 1001, false, POLICY), Err(failure::LIMIT_EXCEEDED));
    }
}

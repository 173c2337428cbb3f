//! Who may call what, as data: one entry for each method and way of calling it, written down from the documentation
//! and not from the code.

use serde_json::{Value, json};

/// What a call is made on. Every call gets fresh ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Nothing,
    Session,
    SessionWithoutUser,
    Human,
    HumanWithPassword,
    LockedHuman,
    InactiveHuman,
    Machine,
    /// A person whose mail address and phone are verified.
    Reached,
    /// A person with a passkey.
    HasKey,
    /// A person like [`Target::Reached`], on whom this method was called before.
    After(&'static str),
}

/// What a caller needs.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// A valid token is enough.
    Anyone,
    /// A permission on the instance.
    Instance(&'static str),
    /// A permission on the organisation of the target, or on the instance.
    Organisation(&'static str),
    /// The same, asked of the method as a whole, before the request is looked at.
    Method(&'static str),
    /// The same on the organisation that the caller belongs to.
    Here(&'static str),
}

/// What becomes of a caller without roles who is the user concerned.
#[derive(Debug, Clone, Copy)]
pub enum Own {
    Allowed,
    /// Nothing special.
    Ruled,
    /// The state of the user keeps them out.
    Refused(&'static str),
}

/// The objects of one call.
#[derive(Debug, Default)]
pub struct Fresh {
    pub number: usize,
    pub home: String,
    pub user: String,
    pub session: String,
    pub session_token: String,
    pub token_id: String,
    pub email_code: String,
    pub phone_code: String,
    pub reset_code: String,
    /// What the call before answered.
    pub answer: Value,
    /// The token of the user concerned.
    pub own: String,
}

pub struct Entry {
    pub rpc: &'static str,
    pub target: Target,
    pub rule: Rule,
    pub own: Own,
    /// Whether the creator of the session may.
    pub creator: bool,
    /// The refusal that everybody meets who is let in, where success would take more than a table has.
    pub ends: Option<&'static str>,
    pub request: fn(&Fresh) -> Value,
}

impl Entry {
    /// The same for a call that is refused in the end, whoever makes it.
    pub const fn ends(self, refusal: &'static str) -> Self {
        Self { ends: Some(refusal), ..self }
    }
}

/// An entry without a right of the creator.
pub const fn entry(
    rpc: &'static str,
    target: Target,
    (rule, own): (Rule, Own),
    request: fn(&Fresh) -> Value,
) -> Entry {
    Entry { rpc, target, rule, own, creator: false, ends: None, request }
}

fn session(fresh: &Fresh) -> Value {
    json!({ "sessionId": fresh.session })
}

fn session_with_token(fresh: &Fresh) -> Value {
    json!({ "sessionId": fresh.session, "sessionToken": fresh.session_token })
}

fn change(mut session: Value) -> Value {
    session["metadata"] = json!({ "key": "eA==" });
    session
}

/// The methods of sessions, the same in both versions.
pub fn sessions() -> Vec<Entry> {
    use Own::{Allowed, Ruled};
    use Rule::{Anyone, Instance, Organisation};
    use Target::{Nothing, Session, SessionWithoutUser};
    let read = "session.read";
    let mut all = vec![
        entry("CreateSession", Nothing, (Instance("session.write"), Ruled), |_| json!({})),
        entry("SetSession", Session, (Organisation("session.write"), Ruled), |one| change(session(one))),
        entry("SetSession", SessionWithoutUser, (Instance("session.write"), Ruled), |one| {
            change(session(one))
        }),
        entry("SetSession", Session, (Anyone, Allowed), |one| change(session_with_token(one))),
        entry("GetSession", Session, (Anyone, Allowed), session_with_token),
        entry("ListSessions", Nothing, (Anyone, Allowed), |_| json!({})),
        entry("DeleteSession", Session, (Organisation("session.delete"), Allowed), session),
        entry("DeleteSession", SessionWithoutUser, (Instance("session.delete"), Ruled), session),
        entry("DeleteSession", Session, (Anyone, Allowed), session_with_token),
    ];
    for (target, rule) in
        [(Session, (Organisation(read), Allowed)), (SessionWithoutUser, (Instance(read), Ruled))]
    {
        all.push(Entry { creator: true, ..entry("GetSession", target, rule, session) });
    }
    all
}

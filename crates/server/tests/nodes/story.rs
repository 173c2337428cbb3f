//! A history told again session by session: what was changed, what was seen, and what was refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::chain::Change;
use crate::history::{Act, Call, Filter, Op, Outcome, Parts, State};

/// Something that a call, number `call` of the history, told about a session.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub call: usize,
    pub invoked: i64,
    pub returned: i64,
}

/// One session.
#[derive(Debug, Default)]
pub struct Story {
    /// Who was made by an acknowledged call; others are only known because they were seen.
    pub acknowledged: bool,
    pub user: Option<u8>,
    pub changes: Vec<Change>,
    /// Its states as Get and List showed them.
    pub sights: Vec<(Moment, State)>,
    /// Tokens that were accepted, each with the sequence that it was accepted at, where the answer tells.
    pub accepted: Vec<(Moment, Op, Option<u64>)>,
    /// Tokens that were refused.
    pub refused: Vec<(Moment, Op)>,
    /// Calls that only succeed while the session lives.
    pub alive: Vec<Moment>,
    /// Calls that found it ended, or not at all.
    pub gone: Vec<Moment>,
    /// Its ends: acknowledged ones with their sequence.
    pub ends: Vec<(Moment, Option<u64>)>,
    /// The nodes where it was looked for after every change had come to an end.
    pub reads: Vec<(Moment, u8)>,
}

/// Every session by its name.
pub type Stories = BTreeMap<Op, Story>;

/// The refusals that say that a token is not, or no longer, the newest.
pub const WRONG_TOKEN: [&str; 2] = ["COMMAND-sGr42", "QUERY-dsfr3"];
/// The refusals that say that the session is over.
pub const OVER: [&str; 2] = ["QUERY-SFeaa", "COMMAND-Hewfq"];

/// Tells a history again.
pub fn tell(calls: &[Call], tolerance: i64) -> Stories {
    let mut stories = Stories::new();
    let mut births = BTreeMap::new();
    for (number, call) in calls.iter().enumerate() {
        if let (Act::Create { op, parts }, Outcome::Written { id, .. }) = (&call.act, &call.outcome) {
            births.insert(*id, (*op, parts.user, call.returned));
        }
        let moment = Moment { call: number, invoked: call.invoked, returned: call.returned };
        tell_one(&mut stories, moment, call);
    }
    for (number, call) in calls.iter().enumerate() {
        let moment = Moment { call: number, invoked: call.invoked, returned: call.returned };
        if let (Act::List { filter, limit: Some(limit) }, Outcome::Listed(states)) =
            (&call.act, &call.outcome)
        {
            let newest = format!("{:016}{}", (call.returned + tolerance).max(0), "9".repeat(20));
            let window = window(states, *limit, filter)..newest.parse().unwrap_or(u128::MAX);
            for session in absent(&births, window, filter, states, call.invoked) {
                stories.entry(session).or_default().gone.push(moment);
            }
        }
    }
    stories
}

/// From which id on a list is complete.
fn window(states: &[State], limit: usize, filter: &Filter) -> u128 {
    let full = states.len() >= limit && !matches!(filter, Filter::Ids(_));
    states.iter().map(|state| state.id).min().filter(|_| full).unwrap_or(0)
}

/// The sessions that were there before the list was asked for, and that it should show if they live.
fn absent<'a>(
    births: &'a BTreeMap<u128, (Op, Option<u8>, i64)>,
    window: std::ops::Range<u128>,
    filter: &'a Filter,
    states: &'a [State],
    invoked: i64,
) -> impl Iterator<Item = Op> + 'a {
    let shown: BTreeSet<Op> = states.iter().map(|state| state.session).collect();
    let wanted = move |op: &Op, user: Option<u8>| match filter {
        Filter::Ids(ids) => ids.contains(op),
        Filter::User(wanted) => user == Some(*wanted),
        Filter::Creator => true,
    };
    let born = births.range(window).map(|(_, birth)| birth);
    born.filter(move |(op, user, returned)| *returned < invoked && wanted(op, *user) && !shown.contains(op))
        .map(|(op, _, _)| *op)
}

fn tell_one(stories: &mut Stories, moment: Moment, call: &Call) {
    match &call.act {
        Act::Create { op, parts } => tell_change(stories, moment, call, (*op, *op, None, *parts)),
        Act::Set { op, session, token, parts } => {
            tell_change(stories, moment, call, (*op, *session, *token, *parts));
        }
        Act::Get { session, token } => tell_look(stories, moment, call, (*session, *token, true)),
        Act::Bearer { session, token } => tell_look(stories, moment, call, (*session, Some(*token), false)),
        Act::List { filter, .. } => {
            let Outcome::Listed(states) = &call.outcome else { return };
            for state in states {
                let story = stories.entry(state.session).or_default();
                story.alive.push(moment);
                story.sights.push((moment, state.clone()));
            }
            for session in states.iter().map(|state| state.session).chain(match filter {
                Filter::Ids(ids) => ids.clone(),
                _ => Vec::new(),
            }) {
                stories.entry(session).or_default().reads.push((moment, call.node));
            }
        }
        Act::Delete { session, token } => tell_end(stories, moment, call, (*session, *token)),
    }
}

fn tell_change(
    stories: &mut Stories,
    moment: Moment,
    call: &Call,
    (op, session, token, parts): (Op, Op, Option<Op>, Parts),
) {
    let story = stories.entry(session).or_default();
    let acknowledged = match &call.outcome {
        Outcome::Written { sequence, .. } => Some((call.returned, *sequence)),
        Outcome::Refused(id) => {
            return tell_refusal(story, moment, id, token);
        }
        _ => None,
    };
    if op == session {
        story.acknowledged = acknowledged.is_some();
        story.user = parts.user;
    } else if let Some((_, sequence)) = acknowledged {
        story.alive.push(moment);
        if let Some(token) = token {
            story.accepted.push((moment, token, sequence.checked_sub(parts.weight())));
        }
    }
    story.changes.push(Change { op, parts, token, invoked: call.invoked, acknowledged });
}

fn tell_look(
    stories: &mut Stories,
    moment: Moment,
    call: &Call,
    (session, token, exact): (Op, Option<Op>, bool),
) {
    let story = stories.entry(session).or_default();
    match &call.outcome {
        Outcome::Shown(state) => {
            story.alive.push(moment);
            story.sights.push((moment, (**state).clone()));
            story.reads.push((moment, call.node));
            if let Some(token) = token {
                story.accepted.push((moment, token, exact.then_some(state.sequence)));
            }
        }
        Outcome::Refused(id) => {
            story.reads.push((moment, call.node));
            tell_refusal(story, moment, id, token);
        }
        _ => {}
    }
}

fn tell_end(stories: &mut Stories, moment: Moment, call: &Call, (session, token): (Op, Option<Op>)) {
    let story = stories.entry(session).or_default();
    match &call.outcome {
        Outcome::Ended { sequence } => {
            story.ends.push((moment, Some(*sequence)));
            story.gone.push(moment);
            if let Some(token) = token {
                story.accepted.push((moment, token, sequence.checked_sub(1)));
            }
        }
        Outcome::Refused(id) => tell_refusal(story, moment, id, token),
        _ => story.ends.push((moment, None)),
    }
}

fn tell_refusal(story: &mut Story, moment: Moment, id: &str, token: Option<Op>) {
    if OVER.contains(&id) {
        story.gone.push(moment);
    }
    if let Some(token) = token.filter(|_| WRONG_TOKEN.contains(&id)) {
        story.refused.push((moment, token));
    }
}

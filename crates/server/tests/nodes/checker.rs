//! The promises of one server, held against the history of a run: every violation is found that the answers give away.

use std::collections::{BTreeMap, BTreeSet};

use crate::chain::{Broken, Chain, Change};
use crate::history::{Act, Call, Filter, Op, Outcome, State};
use crate::rules::{Rule, Terms, Violation};
use crate::story::{Moment, OVER, Stories, Story, WRONG_TOKEN, tell};

/// Finds what was not kept.
pub fn check(calls: &[Call], terms: Terms) -> Vec<Violation> {
    let mut found = errors(calls, terms);
    let stories: Stories = tell(calls, terms.tolerance);
    for (session, story) in &stories {
        let mut check = Check { session: *session, story, calls, terms, found: &mut found };
        check.run();
    }
    found.extend(ids(&stories));
    found
}

/// Errors that may not come, whatever else is right.
fn errors(calls: &[Call], terms: Terms) -> Vec<Violation> {
    let allowed = |call: &&Call| match &call.outcome {
        Outcome::Unknown(_) => terms.disturbed,
        Outcome::Unclear(_) => false,
        Outcome::Refused(id) => {
            let (over, wrong) = (OVER.contains(&id.as_str()), WRONG_TOKEN.contains(&id.as_str()));
            match &call.act {
                Act::Create { .. } | Act::List { .. } => false,
                Act::Bearer { .. } => over || wrong,
                Act::Set { token, .. } | Act::Get { token, .. } => over || (wrong && token.is_some()),
                Act::Delete { token, .. } => wrong && token.is_some(),
            }
        }
        _ => true,
    };
    let wrong = calls.iter().filter(|call| !allowed(call));
    wrong.map(|call| Violation { rule: Rule::Error, session: None, text: call.to_string() }).collect()
}

/// One request makes one session, and one session has one id.
fn ids(stories: &Stories) -> Vec<Violation> {
    let mut found = Vec::new();
    for (session, story) in stories {
        let ids: BTreeSet<u128> = story.sights.iter().map(|(_, state)| state.id).collect();
        if ids.len() > 1 {
            let text = format!("one request made several sessions: {ids:?}");
            found.push(Violation { rule: Rule::Ghost, session: Some(*session), text });
        }
    }
    found
}

/// The check of one session.
struct Check<'a> {
    session: Op,
    story: &'a Story,
    calls: &'a [Call],
    terms: Terms,
    found: &'a mut Vec<Violation>,
}

impl Check<'_> {
    fn run(&mut self) {
        self.deaths();
        self.evidence();
        self.tokens_used_twice();
        self.unread();
        let seen = self.seen();
        let last = self.last();
        let changes = &self.story.changes;
        let chain = Chain::new(changes, &seen, last, self.terms.tolerance).and_then(Chain::settle);
        match chain {
            Ok(chain) => {
                self.early(&chain);
                self.refusals(&chain);
            }
            Err(Broken::Ghost(text)) => self.blame(Rule::Ghost, text),
            Err(Broken::Half(text)) => self.blame(Rule::Half, text),
            Err(Broken::Sequence(text)) => self.blame(Rule::Sequence, text),
            Err(Broken::Token(text)) => self.blame(Rule::OldToken, text),
        }
    }

    fn blame(&mut self, rule: Rule, text: String) {
        self.found.push(Violation { rule, session: Some(self.session), text });
    }

    fn blame_call(&mut self, rule: Rule, moment: Moment, text: &str) {
        let Some(call) = self.calls.get(moment.call) else { return };
        let mut call = call.clone();
        // Of a list, only what it says of this session is of interest.
        if let Act::List { filter: Filter::Ids(ids), .. } = &mut call.act {
            ids.retain(|id| *id == self.session);
        }
        if let Outcome::Listed(states) = &mut call.outcome {
            states.retain(|state| state.session == self.session);
        }
        self.blame(rule, format!("{text}: {call}"));
    }

    /// What has ended stays ended, and only what somebody ended.
    fn deaths(&mut self) {
        let Some(first) = self.story.gone.iter().min_by_key(|moment| moment.returned).copied() else {
            return;
        };
        if !self.story.ends.iter().any(|(end, _)| end.invoked < first.returned) {
            self.blame_call(Rule::Lost, first, "gone, though nobody had ended it");
        }
        for alive in self.story.alive.iter().filter(|alive| alive.invoked > first.returned) {
            self.blame_call(Rule::Risen, *alive, "alive, though it had been found ended");
        }
    }

    /// Everybody sees what is known to have been there before, and no token outlives what came after it.
    fn evidence(&mut self) {
        let known = Evidence::of(self.story);
        for (moment, state) in &self.story.sights {
            let least = known.before(moment.invoked);
            if state.sequence < least {
                self.blame_call(Rule::Stale, *moment, &format!("sequence {least} had been there"));
            }
        }
        let acknowledged =
            self.story.changes.iter().filter_map(|change| Some((change, change.acknowledged?)));
        for (change, (_, sequence)) in acknowledged {
            let least = known.before(change.invoked);
            if sequence < least + change.parts.weight() {
                self.blame(Rule::Stale, format!("sequence {least} had been there before {change:?}"));
            }
        }
        let minted: BTreeMap<Op, u64> = self
            .story
            .changes
            .iter()
            .filter_map(|change| Some((change.op, change.acknowledged?.1)))
            .collect();
        for (moment, token, at) in &self.story.accepted {
            let Some(sequence) = minted.get(token).copied() else {
                self.blame_call(Rule::Ghost, *moment, "a token that nobody was given");
                continue;
            };
            if known.before(moment.invoked) > sequence || at.is_some_and(|at| at != sequence) {
                let text = format!("the token of sequence {sequence} was accepted");
                self.blame_call(Rule::OldToken, *moment, &text);
            }
        }
    }

    fn tokens_used_twice(&mut self) {
        let mut used: BTreeMap<Op, Op> = BTreeMap::new();
        for change in self.story.changes.iter().filter(|change| change.acknowledged.is_some()) {
            if let Some(other) = change.token.and_then(|token| used.insert(token, change.op)) {
                self.blame(Rule::TokenTwice, format!("{other} and {} with one token", change.op));
            }
        }
    }

    /// The states that were seen, by sequence. What has one sequence has one state.
    fn seen(&mut self) -> BTreeMap<u64, State> {
        let mut seen: BTreeMap<u64, State> = BTreeMap::new();
        for (moment, state) in &self.story.sights {
            match seen.get(&state.sequence) {
                Some(other) if other != state => {
                    let text = format!("one sequence, two states; the other is {other:?}");
                    self.blame_call(Rule::Half, *moment, &text);
                }
                Some(_) => {}
                None => drop(seen.insert(state.sequence, state.clone())),
            }
        }
        let back = seen.values().zip(seen.values().skip(1)).filter(|(before, after)| {
            before.changed > after.changed || before.created != after.created || after.created > after.changed
        });
        let back: Vec<String> = back.map(|(before, after)| format!("{before:?}, then {after:?}")).collect();
        back.into_iter().for_each(|text| self.blame(Rule::Backwards, text));
        seen
    }

    /// The sequence before the end. Who ends what has ended is told the same.
    fn last(&mut self) -> Option<u64> {
        let told: BTreeSet<u64> = self.story.ends.iter().filter_map(|(_, sequence)| *sequence).collect();
        if told.contains(&0) {
            self.blame(Rule::Lost, "whoever ended it was told that there never was one".to_owned());
        }
        if told.len() > 1 {
            self.blame(Rule::Sequence, format!("it ended with several sequences: {told:?}"));
        }
        told.first().and_then(|sequence| sequence.checked_sub(1))
    }

    fn early(&mut self, chain: &[(u64, Op)]) {
        let changes: BTreeMap<Op, i64> = invocations(self.story);
        let places: BTreeMap<u64, Op> = chain.iter().copied().collect();
        for (moment, state) in &self.story.sights {
            let writer = places.get(&state.sequence);
            let asked = writer.and_then(|writer| changes.get(writer));
            if asked.is_none_or(|asked| *asked >= moment.returned) {
                self.blame_call(Rule::Early, *moment, "seen before it was asked for");
            }
        }
    }

    /// A token is only refused when another change had come between, or may have.
    fn refusals(&mut self, chain: &[(u64, Op)]) {
        let changes: BTreeMap<Op, i64> = invocations(self.story);
        let places: BTreeMap<Op, usize> = chain.iter().enumerate().map(|(at, (_, op))| (*op, at)).collect();
        for (moment, token) in &self.story.refused {
            let next = places.get(token).and_then(|place| chain.get(place + 1));
            let asked = match next {
                Some((_, next)) => changes.get(next).copied(),
                // Nobody looked after the last one; a change without an answer may have come after it.
                None => {
                    let may = |change: &&Change| {
                        change.acknowledged.is_none()
                            && !places.contains_key(&change.op)
                            && change.token.is_none_or(|presented| presented == *token)
                    };
                    self.story.changes.iter().filter(may).map(|change| change.invoked).min()
                }
            };
            if asked.is_none_or(|asked| asked >= moment.returned) {
                self.blame_call(Rule::TokenRefused, *moment, "the newest token");
            }
        }
    }

    /// Every node was asked for every session that was acknowledged, after all its changes.
    fn unread(&mut self) {
        let ends = self.story.ends.iter().map(|(moment, _)| moment.returned);
        let changes = self.story.changes.iter().filter_map(|change| Some(change.acknowledged?.0));
        let latest = ends.chain(changes).max().unwrap_or(0);
        let asked = self.story.reads.iter().filter(|(moment, _)| moment.invoked > latest);
        let nodes: BTreeSet<u8> = asked.map(|(_, node)| *node).collect();
        if self.story.acknowledged && nodes.len() < usize::from(self.terms.nodes) {
            self.blame(Rule::Unread, format!("only read on the nodes {nodes:?}"));
        }
    }
}

/// When each change was asked for.
fn invocations(story: &Story) -> BTreeMap<Op, i64> {
    story.changes.iter().map(|change| (change.op, change.invoked)).collect()
}

/// From when on a sequence is known to be there.
struct Evidence(Vec<(i64, u64)>);

impl Evidence {
    fn of(story: &Story) -> Self {
        let changes = story.changes.iter().filter_map(|change| change.acknowledged);
        let sights = story.sights.iter().map(|(moment, state)| (moment.returned, state.sequence));
        let mut known: Vec<(i64, u64)> = changes.chain(sights).collect();
        known.sort_unstable();
        let mut most = 0;
        for (_, sequence) in &mut known {
            most = most.max(*sequence);
            *sequence = most;
        }
        Self(known)
    }

    /// What was there before a call was made.
    fn before(&self, invoked: i64) -> u64 {
        let earlier = self.0.partition_point(|(time, _)| *time < invoked);
        earlier.checked_sub(1).and_then(|at| self.0.get(at)).map_or(0, |(_, sequence)| *sequence)
    }
}

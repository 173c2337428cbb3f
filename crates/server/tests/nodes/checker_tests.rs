//! The checker finds what it is there for: every rule is shown a history that keeps it and one that does not.

use crate::checker::check;
use crate::history::{Act, Filter, Outcome, Parts, State};
use crate::rules::{Rule, Terms};
use crate::tape::{BORN, LASTS, SESSION, START, Tape, birth, changed, id, newborn, op, refused, unknown};

/// A lost node or database is an error in a calm run only; anything unclear always is.
#[test]
fn errors_are_told_apart() {
    let calm = Terms { disturbed: false, nodes: 2, tolerance: 1_000_000 };
    let lost = Tape::born().get(None, unknown()).end(&newborn());
    lost.holds();
    assert_eq!(check(&lost.0, calm).len(), 1);
    let unclear = Outcome::Unclear("500".to_owned());
    Tape::born().get(None, unclear).end(&newborn()).breaks(Rule::Error);
    Tape::born().get(None, refused("AUTH-7fs1e")).end(&newborn()).breaks(Rule::Error);
    let listed = Act::List { filter: Filter::Creator, limit: Some(10) };
    Tape::born().call(listed, refused("QUERY-SFeaa")).end(&newborn()).breaks(Rule::Error);
    // Without a token no token can be wrong.
    Tape::born().get(None, refused("QUERY-dsfr3")).end(&newborn()).breaks(Rule::Error);
}

#[test]
fn a_later_read_shows_at_least_what_was_acknowledged() {
    let written = Tape::born().set_ok(2, None, BORN + 2);
    written.clone().shows(None, changed(2, BORN + 2)).end(&changed(2, BORN + 2)).holds();
    written.clone().shows(None, newborn()).end(&changed(2, BORN + 2)).breaks(Rule::Stale);
    // While the change was on the way, both are right.
    written.clone().shows(None, newborn()).meanwhile().end(&changed(2, BORN + 2)).holds();
    let ids = || Filter::Ids(vec![SESSION]);
    written.clone().list(ids(), 10, vec![changed(2, BORN + 2)]).end(&changed(2, BORN + 2)).holds();
    written.list(ids(), 10, vec![newborn()]).end(&changed(2, BORN + 2)).breaks(Rule::Stale);
}

#[test]
fn what_one_reader_saw_the_next_one_sees() {
    let (old, new) = (newborn(), changed(2, BORN + 2));
    let unsure = Tape::born().set(2, None, unknown());
    unsure.clone().shows(None, old.clone()).shows(None, new.clone()).end(&new).holds();
    unsure.shows(None, new.clone()).shows(None, old).end(&new).breaks(Rule::Stale);
}

#[test]
fn a_change_is_made_upon_what_was_acknowledged() {
    let two = Tape::born().set_ok(2, None, BORN + 2).set_ok(3, None, BORN + 4);
    two.end(&changed(3, BORN + 4)).holds();
    let backwards = Tape::born().set_ok(2, None, BORN + 4).set_ok(3, None, BORN + 2);
    backwards.end(&changed(2, BORN + 4)).breaks(Rule::Stale);
}

#[test]
fn nothing_is_seen_before_it_was_asked_for() {
    let seen = Tape::born().shows(None, changed(2, BORN + 2)).set_ok(2, None, BORN + 2);
    seen.end(&changed(2, BORN + 2)).breaks(Rule::Early);
}

#[test]
fn what_nobody_ended_is_there() {
    Tape::born().end(&newborn()).holds();
    Tape::born().get(None, refused("QUERY-SFeaa")).end(&newborn()).breaks(Rule::Lost);
    Tape::born().list(Filter::Ids(vec![SESSION]), 10, Vec::new()).end(&newborn()).breaks(Rule::Lost);
    // Whoever asks for the end is told of the session.
    Tape::born().delete(None, Outcome::Ended { sequence: 0 }).end_gone().breaks(Rule::Lost);
    // It may have been ended by whoever was not answered, but not by one who asked later.
    Tape::born().delete(None, unknown()).end_gone().holds();
    Tape::born().get(None, refused("QUERY-SFeaa")).delete(None, unknown()).end_gone().breaks(Rule::Lost);
}

#[test]
fn a_page_shows_the_newest() {
    let other = |born: i64| State { session: op(7), id: id(born), ..newborn() };
    let listed = |filter, limit, states| Tape::born().list(filter, limit, states).broken();
    // A page that is full of newer ones says nothing, one that is not, or shows older ones, says it all.
    for filter in [Filter::Creator, Filter::User(0)] {
        assert!(!listed(filter.clone(), 1, vec![other(START + 1)]).contains(&Rule::Lost), "{filter:?}");
        assert!(listed(filter.clone(), 2, vec![other(START + 1)]).contains(&Rule::Lost), "{filter:?}");
        assert!(listed(filter.clone(), 1, vec![other(START - 1)]).contains(&Rule::Lost), "{filter:?}");
    }
    assert!(!listed(Filter::User(1), 2, Vec::new()).contains(&Rule::Lost));
    // A list that was asked for before the session was acknowledged may be without it.
    Tape::born().list(Filter::Creator, 10, Vec::new()).meanwhile().end(&newborn()).holds();
}

#[test]
fn what_has_ended_stays_ended() {
    let ended = Tape::born().delete(None, Outcome::Ended { sequence: BORN + 1 });
    ended.clone().end_gone().holds();
    ended.clone().delete(None, Outcome::Ended { sequence: BORN + 1 }).end_gone().holds();
    ended.clone().shows(None, newborn()).meanwhile().end_gone().holds();
    ended.clone().shows(None, newborn()).end_gone().breaks(Rule::Risen);
    ended.clone().shows(Some(1), newborn()).end_gone().breaks(Rule::Risen);
    ended.clone().set_ok(2, None, BORN + 3).end_gone().breaks(Rule::Risen);
    ended.clone().bearer(1, Outcome::Shown(Box::new(newborn()))).end_gone().breaks(Rule::Risen);
    ended.clone().list(Filter::Creator, 10, vec![newborn()]).end_gone().breaks(Rule::Risen);
    ended.list(Filter::Ids(vec![SESSION]), 10, vec![newborn()]).end_gone().breaks(Rule::Risen);
    // Gone for one is gone for all, even if nobody acknowledged the end.
    let unsure = Tape::born().delete(None, unknown());
    unsure.clone().shows(None, newborn()).end_gone().holds();
    unsure.end_gone().shows(None, newborn()).breaks(Rule::Risen);
}

#[test]
fn a_token_dies_when_the_next_one_is_given() {
    let (new, turned) = (changed(2, BORN + 2), Tape::born().set_ok(2, Some(1), BORN + 2));
    turned.clone().get(Some(1), refused("QUERY-dsfr3")).shows(Some(2), new.clone()).end(&new).holds();
    turned.clone().bearer(1, refused("QUERY-dsfr3")).end(&new).holds();
    turned.clone().shows(Some(1), new.clone()).end(&new).breaks(Rule::OldToken);
    turned.clone().bearer(1, Outcome::Shown(Box::new(new.clone()))).end(&new).breaks(Rule::OldToken);
    turned.clone().set_ok(3, Some(1), BORN + 4).end(&changed(3, BORN + 4)).breaks(Rule::OldToken);
    let ended = Outcome::Ended { sequence: BORN + 3 };
    turned.clone().delete(Some(1), ended.clone()).end_gone().breaks(Rule::OldToken);
    turned.clone().delete(Some(2), ended).end_gone().holds();
    // Even at the same time a token only opens the one state that it came with.
    turned.clone().shows(Some(1), newborn()).meanwhile().end(&new).holds();
    turned.shows(Some(1), new.clone()).meanwhile().end(&new).breaks(Rule::OldToken);
}

#[test]
fn a_token_also_dies_when_its_successor_is_only_seen() {
    let (new, unsure) = (changed(2, BORN + 2), Tape::born().set(2, Some(1), unknown()));
    let seen = unsure.shows(None, new.clone());
    seen.clone().bearer(1, refused("QUERY-dsfr3")).end(&new).holds();
    seen.bearer(1, Outcome::Shown(Box::new(new.clone()))).end(&new).breaks(Rule::OldToken);
}

#[test]
fn of_two_changes_with_one_token_one_is_made() {
    let first = Tape::born().set_ok(2, Some(1), BORN + 2);
    first.clone().set(3, Some(1), refused("COMMAND-sGr42")).end(&changed(2, BORN + 2)).holds();
    let both = first.clone().set_ok(3, Some(1), BORN + 4).meanwhile();
    both.end(&changed(3, BORN + 4)).breaks(Rule::TokenTwice);
    // Without a token both may be made, one upon the other.
    first.set_ok(3, None, BORN + 4).meanwhile().end(&changed(3, BORN + 4)).holds();
}

#[test]
fn the_newest_token_is_accepted() {
    let wrong = || refused("COMMAND-sGr42");
    Tape::born().set(2, Some(1), wrong()).end(&newborn()).breaks(Rule::TokenRefused);
    Tape::born().get(Some(1), refused("QUERY-dsfr3")).end(&newborn()).breaks(Rule::TokenRefused);
    Tape::born().delete(Some(1), wrong()).end(&newborn()).breaks(Rule::TokenRefused);
    // Too early: the change that made it an old one was not even asked for.
    let early = Tape::born().set(2, Some(1), wrong()).set_ok(3, None, BORN + 2);
    early.end(&changed(3, BORN + 2)).breaks(Rule::TokenRefused);
    // A change of which nobody knows may have come between, unless it is known where it stands.
    let unsure = Tape::born().set(2, Some(1), unknown()).set(3, Some(1), wrong());
    unsure.clone().delete(None, unknown()).end_gone().holds();
    unsure.clone().end(&changed(2, BORN + 2)).holds();
}

#[test]
fn the_sequence_grows_by_what_was_changed() {
    Tape::born().set_ok(2, None, BORN + 3).end(&changed(2, BORN + 3)).breaks(Rule::Sequence);
    Tape::born().set_ok(2, None, BORN + 1).end(&changed(2, BORN + 1)).breaks(Rule::Sequence);
    let twice = Tape::born().set_ok(2, None, BORN + 2).set_ok(3, None, BORN + 2).meanwhile();
    twice.end(&changed(3, BORN + 2)).breaks(Rule::Sequence);
    let created = Act::Create { op: SESSION, parts: birth() };
    let odd = Tape::default().call(created, Outcome::Written { id: id(START), sequence: 5 });
    odd.end(&State { sequence: 5, ..newborn() }).breaks(Rule::Sequence);
    // The end is a change as well, and one end is not another.
    Tape::born().delete(None, Outcome::Ended { sequence: BORN + 2 }).end_gone().breaks(Rule::Sequence);
    let ended = Tape::born().delete(None, Outcome::Ended { sequence: BORN + 1 });
    ended.delete(None, Outcome::Ended { sequence: BORN + 2 }).end_gone().breaks(Rule::Sequence);
}

#[test]
fn an_acknowledged_change_is_not_lost() {
    let written = Tape::born().set_ok(2, None, BORN + 2);
    written.clone().end(&newborn()).breaks(Rule::Stale);
    // The end tells that it was made upon something older.
    written.clone().delete(None, Outcome::Ended { sequence: BORN + 1 }).end_gone().breaks(Rule::Sequence);
    // Another one took its place, and its number.
    let replaced = written.set_ok(3, None, BORN + 4);
    let without = State { left: None, ..changed(3, BORN + 4) };
    replaced.end(&without).breaks(Rule::Half);
}

#[test]
fn a_change_without_an_answer_is_made_whole_or_not_at_all() {
    let act = || Act::Set {
        op: op(2),
        session: SESSION,
        token: None,
        parts: Parts { lifetime: true, ..crate::tape::left() },
    };
    let unsure = Tape::born().call(act(), unknown());
    let expires = START + LASTS * 2 + op(2).lifetime() * 1_000_000;
    let whole = State { expires: Some(expires), ..changed(2, BORN + 3) };
    unsure.clone().end(&newborn()).holds();
    unsure.clone().end(&whole).holds();
    unsure.clone().end(&State { expires: None, ..whole.clone() }).breaks(Rule::Half);
    unsure.clone().end(&State { left: None, ..whole.clone() }).breaks(Rule::Half);
    unsure.clone().end(&State { expires: Some(expires + 90_000_000), ..whole.clone() }).breaks(Rule::Half);
    unsure.clone().end(&State { writer: SESSION, ..whole.clone() }).breaks(Rule::Sequence);
    unsure.clone().end(&State { sequence: BORN + 2, ..whole.clone() }).breaks(Rule::Sequence);
    unsure.clone().end(&State { left: Some(op(2)), ..newborn() }).breaks(Rule::Half);
    // It is not made twice either.
    unsure.shows(None, whole.clone()).end(&State { sequence: BORN + 6, ..whole }).breaks(Rule::Sequence);
}

#[test]
fn what_nobody_saw_is_found_by_the_gap_that_it_leaves() {
    let unsure = Tape::born().set(2, None, unknown()).set_ok(3, None, BORN + 4);
    unsure.clone().end(&changed(3, BORN + 4)).holds();
    // With the token of the birth it can only stand right after it.
    let late = Tape::born().set_ok(2, None, BORN + 2).set(3, Some(1), unknown()).set_ok(4, None, BORN + 6);
    late.end(&changed(4, BORN + 6)).breaks(Rule::Sequence);
    // One of two may be it: the entry that only one of them removes tells which.
    let removes = Act::Set {
        op: op(4),
        session: SESSION,
        token: None,
        parts: Parts { left: crate::history::Entry::Remove, ..Parts::default() },
    };
    let keeps = Act::Set { op: op(5), session: SESSION, token: None, parts: Parts::default() };
    let written = Outcome::Written { id: id(START), sequence: BORN + 6 };
    let between = Tape::born().set_ok(2, None, BORN + 2).set(3, None, unknown()).call(removes, unknown());
    let between = between.call(keeps, written);
    for left in [None, Some(op(3))] {
        between.clone().end(&State { writer: op(5), left, ..changed(5, BORN + 6) }).holds();
    }
    between.end(&State { writer: op(5), left: Some(op(2)), ..changed(5, BORN + 6) }).breaks(Rule::Half);
}

#[test]
fn what_was_refused_does_not_happen() {
    let refused = Tape::born().set_ok(2, None, BORN + 2).set(3, Some(1), refused("COMMAND-sGr42"));
    refused.clone().end(&changed(2, BORN + 2)).holds();
    refused.end(&changed(3, BORN + 4)).breaks(Rule::Ghost);
}

#[test]
fn a_birth_without_an_answer_makes_one_whole_session_or_none() {
    let asked = || Tape::default().call(Act::Create { op: SESSION, parts: birth() }, unknown());
    asked().list(Filter::Creator, 10, Vec::new()).holds();
    asked().list(Filter::Creator, 10, vec![newborn()]).holds();
    let without_user = State { user: None, ..newborn() };
    asked().list(Filter::Creator, 10, vec![without_user]).breaks(Rule::Half);
    let other = State { id: id(START + 1), ..newborn() };
    asked().list(Filter::Creator, 10, vec![newborn(), other]).breaks(Rule::Ghost);
    Tape::default().list(Filter::Creator, 10, vec![newborn()]).breaks(Rule::Ghost);
}

#[test]
fn one_sequence_has_one_state_and_no_change_lies_before_the_last_one() {
    let later = State { changed: START + 5, ..newborn() };
    Tape::born().shows(None, newborn()).end(&later).breaks(Rule::Half);
    let written = Tape::born().shows(None, later.clone()).set_ok(2, None, BORN + 2);
    written.clone().end(&State { changed: START + 5, ..changed(2, BORN + 2) }).holds();
    written.clone().end(&State { changed: START + 4, ..changed(2, BORN + 2) }).breaks(Rule::Backwards);
    written.end(&State { created: START + 1, ..changed(2, BORN + 2) }).breaks(Rule::Backwards);
}

#[test]
fn every_node_is_asked_at_the_end() {
    Tape::born().shows(None, newborn()).breaks(Rule::Unread);
    Tape::born().end(&newborn()).set_ok(2, None, BORN + 2).breaks(Rule::Unread);
}

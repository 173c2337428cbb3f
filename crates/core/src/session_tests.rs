//! Tests of the rules of a session.

use super::*;
use crate::caller::{Membership, Role};

const NOW: Timestamp = Timestamp(1_763_632_800_123_456);

fn birth() -> Birth {
    Birth {
        id: "1".to_owned(),
        creator: "creator".to_owned(),
        token: [1; 32],
        user_agent: UserAgent::default(),
        now: NOW,
    }
}

fn user() -> SessionUser {
    SessionUser { id: "user".to_owned(), organisation: "home".to_owned(), verified: NOW }
}

fn metadata(entries: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
}

fn created(changes: &Changes) -> Session {
    Session::create(birth(), changes).unwrap()
}

fn caller(user_id: &str, memberships: &[(Option<&str>, Role)]) -> Caller {
    let memberships = memberships
        .iter()
        .map(|(organisation, role)| Membership { organisation: organisation.map(str::to_owned), role: *role })
        .collect();
    Caller { user_id: user_id.to_owned(), organisation: "home".to_owned(), memberships, agent: None }
}

#[test]
fn the_sequence_counts_every_event_of_a_creation() {
    let user = Some(user());
    let password = Factors { password: Some(NOW), ..Factors::default() };
    let passkey = Factors { web_auth_n: Some((NOW, true)), ..Factors::default() };
    let lifetime = Some(Span::seconds(60));
    let some = metadata(&[("a", "b")]);
    let cases = [
        (2, Changes::default()),
        (3, Changes { metadata: some.clone(), ..Changes::default() }),
        (2, Changes { metadata: metadata(&[("a", "")]), ..Changes::default() }),
        (3, Changes { lifetime, ..Changes::default() }),
        (3, Changes { user: user.clone(), ..Changes::default() }),
        (4, Changes { user: user.clone(), factors: password, ..Changes::default() }),
        (4, Changes { user: user.clone(), challenged: 1, ..Changes::default() }),
        (5, Changes { user: user.clone(), factors: passkey, ..Changes::default() }),
        (5, Changes { user, metadata: some, lifetime, ..Changes::default() }),
    ];
    for (sequence, changes) in cases {
        assert_eq!(created(&changes).sequence, sequence, "{changes:?}");
    }
}

#[test]
fn an_update_counts_its_events_and_one_for_the_token() {
    let mut session = created(&Changes::default());
    let changes = Changes { user: Some(user()), ..Changes::default() };
    assert_eq!(session.update(&changes, [2; 32], NOW.plus(Span(5))), Ok(true));
    assert_eq!(session.sequence, 4);
    assert_eq!(session.token, [2; 32]);
    assert_eq!(session.changed, NOW.plus(Span(5)));
    assert_eq!(session.created, NOW);
}

#[test]
fn an_update_that_changes_nothing_leaves_token_sequence_and_date() {
    let mut session = created(&Changes { metadata: metadata(&[("a", "b")]), ..Changes::default() });
    let before = session.clone();
    let nothing = Changes { metadata: metadata(&[("unknown", "")]), ..Changes::default() };
    assert_eq!(session.update(&nothing, [2; 32], NOW.plus(Span(5))), Ok(false));
    assert_eq!(session, before);
}

#[test]
fn metadata_merges_and_an_empty_value_deletes() {
    let mut session =
        created(&Changes { metadata: metadata(&[("a", "1"), ("b", "2")]), ..Changes::default() });
    let changes = Changes { metadata: metadata(&[("a", ""), ("c", "3")]), ..Changes::default() };
    assert_eq!(session.update(&changes, [2; 32], NOW), Ok(true));
    assert_eq!(session.metadata, metadata(&[("b", "2"), ("c", "3")]));
}

#[test]
fn the_last_key_can_be_deleted_too() {
    let mut session = created(&Changes { metadata: metadata(&[("a", "1")]), ..Changes::default() });
    let changes = Changes { metadata: metadata(&[("a", "")]), ..Changes::default() };
    assert_eq!(session.update(&changes, [2; 32], NOW), Ok(true));
    assert!(session.metadata.is_empty());
}

#[test]
fn setting_an_entry_to_its_value_still_counts_as_a_change() {
    let mut session = created(&Changes { metadata: metadata(&[("a", "1")]), ..Changes::default() });
    let changes = Changes { metadata: metadata(&[("a", "1")]), ..Changes::default() };
    assert_eq!(session.update(&changes, [2; 32], NOW), Ok(true));
}

#[test]
fn a_session_that_would_carry_too_much_is_refused() {
    let changes = Changes {
        metadata: [("big".to_owned(), vec![1; MOST_BAGGAGE])].into_iter().collect(),
        ..Changes::default()
    };
    assert_eq!(Session::create(birth(), &changes).unwrap_err(), failure::SESSION_METADATA_TOO_MUCH);
}

#[test]
fn each_lifetime_counts_from_its_own_request() {
    let mut session = created(&Changes { lifetime: Some(Span::seconds(60)), ..Changes::default() });
    assert_eq!(session.expires, Some(NOW.plus(Span::seconds(60))));
    let later = NOW.plus(Span::seconds(30));
    let changes = Changes { lifetime: Some(Span::seconds(5)), ..Changes::default() };
    assert_eq!(session.update(&changes, [2; 32], later), Ok(true));
    assert_eq!(session.expires, Some(later.plus(Span::seconds(5))));
    assert!(!session.has_expired(later.plus(Span::millis(4999))));
    assert!(session.has_expired(later.plus(Span::seconds(5))));
}

#[test]
fn an_ended_session_says_so_even_when_it_also_expired() {
    let mut session = created(&Changes { lifetime: Some(Span(1)), ..Changes::default() });
    let later = NOW.plus(Span::seconds(1));
    assert_eq!(session.require_open(later), Err(failure::SESSION_EXPIRED));
    session.terminate(later);
    assert_eq!(session.sequence, 4);
    assert_eq!(session.require_open(later), Err(failure::SESSION_TERMINATED));
}

#[test]
fn the_user_can_be_checked_again_but_not_exchanged() {
    let session = created(&Changes { user: Some(user()), ..Changes::default() });
    assert_eq!(session.require_same_user("user"), Ok(()));
    assert_eq!(session.require_same_user("other"), Err(failure::USER_CHANGE));
    assert_eq!(created(&Changes::default()).require_same_user("other"), Ok(()));
}

#[test]
fn creator_and_own_user_may_read_but_only_the_own_user_may_delete() {
    let session = created(&Changes { user: Some(user()), ..Changes::default() });
    let (creator, own, stranger) = (caller("creator", &[]), caller("user", &[]), caller("stranger", &[]));
    assert_eq!(session.require_read(&creator), Ok(()));
    assert_eq!(session.require_read(&own), Ok(()));
    assert_eq!(session.require_read(&stranger), Err(failure::MEMBERSHIP_MISSING));
    assert_eq!(session.require_delete(&creator), Err(failure::MEMBERSHIP_MISSING));
    assert_eq!(session.require_delete(&own), Ok(()));
    assert_eq!(session.require_write(&own), Err(failure::MEMBERSHIP_MISSING));
}

#[test]
fn the_organisation_of_the_user_decides_which_roles_count() {
    let owner = caller("x", &[(Some("home"), Role::OrgOwner)]);
    let with_user = created(&Changes { user: Some(user()), ..Changes::default() });
    assert_eq!(with_user.require_read(&owner), Ok(()));
    assert_eq!(with_user.require_write(&owner), Err(failure::PERMISSION_MISSING));
    let without_user = created(&Changes::default());
    assert_eq!(without_user.require_read(&owner), Err(failure::MEMBERSHIP_MISSING));
}

#[test]
fn the_same_browser_may_read_but_an_empty_fingerprint_is_nobodys() {
    let mut birth = birth();
    birth.user_agent.fingerprint = Some("fp".to_owned());
    let session = Session::create(birth.clone(), &Changes::default()).unwrap();
    let mut browser = caller("x", &[]);
    browser.agent = Some("fp".to_owned());
    assert_eq!(session.require_read(&browser), Ok(()));
    birth.user_agent.fingerprint = Some(String::new());
    let unmarked = Session::create(birth, &Changes::default()).unwrap();
    browser.agent = Some(String::new());
    assert!(unmarked.require_read(&browser).is_err());
}

#[test]
fn one_factor_counts_once_and_a_verifying_passkey_counts_as_two() {
    let password = Factors { password: Some(NOW), ..Factors::default() };
    assert!(!password.is_multi_factor());
    assert!(Factors { totp: Some(NOW), ..password }.is_multi_factor());
    assert!(Factors { web_auth_n: Some((NOW, true)), ..Factors::default() }.is_multi_factor());
    assert!(!Factors { web_auth_n: Some((NOW, false)), ..Factors::default() }.is_multi_factor());
    assert_eq!(Factors::default().classes(), 0);
}

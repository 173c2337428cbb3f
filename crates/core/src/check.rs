//! The password check of a session: what must hold before, what is verified, and what follows.

use crate::attempt::{AttemptPolicy, Attempts};
use crate::base::{Secret, Timestamp};
use crate::failure::{self, Failure};
use crate::user::{User, UserState};

/// What the slow part found out, bound to exactly the hash that it looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordEvidence {
    /// The encoded hash that the password was held against.
    pub hash: Secret,
    /// What came out.
    pub outcome: PasswordOutcome,
}

/// What came out of holding a password against a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordOutcome {
    /// It is the right one. The new hash replaces one that is weaker than it should be.
    Right { upgraded: Option<Secret> },
    /// It is not.
    Wrong,
    /// The stored hash cannot be used.
    Unusable,
}

/// What the check comes to under the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordVerdict {
    /// Passed: the counter goes to zero, and the upgraded hash is stored.
    Passed { upgraded: Option<Secret> },
    /// Not passed: this many failures now, and perhaps the user is locked by it.
    Failed { attempts: Attempts, lock: bool, failure: Failure },
    /// Refused without looking at the evidence, which counts for nothing.
    Refused(Failure),
    /// The password was changed since the evidence was taken: it must be verified again.
    Stale,
}

/// What must hold before a password is worth verifying; gives the hash to hold it against.
///
/// # Errors
/// `COMMAND-3n77z`, `COMMAND-JLK35`, `COMMAND-3nJ4t` or `DOORWARD-B4ck0`.
pub fn before_password(user: Option<&User>, attempts: Attempts, now: Timestamp) -> Result<Secret, Failure> {
    let user = user.filter(|user| user.state != UserState::Deleted).ok_or(failure::PASSWORD_USER_UNKNOWN)?;
    let human = user.human().ok_or(failure::PASSWORD_USER_UNKNOWN)?;
    if user.state == UserState::Locked {
        return Err(failure::PASSWORD_USER_LOCKED.with_attempts(attempts.failed));
    }
    let password = human.password.as_ref().ok_or(failure::PASSWORD_NOT_SET)?;
    attempts.allow(now)?;
    Ok(password.hash.clone())
}

/// Decides under the lock. `user` and `attempts` were read again there.
#[must_use]
pub fn settle_password(
    user: Option<&User>,
    attempts: Attempts,
    evidence: &PasswordEvidence,
    policy: AttemptPolicy,
    now: Timestamp,
) -> PasswordVerdict {
    let hash = match before_password(user, attempts, now) {
        Ok(hash) => hash,
        Err(refusal) if refusal.id == failure::PASSWORD_USER_LOCKED.id => {
            let refusal = failure::PASSWORD_USER_LOCKED_MEANWHILE.with_attempts(attempts.failed);
            return PasswordVerdict::Refused(refusal);
        }
        Err(refusal) => return PasswordVerdict::Refused(refusal),
    };
    if hash != evidence.hash {
        return PasswordVerdict::Stale;
    }
    let refusal = match &evidence.outcome {
        PasswordOutcome::Right { upgraded } => return PasswordVerdict::Passed { upgraded: upgraded.clone() },
        PasswordOutcome::Wrong => failure::PASSWORD_INVALID,
        PasswordOutcome::Unusable => failure::PASSWORD_HASH_UNUSABLE,
    };
    let (attempts, lock) = attempts.failed(policy, now);
    let failure = if refusal.id == failure::PASSWORD_INVALID.id {
        refusal.with_attempts(attempts.failed)
    } else {
        refusal
    };
    PasswordVerdict::Failed { attempts, lock, failure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Backoff;
    use crate::base::Span;
    use crate::user::{Contact, Human, Profile, StoredPassword, UserKind};

    const POLICY: AttemptPolicy = AttemptPolicy {
        lock_at: 0,
        backoff: Some(Backoff { free: 5, first: Span::seconds(1), longest: Span::minutes(15) }),
    };

    fn user(state: UserState, hash: Option<&str>) -> User {
        let password = hash.map(|hash| StoredPassword {
            hash: Secret::new(hash),
            changed: Timestamp(0),
            change_required: false,
        });
        let human = Human {
            profile: Profile::default(),
            email: Contact { address: "a@b.c".to_owned(), verified: true },
            phone: None,
            password,
            mfa_init_skipped: None,
        };
        User {
            id: "1".to_owned(),
            organisation: "home".to_owned(),
            state,
            username: "a@b.c".to_owned(),
            kind: UserKind::Human(Box::new(human)),
            created: Timestamp(0),
            changed: Timestamp(0),
            sequence: 1,
        }
    }

    fn evidence(outcome: PasswordOutcome) -> PasswordEvidence {
        PasswordEvidence { hash: Secret::new("hash"), outcome }
    }

    fn settle(user: &User, attempts: Attempts, outcome: PasswordOutcome) -> PasswordVerdict {
        settle_password(Some(user), attempts, &evidence(outcome), POLICY, Timestamp(0))
    }

    #[test]
    fn what_must_hold_before_is_asked_in_order() {
        let before = |user: Option<&User>, failed| {
            before_password(user, Attempts { failed, blocked_until: None }, Timestamp(0))
        };
        assert_eq!(before(None, 0), Err(failure::PASSWORD_USER_UNKNOWN));
        let deleted = user(UserState::Deleted, Some("hash"));
        assert_eq!(before(Some(&deleted), 0), Err(failure::PASSWORD_USER_UNKNOWN));
        let locked = user(UserState::Locked, None);
        assert_eq!(before(Some(&locked), 3), Err(failure::PASSWORD_USER_LOCKED.with_attempts(3)));
        let without = user(UserState::Active, None);
        assert_eq!(before(Some(&without), 0), Err(failure::PASSWORD_NOT_SET));
        let active = user(UserState::Active, Some("hash"));
        assert_eq!(before(Some(&active), 0), Ok(Secret::new("hash")));
    }

    #[test]
    fn a_wrong_password_counts_and_tells_how_often() {
        let active = user(UserState::Active, Some("hash"));
        let verdict = settle(&active, Attempts::default(), PasswordOutcome::Wrong);
        let PasswordVerdict::Failed { attempts, lock, failure } = verdict else { panic!("{verdict:?}") };
        assert_eq!(attempts.failed, 1);
        assert!(!lock);
        assert_eq!(failure, failure::PASSWORD_INVALID.with_attempts(1));
    }

    #[test]
    fn an_unusable_hash_counts_but_is_our_fault() {
        let active = user(UserState::Active, Some("hash"));
        let verdict = settle(&active, Attempts::default(), PasswordOutcome::Unusable);
        let PasswordVerdict::Failed { attempts, failure, .. } = verdict else { panic!("{verdict:?}") };
        assert_eq!(attempts.failed, 1);
        assert_eq!(failure, failure::PASSWORD_HASH_UNUSABLE);
    }

    #[test]
    fn the_right_password_counts_for_nothing_while_held_back() {
        let active = user(UserState::Active, Some("hash"));
        let held_back = Attempts { failed: 5, blocked_until: Some(Timestamp(1)) };
        let verdict = settle(&active, held_back, PasswordOutcome::Right { upgraded: None });
        let PasswordVerdict::Refused(refusal) = verdict else { panic!("{verdict:?}") };
        assert_eq!(refusal.id, failure::TOO_MANY_ATTEMPTS.id);
    }

    #[test]
    fn a_user_locked_in_the_meantime_is_refused_even_with_the_right_password() {
        let locked = user(UserState::Locked, Some("hash"));
        let verdict = settle(
            &locked,
            Attempts { failed: 2, blocked_until: None },
            PasswordOutcome::Right { upgraded: None },
        );
        let expected = failure::PASSWORD_USER_LOCKED_MEANWHILE.with_attempts(2);
        assert_eq!(verdict, PasswordVerdict::Refused(expected));
    }

    #[test]
    fn evidence_about_another_hash_does_not_count() {
        let active = user(UserState::Active, Some("another hash"));
        let verdict = settle(&active, Attempts::default(), PasswordOutcome::Right { upgraded: None });
        assert_eq!(verdict, PasswordVerdict::Stale);
    }
}

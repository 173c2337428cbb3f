//! Failed attempts: how they are counted, when they lock a user, and how long they hold the next one back.

use crate::base::{Span, Timestamp};
use crate::failure::{self, Failure};

/// What an attempt is counted for. Every factor has a counter of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// The password check of a session.
    Password,
    /// A changed password that is proven by the current one.
    CurrentPassword,
    /// A code that proves an address, a phone or a reset.
    Code,
    /// A time-based code.
    Totp,
    /// A time-based code that proves its registration.
    TotpRegistration,
    /// A code by SMS.
    OtpSms,
    /// A code by mail.
    OtpEmail,
    /// A recovery code.
    RecoveryCode,
}

impl Counted {
    /// The name in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::CurrentPassword => "current_password",
            Self::Code => "code",
            Self::Totp => "totp",
            Self::TotpRegistration => "totp_registration",
            Self::OtpSms => "otp_sms",
            Self::OtpEmail => "otp_email",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

/// The failures of one user and one factor since the last success.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Attempts {
    /// How many, in a row.
    pub failed: u32,
    /// Until when no further attempt is looked at.
    pub blocked_until: Option<Timestamp>,
}

/// What happens after failed attempts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AttemptPolicy {
    /// Lock the user at this many failures; 0 never locks.
    pub lock_at: u32,
    /// Hold back further attempts, if set.
    pub backoff: Option<Backoff>,
}

/// How long further attempts are held back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// Failures that have no consequence.
    pub free: u32,
    /// How long the first failure beyond holds back; each further one doubles it.
    pub first: Span,
    /// The longest that a failure holds back.
    pub longest: Span,
}

impl Attempts {
    /// Refuses while earlier failures hold back.
    ///
    /// # Errors
    /// `DOORWARD-B4ck0` with the time that is left.
    pub fn allow(&self, now: Timestamp) -> Result<(), Failure> {
        match self.blocked_until {
            Some(until) if until > now => Err(failure::TOO_MANY_ATTEMPTS.with_retry(until.since(now))),
            _ => Ok(()),
        }
    }

    /// One failure more. Also tells whether it locks the user.
    #[must_use]
    pub fn failed(self, policy: AttemptPolicy, now: Timestamp) -> (Self, bool) {
        let failed = self.failed.saturating_add(1);
        let blocked_until =
            policy.backoff.and_then(|backoff| backoff.after(failed)).map(|span| now.plus(span));
        (Self { failed, blocked_until }, policy.lock_at > 0 && failed >= policy.lock_at)
    }
}

impl Backoff {
    /// How long `failed` failures in a row hold back.
    #[must_use]
    pub fn after(&self, failed: u32) -> Option<Span> {
        let beyond = failed.checked_sub(self.free)?;
        let factor = 1_i64.checked_shl(beyond.min(40)).unwrap_or(i64::MAX);
        Some(Span(self.first.0.saturating_mul(factor)).min(self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { free: 5, first: Span::seconds(1), longest: Span::minutes(15) };

    #[test]
    fn the_first_failures_are_free_then_each_doubles_the_wait_up_to_a_quarter_of_an_hour() {
        let waits: Vec<_> =
            (1..=16).map(|failed| BACKOFF.after(failed).map(|span| span.0 / 1_000_000)).collect();
        assert_eq!(waits[..4], [None; 4]);
        assert_eq!(waits[4..8], [Some(1), Some(2), Some(4), Some(8)]);
        assert_eq!(waits[14..], [Some(900), Some(900)]);
        assert_eq!(BACKOFF.after(u32::MAX), Some(Span::minutes(15)));
    }

    #[test]
    fn a_held_back_attempt_is_refused_with_the_time_that_is_left() {
        let policy = AttemptPolicy { lock_at: 0, backoff: Some(BACKOFF) };
        let mut attempts = Attempts::default();
        for _ in 0..5 {
            assert_eq!(attempts.allow(Timestamp(0)), Ok(()));
            attempts = attempts.failed(policy, Timestamp(0)).0;
        }
        let refusal = attempts.allow(Timestamp(400_000)).unwrap_err();
        assert_eq!(refusal.detail, failure::Detail::Retry { after: Span::millis(600) });
        assert_eq!(attempts.allow(Timestamp(1_000_000)), Ok(()));
    }

    #[test]
    fn the_failure_that_reaches_the_limit_locks() {
        let policy = AttemptPolicy { lock_at: 2, backoff: None };
        let (once, locked) = Attempts::default().failed(policy, Timestamp(0));
        assert!(!locked);
        let (twice, locked) = once.failed(policy, Timestamp(0));
        assert!(locked);
        assert_eq!(twice.failed, 2);
    }

    #[test]
    fn a_limit_of_zero_never_locks() {
        let policy = AttemptPolicy { lock_at: 0, backoff: None };
        assert!(!Attempts { failed: 1_000_000, blocked_until: None }.failed(policy, Timestamp(0)).1);
    }
}

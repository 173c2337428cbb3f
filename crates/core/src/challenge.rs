//! What a session was asked to prove and has not proven yet.

use crate::base::Timestamp;
use crate::otp::Channel;
use crate::token::Digest;

/// After so many failures a challenge is void.
pub const MOST_FAILURES: u32 = 5;

/// The kinds of challenges; a session has one of each at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChallengeKind {
    /// An assertion of a passkey or U2F key.
    WebAuthN,
    /// A code by SMS.
    OtpSms,
    /// A code by mail.
    OtpEmail,
}

impl ChallengeKind {
    /// To present a code that goes that way.
    #[must_use]
    pub const fn of(channel: Channel) -> Self {
        match channel {
            Channel::Sms => Self::OtpSms,
            Channel::Email => Self::OtpEmail,
        }
    }

    /// The name in the store, and in the digest of a code.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebAuthN => "web_auth_n",
            Self::OtpSms => "otp_sms",
            Self::OtpEmail => "otp_email",
        }
    }
}

/// A challenge to be stored; it replaces the one of its kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewChallenge {
    /// What is to be proven.
    pub kind: ChallengeKind,
    /// The keyed digest of the code, if it is one.
    pub digest: Option<Digest>,
    /// What else the answer is held against.
    pub detail: Option<String>,
    /// Now.
    pub created: Timestamp,
    /// From then on it is no longer accepted.
    pub expires: Timestamp,
}

/// A challenge, as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredChallenge {
    /// The keyed digest of the code, if it is one.
    pub digest: Option<Digest>,
    /// What else the answer is held against.
    pub detail: Option<String>,
    /// How many answers were wrong.
    pub failed: u32,
    /// When it was made.
    pub created: Timestamp,
    /// From then on it is no longer accepted.
    pub expires: Timestamp,
}

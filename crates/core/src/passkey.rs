//! Passkeys and second factors (U2F): what a browser is asked for, and whether what comes back proves anything.
//!
//! Both ceremonies of WebAuthn are two steps: options with a challenge go out, a credential comes back. What has to be
//! remembered in between is a text, so that it can wait in a row. Neither time nor chance is in here.

mod assertion;
mod attestation;
mod cbor;
mod domain;
mod key;
mod message;
mod registration;
#[cfg(test)]
mod tests;

pub use assertion::{Asked, Asserted, Candidate, Owner, request_options, verify_assertion};
pub use domain::{Origins, relying_party_id};
pub use registration::{Creation, Expected, Registered, creation_options, verify_registration};

use data_encoding::BASE64URL_NOPAD;

use crate::base::Span;

/// The most keys that a user can have in each list.
pub const MOST_KEYS: usize = 50;

/// How long a registration may take: the timeout that its options announce.
pub const REGISTRATION_LASTS: Span = Span::minutes(5);

/// Which of the two lists of a user a key is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyList {
    /// Keys that stand for the user alone, and always verify the user.
    Passkeys,
    /// Keys that are a second factor (U2F).
    SecondFactors,
}

/// What a session asks of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Requirement {
    /// The key must verify the user.
    Required,
    /// It may.
    Preferred,
    /// It should not.
    Discouraged,
}

/// Where a new key shall be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attachment {
    /// In the device itself.
    Platform,
    /// In a device that can be carried to others.
    CrossPlatform,
}

impl Requirement {
    /// The list that eligible keys are in. They are never mixed.
    #[must_use]
    pub const fn list(self) -> KeyList {
        match self {
            Self::Required => KeyList::Passkeys,
            Self::Preferred | Self::Discouraged => KeyList::SecondFactors,
        }
    }

    /// How long a challenge is good for: the timeout that its options announce.
    #[must_use]
    pub const fn lasts(self) -> Span {
        match self {
            Self::Required | Self::Preferred => Span::minutes(5),
            Self::Discouraged => Span::minutes(2),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
            Self::Discouraged => "discouraged",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Required, Self::Preferred, Self::Discouraged].into_iter().find(|one| one.name() == name)
    }
}

impl Attachment {
    const fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::CrossPlatform => "cross-platform",
        }
    }
}

fn base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn milliseconds(span: Span) -> i64 {
    span.0 / 1000
}

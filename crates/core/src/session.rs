//! A session: what it holds, how it is made, changed and ended, and who may touch it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{Span, Timestamp};
use crate::caller::{Caller, Permission};
use crate::failure::{self, Failure};
use crate::token::{Digest, same};

/// The most that metadata and user agent of one session may hold together, in bytes.
pub const MOST_BAGGAGE: usize = 64 * 1024;

/// One session, as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Decimal, made by [`crate::base::mint_id`] at the moment of creation.
    pub id: String,
    /// The caller who created it.
    pub creator: String,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub changed: Timestamp,
    /// Counts the changes: 1 for the first.
    pub sequence: u64,
    /// When it ends by itself, if it has a lifetime.
    pub expires: Option<Timestamp>,
    /// When it was ended, if it was.
    pub ended: Option<Timestamp>,
    /// The digest of the only valid token.
    pub token: Digest,
    /// The user, once a user check has passed.
    pub user: Option<SessionUser>,
    /// What has been proven besides.
    pub factors: Factors,
    /// Anything that the caller keeps here.
    pub metadata: BTreeMap<String, Vec<u8>>,
    /// The browser or device, as told at creation.
    pub user_agent: UserAgent,
}

/// The user of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionUser {
    /// The user's id.
    pub id: String,
    /// The user's organisation.
    pub organisation: String,
    /// When the user check passed last.
    pub verified: Timestamp,
}

/// When each factor was last proven.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Factors {
    /// The password.
    pub password: Option<Timestamp>,
    /// A passkey or U2F key, and whether it verified the user.
    pub web_auth_n: Option<(Timestamp, bool)>,
    /// A login at an identity provider.
    pub intent: Option<Timestamp>,
    /// A time-based code.
    pub totp: Option<Timestamp>,
    /// A code by SMS.
    pub otp_sms: Option<Timestamp>,
    /// A code by mail.
    pub otp_email: Option<Timestamp>,
    /// A recovery code.
    pub recovery_code: Option<Timestamp>,
}

/// How much was proven.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Assurance {
    /// Nothing: a user check alone proves nothing.
    None,
    /// One factor.
    Single,
    /// More than one.
    Multi,
}

impl Assurance {
    /// The name in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Single => "single",
            Self::Multi => "multi",
        }
    }
}

/// The browser or device behind a session. Present-and-empty differs from absent.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct UserAgent {
    /// An id of the device that the caller made up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The address, in canonical form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Headers worth keeping.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub header: BTreeMap<String, Vec<String>>,
}

/// What a request adds to a session.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// The user check passed.
    pub user: Option<SessionUser>,
    /// What was proven, each at its time.
    pub factors: Factors,
    /// How many challenges were made.
    pub challenged: u64,
    /// Entries to set; an empty value deletes the key.
    pub metadata: BTreeMap<String, Vec<u8>>,
    /// A new lifetime, counted from now.
    pub lifetime: Option<Span>,
}

/// What is fixed when a session is born.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Birth {
    /// The id.
    pub id: String,
    /// The caller who creates it.
    pub creator: String,
    /// The digest of the first token.
    pub token: Digest,
    /// The browser or device.
    pub user_agent: UserAgent,
    /// Now.
    pub now: Timestamp,
}

impl Factors {
    /// How many different factor classes were proven. A factor counts once, and a user check is none.
    #[must_use]
    pub fn classes(&self) -> usize {
        let held = [
            self.password.is_some(),
            self.web_auth_n.is_some(),
            self.intent.is_some(),
            self.totp.is_some(),
            self.otp_sms.is_some(),
            self.otp_email.is_some(),
            self.recovery_code.is_some(),
        ];
        held.into_iter().filter(|held| *held).count()
    }

    /// Adds what was proven anew. Gives by how much that moves the sequence: one a factor, and two for a passkey, whose
    /// counter moves as well.
    fn prove(&mut self, new: &Self) -> u64 {
        self.password = new.password.or(self.password);
        self.web_auth_n = new.web_auth_n.or(self.web_auth_n);
        self.intent = new.intent.or(self.intent);
        self.totp = new.totp.or(self.totp);
        self.otp_sms = new.otp_sms.or(self.otp_sms);
        self.otp_email = new.otp_email.or(self.otp_email);
        self.recovery_code = new.recovery_code.or(self.recovery_code);
        new.classes() as u64 + u64::from(new.web_auth_n.is_some())
    }

    /// How much was proven: a passkey that verified the user counts as two factors.
    #[must_use]
    pub fn assurance(&self) -> Assurance {
        if self.web_auth_n.is_some_and(|(_, user_verified)| user_verified) {
            return Assurance::Multi;
        }
        match self.classes() {
            0 => Assurance::None,
            1 => Assurance::Single,
            _ => Assurance::Multi,
        }
    }

    /// Whether more than one factor was proven.
    #[must_use]
    pub fn is_multi_factor(&self) -> bool {
        self.assurance() == Assurance::Multi
    }

    /// When something was proven last.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        let key = self.web_auth_n.map(|(at, _)| at);
        let others =
            [self.password, self.intent, self.totp, self.otp_sms, self.otp_email, self.recovery_code];
        others.into_iter().chain([key]).flatten().max()
    }

    /// By which methods it was proven, in the words that are registered for them (RFC 8176). A login at an identity
    /// provider has none: what was proven there is not known here.
    #[must_use]
    pub fn methods(&self) -> Vec<&'static str> {
        let key = self.web_auth_n.is_some();
        let code = [self.totp, self.otp_sms, self.otp_email, self.recovery_code].iter().any(Option::is_some);
        let held = [
            (self.password.is_some(), "pwd"),
            (key, "pop"),
            (key, "user"),
            (code, "otp"),
            (self.otp_sms.is_some(), "sms"),
            (self.is_multi_factor(), "mfa"),
        ];
        held.into_iter().filter(|(held, _)| *held).map(|(_, name)| name).collect()
    }
}

impl UserAgent {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn size(&self) -> usize {
        let texts = [&self.fingerprint, &self.ip, &self.description];
        let plain: usize = texts.into_iter().flatten().map(String::len).sum();
        let headers: usize = self
            .header
            .iter()
            .map(|(name, values)| name.len() + values.iter().map(String::len).sum::<usize>())
            .sum();
        plain + headers
    }
}

impl Session {
    /// A new session with its first changes.
    ///
    /// # Errors
    /// `DOORWARD-M3ta3` when metadata and user agent are too large.
    pub fn create(birth: Birth, changes: &Changes) -> Result<Self, Failure> {
        let mut session = Self {
            id: birth.id,
            creator: birth.creator,
            created: birth.now,
            changed: birth.now,
            sequence: 1,
            expires: None,
            ended: None,
            token: birth.token,
            user: None,
            factors: Factors::default(),
            metadata: BTreeMap::new(),
            user_agent: birth.user_agent,
        };
        session.apply(changes, birth.now);
        session.sequence += 1;
        session.check_size()?;
        Ok(session)
    }

    /// Applies changes and gives the session a new token, unless there was nothing to change.
    /// Tells whether anything was.
    ///
    /// # Errors
    /// `DOORWARD-M3ta3` when the metadata becomes too large.
    pub fn update(&mut self, changes: &Changes, token: Digest, now: Timestamp) -> Result<bool, Failure> {
        if self.apply(changes, now) == 0 {
            return Ok(false);
        }
        self.check_size()?;
        self.sequence += 1;
        self.token = token;
        // Requests overtake one another and clocks differ between nodes, but a change never lies before the last one.
        self.changed = self.changed.max(now);
        Ok(true)
    }

    /// Ends the session.
    pub fn terminate(&mut self, now: Timestamp) {
        self.sequence += 1;
        self.changed = self.changed.max(now);
        self.ended = Some(now);
    }

    /// Applies the changes and counts them as the sequence does: one each, in whatever order.
    fn apply(&mut self, changes: &Changes, now: Timestamp) -> u64 {
        let before = self.sequence;
        if let Some(user) = &changes.user {
            self.user = Some(user.clone());
            self.sequence += 1;
        }
        self.sequence += self.factors.prove(&changes.factors) + changes.challenged;
        if self.merge(&changes.metadata) {
            self.sequence += 1;
        }
        if let Some(lifetime) = changes.lifetime {
            self.expires = Some(now.plus(lifetime));
            self.sequence += 1;
        }
        self.sequence - before
    }

    /// Merges metadata: an empty value deletes the key. Setting a key to the value that it has counts as a change.
    fn merge(&mut self, entries: &BTreeMap<String, Vec<u8>>) -> bool {
        let mut changed = false;
        for (key, value) in entries {
            if value.is_empty() {
                changed |= self.metadata.remove(key).is_some();
            } else {
                self.metadata.insert(key.clone(), value.clone());
                changed = true;
            }
        }
        changed
    }

    fn check_size(&self) -> Result<(), Failure> {
        let metadata: usize = self.metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
        if metadata + self.user_agent.size() > MOST_BAGGAGE {
            return Err(failure::SESSION_METADATA_TOO_MUCH);
        }
        Ok(())
    }

    /// Whether the session's lifetime is over.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Refuses a session that can no longer be changed.
    ///
    /// # Errors
    /// `COMMAND-Hewfq` when it was ended, `COMMAND-Hkl3d` when its lifetime is over.
    pub fn require_open(&self, now: Timestamp) -> Result<(), Failure> {
        if self.ended.is_some() {
            return Err(failure::SESSION_TERMINATED);
        }
        if self.has_expired(now) { Err(failure::SESSION_EXPIRED) } else { Ok(()) }
    }

    /// Refuses another user than the one that the session has.
    ///
    /// # Errors
    /// `user change not possible ()`.
    pub fn require_same_user(&self, user_id: &str) -> Result<(), Failure> {
        match &self.user {
            Some(user) if user.id != user_id => Err(failure::USER_CHANGE),
            _ => Ok(()),
        }
    }

    /// Whether this digest is that of the session's one valid token.
    #[must_use]
    pub fn is_current_token(&self, digest: &Digest) -> bool {
        same(&self.token, digest)
    }

    fn organisation(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.organisation.as_str())
    }

    fn is_of(&self, caller: &Caller) -> bool {
        self.user.as_ref().is_some_and(|user| user.id == caller.user_id)
    }

    /// Whether the caller may change the session without its token.
    ///
    /// # Errors
    /// As [`Caller::require`].
    pub fn require_write(&self, caller: &Caller) -> Result<(), Failure> {
        caller.require(Permission::SessionWrite, self.organisation())
    }

    /// Whether the caller may read the session without its token: creator, own user, same browser, or permission.
    ///
    /// # Errors
    /// As [`Caller::require`].
    pub fn require_read(&self, caller: &Caller) -> Result<(), Failure> {
        let same_agent = match (&caller.agent, &self.user_agent.fingerprint) {
            (Some(agent), Some(fingerprint)) => !agent.is_empty() && agent == fingerprint,
            _ => false,
        };
        if self.creator == caller.user_id || self.is_of(caller) || same_agent {
            return Ok(());
        }
        caller.require(Permission::SessionRead, self.organisation())
    }

    /// Whether the caller may end the session without its token: own user, or permission.
    ///
    /// # Errors
    /// As [`Caller::require`].
    pub fn require_delete(&self, caller: &Caller) -> Result<(), Failure> {
        if self.is_of(caller) {
            return Ok(());
        }
        caller.require(Permission::SessionDelete, self.organisation())
    }

    /// The user agent, unless there is nothing in it.
    #[must_use]
    pub fn known_user_agent(&self) -> Option<&UserAgent> {
        Some(&self.user_agent).filter(|agent| !agent.is_empty())
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;

//! A login at an identity provider, from its start to its one use: the states, and what may follow in each.

use crate::base::{Span, Timestamp};
use crate::failure::{self, Failure};
use crate::token::{Digest, Keyring, NotAToken, TokenKind, same};

/// Where an intent stands. The numbers are those of the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IntentState {
    /// Somebody was sent to the provider.
    Started = 1,
    /// Somebody came back, and the provider is being asked who it was. Nobody else can come back with it.
    Answered = 2,
    /// The provider told who it was.
    Succeeded = 3,
    /// The provider refused, or what it told cannot be trusted.
    Failed = 4,
    /// A session took it.
    Consumed = 5,
}

impl IntentState {
    /// The state with that number.
    #[must_use]
    pub fn numbered(number: i64) -> Option<Self> {
        [Self::Started, Self::Answered, Self::Succeeded, Self::Failed, Self::Consumed]
            .into_iter()
            .find(|state| *state as i64 == number)
    }
}

/// A login at an identity provider, as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intent {
    /// The id, which the provider hands through as its `state`.
    pub id: String,
    /// The provider.
    pub idp_id: String,
    /// Where it stands.
    pub state: IntentState,
    /// Where the browser is sent when the login succeeded.
    pub success_url: String,
    /// Where the browser is sent when it did not.
    pub failure_url: String,
    /// The digest of its token, once it succeeded.
    pub token: Option<Digest>,
    /// The user whose account it was, if there was one when it succeeded.
    pub user_id: Option<String>,
    /// The account at the provider, once it succeeded.
    pub account: Option<Account>,
    /// Sealed: first what the answer of the provider is held against, then what it told.
    pub secrets: Option<Vec<u8>>,
    /// When it was started.
    pub created: Timestamp,
    /// When its state changed last.
    pub changed: Timestamp,
    /// Until when somebody may come back with it, and then until when it may be used.
    pub expires: Timestamp,
}

/// An account at an identity provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Its id there, which never changes.
    pub id: String,
    /// Its name there, for people.
    pub name: String,
}

/// How long intents last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IntentPolicy {
    /// How long somebody has to come back from the provider.
    pub answer_within: Span,
    /// How long an intent can be used after it succeeded, unless the provider says how long its own word holds.
    pub lasts: Span,
}

impl IntentPolicy {
    /// Until when an intent can be used that succeeds now.
    #[must_use]
    pub fn expires(&self, now: Timestamp, by_provider: Option<Timestamp>) -> Timestamp {
        by_provider.unwrap_or_else(|| now.plus(self.lasts)).min(Timestamp::LATEST)
    }
}

/// Reads the token that is presented for an intent; gives the digest to hold against the stored one.
///
/// # Errors
/// `CRYPTO-Swg31` for what is no base64url, `CRYPTO-Sf4gt` for what is no token of an intent, `CRYPTO-CRYPTO` for the
/// token of another one.
pub fn read_token(keys: &Keyring, id: &str, token: &str) -> Result<Digest, Failure> {
    let presented = keys.read(TokenKind::Intent, token).map_err(|refusal| match refusal {
        NotAToken::NotBase64 => failure::INTENT_TOKEN_MALFORMED,
        NotAToken::Garbage => failure::INTENT_TOKEN_WRONG,
    })?;
    if presented.id == id { Ok(presented.digest) } else { Err(failure::INTENT_TOKEN_OF_ANOTHER) }
}

/// The intent whose token it is. There is none as long as the intent has no token, or is forgotten.
///
/// # Errors
/// `CRYPTO-Sf4gt`.
pub fn with_token(intent: Option<Intent>, digest: &Digest) -> Result<Intent, Failure> {
    intent
        .filter(|intent| intent.token.is_some_and(|stored| same(&stored, digest)))
        .ok_or(failure::INTENT_TOKEN_WRONG)
}

impl Intent {
    /// Whether somebody may come back with it.
    #[must_use]
    pub fn may_be_answered(&self, now: Timestamp) -> bool {
        self.state == IntentState::Started && now < self.expires
    }

    /// What must hold before a session may take it. Gives the account that it is about.
    ///
    /// # Errors
    /// `COMMAND-Df4bw` unless it succeeded and was not used yet, `COMMAND-SAf42` when it is over.
    pub fn require_usable(&self, now: Timestamp) -> Result<&Account, Failure> {
        self.require(now, failure::INTENT_NOT_SUCCEEDED, failure::INTENT_EXPIRED)
    }

    /// What must hold before it is shown what the provider told. Gives the account that it is about.
    ///
    /// # Errors
    /// `IDP-nme4gszsvx` unless it succeeded and was not used yet, `IDP-SAf42` when it is over.
    pub fn require_readable(&self, now: Timestamp) -> Result<&Account, Failure> {
        self.require(now, failure::INTENT_READ_NOT_SUCCEEDED, failure::INTENT_READ_EXPIRED)
    }

    fn require(&self, now: Timestamp, not_yet: Failure, over: Failure) -> Result<&Account, Failure> {
        match &self.account {
            Some(_) if self.state != IntentState::Succeeded => Err(not_yet),
            Some(_) if self.expires <= now => Err(over),
            Some(account) => Ok(account),
            None => Err(not_yet),
        }
    }

    /// Whether it was this user who logged in: the user whose account it was then, else the one who has it now.
    ///
    /// # Errors
    /// `COMMAND-O8xk3w`.
    pub fn require_user(&self, user_id: &str, owner: Option<&str>) -> Result<(), Failure> {
        let meant = self.user_id.as_deref().or(owner);
        if meant == Some(user_id) { Ok(()) } else { Err(failure::INTENT_OTHER_USER) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::mint_id;

    const NOW: Timestamp = Timestamp(1_763_632_800_123_456);

    fn intent(state: IntentState) -> Intent {
        Intent {
            id: mint_id(NOW, 7),
            idp_id: "example".to_owned(),
            state,
            success_url: "https://a.example/yes".to_owned(),
            failure_url: "https://a.example/no".to_owned(),
            token: Some([7; 32]),
            user_id: None,
            account: Some(Account { id: "248289761001".to_owned(), name: "mini".to_owned() }),
            secrets: None,
            created: NOW,
            changed: NOW,
            expires: NOW.plus(Span::minutes(10)),
        }
    }

    #[test]
    fn states_survive_as_numbers() {
        for number in 1..=5 {
            assert_eq!(IntentState::numbered(number).unwrap() as i64, number);
        }
        assert_eq!((IntentState::numbered(0), IntentState::numbered(6)), (None, None));
    }

    #[test]
    fn somebody_comes_back_once_and_in_time() {
        let started = intent(IntentState::Started);
        assert!(started.may_be_answered(NOW));
        assert!(!started.may_be_answered(started.expires));
        for state in
            [IntentState::Answered, IntentState::Succeeded, IntentState::Failed, IntentState::Consumed]
        {
            assert!(!intent(state).may_be_answered(NOW), "{state:?}");
        }
    }

    #[test]
    fn only_a_fresh_success_can_be_used_and_read() {
        let succeeded = intent(IntentState::Succeeded);
        let late = succeeded.expires;
        assert_eq!(succeeded.require_usable(NOW).unwrap().name, "mini");
        assert!(succeeded.require_readable(Timestamp(late.0 - 1)).is_ok());
        assert_eq!(succeeded.require_usable(late).unwrap_err(), failure::INTENT_EXPIRED);
        assert_eq!(succeeded.require_readable(late).unwrap_err(), failure::INTENT_READ_EXPIRED);
        for state in [IntentState::Started, IntentState::Answered, IntentState::Failed, IntentState::Consumed]
        {
            let other = intent(state);
            assert_eq!(other.require_usable(NOW).unwrap_err(), failure::INTENT_NOT_SUCCEEDED);
            assert_eq!(other.require_readable(late).unwrap_err(), failure::INTENT_READ_NOT_SUCCEEDED);
        }
    }

    #[test]
    fn it_is_for_the_user_of_then_or_else_for_the_one_of_now() {
        let unresolved = intent(IntentState::Succeeded);
        assert!(unresolved.require_user("1", Some("1")).is_ok());
        for owner in [None, Some("2")] {
            assert_eq!(unresolved.require_user("1", owner).unwrap_err(), failure::INTENT_OTHER_USER);
        }
        let resolved = Intent { user_id: Some("1".to_owned()), ..unresolved };
        assert!(resolved.require_user("1", None).is_ok());
        assert_eq!(resolved.require_user("2", Some("2")).unwrap_err(), failure::INTENT_OTHER_USER);
    }

    #[test]
    fn a_token_is_for_one_intent_alone() {
        let keys = Keyring::derive(&[3; 32]);
        let (id, other) = (mint_id(NOW, 1), mint_id(NOW, 2));
        let minted = keys.mint(TokenKind::Intent, &id, [9; 32]);
        let text = minted.text.expose();
        assert_eq!(read_token(&keys, &id, text).unwrap(), minted.digest);
        assert_eq!(read_token(&keys, &other, text).unwrap_err(), failure::INTENT_TOKEN_OF_ANOTHER);
        assert_eq!(read_token(&keys, &id, "no base64!").unwrap_err(), failure::INTENT_TOKEN_MALFORMED);
        assert_eq!(read_token(&keys, &id, "Z2FyYmFnZQ").unwrap_err(), failure::INTENT_TOKEN_WRONG);
        let session = keys.mint(TokenKind::Session, &id, [9; 32]);
        assert_eq!(read_token(&keys, &id, session.text.expose()).unwrap_err(), failure::INTENT_TOKEN_WRONG);
    }

    #[test]
    fn without_its_digest_no_token_is_right() {
        let stored = intent(IntentState::Succeeded);
        assert!(with_token(Some(stored.clone()), &[7; 32]).is_ok());
        for (found, digest) in [
            (Some(stored.clone()), [8; 32]),
            (Some(Intent { token: None, ..stored }), [7; 32]),
            (None, [7; 32]),
        ] {
            assert_eq!(with_token(found, &digest).unwrap_err(), failure::INTENT_TOKEN_WRONG);
        }
    }

    #[test]
    fn the_word_of_the_provider_holds_as_long_as_it_says() {
        let policy = IntentPolicy { answer_within: Span::minutes(10), lasts: Span::minutes(60) };
        assert_eq!(policy.expires(NOW, None), NOW.plus(Span::minutes(60)));
        let far = NOW.plus(Span::minutes(600));
        assert_eq!(policy.expires(NOW, Some(far)), far);
    }
}

//! The check of a passkey or U2F key, and the challenge that it answers.
//!
//! The signature is verified before the settling transaction. What is decided there is whether all that it was verified
//! against still stands: the challenge, the key, its counter.

use doorward_core::failure::{self, Failure};
pub use doorward_core::passkey::Requirement;
use doorward_core::passkey::{
    Asked, Asserted, Candidate, Owner, relying_party_id, request_options, verify_assertion,
};
use doorward_core::session::Session;
use doorward_core::user::{User, UserState};
use doorward_store::challenge::{self, ChallengeKind, NewChallenge, StoredChallenge};
use doorward_store::passkey::{self, Passkey};
use doorward_store::{Conn, Result as StoreResult};
use serde_json::Value;

use super::factor::{Decision, Effect, Ground, effect};
use super::{Call, read};

const KIND: ChallengeKind = ChallengeKind::WebAuthN;

/// A challenge that is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The domain of the login page.
    pub domain: String,
    /// What the key has to do.
    pub requirement: Requirement,
}

/// What the verification of an assertion found, and what it was held against.
#[derive(Debug, Clone)]
pub struct Evidence(Box<Verified>);

#[derive(Debug, Clone)]
struct Verified {
    user_id: String,
    challenge: StoredChallenge,
    found: Result<Proven, Failure>,
}

/// A proven possession, and the key.
#[derive(Debug, Clone)]
struct Proven {
    key: Passkey,
    asserted: Asserted,
}

impl Evidence {
    /// Whether the key verified the user.
    #[must_use]
    pub fn user_verified(&self) -> bool {
        self.0.found.as_ref().is_ok_and(|proven| proven.asserted.user_verified)
    }
}

/// Holds an assertion against the challenge of the session and the keys of the user. What it finds is inside; whether
/// it counts is decided later.
///
/// # Errors
/// When the store cannot be read.
pub async fn verify(
    call: &Call,
    session: Option<&Session>,
    user_id: Option<&str>,
    assertion: Value,
) -> Result<Result<Evidence, Failure>, Failure> {
    let Some(session) = session else { return Ok(Err(failure::WEBAUTHN_NO_CHALLENGE)) };
    let found = read!(call.app, challenge::find(&session.id, KIND))?;
    let Some(challenge) = found.filter(|challenge| challenge.expires > call.now) else {
        return Ok(Err(failure::WEBAUTHN_NO_CHALLENGE));
    };
    let Some(user_id) = user_id else { return Ok(Err(failure::WEBAUTHN_NO_USER)) };
    let Some(asked) = challenge.detail.as_deref().and_then(Asked::read) else {
        tracing::error!(session = session.id, "a stored challenge of WebAuthn cannot be read");
        return Err(failure::INTERNAL);
    };
    let mut keys = read!(call.app, passkey::list(user_id, asked.list()))?;
    keys.retain(|key| key.rp_id == asked.rp_id);
    let found = prove(call, (&asked, user_id), keys, &assertion);
    Ok(Ok(Evidence(Box::new(Verified { user_id: user_id.to_owned(), challenge, found }))))
}

fn prove(
    call: &Call,
    (asked, user_id): (&Asked, &str),
    mut keys: Vec<Passkey>,
    assertion: &Value,
) -> Result<Proven, Failure> {
    let policy = &call.app.policy.keys;
    let owner = Owner {
        user_id,
        android: &policy.android_origins,
        refuse_backward_counter: policy.refuse_backward_counter,
    };
    let candidates: Vec<_> = keys.iter().map(candidate).collect();
    let asserted = verify_assertion(asked, &owner, &candidates, assertion)?;
    if asserted.place >= keys.len() {
        return Err(failure::WEBAUTHN_INVALID);
    }
    Ok(Proven { key: keys.swap_remove(asserted.place), asserted })
}

fn candidate(key: &Passkey) -> Candidate<'_> {
    Candidate {
        credential_id: &key.registered.credential_id,
        credential: &key.registered.credential,
        sign_count: key.registered.sign_count,
    }
}

/// Decides about an assertion.
///
/// # Errors
/// When the store cannot be read.
pub async fn decide(ground: &mut Ground<'_>, evidence: &Result<Evidence, Failure>) -> StoreResult<Decision> {
    let Some(session) = ground.session else {
        return Ok(Decision::Refused(failure::WEBAUTHN_NO_CHALLENGE));
    };
    let found = challenge::find(ground.conn, &session.id, KIND).await?;
    let Some(challenge) = found.filter(|challenge| challenge.expires > ground.now) else {
        return Ok(Decision::Refused(failure::WEBAUTHN_NO_CHALLENGE));
    };
    let evidence = match evidence {
        Ok(Evidence(verified)) => verified,
        Err(failure) if *failure == failure::WEBAUTHN_NO_USER => {
            return Ok(Decision::Refused(failure.clone()));
        }
        // There was no challenge then, and there is one now.
        Err(_) => return Ok(Decision::Stale),
    };
    let Some(user) = ground.user.filter(|user| may_log_in(user)) else {
        return Ok(Decision::Refused(failure::WEBAUTHN_USER_UNKNOWN));
    };
    let same =
        challenge.detail == evidence.challenge.detail && challenge.created == evidence.challenge.created;
    if !same || user.id != evidence.user_id {
        return Ok(Decision::Stale);
    }
    match &evidence.found {
        Ok(proven) => accept(ground, &session.id, proven).await,
        Err(failure) => Ok(failed(&session.id, failure.clone())),
    }
}

/// Decides about an assertion that was good when it was verified.
async fn accept(ground: &mut Ground<'_>, session_id: &str, proven: &Proven) -> StoreResult<Decision> {
    let Proven { key, asserted } = proven;
    let Some(locked) = passkey::lock(ground.conn, &key.user_id, &key.id).await? else {
        return Ok(Decision::Refused(failure::WEBAUTHN_KEY_GONE));
    };
    let (before, now) = (locked.registered.sign_count, asserted.sign_count);
    let grows = now > before || (now == 0 && before == 0);
    if !grows && ground.app.policy.keys.refuse_backward_counter {
        // Another session has used the key meanwhile, or a copy of it.
        return Ok(failed(session_id, failure::WEBAUTHN_INVALID));
    }
    let answered = session_id.to_owned();
    let answered =
        effect(move |conn| Box::pin(async move { challenge::remove(conn, &answered, KIND).await }));
    let advanced = grows.then(|| advance(key.id.clone(), now, ground.now));
    Ok(Decision::Passed(vec![answered]).and(advanced))
}

fn advance(id: String, sign_count: u32, now: doorward_core::base::Timestamp) -> Effect {
    // The row is locked, so this cannot be in vain.
    effect(move |conn| Box::pin(async move { passkey::advance(conn, &id, sign_count, now).await.map(drop) }))
}

fn failed(session_id: &str, failure: Failure) -> Decision {
    let session_id = session_id.to_owned();
    let count = effect(move |conn| Box::pin(async move { challenge::fail(conn, &session_id, KIND).await }));
    Decision::Failed(vec![count], failure)
}

fn may_log_in(user: &User) -> bool {
    user.human().is_some() && user.state == UserState::Active
}

/// Decides about a wish for a challenge: what the browser needs, and what is remembered of it.
///
/// # Errors
/// When the store cannot be read. Inside, why there is none.
pub async fn challenge(
    ground: &mut Ground<'_>,
    wanted: &Wanted,
    chance: [u8; 32],
) -> StoreResult<Result<(Value, NewChallenge), Failure>> {
    let user = match ground.user {
        Some(user) if may_log_in(user) => user,
        Some(_) => return Ok(Err(failure::WEBAUTHN_USER_UNKNOWN)),
        // The session may have a user who was deleted.
        None if ground.session.is_some_and(|session| session.user.is_some()) => {
            return Ok(Err(failure::WEBAUTHN_USER_UNKNOWN));
        }
        None => return Ok(Err(failure::WEBAUTHN_NO_USER)),
    };
    let rp_id = match relying_party_id(&wanted.domain) {
        Ok(rp_id) => rp_id,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let ids = eligible(ground.conn, &user.id, wanted.requirement, &rp_id).await?;
    if ids.is_empty() {
        return Ok(Err(failure::WEBAUTHN_NO_CREDENTIAL));
    }
    let (options, detail) = request_options(&rp_id, wanted.requirement, &ids, chance);
    let (created, expires) = (ground.now, ground.now.plus(wanted.requirement.lasts()));
    Ok(Ok((options, NewChallenge { kind: KIND, digest: None, detail: Some(detail), created, expires })))
}

/// The credentials that may answer.
async fn eligible(
    conn: &mut Conn,
    user_id: &str,
    requirement: Requirement,
    rp_id: &str,
) -> StoreResult<Vec<Vec<u8>>> {
    let keys = passkey::list(conn, user_id, requirement.list()).await?;
    let of_party = keys.into_iter().filter(|key| key.rp_id == rp_id);
    Ok(of_party.map(|key| key.registered.credential_id).collect())
}

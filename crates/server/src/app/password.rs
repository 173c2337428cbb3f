//! Holding a password against what is stored: the slow part on the pool, the decision in the settling transaction.

use std::sync::Arc;

use doorward_core::attempt::{AttemptPolicy, Attempts, Counted};
use doorward_core::base::{Secret, Timestamp};
use doorward_core::check::{
    PasswordEvidence, PasswordOutcome, PasswordVerdict, before_password, settle_password,
};
use doorward_core::failure::{self, Failure};
use doorward_core::password::{self, ComplexityViolation};
use doorward_core::user::{User, UserKind};
use doorward_store::{Result as StoreResult, user};

use super::factor::{Decision, Effect, Ground, effect};
use super::{App, read};

/// A password for a user who is made or changed.
#[derive(Debug, Clone)]
pub enum NewPassword {
    /// In clear.
    Plain(Secret),
    /// Hashed elsewhere.
    Hashed(Secret),
}

/// Verifies a password for a session. Whoever is not there, or has none, costs the same work.
///
/// # Errors
/// What [`before_password`] refuses, and `DOORWARD-0verl` when the pool is full.
pub async fn verify(
    app: &App,
    user: Option<&User>,
    password: &Secret,
    now: Timestamp,
) -> Result<PasswordEvidence, Failure> {
    let attempts = match user {
        Some(user) => attempts_of(app, &user.id, Counted::Password).await?,
        None => Attempts::default(),
    };
    match before_password(user, attempts, now) {
        Ok(hash) => hold_against(app, hash, password).await,
        Err(refusal) => {
            let without = [failure::PASSWORD_USER_UNKNOWN.id, failure::PASSWORD_NOT_SET.id];
            if without.contains(&refusal.id) {
                burn(app, password).await?;
            }
            Err(refusal)
        }
    }
}

/// The failed attempts of a user.
///
/// # Errors
/// When the store cannot be read.
pub async fn attempts_of(app: &App, user_id: &str, counted: Counted) -> Result<Attempts, Failure> {
    read!(app, user::attempts(user_id, counted))
}

/// Does the work of a verification without having anything to verify.
///
/// # Errors
/// `DOORWARD-0verl` when the pool is full.
pub async fn burn(app: &App, password: &Secret) -> Result<(), Failure> {
    let (hasher, password) = (app.policy.hasher.clone(), password.clone());
    app.hashing.run(move |memory| hasher.dummy_work(password.expose(), memory)).await.map(|_| ())
}

/// Holds a password against a hash, and makes a better hash if that one is out of date.
///
/// # Errors
/// `DOORWARD-0verl` when the pool is full.
pub async fn hold_against(app: &App, hash: Secret, password: &Secret) -> Result<PasswordEvidence, Failure> {
    let (hasher, password, salt) = (app.policy.hasher.clone(), password.clone(), app.chance());
    let stored = hash.clone();
    let outcome =
        app.hashing.run(move |memory| match password::verify(stored.expose(), password.expose(), memory) {
            Ok(true) if hasher.needs_upgrade(stored.expose()) => PasswordOutcome::Right {
                upgraded: Some(Secret::new(hasher.hash(password.expose(), salt, memory))),
            },
            Ok(true) => PasswordOutcome::Right { upgraded: None },
            Ok(false) => PasswordOutcome::Wrong,
            Err(unsupported) => {
                tracing::error!(%unsupported, "a stored password hash cannot be used");
                PasswordOutcome::Unusable
            }
        });
    Ok(PasswordEvidence { hash, outcome: outcome.await? })
}

/// Hashes a new password.
///
/// # Errors
/// `DOORWARD-0verl` when the pool is full.
pub async fn hash(app: &Arc<App>, password: &Secret) -> Result<Secret, Failure> {
    let (hasher, password, salt) = (app.policy.hasher.clone(), password.clone(), app.chance());
    app.hashing.run(move |memory| Secret::new(hasher.hash(password.expose(), salt, memory))).await
}

/// Checks a new password, then hashes it; one that was hashed elsewhere stays as it is.
pub(super) async fn encode(
    app: &Arc<App>,
    password: NewPassword,
    violation: fn(ComplexityViolation) -> Failure,
) -> Result<Secret, Failure> {
    check_new(app, &password, violation)?;
    hash_new(app, password).await
}

pub(super) fn check_new(
    app: &App,
    password: &NewPassword,
    violation: fn(ComplexityViolation) -> Failure,
) -> Result<(), Failure> {
    match password {
        NewPassword::Hashed(hash) if password::is_supported(hash.expose()) => Ok(()),
        NewPassword::Hashed(_) => Err(failure::HASH_UNSUPPORTED),
        NewPassword::Plain(text) => app.policy.complexity.check(text.expose()).map_err(violation),
    }
}

pub(super) async fn hash_new(app: &Arc<App>, password: NewPassword) -> Result<Secret, Failure> {
    match password {
        NewPassword::Hashed(hash) => Ok(hash),
        NewPassword::Plain(text) => hash(app, &text).await,
    }
}

/// Decides about a password under the lock of the user.
///
/// # Errors
/// When the store cannot be read.
pub async fn decide(ground: &mut Ground<'_>, evidence: &PasswordEvidence) -> StoreResult<Decision> {
    judge(ground, evidence, Counted::Password, ground.app.policy.attempts).await
}

/// As [`decide`], with another counter and policy.
pub(super) async fn judge(
    ground: &mut Ground<'_>,
    evidence: &PasswordEvidence,
    counted: Counted,
    policy: AttemptPolicy,
) -> StoreResult<Decision> {
    let before = ground.attempts(counted).await?;
    Ok(match settle_password(ground.user, before, evidence, policy, ground.now) {
        PasswordVerdict::Stale => Decision::Stale,
        PasswordVerdict::Refused(failure) => Decision::Refused(failure),
        PasswordVerdict::Passed { upgraded } => {
            let better = upgraded.and_then(|hash| replace(ground.user?, hash));
            Decision::Passed(ground.forget(counted, before).into_iter().chain(better).collect())
        }
        PasswordVerdict::Failed { attempts, lock, failure } => {
            Decision::Failed(ground.count(counted, attempts, lock).into_iter().collect(), failure)
        }
    })
}

/// A better hash of the same password.
fn replace(user: &User, hash: Secret) -> Option<Effect> {
    let mut user = user.clone();
    let UserKind::Human(human) = &mut user.kind else { return None };
    human.password.as_mut()?.hash = hash;
    Some(effect(move |conn| Box::pin(async move { user::save(conn, &user).await.map(|_| ()) })))
}

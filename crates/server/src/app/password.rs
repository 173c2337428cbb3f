//! Holding a password against what is stored: the slow part on the pool, the decision in the settling transaction.

use std::sync::Arc;

use doorward_core::attempt::{AttemptPolicy, Attempts, Counted};
use doorward_core::base::{Secret, Timestamp};
use doorward_core::check::{
    PasswordEvidence, PasswordOutcome, PasswordVerdict, before_password, settle_password,
};
use doorward_core::failure::{self, Failure};
use doorward_core::password::{self, ComplexityViolation};
use doorward_core::user::{User, UserKind, UserState};
use doorward_store::{Conn, user};

use super::{App, read};

/// A password for a user who is made or changed.
#[derive(Debug, Clone)]
pub enum NewPassword {
    /// In clear.
    Plain(Secret),
    /// Hashed elsewhere.
    Hashed(Secret),
}

/// What a password check came to in the settling transaction.
#[derive(Debug)]
pub enum Settled {
    /// Passed.
    Passed,
    /// Not passed; what had to be counted was.
    Refused(Failure),
    /// The stored password changed meanwhile: verify again.
    Stale,
}

/// How the settling transaction treats a password check.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Which counter.
    pub counted: Counted,
    /// What failures lead to.
    pub attempts: AttemptPolicy,
    /// Whether a success leaves a trace: not if the request fails for another reason.
    pub keep_success: bool,
    /// Now.
    pub now: Timestamp,
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

/// Decides about the evidence under the lock of the user, and writes what follows for the user.
///
/// # Errors
/// When the store cannot be written.
pub async fn settle(
    conn: &mut Conn,
    user_id: &str,
    evidence: &PasswordEvidence,
    rules: Rules,
) -> doorward_store::Result<Settled> {
    let mut user = user::lock(conn, user_id).await?;
    let before = user::attempts(conn, user_id, rules.counted).await?;
    match settle_password(user.as_ref(), before, evidence, rules.attempts, rules.now) {
        PasswordVerdict::Stale => Ok(Settled::Stale),
        PasswordVerdict::Refused(failure) => Ok(Settled::Refused(failure)),
        PasswordVerdict::Passed { upgraded } => {
            if rules.keep_success {
                pass(conn, user.as_mut(), before, upgraded, rules.counted).await?;
            }
            Ok(Settled::Passed)
        }
        PasswordVerdict::Failed { attempts, lock, failure } => {
            user::save_attempts(conn, user_id, rules.counted, attempts).await?;
            if let Some(user) = user.as_mut().filter(|_| lock) {
                user.state = UserState::Locked;
                user.touch(rules.now);
                user::save(conn, user).await?;
            }
            Ok(Settled::Refused(failure))
        }
    }
}

/// What a success leaves: no failures, and perhaps a better hash.
async fn pass(
    conn: &mut Conn,
    user: Option<&mut User>,
    before: Attempts,
    upgraded: Option<Secret>,
    counted: Counted,
) -> doorward_store::Result<()> {
    let Some(user) = user else { return Ok(()) };
    if before != Attempts::default() {
        user::save_attempts(conn, &user.id, counted, Attempts::default()).await?;
    }
    if let (Some(hash), UserKind::Human(human)) = (upgraded, &mut user.kind) {
        if let Some(password) = human.password.as_mut() {
            password.hash = hash;
        }
        user::save(conn, user).await?;
    }
    Ok(())
}

//! The password of a user: setting it, and the code that allows a new one.

use std::sync::Arc;

use doorward_core::attempt::{AttemptPolicy, Attempts, Counted};
use doorward_core::base::{Secret, Timestamp};
use doorward_core::caller::Permission;
use doorward_core::failure::{self, Detail, Failure};
use doorward_core::password::ComplexityViolation;
use doorward_core::token::{Digest, same};
use doorward_core::user::{CodePurpose, StoredPassword, User, UserKind};
use doorward_store::{Conn, Result as StoreResult, session, user};

use super::factor::{Ground, Refusal};
use super::password::{self, NewPassword, encode};
use super::user::{Outcome, change, find};
use super::user_code::Handover;
use super::user_contact::count_wrong;
use super::user_handover::hand_over;
use super::{Call, store_failure};

/// What allows a new password.
#[derive(Debug, Clone)]
pub enum Proof {
    /// The permission of the caller.
    Permission,
    /// The password so far.
    Current(Secret),
    /// A code from [`reset`].
    Code(Secret),
}

/// A new password, allowed and hashed, ready to be stored.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    hash: Secret,
    change_required: bool,
    proof: SettledProof,
}

#[derive(Debug, Clone)]
enum SettledProof {
    Permission,
    /// The hash that the password so far was verified against.
    Current(Secret),
    Code(Digest),
}

/// Sets the password of a user.
///
/// # Errors
/// Those of the proof, of the password's complexity, and of the store.
pub async fn set(
    call: &Call,
    id: String,
    password: NewPassword,
    change_required: bool,
    proof: Proof,
) -> Result<User, Failure> {
    let user = find(call, &id).await?.filter(|user| user.human().is_some());
    let user = user.ok_or(failure::SET_PASSWORD_NOT_FOUND)?;
    let prepared = prepare(call, &user, (password, change_required), proof).await?;
    let now = call.now;
    change(call, id, failure::SET_PASSWORD_NOT_FOUND, move |conn, mut user| {
        Box::pin(async move {
            if let Err(refusal) = put(conn, &mut user, &prepared, now).await? {
                return Ok(Err(refusal));
            }
            user.touch(now);
            user::save(conn, &user).await?;
            follow(conn, &user.id).await?;
            Ok(Ok(user))
        })
    })
    .await
}

/// Checks the proof, then the new password, and hashes it.
pub(super) async fn prepare(
    call: &Call,
    user: &User,
    (password, change_required): (NewPassword, bool),
    proof: Proof,
) -> Result<Prepared, Failure> {
    let proof = match proof {
        Proof::Permission => {
            call.caller.require(Permission::UserWrite, Some(&user.organisation))?;
            SettledProof::Permission
        }
        Proof::Current(current) => {
            SettledProof::Current(check_current(call, user, &current, &password).await?)
        }
        Proof::Code(code) => SettledProof::Code(check_code(call, user, &code, &password).await?),
    };
    let hash = encode(&call.app, password, change_violation).await?;
    Ok(Prepared { hash, change_required, proof })
}

/// Puts a prepared password into the user, if what it was allowed by still holds under the lock. Writes nothing.
pub(super) async fn put(
    conn: &mut Conn,
    user: &mut User,
    prepared: &Prepared,
    now: Timestamp,
) -> Outcome<()> {
    let id = user.id.clone();
    let UserKind::Human(human) = &mut user.kind else { return Ok(Err(failure::NOT_HUMAN)) };
    match &prepared.proof {
        SettledProof::Permission => {}
        SettledProof::Current(seen) => {
            if human.password.as_ref().is_none_or(|stored| stored.hash != *seen) {
                return Ok(Err(failure::PASSWORD_INVALID));
            }
        }
        SettledProof::Code(digest) => {
            let stored = user::code(conn, &id, CodePurpose::PasswordReset).await?;
            if stored.is_none_or(|stored| stored.digest != *digest) {
                return Ok(Err(failure::RESET_CODE_NOT_FOUND));
            }
        }
    }
    human.password = Some(StoredPassword {
        hash: prepared.hash.clone(),
        changed: now,
        change_required: prepared.change_required,
    });
    Ok(Ok(()))
}

/// What follows from a new password: no failures, no code, and no session that knows the password so far.
pub(super) async fn follow(conn: &mut Conn, id: &str) -> StoreResult<()> {
    for counted in [Counted::Password, Counted::CurrentPassword] {
        user::save_attempts(conn, id, counted, Attempts::default()).await?;
    }
    user::save_code(conn, id, CodePurpose::PasswordReset, None).await?;
    session::clear_password_factor(conn, id).await.map(|_| ())
}

/// Holds the password so far against the stored one. A wrong one is held back like one at a login, but locks nobody.
async fn check_current(
    call: &Call,
    user: &User,
    current: &Secret,
    new: &NewPassword,
) -> Result<Secret, Failure> {
    let stored = user.human().and_then(|human| human.password.clone());
    let stored = stored.ok_or(failure::CURRENT_PASSWORD_NOT_SET)?;
    let counted = Counted::CurrentPassword;
    password::attempts_of(&call.app, &user.id, counted).await?.allow(call.now)?;
    let evidence = password::hold_against(&call.app, stored.hash.clone(), current).await?;
    let policy = AttemptPolicy { lock_at: 0, ..call.app.policy.attempts };
    let (app, id, now) = (Arc::clone(&call.app), user.id.clone(), call.now);
    let settled = call.app.db.write(move |conn| {
        Box::pin(async move {
            let user = user::lock(conn, &id).await?;
            let mut ground = Ground { conn, app: &app, user: user.as_ref(), session: None, now };
            let decision = password::judge(&mut ground, &evidence, counted, policy).await?;
            // Failures are forgotten only once the new password is there.
            Ok(decision.settle(ground.conn).await?.err())
        })
    });
    match settled.await.map_err(store_failure)? {
        None => {}
        Some(Refusal::Stale) => return Err(failure::PASSWORD_INVALID),
        Some(Refusal::Failure(refusal)) if refusal.id == failure::PASSWORD_INVALID.id => {
            return Err(Failure { detail: Detail::Id, ..refusal });
        }
        Some(Refusal::Failure(refusal)) => return Err(refusal),
    }
    match new {
        NewPassword::Plain(text) if text.expose().is_empty() => Err(failure::PASSWORD_EMPTY),
        NewPassword::Plain(text) if text == current => Err(failure::PASSWORD_UNCHANGED),
        _ => Ok(stored.hash),
    }
}

/// Checks a code without using it up; a wrong one counts.
async fn check_code(call: &Call, user: &User, code: &Secret, new: &NewPassword) -> Result<Digest, Failure> {
    let (id, now, purpose) = (user.id.clone(), call.now, CodePurpose::PasswordReset);
    let digest = call.app.keys.code_digest(purpose.name(), &id, code.expose());
    let checked = call.app.db.write(move |conn| {
        Box::pin(async move {
            user::lock(conn, &id).await?;
            let Some(stored) = user::code(conn, &id, purpose).await? else {
                return StoreResult::Ok(Err(failure::RESET_CODE_NOT_FOUND));
            };
            if stored.expires <= now {
                return Ok(Err(failure::CODE_EXPIRED));
            }
            if !same(&stored.digest, &digest) {
                count_wrong(conn, &id, purpose, stored).await?;
                return Ok(Err(failure::CODE_INVALID));
            }
            Ok(Ok(digest))
        })
    });
    let digest = checked.await.map_err(store_failure)??;
    match new {
        NewPassword::Plain(text) if text.expose().is_empty() => Err(failure::PASSWORD_EMPTY_WITH_CODE),
        _ => Ok(digest),
    }
}

/// Makes a code that allows a new password. Without a handover it is sent by mail. Gives it back if it is to be returned.
///
/// # Errors
/// Those of the link's template, `COMMAND-SAF4f` without such a user, those of the permission and of the delivery.
pub async fn reset(
    call: &Call,
    id: String,
    handover: Option<Handover>,
) -> Result<(User, Option<Secret>), Failure> {
    let caller = call.caller.clone();
    hand_over(call, (id, failure::RESET_NOT_FOUND), CodePurpose::PasswordReset, handover, move |_, user| {
        let decided = match user.human() {
            None => Err(failure::RESET_NOT_FOUND),
            Some(_) => caller.require_or_self(Permission::UserWrite, &user.organisation, &user.id),
        };
        Box::pin(std::future::ready(Ok(decided)))
    })
    .await
}

fn change_violation(violation: ComplexityViolation) -> Failure {
    match violation {
        ComplexityViolation::TooShort => failure::TOO_SHORT_SET,
        ComplexityViolation::Lower => failure::NO_LOWER_SET,
        ComplexityViolation::Upper => failure::NO_UPPER_SET,
        ComplexityViolation::Number => failure::NO_NUMBER_SET,
        ComplexityViolation::Symbol => failure::NO_SYMBOL_SET,
    }
}

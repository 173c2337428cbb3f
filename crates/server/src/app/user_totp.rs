//! Time-based codes of a user: registering a secret, proving that the user has it, removing it.

use doorward_core::attempt::{AttemptPolicy, Attempts, Counted};
use doorward_core::base::{Secret, Timestamp};
use doorward_core::caller::Permission;
use doorward_core::failure::{self, Failure};
use doorward_core::totp::{SECRET, accepted_step, uri, write_secret};
use doorward_core::user::User;
use doorward_store::totp::{self, Totp};
use doorward_store::{Conn, user};
use zeroize::Zeroizing;

use super::totp_check::{open, purpose};
use super::user::{Outcome, change};
use super::user_credential::{change_credential, touched};
use super::{App, Call};

/// A new secret for the user's app.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The user as it is now.
    pub user: User,
    /// The secret as people type it.
    pub secret: Secret,
    /// The secret as apps read it.
    pub uri: Secret,
}

/// Draws a secret. It counts for nothing before a code has shown that the user has it.
///
/// # Errors
/// `COMMAND-SqyJz` without such a person, those of the permission, `COMMAND-do9se` when there is one that is ready.
pub async fn register(call: &Call, id: String) -> Result<Registered, Failure> {
    let secret = Zeroizing::new(call.app.chance::<SECRET>());
    let waiting = sealed(&call.app, &id, &*secret, (false, call.now));
    let (caller, now) = (call.caller.clone(), call.now);
    let user = change(call, id, failure::TOTP_USER_UNKNOWN, move |conn, user| {
        Box::pin(async move {
            if user.human().is_none() {
                return Ok(Err(failure::TOTP_USER_UNKNOWN));
            }
            let allowed = caller.require_or_self(Permission::CredentialWrite, &user.organisation, &user.id);
            if let Err(refusal) = allowed {
                return Ok(Err(refusal));
            }
            if totp::find(conn, &user.id).await?.is_some_and(|present| present.ready) {
                return Ok(Err(failure::TOTP_ALREADY));
            }
            totp::save(conn, &user.id, &waiting).await?;
            touched(conn, user, now).await.map(Ok)
        })
    });
    let user = user.await?;
    let secret = write_secret(&*secret);
    let uri = uri(&call.app.policy.totp_issuer, &user.username, &secret);
    Ok(Registered { user, secret, uri })
}

/// Makes a registered secret ready by a code, which is used up by that.
///
/// # Errors
/// Those of the permission, `COMMAND-3Mif9s` when nothing is registered, `COMMAND-qx4ls` when it is ready,
/// `EVENT-8isk2` for a wrong code, `DOORWARD-B4ck0` after too many of them.
pub async fn verify(call: &Call, id: String, code: Secret) -> Result<User, Failure> {
    let story = call.clone();
    let rules = (Permission::CredentialWrite, failure::TOTP_NOT_REGISTERED);
    change_credential(call, id, rules, move |conn, user| {
        Box::pin(async move {
            let step = match prove(conn, &story, &user.id, &code).await? {
                Ok(step) => step,
                Err(refusal) => return Ok(Err(refusal)),
            };
            totp::make_ready(conn, &user.id, step).await?;
            for counted in [Counted::Totp, Counted::TotpRegistration] {
                user::save_attempts(conn, &user.id, counted, Attempts::default()).await?;
            }
            Ok(Ok(()))
        })
    })
    .await
}

/// The step that a code belongs to. A wrong one counts apart from those of logins: it holds back, and never locks.
async fn prove(conn: &mut Conn, call: &Call, user_id: &str, code: &Secret) -> Outcome<u64> {
    let Some(waiting) = totp::find(conn, user_id).await? else {
        return Ok(Err(failure::TOTP_NOT_REGISTERED));
    };
    if waiting.ready {
        return Ok(Err(failure::TOTP_ALREADY_READY));
    }
    let counted = Counted::TotpRegistration;
    let before = user::attempts(conn, user_id, counted).await?;
    if let Err(refusal) = before.allow(call.now) {
        return Ok(Err(refusal));
    }
    let secret = open(&call.app, user_id, &waiting)?;
    if let Some(step) = accepted_step(&secret, code.expose(), call.now, waiting.last_step) {
        return Ok(Ok(step));
    }
    let policy = AttemptPolicy { lock_at: 0, ..call.app.policy.code_attempts };
    user::save_attempts(conn, user_id, counted, before.failed(policy, call.now).0).await?;
    Ok(Err(failure::TOTP_INVALID))
}

/// Removes the secret, whether it was ready or not.
///
/// # Errors
/// `COMMAND-Hd9sd` when there is none, then those of the permission.
pub async fn remove(call: &Call, id: String) -> Result<User, Failure> {
    let (caller, now) = (call.caller.clone(), call.now);
    change(call, id, failure::TOTP_REMOVE_NOT_FOUND, move |conn, user| {
        Box::pin(async move {
            if totp::find(conn, &user.id).await?.is_none() {
                return Ok(Err(failure::TOTP_REMOVE_NOT_FOUND));
            }
            let allowed = caller.require_or_self(Permission::UserWrite, &user.organisation, &user.id);
            if let Err(refusal) = allowed {
                return Ok(Err(refusal));
            }
            totp::remove(conn, &user.id).await?;
            touched(conn, user, now).await.map(Ok)
        })
    })
    .await
}

/// A secret of a user as it is stored.
pub(super) fn sealed(app: &App, user_id: &str, secret: &[u8], (ready, created): (bool, Timestamp)) -> Totp {
    Totp { secret: app.seal(&purpose(user_id), secret), ready, last_step: None, created }
}

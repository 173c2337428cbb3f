//! The check of a recovery code.

use doorward_core::attempt::Counted;
use doorward_core::base::Secret;
use doorward_core::failure;
use doorward_core::recovery::normalised;
use doorward_core::token::Digest;
use doorward_core::user::UserState;
use doorward_store::recovery_code;
use doorward_store::{Result as StoreResult, StoreError};

use super::App;
use super::factor::{Decision, Effect, Ground, effect};

/// Decides about a code: the user must have it still.
///
/// # Errors
/// When the store cannot be read.
pub async fn decide(ground: &mut Ground<'_>, code: &Secret) -> StoreResult<Decision> {
    let Some(user) = ground.user else { return Ok(Decision::Refused(failure::RECOVERY_NO_USER)) };
    if recovery_code::count(ground.conn, &user.id).await? == 0 {
        return Ok(Decision::Refused(failure::RECOVERY_NOT_READY));
    }
    if user.state == UserState::Locked {
        return Ok(Decision::Refused(failure::RECOVERY_USER_LOCKED));
    }
    let before = ground.attempts(Counted::RecoveryCode).await?;
    if let Err(refusal) = before.allow(ground.now) {
        return Ok(Decision::Refused(refusal));
    }
    let digest = digest(ground.app, &user.id, code);
    if !recovery_code::has(ground.conn, &user.id, &digest).await? {
        return Ok(ground.failed(Counted::RecoveryCode, before, failure::RECOVERY_INVALID));
    }
    Ok(Decision::Passed(vec![take(user.id.clone(), digest)])
        .and(ground.forget(Counted::RecoveryCode, before)))
}

/// Uses up the code. The user is locked, so it is still there; if not, nothing of the request may stand.
fn take(user_id: String, digest: Digest) -> Effect {
    effect(move |conn| {
        Box::pin(async move {
            if recovery_code::take(conn, &user_id, &digest).await? {
                return Ok(());
            }
            let problem = "was taken although the user was locked".to_owned();
            Err(StoreError::Corrupt { table: "recovery_codes", column: "digest", id: user_id, problem })
        })
    })
}

/// The digest of a code, however it was typed.
pub(super) fn digest(app: &App, user_id: &str, code: &Secret) -> Digest {
    app.keys.code_digest("recovery", user_id, normalised(code.expose()).expose())
}

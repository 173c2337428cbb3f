//! The check of a time-based code.

use doorward_core::attempt::Counted;
use doorward_core::base::Secret;
use doorward_core::failure;
use doorward_core::totp::accepted_step;
use doorward_core::user::UserState;
use doorward_store::totp::{self, Totp};
use doorward_store::{Result as StoreResult, StoreError};
use zeroize::Zeroizing;

use super::App;
use super::factor::{Decision, Effect, Ground, effect};

/// Decides about a code: it must be of a step that is near and was not used yet.
///
/// # Errors
/// When the store cannot be read, or the secret not be opened.
pub async fn decide(ground: &mut Ground<'_>, code: &Secret) -> StoreResult<Decision> {
    let Some(user) = ground.user else { return Ok(Decision::Refused(failure::TOTP_NO_USER)) };
    let Some(totp) = totp::find(ground.conn, &user.id).await?.filter(|totp| totp.ready) else {
        return Ok(Decision::Refused(failure::TOTP_NOT_READY));
    };
    if user.state == UserState::Locked {
        return Ok(Decision::Refused(failure::TOTP_USER_LOCKED));
    }
    let before = ground.attempts(Counted::Totp).await?;
    if let Err(refusal) = before.allow(ground.now) {
        return Ok(Decision::Refused(refusal));
    }
    let secret = open(ground.app, &user.id, &totp)?;
    match accepted_step(&secret, code.expose(), ground.now, totp.last_step) {
        None => Ok(ground.failed(Counted::Totp, before, failure::TOTP_INVALID)),
        Some(step) => {
            Ok(Decision::Passed(vec![accept(user.id.clone(), step)])
                .and(ground.forget(Counted::Totp, before)))
        }
    }
}

/// Uses up the step. The user is locked, so it is as unused as it was; if not, nothing of the request may stand.
fn accept(user_id: String, step: u64) -> Effect {
    effect(move |conn| {
        Box::pin(async move {
            if totp::accept_step(conn, &user_id, step).await? {
                return Ok(());
            }
            Err(corrupt(&user_id, "last_step", "was changed although the user was locked"))
        })
    })
}

/// What the secret of a user is sealed for.
pub(super) fn purpose(user_id: &str) -> String {
    format!("totp {user_id}")
}

/// The secret of a user.
pub(super) fn open(app: &App, user_id: &str, totp: &Totp) -> StoreResult<Zeroizing<Vec<u8>>> {
    let opened = app.seals.open(&purpose(user_id), &totp.secret);
    opened.ok_or_else(|| corrupt(user_id, "secret", "is sealed with a key that is not there"))
}

fn corrupt(user_id: &str, column: &'static str, problem: &str) -> StoreError {
    StoreError::Corrupt { table: "totps", column, id: user_id.to_owned(), problem: problem.to_owned() }
}

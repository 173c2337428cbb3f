//! Recovery codes of a user: making a set of them, removing it.

use doorward_core::base::Secret;
use doorward_core::caller::Permission;
use doorward_core::failure::{self, Failure};
use doorward_core::recovery::{MOST, USUAL_COUNT, draw};
use doorward_core::user::User;
use doorward_store::recovery_code;

use super::Call;
use super::recovery_check::digest;
use super::user_credential::change_credential;

/// Makes a set of codes in place of the one before. They are told this once.
///
/// # Errors
/// `DOORWARD-R3c0m` for more than a user can have, those of the permission, `COMMAND-4g3xq` without such a user.
pub async fn generate(call: &Call, id: String, count: u32) -> Result<(User, Vec<Secret>), Failure> {
    let count = match count {
        0 => USUAL_COUNT,
        1..=MOST => count,
        _ => return Err(failure::RECOVERY_TOO_MANY),
    };
    let codes: Vec<_> = (0..count).map(|_| draw(call.app.env.entropy.number())).collect();
    let digests: Vec<_> = codes.iter().map(|code| digest(&call.app, &id, code)).collect();
    let now = call.now;
    let rules = (Permission::CredentialWrite, failure::TARGET_USER_UNKNOWN);
    let user = change_credential(call, id, rules, move |conn, user| {
        Box::pin(async move {
            if user.human().is_none() {
                return Ok(Err(failure::NOT_HUMAN));
            }
            recovery_code::replace(conn, &user.id, &digests, now).await.map(Ok)
        })
    });
    Ok((user.await?, codes))
}

/// Removes all codes.
///
/// # Errors
/// Those of the permission, `DOORWARD-R3c0n` when there are none.
pub async fn remove(call: &Call, id: String) -> Result<User, Failure> {
    change_credential(call, id, (Permission::UserWrite, failure::RECOVERY_NOT_FOUND), |conn, user| {
        Box::pin(async move {
            let removed = recovery_code::remove(conn, &user.id).await?;
            Ok(if removed { Ok(()) } else { Err(failure::RECOVERY_NOT_FOUND) })
        })
    })
    .await
}

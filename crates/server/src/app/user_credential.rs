//! What changes of the ways to log in have in common: who may make them, and that they count as changes of the user.

use doorward_core::base::Timestamp;
use doorward_core::caller::Permission;
use doorward_core::failure::Failure;
use doorward_core::user::User;
use doorward_store::{Conn, Result as StoreResult, user};
use futures_util::future::BoxFuture;

use super::Call;
use super::user::{Outcome, change};

/// Runs a change for the user or for callers with the permission. Callers without it do not learn whether there is such
/// a user; the others are answered with `missing` if there is none.
pub(super) async fn change_credential<F>(
    call: &Call,
    id: String,
    (permission, missing): (Permission, Failure),
    story: F,
) -> Result<User, Failure>
where
    F: for<'a> FnOnce(&'a mut Conn, &'a User) -> BoxFuture<'a, Outcome<()>> + Clone + Send + 'static,
{
    let missing = call.caller.require(permission, None).err().unwrap_or(missing);
    let (caller, now) = (call.caller.clone(), call.now);
    change(call, id, missing, move |conn, user| {
        Box::pin(async move {
            if let Err(refusal) = caller.require_or_self(permission, &user.organisation, &user.id) {
                return Ok(Err(refusal));
            }
            match story(conn, &user).await? {
                Ok(()) => touched(conn, user, now).await.map(Ok),
                Err(refusal) => Ok(Err(refusal)),
            }
        })
    })
    .await
}

/// Notes that the user was changed.
pub(super) async fn touched(conn: &mut Conn, mut user: User, now: Timestamp) -> StoreResult<User> {
    user.touch(now);
    user::save(conn, &user).await?;
    Ok(user)
}

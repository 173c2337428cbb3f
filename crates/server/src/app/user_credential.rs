//! What changes of the ways to log in have in common: who may make them, and that they count as changes of the user.

use doorward_core::base::Timestamp;
use doorward_core::caller::{Caller, Membership, Permission};
use doorward_core::failure::{self, Failure};
use doorward_core::user::User;
use doorward_store::{Conn, Result as StoreResult, grant, user};
use futures_util::future::BoxFuture;

use super::user::{Outcome, change};
use super::{Call, read};

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

/// Whether the caller may change what a user logs in with as a machine: the user itself may, and whoever may change it.
///
/// # Errors
/// Those of the permission, `DOORWARD-M4ch1` for a person.
fn permit_machine(caller: &Caller, user: &User) -> Result<(), Failure> {
    caller.require_or_self(Permission::UserWrite, &user.organisation, &user.id)?;
    if user.human().is_some() { Err(failure::NOT_MACHINE) } else { Ok(()) }
}

/// Runs a change of what a machine user logs in with, with the user locked.
pub(super) async fn change_machine<T, F>(call: &Call, id: String, story: F) -> Result<T, Failure>
where
    T: Send + 'static,
    F: for<'a> FnOnce(&'a mut Conn, User) -> BoxFuture<'a, Outcome<T>> + Clone + Send + 'static,
{
    let caller = call.caller.clone();
    change(call, id, failure::TARGET_USER_UNKNOWN, move |conn, user| {
        Box::pin(async move {
            match permit_machine(&caller, &user) {
                Ok(()) => story(conn, user).await,
                Err(refusal) => Ok(Err(refusal)),
            }
        })
    })
    .await
}

/// The same where it gives the caller something to log in with as that user. Only who may do all that the user may can
/// have it: else a role that writes users would be worth as much as the highest that one of them holds.
pub(super) async fn give_to_machine<T, F>(call: &Call, id: String, story: F) -> Result<T, Failure>
where
    T: Send + 'static,
    F: for<'a> FnOnce(&'a mut Conn, User) -> BoxFuture<'a, Outcome<T>> + Clone + Send + 'static,
{
    let caller = call.caller.clone();
    change_machine(call, id, move |conn, user| {
        Box::pin(async move {
            let held = grant::of_user(conn, &user.id).await?;
            match permit_giving(&caller, &user, &held) {
                Ok(()) => story(conn, user).await,
                Err(refusal) => Ok(Err(refusal)),
            }
        })
    })
    .await
}

/// The same question before work is done for it, asked again with the user locked.
pub(super) async fn may_give_to_machine(call: &Call, user: &User) -> Result<(), Failure> {
    permit_machine(&call.caller, user)?;
    permit_giving(&call.caller, user, &read!(call.app, grant::of_user(&user.id))?)
}

fn permit_giving(caller: &Caller, user: &User, held: &[Membership]) -> Result<(), Failure> {
    if caller.user_id == user.id { Ok(()) } else { caller.require_all_of(held) }
}

//! Roles that users hold. Only an operator grants them: no method of the API does.

use doorward_core::caller::{Membership, Role};
use doorward_core::failure::{self, Failure, Kind};
use doorward_store::grant::{self, Grant};
use doorward_store::organisation;

use super::user::change;
use super::{Call, read, store_failure};

/// Where a role is to be held: on an organisation, or on the instance.
///
/// # Errors
/// When it is a role of the other level.
pub fn membership(role: Role, organisation: Option<String>) -> Result<Membership, Failure> {
    let refuse = |text: String| Err(Failure::bare(Kind::InvalidArgument, text));
    match (role.is_for_instance(), &organisation) {
        (true, Some(_)) => refuse(format!("{} is held on the instance, not on an organisation", role.name())),
        (false, None) => {
            refuse(format!("{} is held on an organisation: name it with --organisation", role.name()))
        }
        _ => Ok(Membership { organisation, role }),
    }
}

/// Grants a role. It counts with the very next call, on every node. Granting it again changes nothing.
///
/// # Errors
/// Where there is no such user or organisation, and those of the store.
pub async fn add(call: &Call, user_id: String, membership: Membership) -> Result<(), Failure> {
    change(call, user_id, failure::TARGET_USER_UNKNOWN, move |conn, user| {
        Box::pin(async move {
            if let Some(id) = &membership.organisation
                && !organisation::exists(conn, id).await?
            {
                return Ok(Err(failure::ORGANISATION_OF_USER_UNKNOWN));
            }
            grant::insert(conn, &user.id, &membership).await?;
            Ok(Ok(()))
        })
    })
    .await
}

/// Takes a role away, with the very next call. Gives `false` if it was not held there.
///
/// # Errors
/// Those of the store.
pub async fn remove(call: &Call, grant: Grant) -> Result<bool, Failure> {
    let removed = call.app.db.write(move |conn| Box::pin(async move { grant::delete(conn, &grant).await }));
    removed.await.map_err(store_failure)
}

/// The roles of a user, or of everybody.
///
/// # Errors
/// Those of the store.
pub async fn list(call: &Call, user_id: Option<&str>) -> Result<Vec<Grant>, Failure> {
    read!(call.app, grant::list(user_id))
}

//! The secret by which a machine user logs in: giving it one, taking it away.

use std::collections::HashSet;

use doorward_core::base::Secret;
use doorward_core::failure::{self, Failure};
use doorward_core::token::TokenKind;
use doorward_core::user::User;
use doorward_store::{access_token, machine_secret};

use super::user_credential::{change_machine, give_to_machine};
use super::{Call, read};

/// Gives the user a secret, which is told this once. The one before is void, and so is what was given for it.
///
/// # Errors
/// `DOORWARD-R0le5` when the user may do more than the caller, `DOORWARD-M4ch1` for a person, those of permission and
/// store.
pub async fn add(call: &Call, user_id: String) -> Result<Secret, Failure> {
    let now = call.now;
    let minted = call.app.mint_token(TokenKind::ClientSecret, &user_id);
    let digest = minted.digest;
    give_to_machine(call, user_id, move |conn, user| {
        Box::pin(async move {
            machine_secret::save(conn, &user.id, &digest, now).await?;
            access_token::delete_from(conn, &user.id, None).await?;
            Ok(Ok(()))
        })
    })
    .await?;
    Ok(minted.text)
}

/// Takes the secret away, with the access tokens that were given for it.
///
/// # Errors
/// `DOORWARD-S3cr0` when there is none, `DOORWARD-M4ch1` for a person, those of permission and store.
pub async fn remove(call: &Call, user_id: String) -> Result<(), Failure> {
    change_machine(call, user_id, move |conn, user| {
        Box::pin(async move {
            if !machine_secret::delete(conn, &user.id).await? {
                return Ok(Err(failure::SECRET_NOT_FOUND));
            }
            access_token::delete_from(conn, &user.id, None).await?;
            Ok(Ok(()))
        })
    })
    .await
}

/// Those of some users who have a secret, by their ids.
///
/// # Errors
/// Those of the store.
pub async fn among(call: &Call, users: &[User]) -> Result<HashSet<String>, Failure> {
    let machines: Vec<_> =
        users.iter().filter(|user| user.human().is_none()).map(|user| user.id.as_str()).collect();
    if machines.is_empty() {
        return Ok(HashSet::new());
    }
    read!(call.app, machine_secret::among(&machines))
}

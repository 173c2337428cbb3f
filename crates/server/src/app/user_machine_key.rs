//! Keys by which a machine user logs in: adding one, removing it, listing them.

use doorward_core::base::{Secret, Timestamp};
use doorward_core::failure::{self, Failure};
use doorward_core::machine_key::{MOST, Made, key_file, make, read_public};
use doorward_core::search::{Page, UserView};
use doorward_store::access_token;
use doorward_store::credential::{Credential, CredentialFilter, CredentialOrder};
use doorward_store::machine_key::{self, MachineKey};
use doorward_store::session_search::Found;

use super::user::find;
use super::user_credential::{change_machine, give_to_machine, may_give_to_machine};
use super::{Call, read, store_failure};

/// Adds the public key of the caller, or makes a key if there is none: then the key file is told this once.
///
/// # Errors
/// `DOORWARD-K3yx0` when it would be dead at birth, `DOORWARD-K3yb4` for a public key that is of no use,
/// `DOORWARD-K3ys0` when the user has enough, `DOORWARD-R0le5` when the user may do more than the caller,
/// `DOORWARD-M4ch1` for a person, those of permission and store.
pub async fn add(
    call: &Call,
    user_id: String,
    expires: Timestamp,
    public: &[u8],
) -> Result<(MachineKey, Option<Secret>), Failure> {
    let now = call.now;
    if expires <= now {
        return Err(failure::KEY_EXPIRED_AT_BIRTH);
    }
    let (public_key, private) = if public.is_empty() {
        let Made { public, private } = made(call, &user_id).await?;
        (public, Some(private))
    } else {
        (read_public(public)?, None)
    };
    let id = call.app.mint_id(now);
    let key = give_to_machine(call, user_id, move |conn, user| {
        Box::pin(async move {
            if machine_key::count(conn, &user.id).await? >= MOST {
                return Ok(Err(failure::KEY_TOO_MANY));
            }
            let key = MachineKey { id, user_id: user.id, public_key, created: now, expires };
            machine_key::insert(conn, &key).await?;
            Ok(Ok(key))
        })
    });
    let key = key.await?;
    let file = private.map(|private| key_file(&private, (&key.id, &key.user_id), &date(expires)));
    Ok((key, file))
}

/// Makes a key on the hashing pool. It is as dear as many hashes: nobody without the permission gets to spend it, and
/// nobody who has enough of them.
async fn made(call: &Call, user_id: &str) -> Result<Made, Failure> {
    let user = find(call, user_id).await?.ok_or(failure::TARGET_USER_UNKNOWN)?;
    may_give_to_machine(call, &user).await?;
    if read!(call.app, machine_key::count(user_id))? >= MOST {
        return Err(failure::KEY_TOO_MANY);
    }
    call.app.hashing.run(|_| make()).await?.ok_or_else(|| {
        tracing::error!("the library makes no RSA key");
        failure::INTERNAL
    })
}

/// A time as RFC 3339. What lies after the last day that can be written is that day.
fn date(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// Removes a key, with the access tokens that were given for it.
///
/// # Errors
/// `DOORWARD-K3yn0` when there is none, `DOORWARD-M4ch1` for a person, those of permission and store.
pub async fn remove(call: &Call, user_id: String, id: String) -> Result<(), Failure> {
    change_machine(call, user_id, move |conn, user| {
        Box::pin(async move {
            if !machine_key::delete(conn, &user.id, &id).await? {
                return Ok(Err(failure::KEY_NOT_FOUND));
            }
            access_token::delete_from(conn, &user.id, Some(&id)).await?;
            Ok(Ok(()))
        })
    })
    .await
}

/// Finds keys of users that the caller may see.
///
/// # Errors
/// Those of the store.
pub async fn list(
    call: &Call,
    filters: Vec<CredentialFilter>,
    order: CredentialOrder,
    page: Page,
) -> Result<Found<Credential>, Failure> {
    let view = UserView::of(&call.caller);
    let found = call.app.db.scan(move |conn| {
        Box::pin(async move { machine_key::search(conn, &filters, &view, order, page).await })
    });
    found.await.map_err(store_failure)
}

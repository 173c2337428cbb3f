//! Metadata of users.

use std::collections::BTreeSet;

use doorward_core::caller::Permission;
use doorward_core::failure::{self, Failure};
use doorward_core::search::{Page, TextFilter};
use doorward_store::session_search::Found;
use doorward_store::user_search::{self, MetadataEntry};

use super::user::{MOST_METADATA, change, check_metadata, find};
use super::{Call, store_failure};

/// Sets metadata entries.
///
/// # Errors
/// Those of the entries, `DOORWARD-M3ta2` when they become too many, those of permission and store.
pub async fn set(call: &Call, user_id: String, entries: Vec<(String, Vec<u8>)>) -> Result<(), Failure> {
    check_metadata(&entries)?;
    let (caller, now) = (call.caller.clone(), call.now);
    let stored = change(call, user_id, failure::TARGET_USER_UNKNOWN, move |conn, user| {
        Box::pin(async move {
            let allowed = caller.require_or_self(Permission::UserWrite, &user.organisation, &user.id);
            if let Err(refusal) = allowed {
                return Ok(Err(refusal));
            }
            let mut keys: BTreeSet<_> =
                user_search::metadata_keys(conn, &user.id).await?.into_iter().collect();
            keys.extend(entries.iter().map(|(key, _)| key.clone()));
            if keys.len() > MOST_METADATA {
                return Ok(Err(failure::METADATA_TOO_MUCH));
            }
            user_search::save_metadata(conn, &user.id, &entries, now).await?;
            Ok(Ok(()))
        })
    });
    stored.await
}

/// Removes metadata entries, all or none.
///
/// # Errors
/// `DOORWARD-M3ta1` when one is not there, those of permission and store.
pub async fn delete(call: &Call, user_id: String, keys: Vec<String>) -> Result<(), Failure> {
    let user = find(call, &user_id).await?.ok_or(failure::TARGET_USER_UNKNOWN)?;
    call.caller.require_or_self(Permission::UserWrite, &user.organisation, &user_id)?;
    change(call, user_id, failure::TARGET_USER_UNKNOWN, move |conn, user| {
        Box::pin(async move {
            let present = user_search::metadata_keys(conn, &user.id).await?;
            if keys.iter().any(|key| !present.contains(key)) {
                return Ok(Err(failure::METADATA_NOT_FOUND));
            }
            for key in &keys {
                user_search::delete_metadata(conn, &user.id, key).await?;
            }
            Ok(Ok(()))
        })
    })
    .await
}

/// Finds metadata entries of a user.
///
/// # Errors
/// Those of permission and store.
pub async fn list(
    call: &Call,
    user_id: String,
    filters: Vec<TextFilter>,
    page: Page,
) -> Result<Found<MetadataEntry>, Failure> {
    let user = find(call, &user_id).await?.ok_or(failure::TARGET_USER_UNKNOWN)?;
    call.caller.require_or_self(Permission::UserRead, &user.organisation, &user_id)?;
    let found = call.app.db.scan(move |conn| {
        Box::pin(async move { user_search::list_metadata(conn, &user_id, &filters, page).await })
    });
    found.await.map_err(store_failure)
}

//! Metadata of users.

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
            let present = user_search::count_metadata(conn, &user.id).await?;
            if present + entries.len() as u64 > MOST_METADATA {
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
    let page = Page { offset: 0, limit: u32::MAX, ascending: true };
    let present = read(call, user_id.clone(), Vec::new(), page).await?;
    if keys.iter().any(|key| !present.entries.iter().any(|entry| entry.key == *key)) {
        return Err(failure::METADATA_NOT_FOUND);
    }
    change(call, user_id, failure::TARGET_USER_UNKNOWN, move |conn, user| {
        Box::pin(async move {
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
    read(call, user_id, filters, page).await
}

async fn read(
    call: &Call,
    user_id: String,
    filters: Vec<TextFilter>,
    page: Page,
) -> Result<Found<MetadataEntry>, Failure> {
    let found = call.app.db.scan(move |conn| {
        Box::pin(async move { user_search::list_metadata(conn, &user_id, &filters, page).await })
    });
    found.await.map_err(store_failure)
}

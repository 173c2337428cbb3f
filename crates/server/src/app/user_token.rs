//! Personal access tokens of machine users.

use doorward_core::base::{Secret, Timestamp};
use doorward_core::caller::Permission;
use doorward_core::failure::{self, Failure};
use doorward_core::search::{Page, UserView};
use doorward_core::token::TokenKind;
use doorward_store::session_search::Found;
use doorward_store::token::{self, AccessToken, TokenFilter, TokenOrder};

use super::user::change;
use super::user_credential::give_to_machine;
use super::{Call, store_failure};

/// Makes a token. Its text is shown this once.
///
/// # Errors
/// `DOORWARD-T0k3x` when it would be dead at birth, `DOORWARD-R0le5` when the user may do more than the caller,
/// `DOORWARD-M4ch1` for a person, those of permission and store.
pub async fn add(call: &Call, user_id: String, expires: Timestamp) -> Result<(AccessToken, Secret), Failure> {
    let now = call.now;
    if expires <= now {
        return Err(failure::TOKEN_EXPIRED_AT_BIRTH);
    }
    let id = call.app.mint_id(now);
    let minted = call.app.mint_token(TokenKind::PersonalAccess, &id);
    let digest = minted.digest;
    let token = give_to_machine(call, user_id, move |conn, user| {
        Box::pin(async move {
            let (user_id, organisation) = (user.id, user.organisation);
            let token = AccessToken { id, user_id, organisation, created: now, expires };
            token::insert(conn, &token, &digest).await?;
            Ok(Ok(token))
        })
    });
    Ok((token.await?, minted.text))
}

/// Removes a token. The very next call with it is refused.
///
/// # Errors
/// `DOORWARD-T0k3n` when there is none, those of permission and store.
pub async fn remove(call: &Call, user_id: String, id: String) -> Result<(), Failure> {
    let caller = call.caller.clone();
    change(call, user_id, failure::TARGET_USER_UNKNOWN, move |conn, user| {
        Box::pin(async move {
            let allowed = caller.require_or_self(Permission::UserWrite, &user.organisation, &user.id);
            if let Err(refusal) = allowed {
                return Ok(Err(refusal));
            }
            let removed = token::delete(conn, &user.id, &id).await?;
            Ok(if removed { Ok(()) } else { Err(failure::TOKEN_NOT_FOUND) })
        })
    })
    .await
}

/// Finds tokens of users that the caller may see.
///
/// # Errors
/// Those of the store.
pub async fn list(
    call: &Call,
    filters: Vec<TokenFilter>,
    order: TokenOrder,
    page: Page,
) -> Result<Found<AccessToken>, Failure> {
    let view = UserView::of(&call.caller);
    let found = call
        .app
        .db
        .scan(move |conn| Box::pin(async move { token::search(conn, &filters, &view, order, page).await }));
    found.await.map_err(store_failure)
}

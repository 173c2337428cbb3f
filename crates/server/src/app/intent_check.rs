//! The check of a session that takes a login at an identity provider.

use doorward_core::failure;
use doorward_core::intent::{IntentState, read_token, with_token};
use doorward_store::{Result as StoreResult, StoreError, idp_link, intent};

use super::factor::{Decision, Ground, effect};

/// What a request presents.
#[derive(Debug, Clone)]
pub struct IntentCheck {
    /// The id of the intent.
    pub id: String,
    /// Its token.
    pub token: String,
}

/// Decides the check. If everything else passes, too, the intent is used up.
///
/// # Errors
/// When the store cannot be read.
pub async fn decide(ground: &mut Ground<'_>, check: &IntentCheck) -> StoreResult<Decision> {
    let Some(user) = ground.user else { return Ok(Decision::Refused(failure::INTENT_NO_USER)) };
    let digest = match read_token(&ground.app.keys, &check.id, &check.token) {
        Ok(digest) => digest,
        Err(refusal) => return Ok(Decision::Refused(refusal)),
    };
    // Locked, it is still what it is now when the effect is written.
    let found = intent::lock(ground.conn, &check.id).await?;
    let found = match with_token(found, &digest) {
        Ok(found) => found,
        Err(refusal) => return Ok(Decision::Refused(refusal)),
    };
    let account = match found.require_usable(ground.now) {
        Ok(account) => account,
        Err(refusal) => return Ok(Decision::Refused(refusal)),
    };
    let link = idp_link::find(ground.conn, &found.idp_id, &account.id).await?;
    if let Err(refusal) = found.require_user(&user.id, link.as_ref().map(|link| link.user_id.as_str())) {
        return Ok(Decision::Refused(refusal));
    }
    let (id, now) = (found.id, ground.now);
    let consume = effect(move |conn| {
        Box::pin(async move {
            let consumed =
                intent::step(conn, &id, IntentState::Succeeded, IntentState::Consumed, now).await?;
            let twice = || StoreError::Driver("a locked intent was used by somebody else".to_owned());
            if consumed { Ok(()) } else { Err(twice()) }
        })
    });
    Ok(Decision::Passed(vec![consume]))
}

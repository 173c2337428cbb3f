//! A code for a user as a story of its own: made, stored, and handed over.

use std::sync::Arc;

use doorward_core::base::Secret;
use doorward_core::failure::{self, Failure};
use doorward_core::user::{CodePurpose, User};
use doorward_store::{Conn, user};
use futures_util::future::BoxFuture;

use super::Call;
use super::user::{Outcome, change};
use super::user_code::{Drawn, Handover, way};

/// Makes a code for a user, which voids the one of its purpose before, and hands it over: without a handover it is sent
/// the usual way. What `decide` finds under the lock of the user comes before what stands in the way of sending, because
/// that is told to those alone who may ask for a code. Gives the code back if it is to be returned.
pub(super) async fn hand_over<F>(
    call: &Call,
    (id, not_found): (String, Failure),
    purpose: CodePurpose,
    handover: Option<Handover>,
    decide: F,
) -> Result<(User, Option<Secret>), Failure>
where
    F: for<'a> FnOnce(&'a mut Conn, &'a User) -> BoxFuture<'a, Outcome<()>> + Clone + Send + 'static,
{
    let handover = handover.unwrap_or_else(|| Handover::sent(way(purpose), None));
    let drawn = match Drawn::new(&call.app, purpose, handover, call.now) {
        Err(refusal) if refusal.id != failure::DELIVERY_UNSET.id => return Err(refusal),
        drawn => drawn,
    };
    let code = drawn.as_ref().ok().and_then(Drawn::returned);
    let (app, now) = (Arc::clone(&call.app), call.now);
    let user = change(call, id, not_found, move |conn, mut user| {
        Box::pin(async move {
            let drawn = match decide(conn, &user).await?.and(drawn) {
                Ok(drawn) => drawn,
                Err(refusal) => return Ok(Err(refusal)),
            };
            if let Err(refusal) = drawn.allow(conn, &app, &user, now).await? {
                return Ok(Err(refusal));
            }
            user.touch(now);
            user::save(conn, &user).await?;
            drawn.save(conn, &app, &user, now).await?;
            Ok(Ok(user))
        })
    });
    Ok((user.await?, code))
}

//! Invitations: a code by which somebody for whom a user was made comes to a first way to log in.

use doorward_core::base::{Secret, Timestamp};
use doorward_core::caller::Permission;
use doorward_core::failure::{self, Failure};
use doorward_core::token::same;
use doorward_core::user::{CodePurpose, User, UserKind};
use doorward_store::user_factor::{self, Factor};
use doorward_store::{Conn, Result as StoreResult, user};

use super::Call;
use super::user::change;
use super::user_code::Handover;
use super::user_contact::count_wrong;
use super::user_handover::hand_over;

const PURPOSE: CodePurpose = CodePurpose::Invite;

/// Which invitation is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invitation {
    /// One whether there was one before or not.
    New,
    /// One in the place of another.
    Again,
}

/// Invites a user who has no way to log in yet. Without a handover the code is sent. Gives it back if it is to be
/// returned.
///
/// # Errors
/// Those of the link's template and of the permission, `DOORWARD-1nv1a` when the user has a way to log in,
/// `DOORWARD-1nv1n` when there is no invitation to send again, those of the delivery.
pub async fn invite(
    call: &Call,
    id: String,
    invitation: Invitation,
    handover: Option<Handover>,
) -> Result<(User, Option<Secret>), Failure> {
    let missing = call.caller.require(Permission::UserWrite, None).err();
    let missing = missing.unwrap_or(failure::TARGET_USER_UNKNOWN);
    let (caller, now) = (call.caller.clone(), call.now);
    hand_over(call, (id, missing), PURPOSE, handover, move |conn, user| {
        Box::pin(async move {
            if let Err(refusal) = caller.require(Permission::UserWrite, Some(&user.organisation)) {
                return Ok(Err(refusal));
            }
            if user.human().is_none() {
                return Ok(Err(failure::NOT_HUMAN));
            }
            if has_way_in(conn, user, now).await? {
                return Ok(Err(failure::INVITE_ALREADY));
            }
            if invitation == Invitation::Again && user::code(conn, &user.id, PURPOSE).await?.is_none() {
                return Ok(Err(failure::INVITE_NOT_FOUND));
            }
            Ok(Ok(()))
        })
    })
    .await
}

/// Whether the user has something that suffices to log in: second factors do not.
async fn has_way_in(conn: &mut Conn, user: &User, now: Timestamp) -> StoreResult<bool> {
    if user.human().is_some_and(|human| human.password.is_some()) {
        return Ok(true);
    }
    let factors = user_factor::of_user(conn, &user.id, now).await?;
    let suffices = |factor| matches!(factor, Factor::Passkey | Factor::IdpLink);
    Ok(factors.iter().any(|found| found.ready && suffices(found.factor)))
}

/// Accepts an invitation: the code came by mail, so the mail address is proven. A wrong code counts, and the fifth
/// voids the invitation.
///
/// # Errors
/// `DOORWARD-1nv1c` for a code that does not fit, also if there is no such user.
pub async fn accept(call: &Call, id: String, code: &str) -> Result<User, Failure> {
    let now = call.now;
    let digest = call.app.keys.code_digest(PURPOSE.name(), &id, code);
    change(call, id, failure::INVITE_CODE_INVALID, move |conn, mut user| {
        Box::pin(async move {
            let UserKind::Human(human) = &mut user.kind else { return Ok(Err(failure::INVITE_CODE_INVALID)) };
            let stored = user::code(conn, &user.id, PURPOSE).await?.filter(|stored| stored.expires > now);
            let Some(stored) = stored else { return Ok(Err(failure::INVITE_CODE_INVALID)) };
            if !same(&stored.digest, &digest) {
                count_wrong(conn, &user.id, PURPOSE, stored).await?;
                return Ok(Err(failure::INVITE_CODE_INVALID));
            }
            human.email.verified = true;
            user.touch(now);
            user::save(conn, &user).await?;
            for void in [PURPOSE, CodePurpose::Email] {
                user::save_code(conn, &user.id, void, None).await?;
            }
            Ok(Ok(user))
        })
    })
    .await
}

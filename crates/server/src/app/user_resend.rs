//! Sending a code once more, or for the first time, to the address or number that a user has.

use doorward_core::base::Secret;
use doorward_core::caller::Permission;
use doorward_core::failure::{self, Failure};
use doorward_core::user::{CodePurpose, User};
use doorward_store::user;

use super::Call;
use super::outbox::Channel;
use super::user_code::{Handover, way};
use super::user_handover::hand_over;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A code in the place of the one that proves the mail address.
    EmailAgain,
    /// A code that proves the mail address, whether there was one before or not.
    Email,
    /// A code that proves the phone, whether there was one before or not: nothing else could ask for the first one.
    Phone,
}

impl Wanted {
    const fn purpose(self) -> CodePurpose {
        match self {
            Self::EmailAgain | Self::Email => CodePurpose::Email,
            Self::Phone => CodePurpose::Phone,
        }
    }

    /// Whether the user has an address or number that is not proven yet.
    fn check(self, user: &User) -> Result<(), Failure> {
        let human = user.human().ok_or(failure::NOT_HUMAN)?;
        let contact = match self {
            Self::EmailAgain | Self::Email => Some(&human.email),
            Self::Phone => human.phone.as_ref(),
        };
        match contact {
            None => Err(failure::PHONE_NOT_FOUND),
            Some(contact) if contact.verified => Err(failure::RESEND_VERIFIED),
            Some(_) => Ok(()),
        }
    }
}

/// Makes a new code, which voids the one before. Without a handover it is sent. Gives it back if it is to be returned.
///
/// # Errors
/// Those of the link's template, `DOORWARD-R3s3u` without such a user, those of the permission, `DOORWARD-R3s3v` when it
/// is proven already, `DOORWARD-R3s3n` when there is no code to send again, those of the delivery.
pub async fn make(
    call: &Call,
    id: String,
    wanted: Wanted,
    handover: Option<Handover>,
) -> Result<(User, Option<Secret>), Failure> {
    let (caller, purpose) = (call.caller.clone(), wanted.purpose());
    hand_over(call, (id, failure::RESEND_EMAIL_UNKNOWN), purpose, handover, move |conn, user| {
        Box::pin(async move {
            let allowed = caller.require_or_self(Permission::UserWrite, &user.organisation, &user.id);
            if let Err(refusal) = allowed.and_then(|()| wanted.check(user)) {
                return Ok(Err(refusal));
            }
            if wanted == Wanted::EmailAgain && user::code(conn, &user.id, purpose).await?.is_none() {
                return Ok(Err(failure::RESEND_NOTHING));
            }
            Ok(Ok(()))
        })
    })
    .await
}

impl Wanted {
    /// The way that its code goes.
    #[must_use]
    pub const fn channel(self) -> Channel {
        way(self.purpose())
    }
}

//! Codes by SMS and mail: whether a user takes them.

use doorward_core::caller::Permission;
use doorward_core::failure::Failure;
use doorward_core::otp::Channel;
use doorward_core::user::{Contact, User};
use doorward_store::otp_factor;

use super::Call;
use super::user_credential::change_credential;

/// Has the user take codes this way. Where to, the user must have proven.
///
/// # Errors
/// Those of the permission; then, by way, `COMMAND-Ad3g2` or `COMMAND-MKL2s` for a user who takes them, and
/// `COMMAND-Q54j2` or `COMMAND-KLJ2d` without a verified phone or address.
pub async fn add(call: &Call, id: String, channel: Channel) -> Result<User, Failure> {
    let now = call.now;
    change_credential(call, id, (Permission::CredentialWrite, channel.unverified()), move |conn, user| {
        Box::pin(async move {
            if otp_factor::has(conn, &user.id, channel).await? {
                return Ok(Err(channel.already()));
            }
            if !contact(user, channel).is_some_and(|contact| contact.verified) {
                return Ok(Err(channel.unverified()));
            }
            otp_factor::add(conn, &user.id, channel, now).await.map(|_| Ok(()))
        })
    })
    .await
}

/// Where codes go this way.
fn contact(user: &User, channel: Channel) -> Option<&Contact> {
    let human = user.human()?;
    match channel {
        Channel::Sms => human.phone.as_ref(),
        Channel::Email => Some(&human.email),
    }
}

/// Has the user take no codes this way any more.
///
/// # Errors
/// Those of the permission; then `COMMAND-Sr3h3` or `COMMAND-b312D` for a user who does not take them.
pub async fn remove(call: &Call, id: String, channel: Channel) -> Result<User, Failure> {
    change_credential(call, id, (Permission::UserWrite, channel.not_found()), move |conn, user| {
        Box::pin(async move {
            let removed = otp_factor::remove(conn, &user.id, channel).await?;
            Ok(if removed { Ok(()) } else { Err(channel.not_found()) })
        })
    })
    .await
}

//! The challenge to present a code that goes to the user's phone or mail box.

use doorward_core::base::Secret;
use doorward_core::challenge::NewChallenge;
use doorward_core::failure::Failure;
use doorward_core::otp::Channel;
use doorward_core::user::{Human, User};
use doorward_store::{Result as StoreResult, otp_factor, outbox as rows};

use super::challenge::{CodeWish, Handed, Handover, store};
use super::factor::{Effect, Ground, effect};
use super::otp_check::digest;
use super::outbox::{self, Message, Purpose};

/// Decides whether a code is made, and hands it out or prepares its message.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn grant(
    ground: &mut Ground<'_>,
    session_id: &str,
    wish: &CodeWish,
    handed: &mut Handed,
) -> StoreResult<Result<Vec<Effect>, Failure>> {
    let channel = wish.channel;
    let Some(user) = ground.user else { return Ok(Err(channel.challenge_without_user())) };
    let address = user.human().and_then(|human| address(channel, human));
    let ready = otp_factor::has(ground.conn, &user.id, channel).await?;
    let Some(address) = address.filter(|_| ready) else { return Ok(Err(channel.challenge_not_ready())) };
    let expires = ground.now.plus(ground.app.policy.codes.otp(channel).lasts);
    let new = NewChallenge {
        kind: channel.challenge(),
        digest: Some(digest(ground.app, channel, session_id, &wish.code)),
        detail: None,
        created: ground.now,
        expires,
    };
    let mut effects = vec![store(session_id, new)];
    match &wish.handover {
        Handover::Return => hand_out(channel, handed, &wish.code),
        Handover::Send(_) => {
            let message = message(ground, user, (session_id, address), wish);
            if let Err(failure) = outbox::allow(ground.conn, ground.app, &message, ground.now).await? {
                return Ok(Err(failure));
            }
            let row = outbox::seal(ground.app, &message, &wish.message, ground.now);
            effects.push(effect(move |conn| Box::pin(async move { rows::put(conn, &row).await })));
        }
    }
    Ok(Ok(effects))
}

fn address(channel: Channel, human: &Human) -> Option<String> {
    match channel {
        Channel::Sms => human.phone.as_ref().map(|phone| phone.address.clone()),
        Channel::Email => Some(human.email.address.clone()),
    }
}

fn hand_out(channel: Channel, handed: &mut Handed, code: &Secret) {
    match channel {
        Channel::Sms => handed.otp_sms = Some(code.clone()),
        Channel::Email => handed.otp_email = Some(code.clone()),
    }
}

fn message(
    ground: &Ground<'_>,
    user: &User,
    (session_id, to): (&str, String),
    wish: &CodeWish,
) -> Message {
    let human = user.human();
    let language = human.and_then(|human| human.profile.preferred_language.clone());
    let mut message = Message {
        purpose: match wish.channel {
            Channel::Sms => Purpose::OtpSms,
            Channel::Email => Purpose::OtpEmail,
        },
        to,
        user_id: user.id.clone(),
        session_id: Some(session_id.to_owned()),
        language,
        login_name: user.username.clone(),
        display_name: user.display_name().to_owned(),
        code: wish.code.clone(),
        link: None,
        expires: ground.now.plus(ground.app.policy.codes.otp(wish.channel).lasts),
    };
    if let (Channel::Email, Handover::Send(template)) = (wish.channel, &wish.handover) {
        message.link = outbox::link(ground.app, &message, template.as_deref());
    }
    message
}

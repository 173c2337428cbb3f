//! The challenge to present a code that goes to the user's phone or mail box.

use doorward_core::base::Secret;
use doorward_core::challenge::{ChallengeKind, NewChallenge};
use doorward_core::failure::Failure;
use doorward_core::otp::Channel;
use doorward_core::url_template::Template;
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
    let Some(user) = ground.user else { return Ok(Err(channel.challenge_no_user())) };
    let address = user.human().and_then(|human| address(channel, human));
    let ready = otp_factor::has(ground.conn, &user.id, channel).await?;
    let Some(address) = address.filter(|_| ready) else { return Ok(Err(channel.challenge_not_ready())) };
    let expires = ground.now.plus(ground.app.policy.codes.otp(channel).lasts);
    let new = NewChallenge {
        kind: ChallengeKind::of(channel),
        digest: Some(digest(ground.app, channel, session_id, &wish.code)),
        detail: None,
        created: ground.now,
        expires,
    };
    let mut effects = vec![store(session_id, new)];
    match &wish.handover {
        Handover::Return => hand_out(channel, handed, &wish.code),
        Handover::Send(template) => {
            let made = message(ground, user, (session_id, address), (wish, template.as_deref()));
            let message = match made {
                Ok(message) => message,
                Err(failure) => return Ok(Err(failure)),
            };
            if let Err(failure) = outbox::allow(ground.conn, ground.app, &message, ground.now).await? {
                return Ok(Err(failure));
            }
            let entry = outbox::entry(ground.app, &message, &wish.message, ground.now);
            effects.push(effect(move |conn| Box::pin(async move { rows::put(conn, &entry).await })));
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

/// The message that takes the code to the user.
fn message(
    ground: &Ground<'_>,
    user: &User,
    (session_id, to): (&str, String),
    (wish, template): (&CodeWish, Option<&Template>),
) -> Result<Message, Failure> {
    let human = user.human();
    let language = human.and_then(|human| human.profile.preferred_language.clone());
    let purpose = match wish.channel {
        Channel::Sms => Purpose::OtpSms,
        Channel::Email => Purpose::OtpEmail,
    };
    let link = outbox::link(ground.app, purpose, template, |field| {
        Some(match field {
            "Code" => wish.code.expose().to_owned(),
            "UserID" => user.id.clone(),
            "LoginName" => user.username.clone(),
            "DisplayName" => user.display_name().to_owned(),
            "PreferredLanguage" => language.clone().unwrap_or_else(|| "und".to_owned()),
            "SessionID" => session_id.to_owned(),
            _ => return None,
        })
    })?;
    Ok(Message {
        purpose,
        channel: wish.channel,
        to,
        user_id: user.id.clone(),
        session_id: Some(session_id.to_owned()),
        login_name: user.username.clone(),
        display_name: user.display_name().to_owned(),
        application: None,
        code: wish.code.clone(),
        link,
        expires: ground.now.plus(ground.app.policy.codes.otp(wish.channel).lasts),
        language,
    })
}

//! Codes that let somebody register a passkey for a user.

use std::sync::Arc;

use doorward_core::base::Secret;
use doorward_core::caller::Permission;
use doorward_core::failure::{self, Failure};
use doorward_core::token::Digest;
use doorward_core::url_template::Template;
use doorward_core::user::{User, draw_code};
use doorward_store::passkey::{self, PasskeyCode};

use super::outbox::{self, Channel, Message, Purpose};
use super::user::change;
use super::user_credential::touched;
use super::{App, Call};

/// How a code gets to the user.
#[derive(Debug, Clone)]
pub enum Medium {
    /// By mail, with a link of this shape.
    Send(Option<String>),
    /// The caller sees to it.
    Return,
}

/// A code that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The user as it is now.
    pub user: User,
    /// Id and text of the code, if the caller sees to it.
    pub code: Option<(String, Secret)>,
}

/// The digest of a code, bound to its id.
pub(super) fn digest(app: &App, id: &str, text: &str) -> Digest {
    app.keys.code_digest("passkey", id, text)
}

/// Makes a code. It is good for one registration.
///
/// # Errors
/// Those of the template and of the permission; `COMMAND-M9dsd` when there is no such person; those of the outbox.
pub async fn create(call: &Call, user_id: String, medium: Medium) -> Result<Made, Failure> {
    let app = Arc::clone(&call.app);
    let (link, sent) = match &medium {
        Medium::Send(template) => {
            (outbox::link_template(Purpose::PasskeyRegistration, template.as_deref())?, true)
        }
        Medium::Return => (None, false),
    };
    let shape = app.policy.codes.passkey;
    let text = draw_code(shape.length, || app.env.entropy.number());
    let id = app.mint_id(call.now);
    let (caller, now, message_id) = (call.caller.clone(), call.now, app.mint_id(call.now));
    let missing =
        caller.require(Permission::PasskeyWrite, None).err().unwrap_or(failure::PASSKEY_USER_UNKNOWN);
    let stored = PasskeyCode {
        id: id.clone(),
        user_id: user_id.clone(),
        digest: digest(&app, &id, text.expose()),
        expires: now.plus(shape.lasts),
        failed: 0,
    };
    let code = text.clone();
    let user = change(call, user_id, missing, move |conn, user| {
        Box::pin(async move {
            if let Err(refusal) = caller.require(Permission::PasskeyWrite, Some(&user.organisation)) {
                return Ok(Err(refusal));
            }
            if user.human().is_none() {
                return Ok(Err(failure::PASSKEY_USER_UNKNOWN));
            }
            if sent {
                let message = match message(&app, &user, (&stored, &code), link.as_ref()) {
                    Ok(message) => message,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                if let Err(refusal) = outbox::put(conn, &app, &message, &message_id, now).await? {
                    return Ok(Err(refusal));
                }
            }
            passkey::insert_code(conn, &stored, now).await?;
            touched(conn, user, now).await.map(Ok)
        })
    });
    Ok(Made { user: user.await?, code: (!sent).then_some((id, text)) })
}

fn message(
    app: &App,
    user: &User,
    (stored, code): (&PasskeyCode, &Secret),
    template: Option<&Template>,
) -> Result<Message, Failure> {
    let human = user.human().ok_or(failure::PASSKEY_USER_UNKNOWN)?;
    let link = outbox::link(app, Purpose::PasskeyRegistration, template, |field| match field {
        "UserID" => Some(user.id.clone()),
        "OrgID" => Some(user.organisation.clone()),
        "CodeID" => Some(stored.id.clone()),
        "Code" => Some(code.expose().to_owned()),
        _ => None,
    })?;
    Ok(Message {
        purpose: Purpose::PasskeyRegistration,
        channel: Channel::Email,
        to: human.email.address.clone(),
        user_id: user.id.clone(),
        session_id: None,
        language: human.profile.preferred_language.clone(),
        login_name: user.username.clone(),
        display_name: user.display_name().to_owned(),
        code: code.clone(),
        link,
        expires: stored.expires,
    })
}

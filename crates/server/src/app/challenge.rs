//! What a session is asked to prove: wishes of a request, granted in its settling transaction.

use std::sync::Arc;

use doorward_core::base::{Secret, Timestamp};
use doorward_core::challenge::NewChallenge;
use doorward_core::failure::Failure;
use doorward_core::otp::{Channel, draw_digits};
use doorward_core::url_template::Template;
use doorward_store::{Result as StoreResult, challenge};

use super::factor::{Effect, Ground, effect};
use super::web_authn::{self, Wanted};
use super::{App, otp_challenge};

/// What a request wants the session to be asked for.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// An assertion of a passkey or U2F key.
    pub web_auth_n: Option<Wanted>,
    /// A code by SMS.
    pub otp_sms: Option<Handover>,
    /// A code by mail.
    pub otp_email: Option<Handover>,
}

/// How a code gets to the user.
#[derive(Debug, Clone)]
pub enum Handover {
    /// The caller sees to it.
    Return,
    /// It is sent, in a mail with a link of this shape if it is a mail.
    Send(Option<Arc<Template>>),
}

/// What the granted wishes hand to the caller.
#[derive(Debug, Clone, Default)]
pub struct Handed {
    /// What the browser needs for an assertion.
    pub web_auth_n: Option<serde_json::Value>,
    /// The code that the caller takes to the user's phone.
    pub otp_sms: Option<Secret>,
    /// The code that the caller takes to the user's mail box.
    pub otp_email: Option<Secret>,
}

/// A wish with the chance that it needs: stories that are told again come to the same.
pub(super) enum Wish {
    /// An assertion.
    WebAuthN(Wanted, [u8; 32]),
    /// A code.
    Otp(CodeWish),
}

/// A wish for a code.
pub(super) struct CodeWish {
    pub(super) channel: Channel,
    pub(super) handover: Handover,
    pub(super) code: Secret,
    /// The id of the message, if it is sent.
    pub(super) message: String,
}

impl Wishes {
    /// Whether the caller wants to see a code.
    #[must_use]
    pub const fn returns_code(&self) -> bool {
        matches!(self.otp_sms, Some(Handover::Return)) || matches!(self.otp_email, Some(Handover::Return))
    }

    /// Draws what chance there is in it. Gives the wishes in the order in which they are granted.
    pub(super) fn prepare(&self, app: &App, now: Timestamp) -> Vec<Wish> {
        let code = |channel: Channel, handover: &Handover| {
            let length = app.policy.codes.otp(channel).length;
            Wish::Otp(CodeWish {
                channel,
                handover: handover.clone(),
                code: draw_digits(length, || app.env.entropy.number()),
                message: app.mint_id(now),
            })
        };
        let web_auth_n = self.web_auth_n.iter().map(|wanted| Wish::WebAuthN(wanted.clone(), app.chance()));
        let sms = self.otp_sms.iter().map(|handover| code(Channel::Sms, handover));
        let email = self.otp_email.iter().map(|handover| code(Channel::Email, handover));
        web_auth_n.chain(sms).chain(email).collect()
    }
}

impl Wish {
    /// Decides whether it is granted. Nothing is written yet.
    pub(super) async fn grant(
        &self,
        ground: &mut Ground<'_>,
        session_id: &str,
        handed: &mut Handed,
    ) -> StoreResult<Result<Vec<Effect>, Failure>> {
        match self {
            Self::WebAuthN(wanted, chance) => {
                let (options, new) = match web_authn::challenge(ground, wanted, *chance).await? {
                    Ok(granted) => granted,
                    Err(failure) => return Ok(Err(failure)),
                };
                handed.web_auth_n = Some(options);
                Ok(Ok(vec![store(session_id, new)]))
            }
            Self::Otp(wish) => otp_challenge::grant(ground, session_id, wish, handed).await,
        }
    }
}

/// The challenge in place of the one of its kind.
pub(super) fn store(session_id: &str, new: NewChallenge) -> Effect {
    let session_id = session_id.to_owned();
    effect(move |conn| Box::pin(async move { challenge::save(conn, &session_id, &new).await }))
}

//! Codes for users: what is drawn, who gets to know it, and how it is stored together with its message.

use doorward_core::base::{Secret, Timestamp};
use doorward_core::failure::{self, Failure};
use doorward_core::url_template::Template;
use doorward_core::user::{CodePurpose, StoredCode, User};
use doorward_store::{Conn, Result as StoreResult, user};

use super::App;
use super::outbox::{self, Channel, Message, Purpose};

/// How an address or number is to be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// It counts as verified.
    Verified,
    /// By a code that the answer carries.
    ReturnCode,
    /// By a code that Doorward sends, with the template of its link if there is one.
    SendCode(Option<String>),
    /// The request did not say.
    Unsaid,
}

impl Verification {
    /// Checks the template of a link, before anything else of a request is looked at.
    ///
    /// # Errors
    /// `DOMAIN-oGh5e` or `DOMAIN-ieYa7` when there is one that cannot be used.
    pub(super) fn check_template(&self, purpose: CodePurpose) -> Result<(), Failure> {
        match self {
            Self::SendCode(template) => {
                outbox::link_template(meant(purpose), template.as_deref()).map(|_| ())
            }
            Self::Verified | Self::ReturnCode | Self::Unsaid => Ok(()),
        }
    }
}

/// How a code comes to whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handover {
    /// The answer carries it.
    Return,
    /// Doorward sends it.
    Send {
        /// The way.
        channel: Channel,
        /// The template of its link.
        template: Option<String>,
        /// What the message calls the place that it is about.
        application: Option<String>,
    },
}

impl Handover {
    /// Sent the usual way.
    #[must_use]
    pub fn sent(channel: Channel, template: Option<String>) -> Self {
        Self::Send { channel, template, application: None }
    }
}

/// A code that was drawn.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    purpose: CodePurpose,
    code: Secret,
    expires: Timestamp,
    sending: Option<Sending>,
}

#[derive(Debug, Clone)]
struct Sending {
    id: String,
    channel: Channel,
    template: Option<Template>,
    application: Option<String>,
}

impl Drawn {
    /// Draws a code.
    ///
    /// # Errors
    /// Those of the link's template, and `DOORWARD-N0tif` when it should go a way that is not set up.
    pub(super) fn new(
        app: &App,
        purpose: CodePurpose,
        handover: Handover,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let sending = match handover {
            Handover::Return => None,
            Handover::Send { channel, template, application } => {
                let template = outbox::link_template(meant(purpose), template.as_deref())?;
                outbox::require(app, channel)?;
                Some(Sending { id: app.mint_id(now), channel, template, application })
            }
        };
        let expires = now.plus(app.policy.codes.of(purpose).lasts);
        Ok(Self { purpose, code: app.draw_code(purpose), expires, sending })
    }

    /// The code that proves an address or number, if one is wanted. One that the request does not speak of is sent if
    /// that is possible.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(super) fn for_contact(
        app: &App,
        purpose: CodePurpose,
        verification: Verification,
        now: Timestamp,
    ) -> Result<Option<Self>, Failure> {
        let channel = way(purpose);
        let handover = match verification {
            Verification::Verified => return Ok(None),
            Verification::Unsaid if outbox::require(app, channel).is_err() => return Ok(None),
            Verification::Unsaid => Handover::sent(channel, None),
            Verification::SendCode(template) => Handover::sent(channel, template),
            Verification::ReturnCode => Handover::Return,
        };
        Self::new(app, purpose, handover, now).map(Some)
    }

    /// The code, if the answer carries it.
    pub(super) fn returned(&self) -> Option<Secret> {
        self.sending.is_none().then(|| self.code.clone())
    }

    /// Whether it may be stored: that a message can go out with it. Asked before anything is written, because a refusal
    /// is committed too.
    pub(super) async fn allow(
        &self,
        conn: &mut Conn,
        app: &App,
        user: &User,
        now: Timestamp,
    ) -> StoreResult<Result<(), Failure>> {
        match self.message(app, user) {
            Ok(None) => Ok(Ok(())),
            Ok(Some((_, message))) => outbox::allow(conn, app, &message, now).await,
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// Stores what the code is compared with, and the message that takes it to the user.
    pub(super) async fn save(
        &self,
        conn: &mut Conn,
        app: &App,
        user: &User,
        now: Timestamp,
    ) -> StoreResult<()> {
        let digest = app.keys.code_digest(self.purpose.name(), &user.id, self.code.expose());
        let stored = StoredCode { digest, expires: self.expires, failed: 0 };
        user::save_code(conn, &user.id, self.purpose, Some(&stored)).await?;
        if let Ok(Some((id, message))) = self.message(app, user) {
            let entry = outbox::entry(app, &message, id, now);
            doorward_store::outbox::put(conn, &entry).await?;
        }
        Ok(())
    }

    /// The message with its id, if one is to be sent.
    fn message(&self, app: &App, user: &User) -> Result<Option<(&str, Message)>, Failure> {
        let Some(sending) = &self.sending else { return Ok(None) };
        let human = user.human().ok_or(failure::NOT_HUMAN)?;
        let to = match sending.channel {
            Channel::Email => human.email.address.clone(),
            Channel::Sms => human.phone.clone().ok_or(failure::PHONE_NOT_FOUND)?.address,
        };
        let purpose = meant(self.purpose);
        let link = outbox::link(app, purpose, sending.template.as_ref(), |field| {
            Some(match field {
                "Code" => self.code.expose().to_owned(),
                "UserID" => user.id.clone(),
                "LoginName" => user.username.clone(),
                "OrgID" => user.organisation.clone(),
                _ => return None,
            })
        })?;
        let message = Message {
            purpose,
            channel: sending.channel,
            to,
            user_id: user.id.clone(),
            session_id: None,
            language: human.profile.preferred_language.clone(),
            login_name: user.username.clone(),
            display_name: user.display_name().to_owned(),
            application: sending.application.clone(),
            code: self.code.clone(),
            link,
            expires: self.expires,
        };
        Ok(Some((&sending.id, message)))
    }
}

/// The message that carries a code for a purpose.
const fn meant(purpose: CodePurpose) -> Purpose {
    match purpose {
        CodePurpose::Email => Purpose::VerifyEmail,
        CodePurpose::Phone => Purpose::VerifyPhone,
        CodePurpose::PasswordReset => Purpose::PasswordReset,
        CodePurpose::Invite => Purpose::Invite,
    }
}

/// The way that a code for a purpose goes if nothing else is said.
pub(super) const fn way(purpose: CodePurpose) -> Channel {
    match purpose {
        CodePurpose::Phone => Channel::Sms,
        CodePurpose::Email | CodePurpose::PasswordReset | CodePurpose::Invite => Channel::Email,
    }
}

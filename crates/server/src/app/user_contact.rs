//! Mail address and phone number of a user: changing them, proving them.

use std::sync::Arc;

use doorward_core::base::Timestamp;
use doorward_core::caller::{Caller, Permission};
use doorward_core::failure::{self, Failure};
use doorward_core::otp;
use doorward_core::token::same;
use doorward_core::user::{
    CodePurpose, Contact, Human, MOST_WRONG_CODES, StoredCode, User, UserKind, check_email, normalise_phone,
};
use doorward_store::{Conn, Result as StoreResult, otp_factor, user};

use super::user::{Changed, Verification, change};
use super::user_code::Drawn;
use super::{App, Call};

/// Whether mail or phone is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The mail address.
    Email,
    /// The phone number.
    Phone,
}

impl Channel {
    const fn purpose(self) -> CodePurpose {
        match self {
            Self::Email => CodePurpose::Email,
            Self::Phone => CodePurpose::Phone,
        }
    }

    const fn unchanged(self) -> Failure {
        match self {
            Self::Email => failure::EMAIL_UNCHANGED,
            Self::Phone => failure::PHONE_UNCHANGED,
        }
    }

    const fn not_found(self) -> Failure {
        match self {
            Self::Email => failure::EMAIL_NOT_FOUND,
            Self::Phone => failure::PHONE_NOT_FOUND,
        }
    }

    /// The address or number in the form in which it is stored.
    pub(super) fn normalise(self, address: &str) -> Result<String, Failure> {
        match self {
            Self::Email => check_email(address).map(|()| address.to_owned()),
            Self::Phone => normalise_phone(address),
        }
    }

    fn of(self, human: &Human) -> Option<&Contact> {
        match self {
            Self::Email => Some(&human.email),
            Self::Phone => human.phone.as_ref(),
        }
    }

    /// Whether the user has that address or number, in whatever form it is written.
    pub(super) fn is_present(self, user: &User, address: &str) -> bool {
        let present = user.human().and_then(|human| self.of(human));
        present.is_some_and(|present| self.normalise(address).is_ok_and(|address| address == present.address))
    }

    fn put(self, human: &mut Human, contact: Contact) {
        match self {
            Self::Email => human.email = contact,
            Self::Phone => human.phone = Some(contact),
        }
    }
}

/// A changed contact, ready to be stored.
#[derive(Debug, Clone)]
pub(super) struct NewContact {
    pub(super) channel: Channel,
    pub(super) contact: Contact,
    pub(super) code: Option<Drawn>,
}

impl NewContact {
    /// Checks a new address or number and draws its code.
    pub(super) fn prepare(
        call: &Call,
        channel: Channel,
        (address, verification): (&str, Verification),
    ) -> Result<Self, Failure> {
        verification.check_template(channel.purpose())?;
        let verified = verification == Verification::Verified;
        let contact = Contact { address: channel.normalise(address)?, verified };
        let code = Drawn::for_contact(&call.app, channel.purpose(), verification, call.now)?;
        Ok(Self { channel, contact, code })
    }

    /// Who may do it: the user, unless the address shall count as verified without proof.
    pub(super) fn permit(&self, caller: &Caller, user: &User) -> Result<(), Failure> {
        if self.contact.verified {
            caller.require(Permission::UserWrite, Some(&user.organisation))
        } else {
            caller.require_or_self(Permission::UserWrite, &user.organisation, &user.id)
        }
    }

    /// Puts it into the user, unless it is what the user has.
    pub(super) fn put(&self, user: &mut User) -> Result<(), Failure> {
        let UserKind::Human(human) = &mut user.kind else { return Err(failure::NOT_HUMAN) };
        // The same address again changes something only if it counts as verified now and did not before.
        let same = self.channel.of(human).is_some_and(|present| {
            present.address == self.contact.address && (present.verified || !self.contact.verified)
        });
        if same {
            return Err(self.channel.unchanged());
        }
        self.channel.put(human, self.contact.clone());
        Ok(())
    }

    /// Whether its code can be sent, if it is to be. Asked before anything is written.
    pub(super) async fn allow(
        &self,
        conn: &mut Conn,
        app: &App,
        user: &User,
        now: Timestamp,
    ) -> StoreResult<Result<(), Failure>> {
        match &self.code {
            Some(code) => code.allow(conn, app, user, now).await,
            None => Ok(Ok(())),
        }
    }

    /// Stores the code, and voids what was sent to the address before.
    pub(super) async fn save_code(
        &self,
        conn: &mut Conn,
        app: &App,
        user: &User,
        now: Timestamp,
    ) -> StoreResult<()> {
        if self.channel == Channel::Email {
            user::save_code(conn, &user.id, CodePurpose::Invite, None).await?;
        }
        match &self.code {
            Some(code) => code.save(conn, app, user, now).await,
            None => user::save_code(conn, &user.id, self.channel.purpose(), None).await,
        }
    }
}

/// Changes mail address or phone number.
///
/// # Errors
/// Those of the address, of the permission, `COMMAND-Uch5e` when it is the one that the user has, those of the store.
pub async fn set(
    call: &Call,
    id: String,
    channel: Channel,
    (address, verification): (&str, Verification),
) -> Result<Changed, Failure> {
    let new = NewContact::prepare(call, channel, (address, verification))?;
    let (app, caller, now) = (Arc::clone(&call.app), call.caller.clone(), call.now);
    let code = new.code.as_ref().and_then(Drawn::returned);
    let user = change(call, id, failure::TARGET_USER_UNKNOWN, move |conn, mut user| {
        Box::pin(async move {
            if let Err(refusal) = new.permit(&caller, &user).and_then(|()| new.put(&mut user)) {
                return Ok(Err(refusal));
            }
            if let Err(refusal) = new.allow(conn, &app, &user, now).await? {
                return Ok(Err(refusal));
            }
            user.touch(now);
            user::save(conn, &user).await?;
            new.save_code(conn, &app, &user, now).await?;
            Ok(Ok(user))
        })
    });
    let user = user.await?;
    Ok(match channel {
        Channel::Email => Changed { user, email_code: code, phone_code: None },
        Channel::Phone => Changed { user, email_code: None, phone_code: code },
    })
}

/// Proves mail address or phone number with a code. A wrong one counts, and the fifth voids the code.
///
/// # Errors
/// `COMMAND-ieJ2e` without such a user or contact, `COMMAND-eis9R` for a code that does not fit.
pub async fn verify(call: &Call, id: String, channel: Channel, code: &str) -> Result<User, Failure> {
    let (now, purpose) = (call.now, channel.purpose());
    let digest = call.app.keys.code_digest(purpose.name(), &id, code);
    change(call, id, channel.not_found(), move |conn, mut user| {
        Box::pin(async move {
            let UserKind::Human(human) = &mut user.kind else { return Ok(Err(channel.not_found())) };
            let Some(contact) = channel.of(human).cloned() else { return Ok(Err(channel.not_found())) };
            let stored = user::code(conn, &user.id, purpose).await?.filter(|stored| stored.expires > now);
            let Some(stored) = stored else { return Ok(Err(failure::CONTACT_CODE_INVALID)) };
            if !same(&stored.digest, &digest) {
                count_wrong(conn, &user.id, purpose, stored).await?;
                return Ok(Err(failure::CONTACT_CODE_INVALID));
            }
            channel.put(human, Contact { verified: true, ..contact });
            user.touch(now);
            user::save(conn, &user).await?;
            user::save_code(conn, &user.id, purpose, None).await?;
            Ok(Ok(user))
        })
    })
    .await
}

/// Counts a wrong code; the last one that is allowed voids it.
pub(super) async fn count_wrong(
    conn: &mut Conn,
    user_id: &str,
    purpose: CodePurpose,
    mut stored: StoredCode,
) -> StoreResult<()> {
    stored.failed += 1;
    let left = Some(&stored).filter(|stored| stored.failed < MOST_WRONG_CODES);
    user::save_code(conn, user_id, purpose, left).await
}

/// Removes the phone number, and with it the codes by SMS.
///
/// # Errors
/// `COMMAND-ieJ2e` when there is none, those of the permission and of the store.
pub async fn remove_phone(call: &Call, id: String) -> Result<User, Failure> {
    let (caller, now) = (call.caller.clone(), call.now);
    change(call, id, failure::TARGET_USER_UNKNOWN, move |conn, mut user| {
        Box::pin(async move {
            let allowed = caller.require_or_self(Permission::UserWrite, &user.organisation, &user.id);
            if let Err(refusal) = allowed {
                return Ok(Err(refusal));
            }
            let UserKind::Human(human) = &mut user.kind else { return Ok(Err(failure::NOT_HUMAN)) };
            if human.phone.take().is_none() {
                return Ok(Err(failure::PHONE_NOT_FOUND));
            }
            user.touch(now);
            user::save(conn, &user).await?;
            user::save_code(conn, &user.id, CodePurpose::Phone, None).await?;
            otp_factor::remove(conn, &user.id, otp::Channel::Sms).await?;
            Ok(Ok(user))
        })
    })
    .await
}

//! Changing several things of a user in one request, all or none.

use std::sync::Arc;

use doorward_core::caller::Permission;
use doorward_core::failure::{self, Failure};
use doorward_core::otp;
use doorward_core::user::{
    AccessTokenType, CodePurpose, Profile, User, UserKind, check_username, complete_profile,
};
use doorward_store::{otp_factor, user};

use super::Call;
use super::password::NewPassword;
use super::user::{Changed, Verification, change, find};
use super::user_contact::{Channel, NewContact};
use super::user_password::{self, Prepared, Proof};

/// What is to be changed; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// The login name.
    pub username: Option<String>,
    /// Names and language.
    pub profile: ProfileUpdate,
    /// The mail address, and how it is verified.
    pub email: Option<(String, Verification)>,
    /// The phone number, and how it is verified; an empty one removes it.
    pub phone: Option<(String, Verification)>,
    /// The password, whether it must be changed, and what allows it.
    pub password: Option<(NewPassword, bool, Proof)>,
    /// Name and description of a machine.
    pub machine: Option<(Option<String>, Option<String>)>,
    /// Whether the request is about a person.
    pub for_human: bool,
}

/// What is to be changed of a profile; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ProfileUpdate {
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The nick name.
    pub nick_name: Option<String>,
    /// How the person is shown.
    pub display_name: Option<String>,
    /// A language tag.
    pub preferred_language: Option<String>,
    /// The number of the gender on the wire.
    pub gender: Option<i32>,
}

#[derive(Clone)]
struct Parts {
    username: Option<String>,
    profile: ProfileUpdate,
    contacts: Vec<NewContact>,
    remove_phone: bool,
    password: Option<Prepared>,
    machine: Option<(Option<String>, Option<String>)>,
    for_human: bool,
}

/// Changes a user.
///
/// # Errors
/// Those of the new contents, of the permission, of what is taken, and of the store.
pub async fn update(call: &Call, id: String, update: Update) -> Result<Changed, Failure> {
    for (purpose, new) in [(CodePurpose::Email, &update.email), (CodePurpose::Phone, &update.phone)] {
        new.as_ref().map_or(Ok(()), |(_, verification)| verification.check_template(purpose))?;
    }
    let user = find(call, &id).await?.ok_or(failure::TARGET_USER_UNKNOWN)?;
    call.caller.require_or_self(Permission::UserWrite, &user.organisation, &id)?;
    if let Some(username) = &update.username {
        check_username(username)?;
    }
    let remove_phone = update.phone.as_ref().is_some_and(|(number, _)| number.is_empty());
    let wanted = [(Channel::Email, update.email), (Channel::Phone, update.phone.filter(|_| !remove_phone))];
    let contacts = wanted.into_iter().filter_map(|(channel, new)| new.map(|new| (channel, new)));
    // A form that is sent again as a whole also sends the address that the user has.
    let contacts = contacts.filter(|(channel, (address, verification))| {
        *verification != Verification::Unsaid || !channel.is_present(&user, address)
    });
    let contacts: Vec<NewContact> = contacts
        .map(|(channel, (address, verification))| {
            NewContact::prepare(call, channel, (&address, verification))
        })
        .collect::<Result<_, _>>()?;
    let password = match update.password {
        None => None,
        Some((password, change_required, proof)) => {
            Some(user_password::prepare(call, &user, (password, change_required), proof).await?)
        }
    };
    let code = |channel| {
        contacts
            .iter()
            .find(|contact| contact.channel == channel)
            .and_then(|contact| contact.code.as_ref()?.returned())
    };
    let (email_code, phone_code) = (code(Channel::Email), code(Channel::Phone));
    let (username, profile, machine, for_human) =
        (update.username, update.profile, update.machine, update.for_human);
    let parts = Parts { username, profile, contacts, remove_phone, password, machine, for_human };
    let user = store(call, id, parts).await?;
    Ok(Changed { user, email_code, phone_code })
}

async fn store(call: &Call, id: String, parts: Parts) -> Result<User, Failure> {
    let (app, caller, now) = (Arc::clone(&call.app), call.caller.clone(), call.now);
    change(call, id, failure::TARGET_USER_UNKNOWN, move |conn, mut user| {
        Box::pin(async move {
            for contact in &parts.contacts {
                if let Err(refusal) = contact.permit(&caller, &user).and_then(|()| contact.put(&mut user)) {
                    return Ok(Err(refusal));
                }
            }
            if let Err(refusal) = parts.put(&mut user) {
                return Ok(Err(refusal));
            }
            if let Some(password) = &parts.password
                && let Err(refusal) = user_password::put(conn, &mut user, password, now).await?
            {
                return Ok(Err(refusal));
            }
            for contact in &parts.contacts {
                if let Err(refusal) = contact.allow(conn, &app, &user, now).await? {
                    return Ok(Err(refusal));
                }
            }
            user.touch(now);
            // A refusal is committed, so nothing is written before the last thing that can refuse.
            if !user::save(conn, &user).await? {
                return Ok(Err(failure::USERNAME_TAKEN));
            }
            if parts.password.is_some() {
                user_password::follow(conn, &user.id).await?;
            }
            if parts.remove_phone {
                otp_factor::remove(conn, &user.id, otp::Channel::Sms).await?;
            }
            for contact in &parts.contacts {
                contact.save_code(conn, &app, &user, now).await?;
            }
            Ok(Ok(user))
        })
    })
    .await
}

impl Parts {
    fn put(&self, user: &mut User) -> Result<(), Failure> {
        if let Some(username) = &self.username {
            user.username.clone_from(username);
        }
        match &mut user.kind {
            UserKind::Machine(_) if self.for_human => Err(failure::NOT_HUMAN),
            UserKind::Human(_) if self.machine.is_some() => Err(failure::NOT_MACHINE),
            UserKind::Human(human) => {
                human.profile = complete_profile(self.profile.put(&human.profile))?;
                if self.remove_phone {
                    human.phone = None;
                }
                Ok(())
            }
            UserKind::Machine(machine) => {
                let (name, description) = self.machine.clone().unwrap_or_default();
                machine.name = name.unwrap_or_else(|| machine.name.clone());
                machine.description = description.unwrap_or_else(|| machine.description.clone());
                Ok(())
            }
        }
    }
}

impl ProfileUpdate {
    fn put(&self, present: &Profile) -> Profile {
        let text = |new: &Option<String>, old: &String| new.clone().unwrap_or_else(|| old.clone());
        Profile {
            given_name: text(&self.given_name, &present.given_name),
            family_name: text(&self.family_name, &present.family_name),
            nick_name: self.nick_name.clone().or_else(|| present.nick_name.clone()),
            display_name: text(&self.display_name, &present.display_name),
            preferred_language: self
                .preferred_language
                .clone()
                .or_else(|| present.preferred_language.clone()),
            gender: self.gender.or(present.gender),
        }
    }
}

/// Sets what the access tokens of a machine look like from the next one on.
///
/// # Errors
/// `COMMAND-4g3xq` when there is no such user, `DOORWARD-M4ch1` for a person, those of permission and store.
pub async fn access_token(call: &Call, id: String, kind: AccessTokenType) -> Result<User, Failure> {
    let (caller, now) = (call.caller.clone(), call.now);
    change(call, id, failure::TARGET_USER_UNKNOWN, move |conn, mut user| {
        Box::pin(async move {
            if let Err(refusal) = caller.require(Permission::UserWrite, Some(&user.organisation)) {
                return Ok(Err(refusal));
            }
            let UserKind::Machine(machine) = &mut user.kind else { return Ok(Err(failure::NOT_MACHINE)) };
            machine.access_token = kind;
            user.touch(now);
            user::save(conn, &user).await?;
            Ok(Ok(user))
        })
    })
    .await
}

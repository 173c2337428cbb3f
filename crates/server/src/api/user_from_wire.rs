//! From user messages to what the stories take.

use doorward_core::base::Secret;
use doorward_core::intent::Account;
use doorward_core::user::{Machine, Profile};
use doorward_proto::user as wire;

use crate::app::idp_link::NewLink;
use crate::app::password::NewPassword;
use crate::app::user::{NewHuman, NewKind, NewUser, Verification};
use crate::app::user_password::Proof;
use crate::app::user_update::{ProfileUpdate, Update};

/// Every message that carries an address or a number has a oneof of its own, though all say the same.
macro_rules! verifications {
    ($($module:ident: |$send:ident| $template:expr),* $(,)?) => {$(
        impl From<wire::$module::Verification> for Verification {
            fn from(wanted: wire::$module::Verification) -> Self {
                match wanted {
                    wire::$module::Verification::SendCode($send) => Self::SendCode($template),
                    wire::$module::Verification::ReturnCode(_) => Self::ReturnCode,
                    wire::$module::Verification::IsVerified(true) => Self::Verified,
                    wire::$module::Verification::IsVerified(false) => Self::Unsaid,
                }
            }
        }
    )*};
}

verifications!(
    set_human_email: |code| code.url_template,
    set_email_request: |code| code.url_template,
    set_human_phone: |_code| None,
    set_phone_request: |_code| None,
);

/// How an address or a number is to be verified.
pub fn verification(wanted: Option<impl Into<Verification>>) -> Verification {
    wanted.map_or(Verification::Unsaid, Into::into)
}

fn email(message: wire::SetHumanEmail) -> (String, Verification) {
    (message.email, verification(message.verification))
}

fn phone(message: wire::SetHumanPhone) -> (String, Verification) {
    (message.phone, verification(message.verification))
}

/// A password in clear, and whether it must be changed.
pub fn plain(message: wire::Password) -> (NewPassword, bool) {
    (NewPassword::Plain(Secret::new(message.password)), message.change_required)
}

fn hashed(message: wire::HashedPassword) -> (NewPassword, bool) {
    (NewPassword::Hashed(Secret::new(message.hash)), message.change_required)
}

/// The password of any of the messages that carry one.
macro_rules! password {
    ($($module:ident)::+, $given:expr) => {
        $given.map(|given| match given {
            wire::$($module)::+::PasswordType::Password(password) => plain(*password),
            wire::$($module)::+::PasswordType::HashedPassword(password) => hashed(*password),
        })
    };
}

/// What CreateUser asks for.
pub fn create(message: wire::CreateUserRequest) -> NewUser {
    use wire::create_user_request::UserType;
    let kind = match message.user_type {
        Some(UserType::Human(human)) => NewKind::Human(Box::new(new_human(*human))),
        Some(UserType::Machine(machine)) => {
            let (name, description) = (machine.name, machine.description.unwrap_or_default());
            NewKind::Machine(Machine { name, description, ..Machine::default() })
        }
        // Validation lets nobody through without a type; a machine without a name is refused for its user name.
        None => NewKind::Machine(Machine::default()),
    };
    NewUser { organisation: message.organization_id, id: message.user_id, username: message.username, kind }
}

fn new_human(human: wire::create_user_request::Human) -> NewHuman {
    NewHuman {
        profile: profile(human.profile.into_option().unwrap_or_default()),
        email: email(human.email.into_option().unwrap_or_default()),
        phone: human.phone.into_option().map(phone),
        password: password!(create_user_request::human, human.password_type),
        metadata: metadata(human.metadata),
        idp_links: human.idp_links.into_iter().map(link).collect(),
        totp: human.totp_secret.map(Secret::new),
    }
}

/// What AddHumanUser asks for. The organisation was settled together with the permission.
pub fn add_human(message: wire::AddHumanUserRequest, organisation: String) -> NewUser {
    let human = NewHuman {
        profile: profile(message.profile.into_option().unwrap_or_default()),
        email: email(message.email.into_option().unwrap_or_default()),
        phone: message.phone.into_option().map(phone),
        password: password!(add_human_user_request, message.password_type),
        metadata: message.metadata.into_iter().map(|entry| (entry.key, entry.value)).collect(),
        idp_links: message.idp_links.into_iter().map(link).collect(),
        totp: message.totp_secret.map(Secret::new),
    };
    let kind = NewKind::Human(Box::new(human));
    NewUser { organisation, id: message.user_id, username: message.username, kind }
}

fn profile(message: wire::SetHumanProfile) -> Profile {
    Profile {
        given_name: message.given_name,
        family_name: message.family_name,
        nick_name: message.nick_name,
        display_name: message.display_name.unwrap_or_default(),
        preferred_language: message.preferred_language,
        gender: message.gender.map(|gender| gender.to_i32()),
    }
}

/// A link to an account at an identity provider.
pub fn link(message: wire::IDPLink) -> NewLink {
    let account = Account { id: message.user_id, name: message.user_name };
    NewLink { idp_id: message.idp_id, account }
}

/// Metadata entries.
pub fn metadata(entries: Vec<wire::Metadata>) -> Vec<(String, Vec<u8>)> {
    entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
}

/// What UpdateUser asks for.
pub fn update(username: Option<String>, user: Option<wire::update_user_request::UserType>) -> Update {
    use wire::update_user_request::UserType;
    match user {
        None => Update { username, ..Update::default() },
        Some(UserType::Machine(machine)) => {
            Update { username, machine: Some((machine.name, machine.description)), ..Update::default() }
        }
        Some(UserType::Human(human)) => Update {
            username,
            profile: human.profile.into_option().map(changed_profile).unwrap_or_default(),
            email: human.email.into_option().map(email),
            phone: human.phone.into_option().map(phone),
            password: human.password.into_option().map(set_password),
            machine: None,
            for_human: true,
        },
    }
}

fn changed_profile(message: wire::update_user_request::human::Profile) -> ProfileUpdate {
    ProfileUpdate {
        given_name: message.given_name,
        family_name: message.family_name,
        nick_name: message.nick_name,
        display_name: message.display_name,
        preferred_language: message.preferred_language,
        gender: message.gender.map(|gender| gender.to_i32()),
    }
}

/// What UpdateHumanUser asks for.
pub fn update_human(message: wire::UpdateHumanUserRequest) -> Update {
    Update {
        username: message.username,
        profile: message.profile.into_option().map(whole_profile).unwrap_or_default(),
        email: message.email.into_option().map(email),
        phone: message.phone.into_option().map(phone),
        password: message.password.into_option().map(set_password),
        machine: None,
        for_human: true,
    }
}

/// A profile whose names are always given.
fn whole_profile(message: wire::SetHumanProfile) -> ProfileUpdate {
    ProfileUpdate {
        given_name: Some(message.given_name),
        family_name: Some(message.family_name),
        nick_name: message.nick_name,
        display_name: message.display_name,
        preferred_language: message.preferred_language,
        gender: message.gender.map(|gender| gender.to_i32()),
    }
}

/// A new password with what allows it. A missing one is an empty one, which the story refuses.
fn set_password(message: wire::SetPassword) -> (NewPassword, bool, Proof) {
    use wire::set_password::Verification as Given;
    let given = password!(set_password, message.password_type);
    let (password, change_required) = given.unwrap_or_else(|| plain(wire::Password::default()));
    let proof = match message.verification {
        Some(Given::CurrentPassword(current)) => Proof::Current(Secret::new(current)),
        Some(Given::VerificationCode(code)) => Proof::Code(Secret::new(code)),
        None => Proof::Permission,
    };
    (password, change_required, proof)
}

/// What SetPassword gives as proof.
pub fn proof(given: Option<wire::set_password_request::Verification>) -> Proof {
    use wire::set_password_request::Verification as Given;
    match given {
        Some(Given::CurrentPassword(current)) => Proof::Current(Secret::new(current)),
        Some(Given::VerificationCode(code)) => Proof::Code(Secret::new(code)),
        None => Proof::Permission,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_true_is_verified_counts_as_verified() {
        use wire::set_human_email::Verification as Email;
        assert_eq!(verification(Some(Email::IsVerified(true))), Verification::Verified);
        assert_eq!(verification(Some(Email::IsVerified(false))), Verification::Unsaid);
        assert_eq!(verification(None::<Email>), Verification::Unsaid);
    }

    #[test]
    fn the_way_of_a_code_is_told_apart_in_every_message() {
        use wire::{set_email_request, set_human_email, set_human_phone, set_phone_request};
        let sent = wire::SendEmailVerificationCode::default;
        let returned = wire::ReturnPhoneVerificationCode::default;
        let plain = Verification::SendCode(None);
        assert_eq!(verification(Some(set_human_email::Verification::from(sent()))), plain);
        assert_eq!(verification(Some(set_email_request::Verification::from(sent()))), plain);
        let sent = wire::SendEmailVerificationCode { url_template: Some("x".to_owned()) };
        let request = set_email_request::Verification::from(sent);
        assert_eq!(verification(Some(request)), Verification::SendCode(Some("x".to_owned())));
        let human = set_human_phone::Verification::from(returned());
        assert_eq!(verification(Some(human)), Verification::ReturnCode);
        let request = set_phone_request::Verification::from(returned());
        assert_eq!(verification(Some(request)), Verification::ReturnCode);
    }

    #[test]
    fn an_update_without_a_type_is_about_neither_person_nor_machine() {
        let update = update(Some("mini".to_owned()), None);
        assert!(!update.for_human && update.machine.is_none() && update.password.is_none());
        assert_eq!(update.username.as_deref(), Some("mini"));
    }

    #[test]
    fn an_update_of_a_whole_profile_sets_the_names_and_leaves_what_is_absent() {
        let profile = wire::SetHumanProfile {
            given_name: "Mini".to_owned(),
            family_name: "Mouse".to_owned(),
            ..Default::default()
        };
        let update = whole_profile(profile);
        assert_eq!(update.given_name.as_deref(), Some("Mini"));
        assert_eq!(update.family_name.as_deref(), Some("Mouse"));
        assert_eq!((update.nick_name, update.display_name, update.gender), (None, None, None));
    }

    #[test]
    fn a_password_message_without_a_password_is_an_empty_password_by_permission() {
        let (password, change_required, proof) = set_password(wire::SetPassword::default());
        assert!(matches!(password, NewPassword::Plain(text) if text.expose().is_empty()));
        assert!(!change_required);
        assert!(matches!(proof, Proof::Permission));
    }
}

//! From what the stories give to user messages.

use doorward_core::base::Secret;
use doorward_core::user::{Contact, Human, User, UserKind, UserState};
use doorward_proto::object::Details;
use doorward_proto::{metadata, user as wire};
use doorward_store::credential::Credential;
use doorward_store::user_search::MetadataEntry;

use super::wire::{field, time, timestamp};

/// The details of a changed user; its owner is the organisation.
pub fn details(user: &User) -> Details {
    super::wire::details(user.sequence, user.changed, &user.organisation)
}

/// The details of a user that is shown, which also tell when it was made.
pub fn shown_details(user: &User) -> Details {
    Details { creation_date: time(user.created), ..details(user) }
}

/// A code that goes back to the caller.
pub fn code(code: Option<Secret>) -> Option<String> {
    code.map(|code| code.expose().to_owned())
}

/// A user as Get and List show it. Whether a machine has a secret, the user itself does not know.
pub fn user(user: User, has_secret: bool) -> wire::User {
    let details = shown_details(&user);
    let User { id, state, username, kind, .. } = user;
    let login_names = vec![username.clone()];
    let kind = match kind {
        UserKind::Human(human) => wire::user::Type::from(self::human(*human, (&id, state, &username))),
        UserKind::Machine(machine) => wire::user::Type::from(wire::MachineUser {
            name: machine.name,
            description: machine.description,
            has_secret,
            access_token_type: (machine.access_token as i32).into(),
        }),
    };
    wire::User {
        user_id: id,
        details: field(Some(details)),
        state: (state as i32).into(),
        preferred_login_name: username.clone(),
        username,
        login_names,
        r#type: Some(kind),
    }
}

fn human(human: Human, (id, state, username): (&str, UserState, &str)) -> wire::HumanUser {
    let Human { profile, email, phone, password, mfa_init_skipped } = human;
    let profile = wire::HumanProfile {
        given_name: profile.given_name,
        family_name: profile.family_name,
        nick_name: Some(profile.nick_name.unwrap_or_default()),
        display_name: Some(profile.display_name),
        preferred_language: Some(profile.preferred_language.unwrap_or_else(|| "und".to_owned())),
        gender: Some(profile.gender.unwrap_or_default().into()),
        avatar_url: String::new(),
    };
    let Contact { address, verified } = email;
    let email = wire::HumanEmail { email: address, is_verified: verified };
    let phone =
        phone.map(|Contact { address, verified }| wire::HumanPhone { phone: address, is_verified: verified });
    wire::HumanUser {
        user_id: id.to_owned(),
        state: (state as i32).into(),
        username: username.to_owned(),
        login_names: vec![username.to_owned()],
        preferred_login_name: username.to_owned(),
        profile: field(Some(profile)),
        email: field(Some(email)),
        phone: field(phone),
        password_change_required: password.as_ref().is_some_and(|password| password.change_required),
        password_changed: field(password.map(|password| timestamp(password.changed))),
        mfa_init_skipped: field(mfa_init_skipped.map(timestamp)),
    }
}

/// A token as List shows it. Tokens never change, so the last change is the first.
pub fn token(token: Credential) -> wire::PersonalAccessToken {
    wire::PersonalAccessToken {
        creation_date: time(token.created),
        change_date: time(token.created),
        id: token.id,
        user_id: token.user_id,
        organization_id: token.organisation,
        expiration_date: time(token.expires),
    }
}

/// A key as List shows it. Keys never change, so the last change is the first.
pub fn key(key: Credential) -> wire::Key {
    wire::Key {
        creation_date: time(key.created),
        change_date: time(key.created),
        id: key.id,
        user_id: key.user_id,
        organization_id: key.organisation,
        expiration_date: time(key.expires),
    }
}

/// A metadata entry as List shows it.
pub fn metadata(entry: MetadataEntry) -> metadata::Metadata {
    metadata::Metadata {
        creation_date: time(entry.created),
        change_date: time(entry.changed),
        key: entry.key,
        value: entry.value,
    }
}

#[cfg(test)]
mod tests {
    use doorward_core::base::Timestamp;
    use doorward_core::user::{Machine, Profile, StoredPassword};

    use super::*;

    fn stored(kind: UserKind) -> User {
        User {
            id: "1".to_owned(),
            organisation: "org".to_owned(),
            state: UserState::Locked,
            username: "mini@mouse.com".to_owned(),
            kind,
            created: Timestamp(1_000_000),
            changed: Timestamp(2_000_000),
            sequence: 3,
        }
    }

    fn person(password: Option<StoredPassword>) -> UserKind {
        let email = Contact { address: "mini@mouse.com".to_owned(), verified: true };
        UserKind::Human(Box::new(Human {
            profile: Profile::default(),
            email,
            phone: None,
            password,
            mfa_init_skipped: None,
        }))
    }

    fn shown_person(password: Option<StoredPassword>) -> wire::HumanUser {
        match user(stored(person(password)), false).r#type {
            Some(wire::user::Type::Human(human)) => *human,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_user_shows_its_name_as_its_only_login_name() {
        let shown = user(stored(person(None)), false);
        assert_eq!(shown.login_names, ["mini@mouse.com"]);
        assert_eq!(shown.preferred_login_name, "mini@mouse.com");
        assert_eq!(shown.state.to_i32(), 4);
        let details = shown.details.into_option().unwrap();
        assert_eq!((details.sequence, details.resource_owner.as_str()), (3, "org"));
        assert!(details.creation_date.is_set() && details.change_date.is_set());
    }

    #[test]
    fn optional_parts_of_a_profile_are_always_there() {
        let profile = shown_person(None).profile.into_option().unwrap();
        assert_eq!(profile.nick_name.as_deref(), Some(""));
        assert_eq!(profile.preferred_language.as_deref(), Some("und"));
        assert_eq!(profile.gender.map(|gender| gender.to_i32()), Some(0));
    }

    #[test]
    fn the_change_of_a_password_shows_only_if_there_is_one() {
        assert!(!shown_person(None).password_changed.is_set());
        let (hash, changed) = (Secret::new("hash"), Timestamp(0));
        let shown = shown_person(Some(StoredPassword { hash, changed, change_required: true }));
        assert!(shown.password_changed.is_set() && shown.password_change_required);
    }

    #[test]
    fn a_machine_shows_whether_it_has_a_secret() {
        for has_secret in [false, true] {
            let machine =
                Machine { name: "bot".to_owned(), description: "tests".to_owned(), ..Machine::default() };
            let shown = user(stored(UserKind::Machine(machine)), has_secret).r#type;
            let Some(wire::user::Type::Machine(shown)) = shown else {
                panic!("not a machine");
            };
            assert_eq!(
                (shown.name.as_str(), shown.description.as_str(), shown.has_secret),
                ("bot", "tests", has_secret)
            );
        }
    }
}

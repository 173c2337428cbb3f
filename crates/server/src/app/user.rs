//! Users: making them, reading them, moving them between states.

use std::sync::Arc;

use doorward_core::base::{Secret, Timestamp};
use doorward_core::caller::Permission;
use doorward_core::failure::{self, Failure};
use doorward_core::password::ComplexityViolation;
use doorward_core::totp::read_secret;
use doorward_core::user::{
    CodePurpose, Contact, Human, Machine, Profile, StoredPassword, Transition, User, UserKind, UserState,
    check_email, check_username, complete_profile, normalise_phone,
};
use doorward_store::user::{Taken, Wanted};
use doorward_store::{Conn, Result as StoreResult, organisation, session, totp, user, user_search};
use futures_util::future::BoxFuture;

use super::idp_link::{NewLink, add_all, check_links};
use super::password::{NewPassword, check_new, hash_new};
use super::user_code::Drawn;
pub use super::user_code::Verification;
use super::{App, Call, read, store_failure, user_totp};

/// A person to be made.
#[derive(Debug, Clone)]
pub struct NewHuman {
    /// Names and language.
    pub profile: Profile,
    /// The mail address, and how it is verified.
    pub email: (String, Verification),
    /// The phone number, and how it is verified.
    pub phone: Option<(String, Verification)>,
    /// The password, and whether it must be changed.
    pub password: Option<(NewPassword, bool)>,
    /// Metadata.
    pub metadata: Vec<(String, Vec<u8>)>,
    /// Links to accounts at identity providers.
    pub idp_links: Vec<NewLink>,
    /// The secret of time-based codes that the person has already, in base32.
    pub totp: Option<Secret>,
}

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The organisation.
    pub organisation: String,
    /// The id, if the caller chooses it.
    pub id: Option<String>,
    /// The login name; persons have their mail address by default, machines their name.
    pub username: Option<String>,
    /// A person or a machine.
    pub kind: NewKind,
}

/// A person or a machine to be made.
#[derive(Debug, Clone)]
pub enum NewKind {
    /// A person.
    Human(Box<NewHuman>),
    /// A machine.
    Machine(Machine),
}

/// A user who was made or changed, with the codes that go back to the caller.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The user as it is now.
    pub user: User,
    /// The code that proves the mail address.
    pub email_code: Option<Secret>,
    /// The code that proves the phone.
    pub phone_code: Option<Secret>,
}

/// Makes a user.
///
/// # Errors
/// Those of its contents, of the permission, of what is taken, and of the store.
pub async fn add(call: &Call, new: NewUser) -> Result<Changed, Failure> {
    let now = call.now;
    let (mut password, mut links, mut totp) = (None, Vec::new(), None);
    let (mut kind, metadata, codes, default_name) = match new.kind {
        NewKind::Machine(machine) => {
            let name = machine.name.clone();
            (UserKind::Machine(machine), Vec::new(), Codes::default(), name)
        }
        NewKind::Human(mut human) => {
            password = human.password.take();
            links.clone_from(&human.idp_links);
            let given = human.totp.take();
            let checked = check_human(&call.app, *human, password.as_ref(), now)?;
            totp = given.map(|secret| read_secret(secret.expose())).transpose()?;
            checked
        }
    };
    let username = new.username.unwrap_or(default_name);
    check_username(&username)?;
    call.caller.require(Permission::UserWrite, Some(&new.organisation))?;
    if new.id.as_ref().is_some_and(|id| call.app.issuers.has_caller(id)) {
        return Err(failure::USER_ID_TAKEN);
    }
    // Hashing is dear: nobody without the permission gets to spend it.
    if let (UserKind::Human(human), Some((password, change_required))) = (&mut kind, password) {
        let hash = hash_new(&call.app, password).await?;
        human.password = Some(StoredPassword { hash, changed: now, change_required });
    }
    let id = new.id.unwrap_or_else(|| call.app.mint_id(now));
    let (organisation, state) = (new.organisation, UserState::Active);
    let user = User { id, organisation, state, username, kind, created: now, changed: now, sequence: 1 };
    let returned = |code: &Option<Drawn>| code.as_ref().and_then(Drawn::returned);
    let (email_code, phone_code) = (returned(&codes.email), returned(&codes.phone));
    let app = Arc::clone(&call.app);
    let totp = totp.map(|secret| user_totp::sealed(&call.app, &user.id, &secret, (true, now)));
    let made = call.app.db.write(move |conn| {
        Box::pin(async move {
            if !organisation::exists(conn, &user.organisation).await? {
                return Ok(Err(failure::ORGANISATION_OF_USER_UNKNOWN));
            }
            match user::insert(conn, &user).await? {
                Some(Taken::Id) => return Ok(Err(failure::USER_ID_TAKEN)),
                Some(Taken::Username) => return Ok(Err(failure::USERNAME_TAKEN)),
                None => {}
            }
            if let Err(refusal) = add_all(conn, &user.id, &links, now).await? {
                return Ok(Err(refusal));
            }
            user_search::save_metadata(conn, &user.id, &metadata, now).await?;
            // A user who is new has had no message that could be one too many.
            for code in codes.email.iter().chain(&codes.phone) {
                code.save(conn, &app, &user, now).await?;
            }
            if let Some(totp) = &totp {
                totp::save(conn, &user.id, totp).await?;
            }
            Ok(Ok(user))
        })
    });
    let user = made.await.map_err(store_failure)??;
    Ok(Changed { user, email_code, phone_code })
}

/// Codes that were drawn.
#[derive(Debug, Clone, Default)]
struct Codes {
    email: Option<Drawn>,
    phone: Option<Drawn>,
}

type Checked = (UserKind, Vec<(String, Vec<u8>)>, Codes, String);

fn check_human(
    app: &App,
    new: NewHuman,
    password: Option<&(NewPassword, bool)>,
    now: Timestamp,
) -> Result<Checked, Failure> {
    let (address, verification) = new.email;
    verification.check_template(CodePurpose::Email)?;
    check_email(&address)?;
    let profile = complete_profile(new.profile)?;
    let default_name = address.clone();
    let contact = |address, verification: &Verification| Contact {
        address,
        verified: *verification == Verification::Verified,
    };
    let email = contact(address, &verification);
    let email_code = Drawn::for_contact(app, CodePurpose::Email, verification, now)?;
    let mut codes = Codes { email: email_code, phone: None };
    let mut phone = None;
    if let Some((number, verification)) = new.phone.filter(|(number, _)| !number.is_empty()) {
        phone = Some(contact(normalise_phone(&number)?, &verification));
        codes.phone = Drawn::for_contact(app, CodePurpose::Phone, verification, now)?;
    }
    check_metadata(&new.metadata)?;
    if let Some((password, _)) = password {
        check_new(app, password, creation_violation)?;
    }
    check_links(app, &new.idp_links)?;
    let human = Human { profile, email, phone, password: None, mfa_init_skipped: None };
    Ok((UserKind::Human(Box::new(human)), new.metadata, codes, default_name))
}

/// The most metadata entries that a user can have.
pub const MOST_METADATA: usize = 1000;

/// Checks metadata entries.
pub(super) fn check_metadata(entries: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    for (key, value) in entries {
        if key.trim().is_empty() {
            return Err(failure::METADATA_KEY_EMPTY);
        }
        if value.is_empty() {
            return Err(failure::METADATA_VALUE_EMPTY);
        }
    }
    if entries.len() > MOST_METADATA { Err(failure::METADATA_TOO_MUCH) } else { Ok(()) }
}

fn creation_violation(violation: ComplexityViolation) -> Failure {
    match violation {
        ComplexityViolation::TooShort => failure::TOO_SHORT_CREATE,
        ComplexityViolation::Lower => failure::NO_LOWER_CREATE,
        ComplexityViolation::Upper => failure::NO_UPPER_CREATE,
        ComplexityViolation::Number => failure::NO_NUMBER_CREATE,
        ComplexityViolation::Symbol => failure::NO_SYMBOL_CREATE,
    }
}

/// Reads a user.
///
/// # Errors
/// `QUERY-Dfbg2` when there is none, those of the permission.
pub async fn get(call: &Call, id: &str) -> Result<User, Failure> {
    let user = find(call, id).await?.ok_or(failure::USER_NOT_FOUND)?;
    call.caller.require_or_self(Permission::UserRead, &user.organisation, id)?;
    Ok(user)
}

/// The user with that id, for whomever.
pub(super) async fn find(call: &Call, id: &str) -> Result<Option<User>, Failure> {
    read!(call.app, user::find(&Wanted::Id(id.to_owned())))
}

/// Locks, unlocks, deactivates, reactivates or deletes a user. Existence and state are looked at before the permission.
///
/// # Errors
/// Those of the transition, of the permission, and of the store.
pub async fn transition(call: &Call, id: String, transition: Transition) -> Result<User, Failure> {
    let end_sessions = call.app.policy.end_sessions && transition.ends_sessions();
    let (caller, now) = (call.caller.clone(), call.now);
    change(call, id, transition.not_found(), move |conn, mut user| {
        Box::pin(async move {
            user.state = match transition.from(user.state) {
                Ok(state) => state,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let permission = match transition {
                Transition::Delete => Permission::UserDelete,
                _ => Permission::UserWrite,
            };
            let own = transition == Transition::Delete
                && caller.user_id == user.id
                && caller.require(Permission::UserSelfDelete, Some(&user.organisation)).is_ok();
            if let Err(refusal) = caller.require(permission, Some(&user.organisation))
                && !own
            {
                return Ok(Err(refusal));
            }
            if end_sessions {
                session::end_all_of_user(conn, &user.id, now).await?;
            }
            user.touch(now);
            match transition {
                Transition::Delete => user::delete(conn, &user.id, now).await?,
                _ => drop(user::save(conn, &user).await?),
            }
            if transition == Transition::Unlock {
                user::forget_attempts(conn, &user.id).await?;
            }
            Ok(Ok(user))
        })
    })
    .await
}

/// What a change of a user gives: a refusal is an ordinary outcome, and what it wrote is committed.
pub(super) type Outcome<T> = StoreResult<Result<T, Failure>>;

/// Runs a change in a transaction with the user locked.
pub(super) async fn change<T, F>(call: &Call, id: String, not_found: Failure, story: F) -> Result<T, Failure>
where
    T: Send + 'static,
    F: for<'a> FnOnce(&'a mut Conn, User) -> BoxFuture<'a, Outcome<T>> + Clone + Send + 'static,
{
    let changed = call.app.db.write(move |conn| {
        Box::pin(async move {
            match user::lock(conn, &id).await? {
                Some(user) => story(conn, user).await,
                None => Ok(Err(not_found)),
            }
        })
    });
    changed.await.map_err(store_failure)?
}

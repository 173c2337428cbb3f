//! Passkeys and second factors (U2F) of a user: registering, listing and removing them.

use doorward_core::base::Timestamp;
use doorward_core::caller::{Caller, Permission};
use doorward_core::failure::{self, Failure};
use doorward_core::passkey::{
    Attachment, Creation, Expected, KeyList, MOST_KEYS, Origins, REGISTRATION_LASTS, Registered,
    creation_options, relying_party_id, verify_registration,
};
use doorward_core::token::same;
use doorward_core::user::User;
use doorward_store::passkey::{self, Passkey, Pending};
use doorward_store::{Conn, Result as StoreResult};
use serde_json::Value;

use super::passkey_code::digest;
use super::user::{change, find};
use super::user_credential::touched;
use super::{App, Call, read};

/// What the operator decided about keys.
#[derive(Debug, Clone)]
pub struct KeyPolicy {
    /// What browsers call the server.
    pub rp_name: String,
    /// The host name of the server, if it is configured: the domain of registrations that name none.
    pub host: Option<String>,
    /// Origins of Android apps that may use keys.
    pub android_origins: Vec<String>,
    /// Whether a key is refused whose counter does not grow.
    pub refuse_backward_counter: bool,
}

/// A registration that is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Whose key it will be.
    pub user_id: String,
    /// The list that it will be in.
    pub list: KeyList,
    /// Id and text of the code that allows it.
    pub code: Option<(String, String)>,
    /// Where the key shall be.
    pub attachment: Option<Attachment>,
    /// The domain of the login page; empty for the server's own.
    pub domain: String,
}

/// A registration that was begun.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The user as it is now.
    pub user: User,
    /// The id of the key.
    pub id: String,
    /// What the browser needs.
    pub options: Value,
}

/// Everything that the story of a registration needs, whenever it is told.
#[derive(Clone)]
struct Beginning {
    caller: Caller,
    rp_name: String,
    rp_id: Result<String, Failure>,
    list: KeyList,
    attachment: Option<Attachment>,
    code: Option<(String, [u8; 32])>,
    id: String,
    challenge: [u8; 32],
    now: Timestamp,
}

/// Begins a registration. An unfinished one of the same list is over.
///
/// # Errors
/// `COMMAND-Eeb2a` for a code that is none, those of the permission, `WEBAU-UX9ta` for a domain that is none,
/// `DOORWARD-Pk3ys` when the list is full.
pub async fn register(call: &Call, wanted: Wanted) -> Result<Begun, Failure> {
    let app: &App = &call.app;
    let missing = match wanted.code {
        Some(_) => failure::PASSKEY_CODE_INVALID,
        None => unknown(call, Permission::CredentialWrite),
    };
    let code = wanted.code.map(|(id, text)| {
        let digest = digest(app, &id, &text);
        (id, digest)
    });
    let beginning = Beginning {
        caller: call.caller.clone(),
        rp_name: app.policy.keys.rp_name.clone(),
        rp_id: domain(call, wanted.domain).and_then(|domain| relying_party_id(&domain)),
        list: wanted.list,
        attachment: wanted.attachment,
        code,
        id: app.mint_id(call.now),
        challenge: app.chance(),
        now: call.now,
    };
    change(call, wanted.user_id, missing, move |conn, user| Box::pin(beginning.tell(conn, user))).await
}

/// The domain of a registration: the one that it names, or that of the server.
fn domain(call: &Call, named: String) -> Result<String, Failure> {
    if !named.is_empty() {
        return Ok(named);
    }
    let own = call.app.policy.keys.host.as_ref().or(call.host.as_ref());
    own.cloned().ok_or(failure::WEBAUTHN_DOMAIN)
}

/// The refusal where there is no such user, which only callers with the permission learn.
fn unknown(call: &Call, permission: Permission) -> Failure {
    call.caller.require(permission, None).err().unwrap_or(failure::PASSKEY_USER_UNKNOWN)
}

impl Beginning {
    async fn tell(self, conn: &mut Conn, user: User) -> StoreResult<Result<Begun, Failure>> {
        if let Some((id, digest)) = &self.code {
            let stored = passkey::code(conn, &user.id, id).await?.filter(|code| code.expires > self.now);
            let Some(stored) = stored else { return Ok(Err(failure::PASSKEY_CODE_INVALID)) };
            if !same(&stored.digest, digest) {
                passkey::fail_code(conn, id).await?;
                return Ok(Err(failure::PASSKEY_CODE_INVALID));
            }
        }
        let keys = passkey::list(conn, &user.id, self.list).await?;
        let rp_id = match self.permit(&user, &keys) {
            Ok(rp_id) => rp_id,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let of_party = keys.into_iter().filter(|key| key.rp_id == rp_id);
        let exclude: Vec<_> = of_party.map(|key| key.registered.credential_id).collect();
        let (options, registration) = creation_options(&Creation {
            rp_name: &self.rp_name,
            rp_id: &rp_id,
            user: (&user.id, &user.username, user.display_name()),
            attachment: self.attachment,
            exclude: &exclude,
            challenge: self.challenge,
        });
        let (user_id, created) = (user.id.clone(), self.now);
        let expires = created.plus(REGISTRATION_LASTS);
        let (id, list) = (self.id, self.list);
        let pending = Pending { id, user_id, list, rp_id, registration, created, expires };
        passkey::begin(conn, &pending).await?;
        if let Some((id, _)) = &self.code {
            passkey::use_code(conn, id).await?;
        }
        let user = touched(conn, user, self.now).await?;
        Ok(Ok(Begun { user, id: pending.id, options }))
    }

    fn permit(&self, user: &User, keys: &[Passkey]) -> Result<String, Failure> {
        self.caller.require_or_self(Permission::CredentialWrite, &user.organisation, &user.id)?;
        if user.human().is_none() {
            return Err(failure::PASSKEY_USER_UNKNOWN);
        }
        let rp_id = self.rp_id.clone()?;
        if keys.len() >= MOST_KEYS { Err(failure::PASSKEY_TOO_MANY) } else { Ok(rp_id) }
    }
}

/// Finishes a registration with what the browser gave.
///
/// # Errors
/// Those of the permission; `WEBAU-5M9so` when no such registration waits or its time is over; `WEBAU-sEr8c` and
/// `WEBAU-3Vb9s` when the browser gave something else than was asked for.
pub async fn verify(
    call: &Call,
    user_id: String,
    (list, id): (KeyList, String),
    (credential, name): (Value, String),
) -> Result<User, Failure> {
    let missing = unknown(call, Permission::CredentialWrite);
    let user = find(call, &user_id).await?.ok_or_else(|| missing.clone())?;
    call.caller.require_or_self(Permission::CredentialWrite, &user.organisation, &user.id)?;
    let pending = read!(call.app, passkey::pending(&user_id, list, &id))?;
    let pending = pending.filter(|pending| pending.expires > call.now).ok_or(failure::PASSKEY_NOT_PENDING)?;
    let key = answered(call, &pending, &credential)?;
    let (caller, now) = (call.caller.clone(), call.now);
    change(call, user_id, missing, move |conn, user| {
        Box::pin(async move {
            let allowed = caller.require_or_self(Permission::CredentialWrite, &user.organisation, &user.id);
            if let Err(refusal) = allowed {
                return Ok(Err(refusal));
            }
            if !passkey::finish(conn, &pending, &name, &key, now).await? {
                return Ok(Err(failure::PASSKEY_NOT_PENDING));
            }
            touched(conn, user, now).await.map(Ok)
        })
    })
    .await
}

fn answered(call: &Call, pending: &Pending, credential: &Value) -> Result<Registered, Failure> {
    let android = &call.app.policy.keys.android_origins;
    let origins = Origins { rp_id: &pending.rp_id, android };
    let expected = Expected { state: &pending.registration, list: pending.list, origins };
    verify_registration(&expected, credential)
}

/// The finished passkeys of a user. That there are none, anybody may learn.
///
/// # Errors
/// Those of the permission.
pub async fn list(call: &Call, user_id: &str) -> Result<Vec<Passkey>, Failure> {
    let keys = read!(call.app, passkey::list(user_id, KeyList::Passkeys))?;
    if keys.is_empty() {
        return Ok(keys);
    }
    let user = find(call, user_id).await?.ok_or(failure::PASSKEY_USER_UNKNOWN)?;
    call.caller.require_or_self(Permission::UserRead, &user.organisation, user_id)?;
    Ok(keys)
}

/// Removes a key, finished or not.
///
/// # Errors
/// `COMMAND-DAfb2` when there is none, which is told before the permission is asked for; those of the permission.
pub async fn remove(call: &Call, user_id: String, list: KeyList, id: String) -> Result<User, Failure> {
    let (caller, now) = (call.caller.clone(), call.now);
    change(call, user_id, failure::PASSKEY_NOT_FOUND, move |conn, user| {
        Box::pin(async move {
            if !passkey::exists(conn, &user.id, list, &id).await? {
                return Ok(Err(failure::PASSKEY_NOT_FOUND));
            }
            let allowed = caller.require_or_self(Permission::UserWrite, &user.organisation, &user.id);
            if let Err(refusal) = allowed {
                return Ok(Err(refusal));
            }
            passkey::remove(conn, &user.id, list, &id).await?;
            touched(conn, user, now).await.map(Ok)
        })
    })
    .await
}

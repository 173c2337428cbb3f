//! Links between users and their accounts at identity providers.

use doorward_core::base::Timestamp;
use doorward_core::caller::Permission;
use doorward_core::failure::{self, Failure};
use doorward_core::intent::Account;
use doorward_core::search::Page;
use doorward_core::user::{User, UserState};
use doorward_store::idp_link::{self, IdpLink};
use doorward_store::session_search::Found;
use doorward_store::{Conn, Result as StoreResult, intent, user};

use super::user::{change, find};
use super::{App, Call, store_failure};

/// The most links that a user can have.
pub const MOST_LINKS: usize = 100;

/// A link to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// The provider.
    pub idp_id: String,
    /// The account there.
    pub account: Account,
}

impl NewLink {
    fn of(self, user_id: &str, now: Timestamp) -> IdpLink {
        let Self { idp_id, account } = self;
        let (external_id, username) = (account.id, account.name);
        IdpLink { idp_id, external_id, user_id: user_id.to_owned(), username, created: now }
    }
}

/// Links a user to an account.
///
/// # Errors
/// `COMMAND-vzktar7b7f` without such a user, those of the permission, `COMMAND-39nf2` without such a provider,
/// `V3-DKcYh` when the account is linked already, `DOORWARD-L1nks` when there are too many, those of the store.
pub async fn add(call: &Call, user_id: String, link: NewLink) -> Result<User, Failure> {
    let (caller, now) = (call.caller.clone(), call.now);
    let known = call.app.idps.get(&link.idp_id).is_some();
    change(call, user_id, failure::LINK_USER_UNKNOWN, move |conn, mut user| {
        Box::pin(async move {
            let allowed = caller.require_or_self(Permission::UserWrite, &user.organisation, &user.id);
            if let Err(refusal) = allowed {
                return Ok(Err(refusal));
            }
            if user.human().is_none() {
                return Ok(Err(failure::NOT_HUMAN));
            }
            if !known {
                return Ok(Err(failure::IDP_UNKNOWN));
            }
            if idp_link::count(conn, &user.id).await? >= MOST_LINKS as u64 {
                return Ok(Err(failure::LINK_TOO_MANY));
            }
            let link = link.of(&user.id, now);
            if !idp_link::insert(conn, &link).await? {
                return Ok(Err(failure::LINK_TAKEN));
            }
            user.touch(now);
            user::save(conn, &user).await?;
            Ok(Ok(user))
        })
    })
    .await
}

/// The links of a user.
///
/// # Errors
/// `COMMAND-4g3xq` without such a user, those of permission and store.
pub async fn list(call: &Call, user_id: &str, page: Page) -> Result<Found<IdpLink>, Failure> {
    let user = find(call, user_id).await?.ok_or(failure::TARGET_USER_UNKNOWN)?;
    call.caller.require_or_self(Permission::UserRead, &user.organisation, &user.id)?;
    let listed =
        call.app.db.scan(move |conn| Box::pin(async move { idp_link::list(conn, &user.id, page).await }));
    listed.await.map_err(store_failure)
}

/// Removes a link. Logins at the provider that were not used yet let nobody in any more.
///
/// # Errors
/// `COMMAND-1M9xR` when there is none, those of permission and store.
pub async fn remove(
    call: &Call,
    user_id: String,
    idp_id: String,
    external_id: String,
) -> Result<User, Failure> {
    let (caller, now) = (call.caller.clone(), call.now);
    change(call, user_id, failure::LINK_NOT_FOUND, move |conn, mut user| {
        Box::pin(async move {
            let allowed = caller.require_or_self(Permission::UserWrite, &user.organisation, &user.id);
            if let Err(refusal) = allowed {
                return Ok(Err(refusal));
            }
            if !idp_link::remove(conn, &user.id, &idp_id, &external_id).await? {
                return Ok(Err(failure::LINK_NOT_FOUND));
            }
            intent::forget_user(conn, &idp_id, &external_id, now).await?;
            user.touch(now);
            user::save(conn, &user).await?;
            Ok(Ok(user))
        })
    })
    .await
}

/// Checks links that a new user shall have.
///
/// # Errors
/// `COMMAND-39nf2` for an unknown provider, `V3-DKcYh` for the same account twice, `DOORWARD-L1nks` for too many.
pub(super) fn check_links(app: &App, links: &[NewLink]) -> Result<(), Failure> {
    if links.len() > MOST_LINKS {
        return Err(failure::LINK_TOO_MANY);
    }
    for (place, link) in links.iter().enumerate() {
        if app.idps.get(&link.idp_id).is_none() {
            return Err(failure::IDP_UNKNOWN);
        }
        let same = |other: &NewLink| other.idp_id == link.idp_id && other.account.id == link.account.id;
        if links.iter().take(place).any(same) {
            return Err(failure::LINK_TAKEN);
        }
    }
    Ok(())
}

/// Adds the links of a user whom this transaction has just added. If one is taken, the user is taken back, too.
pub(super) async fn add_all(
    conn: &mut Conn,
    user_id: &str,
    links: &[NewLink],
    now: Timestamp,
) -> StoreResult<Result<(), Failure>> {
    for link in links {
        if !idp_link::insert(conn, &link.clone().of(user_id, now)).await? {
            user::take_back(conn, user_id).await?;
            return Ok(Err(failure::LINK_TAKEN));
        }
    }
    Ok(Ok(()))
}

/// The user who has an account, and keeps it until the transaction ends: who removes the link meanwhile has to wait, and
/// then finds what was made of it.
pub(super) async fn owner(conn: &mut Conn, idp_id: &str, external_id: &str) -> StoreResult<Option<String>> {
    let Some(link) = idp_link::find(conn, idp_id, external_id).await? else { return Ok(None) };
    user::hold_states(conn, &[&link.user_id]).await?;
    let still = idp_link::find(conn, idp_id, external_id).await?;
    Ok(still.filter(|still| still.user_id == link.user_id).map(|link| link.user_id))
}

/// Links an account to the one active person whose verified mail address it has. Nobody is linked who has another
/// account at the same provider: there the address may have got a new owner.
pub(super) async fn auto_link(
    conn: &mut Conn,
    idp_id: &str,
    account: &Account,
    mail: &str,
    now: Timestamp,
) -> StoreResult<Option<String>> {
    let owners = idp_link::owners_of_mail(conn, mail).await?;
    let [only] = owners.as_slice() else { return Ok(None) };
    let Some(mut user) = user::lock(conn, only).await? else { return Ok(None) };
    let still = user.human().is_some_and(|human| human.email.verified && human.email.address == mail);
    let count = idp_link::count(conn, only).await?;
    if !still
        || user.state != UserState::Active
        || count >= MOST_LINKS as u64
        || idp_link::has_any(conn, only, idp_id).await?
    {
        return Ok(None);
    }
    let link = NewLink { idp_id: idp_id.to_owned(), account: account.clone() }.of(only, now);
    if !idp_link::insert(conn, &link).await? {
        return Ok(None);
    }
    user.touch(now);
    user::save(conn, &user).await?;
    Ok(Some(user.id))
}

//! What users have set up to log in with: showing it, and noting that somebody wanted no second factor for now.

use doorward_core::caller::Permission;
use doorward_core::failure::{self, Failure};
use doorward_core::user::{User, UserKind};
use doorward_store::user;
use doorward_store::user_factor::{self, Factor, SetUp};

use super::user::{change, find};
use super::{Call, read};

/// A way to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A password.
    Password,
    /// Anything else.
    Factor(Factor),
}

/// Keys of one relying party.
#[derive(Debug, Clone)]
pub struct Domain {
    /// The relying party.
    pub name: String,
    /// Whether keys count, too, of which it is not known.
    pub or_unknown: bool,
}

impl Domain {
    fn has(&self, set_up: &SetUp) -> bool {
        match set_up.factor {
            Factor::Passkey | Factor::U2f if set_up.rp_id.is_empty() => self.or_unknown,
            Factor::Passkey | Factor::U2f => set_up.rp_id.eq_ignore_ascii_case(&self.name),
            _ => true,
        }
    }
}

/// The ways in which a user can log in, each once: factors, password, identity providers. Nothing for a user who is not
/// there.
///
/// # Errors
/// Those of permission and store.
pub async fn methods(call: &Call, id: &str, domain: Option<Domain>) -> Result<Vec<Method>, Failure> {
    let Some((user, found)) = set_up(call, id).await? else { return Ok(Vec::new()) };
    let has_password = user.human().is_some_and(|human| human.password.is_some());
    let in_domain = |found: &SetUp| domain.as_ref().is_none_or(|domain| domain.has(found));
    let mut ready: Vec<Factor> =
        found.iter().filter(|found| found.ready && in_domain(found)).map(|found| found.factor).collect();
    ready.dedup();
    let (linked, factors): (Vec<_>, Vec<_>) =
        ready.into_iter().partition(|factor| *factor == Factor::IdpLink);
    let methods = factors.into_iter().map(Method::Factor);
    let methods = methods.chain(has_password.then_some(Method::Password));
    Ok(methods.chain(linked.into_iter().map(Method::Factor)).collect())
}

/// The second factors of a user, of these kinds, ready or waiting to be finished. Nothing for a user who is not there.
///
/// # Errors
/// Those of permission and store.
pub async fn second_factors(
    call: &Call,
    id: &str,
    kinds: &[Factor],
    ready: &[bool],
) -> Result<Vec<SetUp>, Failure> {
    let found = set_up(call, id).await?.map(|(_, found)| found).unwrap_or_default();
    let wanted = |found: &SetUp| kinds.contains(&found.factor) && ready.contains(&found.ready);
    Ok(found.into_iter().filter(wanted).collect())
}

/// The permission comes first: whether anything is set up is nobody's business without it.
async fn set_up(call: &Call, id: &str) -> Result<Option<(User, Vec<SetUp>)>, Failure> {
    let Some(user) = find(call, id).await? else {
        call.caller.require(Permission::UserRead, Some(&call.caller.organisation))?;
        return Ok(None);
    };
    call.caller.require_or_self(Permission::UserRead, &user.organisation, id)?;
    let found = read!(call.app, user_factor::of_user(id, call.now))?;
    Ok(Some((user, found)))
}

/// Notes that a person wanted no second factor for now.
///
/// # Errors
/// `COMMAND-4g3xq` when there is no such user, `DOORWARD-Hum4n` for a machine, those of permission and store.
pub async fn skip_mfa(call: &Call, id: String) -> Result<User, Failure> {
    let (caller, now) = (call.caller.clone(), call.now);
    change(call, id, failure::TARGET_USER_UNKNOWN, move |conn, mut user| {
        Box::pin(async move {
            let allowed = caller.require_or_self(Permission::UserWrite, &user.organisation, &user.id);
            if let Err(refusal) = allowed {
                return Ok(Err(refusal));
            }
            let UserKind::Human(human) = &mut user.kind else { return Ok(Err(failure::NOT_HUMAN)) };
            human.mfa_init_skipped = Some(now);
            user.touch(now);
            user::save(conn, &user).await?;
            Ok(Ok(user))
        })
    })
    .await
}

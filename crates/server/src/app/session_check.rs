//! The checks of a session: gathered and verified before the settling transaction, asked again within it.

use std::collections::BTreeMap;

use doorward_core::attempt::Counted;
use doorward_core::base::{Secret, Span};
use doorward_core::check::PasswordEvidence;
use doorward_core::failure::{self, Failure};
use doorward_core::session::{Changes, Session, SessionUser};
use doorward_core::user::{User, UserState};
use doorward_store::user::{self, Wanted};
use doorward_store::{Conn, Result as StoreResult};

use super::password::{self, Rules, Settled};
use super::{Call, read, store_failure};

/// What a request asks to be checked and changed.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The user check.
    pub user: Option<UserCheck>,
    /// The password check.
    pub password: Option<Secret>,
    /// Checks and challenges that need a factor which no user of this version can have, in their order.
    pub unready: Vec<Unready>,
    /// Entries to set; an empty value deletes the key.
    pub metadata: BTreeMap<String, Vec<u8>>,
    /// A new lifetime.
    pub lifetime: Option<Span>,
}

/// Which user is to be checked.
#[derive(Debug, Clone)]
pub enum UserCheck {
    /// This one.
    Wanted(Wanted),
    /// The request did not say.
    Unsaid,
}

/// A check or challenge of a factor that the user has not set up: refused differently with and without a user.
#[derive(Debug, Clone)]
pub struct Unready {
    /// When the session has no user.
    pub without_user: Failure,
    /// When it has one.
    pub with_user: Failure,
    /// When it has one who is no person, or may not log in just now, if that makes a difference.
    pub without_human: Option<Failure>,
}

/// What a settling transaction comes to. A refusal is committed too: a wrong password counts.
pub(super) enum Verdict {
    /// The session as it is now, and whether anything was changed.
    Granted(Box<Session>, bool),
    Refused(Failure),
    Stale,
}

/// What was found out before the settling transaction.
#[derive(Clone)]
pub(super) struct Evidence {
    pub(super) user: Option<String>,
    password: Option<(PasswordEvidence, Rules)>,
    /// A check after the password that cannot pass.
    later: Option<Failure>,
    pub(super) changes: Changes,
}

impl Evidence {
    /// Whether it rests on nothing but a user who may log in, if it has one at all.
    pub(super) fn is_plain(&self) -> bool {
        self.password.is_none() && self.later.is_none()
    }

    /// Locks the user that it rests on, and gives the state: the user comes before the session, in every transaction.
    pub(super) async fn lock(&self, conn: &mut Conn) -> StoreResult<Option<UserState>> {
        let Some(user_id) = &self.user else { return Ok(None) };
        if self.password.is_some() {
            return Ok(user::lock(conn, user_id).await?.map(|user| user.state));
        }
        if self.changes.user.is_none() {
            return Ok(None);
        }
        Ok(user::hold_states(conn, &[user_id]).await?.remove(user_id))
    }

    /// Asks again, under the lock, what the evidence rests on. Gives what ends the request, if anything does.
    pub(super) async fn settle(
        &self,
        conn: &mut Conn,
        state: Option<UserState>,
    ) -> StoreResult<Option<Verdict>> {
        if let Some(user_id) =
            self.user.as_ref().filter(|_| self.changes.user.is_some() || self.password.is_some())
        {
            let locked_later = state == Some(UserState::Locked) && self.password.is_some();
            if state != Some(UserState::Active) && !locked_later {
                return Ok(Some(Verdict::Refused(failure::USER_NOT_ACTIVE)));
            }
            if let Some((evidence, rules)) = &self.password {
                match password::settle(conn, user_id, evidence, *rules).await? {
                    Settled::Passed => {}
                    Settled::Refused(failure) => return Ok(Some(Verdict::Refused(failure))),
                    Settled::Stale => return Ok(Some(Verdict::Stale)),
                }
            }
        }
        Ok(self.later.clone().map(Verdict::Refused))
    }
}

/// Gathers and verifies, in the order of the checks: user, password, then the rest.
pub(super) async fn gather(
    call: &Call,
    request: &Request,
    session: Option<&Session>,
) -> Result<Evidence, Failure> {
    let checked = match &request.user {
        None => None,
        Some(check) => Some(check_user(call, check, request.password.as_ref()).await?),
    };
    if let (Some(user), Some(session)) = (&checked, session) {
        session.require_same_user(&user.id)?;
    }
    let known = session.and_then(|session| session.user.as_ref()).map(|user| user.id.clone());
    let user_id = checked.as_ref().map(|user| user.id.clone()).or(known);
    let password = match &request.password {
        None => None,
        Some(text) => Some(check_password(call, user_id.as_deref(), checked.as_ref(), text).await?),
    };
    let later = match request.unready.first() {
        None => None,
        Some(unready) => Some(refuse(call, unready, user_id.as_deref()).await?),
    };
    let rules = Rules {
        counted: Counted::Password,
        attempts: call.app.policy.attempts,
        keep_success: later.is_none(),
        now: call.now,
    };
    if let (None, Some(refusal)) = (&password, &later) {
        return Err(refusal.clone());
    }
    let changes = Changes {
        user: checked.map(|user| SessionUser {
            id: user.id,
            organisation: user.organisation,
            verified: call.now,
        }),
        password: password.as_ref().map(|_| call.now),
        metadata: request.metadata.clone(),
        lifetime: request.lifetime,
    };
    Ok(Evidence { user: user_id, password: password.map(|evidence| (evidence, rules)), later, changes })
}

/// What a check or challenge of a factor that the user lacks is refused with.
async fn refuse(call: &Call, unready: &Unready, user_id: Option<&str>) -> Result<Failure, Failure> {
    let Some(id) = user_id else { return Ok(unready.without_user.clone()) };
    let Some(without_human) = &unready.without_human else { return Ok(unready.with_user.clone()) };
    let user = read!(call.app, user::find(&Wanted::Id(id.to_owned())))?;
    let human = user.is_some_and(|user| user.human().is_some() && user.state == UserState::Active);
    Ok(if human { unready.with_user.clone() } else { without_human.clone() })
}

async fn check_user(call: &Call, check: &UserCheck, password: Option<&Secret>) -> Result<User, Failure> {
    let UserCheck::Wanted(wanted) = check else { return Err(failure::USER_SEARCH_MISSING) };
    let Some(found) = call.app.users.find(wanted).await.map_err(store_failure)? else {
        if let Some(password) = password {
            // An answer that comes early would tell that there is no such user.
            password::burn(&call.app, password).await?;
        }
        return Err(failure::USER_NOT_FOUND);
    };
    if found.state == UserState::Active { Ok(found) } else { Err(failure::USER_NOT_ACTIVE) }
}

async fn check_password(
    call: &Call,
    user_id: Option<&str>,
    checked: Option<&User>,
    password: &Secret,
) -> Result<PasswordEvidence, Failure> {
    let user_id = user_id.ok_or(failure::PASSWORD_NO_USER)?;
    let user = match checked {
        Some(user) => Some(user.clone()),
        None => read!(call.app, user::find(&Wanted::Id(user_id.to_owned())))?,
    };
    password::verify(&call.app, user.as_ref(), password, call.now).await
}

//! Creating, changing, reading and ending a session.

use doorward_core::attempt::Counted;
use doorward_core::base::{Secret, Span, Timestamp};
use doorward_core::caller::{Caller, Permission};
use doorward_core::check::PasswordEvidence;
use doorward_core::failure::{self, Failure};
use doorward_core::session::{Birth, Changes, Session, SessionUser, UserAgent};
use doorward_core::token::{Digest, NotAToken, TokenKind};
use doorward_core::user::{User, UserState};
use doorward_store::session::{self, ShownSession};
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
    pub metadata: std::collections::BTreeMap<String, Vec<u8>>,
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

/// A session that was created or changed.
#[derive(Debug, Clone)]
pub struct Written {
    /// The session as it is now.
    pub session: Session,
    /// The new token, unless nothing was changed.
    pub token: Option<Secret>,
}

/// What a settling transaction comes to. A refusal is committed too: a wrong password counts.
enum Verdict {
    /// The session as it is now, and whether anything was changed.
    Granted(Box<Session>, bool),
    Refused(Failure),
    Stale,
}

/// How often a request is tried again when the password it verified was replaced meanwhile.
const ROUNDS: usize = 3;

/// Creates a session.
///
/// # Errors
/// Those of the permission, of the first check that fails, and of the store.
pub async fn create(call: &Call, request: Request, user_agent: UserAgent) -> Result<Written, Failure> {
    call.caller.require(Permission::SessionWrite, None)?;
    for _ in 0..ROUNDS {
        let evidence = gather(call, &request, None).await?;
        let id = call.app.mint_id(call.now);
        let minted = call.app.mint_token(TokenKind::Session, &id);
        let creator = call.caller.user_id.clone();
        let birth =
            Birth { id, creator, token: minted.digest, user_agent: user_agent.clone(), now: call.now };
        let session = Session::create(birth, &evidence.changes)?;
        let written = call.app.db.write(move |conn| {
            Box::pin(async move {
                if let Some(refused) = evidence.settle(conn).await? {
                    return Ok(refused);
                }
                session::insert(conn, &session).await?;
                Ok(Verdict::Granted(Box::new(session), true))
            })
        });
        match written.await.map_err(store_failure)? {
            Verdict::Granted(session, _) => {
                return Ok(Written { session: *session, token: Some(minted.text) });
            }
            Verdict::Refused(failure) => return Err(failure),
            Verdict::Stale => {}
        }
    }
    Err(failure::STORE_UNAVAILABLE.with_retry(Span::seconds(1)))
}

/// Changes a session and gives it a new token, unless there is nothing to change.
///
/// # Errors
/// Those of token and permission, of the state of the session, of the first check that fails, and of the store.
pub async fn set(call: &Call, id: String, token: &str, request: Request) -> Result<Written, Failure> {
    for _ in 0..ROUNDS {
        let found = load(call, &id).await?;
        let needed = (Permission::SessionWrite, Session::require_write as Rule);
        let presented = authorise(call, found.as_ref(), token, needed)?;
        let found = found.ok_or(failure::SESSION_NOT_FOUND)?.session;
        found.require_open(call.now)?;
        let evidence = gather(call, &request, Some(&found)).await?;
        let minted = call.app.mint_token(TokenKind::Session, &id);
        // Looks ahead: what changes nothing, or becomes too large, needs no lock and leaves no trace.
        let mut ahead = found.clone();
        if !ahead.update(&evidence.changes, minted.digest, call.now)? {
            return Ok(Written { session: found, token: None });
        }
        let (now, id, digest) = (call.now, id.clone(), minted.digest);
        let written = call.app.db.write(move |conn| {
            Box::pin(async move {
                let Some(locked) = session::lock(conn, &id).await? else {
                    return Ok(Verdict::Refused(failure::SESSION_NOT_FOUND));
                };
                let mut session = locked.session;
                if let Err(refusal) = still_open(&session, presented.as_ref(), &evidence, now) {
                    return Ok(Verdict::Refused(refusal));
                }
                if let Some(refused) = evidence.settle(conn).await? {
                    return Ok(refused);
                }
                match session.update(&evidence.changes, digest, now) {
                    Err(refusal) => return Ok(Verdict::Refused(refusal)),
                    Ok(false) => return Ok(Verdict::Granted(Box::new(session), false)),
                    Ok(true) => session::save(conn, &session).await?,
                }
                Ok(Verdict::Granted(Box::new(session), true))
            })
        });
        match written.await.map_err(store_failure)? {
            Verdict::Granted(session, changed) => {
                return Ok(Written { session: *session, token: changed.then_some(minted.text) });
            }
            Verdict::Refused(failure) => return Err(failure),
            Verdict::Stale => {}
        }
    }
    Err(failure::STORE_UNAVAILABLE.with_retry(Span::seconds(1)))
}

/// Reads a session.
///
/// # Errors
/// `QUERY-SFeaa` when there is none, `QUERY-dsfr3` for a wrong token, those of the permission without one.
pub async fn get(call: &Call, id: &str, token: &str) -> Result<ShownSession, Failure> {
    let found = load(call, id).await?.filter(|found| found.session.ended.is_none());
    let found = found.ok_or(failure::SESSION_NOT_FOUND)?;
    if token.is_empty() {
        found.session.require_read(&call.caller)?;
        return Ok(found);
    }
    let presented = call.app.keys.read(TokenKind::Session, token);
    match presented {
        Ok(presented) if found.session.is_current_token(&presented.digest) => Ok(found),
        _ => Err(failure::SESSION_READ_DENIED),
    }
}

/// Ends a session. One that is ended already, or never was, is no failure.
///
/// # Errors
/// Those of token and permission, and of the store.
pub async fn delete(call: &Call, id: String, token: &str) -> Result<Option<Session>, Failure> {
    let found = load(call, &id).await?;
    let needed = (Permission::SessionDelete, Session::require_delete as Rule);
    let presented = authorise(call, found.as_ref(), token, needed)?;
    let Some(found) = found.map(|found| found.session) else { return Ok(None) };
    if found.ended.is_some() {
        return Ok(Some(found));
    }
    let now = call.now;
    let ended = call.app.db.write(move |conn| {
        Box::pin(async move {
            let Some(locked) = session::lock(conn, &id).await? else { return Ok(Ok(None)) };
            let mut session = locked.session;
            if presented.is_some_and(|presented| !session.is_current_token(&presented)) {
                return Ok(Err(failure::SESSION_TOKEN_WRONG));
            }
            if session.ended.is_none() {
                session.terminate(now);
                session::save(conn, &session).await?;
            }
            Ok(Ok(Some(session)))
        })
    });
    ended.await.map_err(store_failure)?
}

async fn load(call: &Call, id: &str) -> Result<Option<ShownSession>, Failure> {
    read!(call.app, session::load(id))
}

/// Who may do something to a session without its token.
type Rule = fn(&Session, &Caller) -> Result<(), Failure>;

/// A token decides alone; without one the rule of the operation does, or its permission on the instance where there
/// is no session. Gives the digest that was presented.
fn authorise(
    call: &Call,
    found: Option<&ShownSession>,
    token: &str,
    (permission, rule): (Permission, Rule),
) -> Result<Option<Digest>, Failure> {
    if !token.is_empty() {
        let presented = call.app.keys.read(TokenKind::Session, token).map_err(|fault| match fault {
            NotAToken::NotBase64 => failure::SESSION_TOKEN_MALFORMED,
            NotAToken::Garbage => failure::SESSION_TOKEN_WRONG,
        })?;
        let current = found.is_some_and(|found| found.session.is_current_token(&presented.digest));
        return if current { Ok(Some(presented.digest)) } else { Err(failure::SESSION_TOKEN_WRONG) };
    }
    match found {
        Some(found) => rule(&found.session, &call.caller)?,
        None => call.caller.require(permission, None)?,
    }
    Ok(None)
}

/// Asks again under the lock what may have changed since the session was read.
fn still_open(
    session: &Session,
    presented: Option<&Digest>,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<(), Failure> {
    if presented.is_some_and(|presented| !session.is_current_token(presented)) {
        return Err(failure::SESSION_TOKEN_WRONG);
    }
    session.require_open(now)?;
    match &evidence.user {
        Some(user_id) => session.require_same_user(user_id),
        None => Ok(()),
    }
}

/// What was found out before the settling transaction.
struct Evidence {
    user: Option<String>,
    password: Option<(PasswordEvidence, Rules)>,
    /// A check after the password that cannot pass.
    later: Option<Failure>,
    changes: Changes,
}

impl Evidence {
    /// Asks again, under the lock, what the evidence rests on. Gives what ends the request, if anything does.
    async fn settle(&self, conn: &mut Conn) -> StoreResult<Option<Verdict>> {
        if let Some(user_id) =
            self.user.as_ref().filter(|_| self.changes.user.is_some() || self.password.is_some())
        {
            let state = user::state(conn, user_id).await?;
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
async fn gather(call: &Call, request: &Request, session: Option<&Session>) -> Result<Evidence, Failure> {
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
    let Some(found) = read!(call.app, user::find(wanted))? else {
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

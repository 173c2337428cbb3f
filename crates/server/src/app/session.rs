//! Creating, changing, reading and ending a session.

use std::sync::Arc;

use doorward_core::base::{Secret, Span, Timestamp};
use doorward_core::caller::{Caller, Permission};
use doorward_core::failure::{self, Failure};
use doorward_core::session::{Birth, Session, UserAgent};
use doorward_core::token::{Digest, NotAToken, TokenKind};
use doorward_store::session::{self, ShownSession};
use doorward_store::together::Begun;
use doorward_store::{Conn, Result as StoreResult};

use super::challenge::Handed;
use super::factor::Ground;
use super::session_check::{Evidence, Request, Verdict, gather};
use super::{App, Call, store_failure};

/// A session that was created or changed.
#[derive(Debug, Clone)]
pub struct Written {
    /// The session as it is now.
    pub session: Session,
    /// The new token, unless nothing was changed.
    pub token: Option<Secret>,
    /// What the challenges hand to the caller.
    pub handed: Handed,
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
        match add(call, evidence, session).await.map_err(store_failure)? {
            Verdict::Granted(session, _, handed) => {
                return Ok(Written { session: *session, token: Some(minted.text), handed });
            }
            Verdict::Refused(failure) => return Err(failure),
            Verdict::Stale => {}
        }
    }
    Err(failure::STORE_UNAVAILABLE.with_retry(Span::seconds(1)))
}

/// Adds a session, if what it rests on still holds.
async fn add(call: &Call, evidence: Evidence, session: Session) -> StoreResult<Verdict> {
    if evidence.is_plain() {
        return Ok(match call.app.births.add(session.clone()).await? {
            true => Verdict::Granted(Box::new(session), true, Handed::default()),
            false => Verdict::Refused(failure::USER_NOT_ACTIVE),
        });
    }
    let (app, now) = (Arc::clone(&call.app), call.now);
    let written = call.app.db.write(move |conn| {
        Box::pin(async move {
            let user = evidence.lock(conn).await?;
            let mut ground = Ground { conn, app: &app, user: user.as_ref(), session: None, now };
            let passed = match evidence.decide(&mut ground, &session.id).await? {
                Ok(passed) => passed,
                Err(refused) => return Ok(refused),
            };
            let handed = passed.apply(ground.conn).await?;
            session::insert(conn, &session).await?;
            Ok(Verdict::Granted(Box::new(session), true, handed))
        })
    });
    written.await
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
        if request.challenges.returns_code() {
            // Whoever merely holds the session's token must not learn what goes to the user's phone or mail box.
            found.require_write(&call.caller).map_err(|_| failure::RETURN_CODE_DENIED)?;
        }
        let evidence = gather(call, &request, Some(&found)).await?;
        let minted = call.app.mint_token(TokenKind::Session, &id);
        // Looks ahead: what changes nothing, or becomes too large, needs no lock and leaves no trace.
        let mut ahead = found.clone();
        if !ahead.update(&evidence.changes, minted.digest, call.now)? {
            return Ok(Written { session: found, token: None, handed: Handed::default() });
        }
        let change = Change {
            app: Arc::clone(&call.app),
            evidence,
            id: id.clone(),
            presented,
            fresh: minted.digest,
            now: call.now,
        };
        let written = call.app.db.write(move |conn| Box::pin(change.settle(conn)));
        match written.await.map_err(store_failure)? {
            Verdict::Granted(session, changed, handed) => {
                return Ok(Written { session: *session, token: changed.then_some(minted.text), handed });
            }
            Verdict::Refused(failure) => return Err(failure),
            Verdict::Stale => {}
        }
    }
    Err(failure::STORE_UNAVAILABLE.with_retry(Span::seconds(1)))
}

/// A change of a session, ready to be settled.
#[derive(Clone)]
struct Change {
    app: Arc<App>,
    evidence: Evidence,
    id: String,
    /// The digest of the token that allowed it.
    presented: Option<Digest>,
    /// The digest of the next token.
    fresh: Digest,
    now: Timestamp,
}

impl Change {
    async fn settle(self, conn: &mut Conn) -> StoreResult<Verdict> {
        let user = self.evidence.lock(conn).await?;
        let Some(locked) = session::lock(conn, &self.id).await? else {
            return Ok(Verdict::Refused(failure::SESSION_NOT_FOUND));
        };
        let before = locked.session;
        if let Err(refusal) = still_open(&before, self.presented.as_ref(), &self.evidence, self.now) {
            return Ok(Verdict::Refused(refusal));
        }
        let (user, session) = (user.as_ref(), Some(&before));
        let mut ground = Ground { conn, app: &self.app, user, session, now: self.now };
        let passed = match self.evidence.decide(&mut ground, &self.id).await? {
            Ok(passed) => passed,
            Err(refused) => return Ok(refused),
        };
        let mut session = before.clone();
        match session.update(&self.evidence.changes, self.fresh, self.now) {
            Err(refusal) => return Ok(Verdict::Refused(refusal)),
            Ok(false) => return Ok(Verdict::Granted(Box::new(session), false, Handed::default())),
            Ok(true) => {}
        }
        let handed = passed.apply(conn).await?;
        session::save(conn, &session).await?;
        Ok(Verdict::Granted(Box::new(session), true, handed))
    }
}

/// Looks for a session, for [`get`].
///
/// # Errors
/// Those of the store.
pub fn look(call: &Call, id: &str) -> Result<Begun<ShownSession>, Failure> {
    call.app.sessions.begin(id).map_err(store_failure)
}

/// Reads a session that was looked for.
///
/// # Errors
/// `QUERY-SFeaa` when there is none, `QUERY-dsfr3` for a wrong token, those of the permission without one.
pub async fn get(call: &Call, begun: Begun<ShownSession>, token: &str) -> Result<ShownSession, Failure> {
    let found = call.app.sessions.end(begun).await.map_err(store_failure)?;
    let found = found.filter(|found| found.session.ended.is_none());
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
    call.app.sessions.of(id).await.map_err(store_failure)
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

//! Letting a caller in: from the text of a token to who it is and what they may do.

use std::sync::Arc;

use doorward_core::base::Timestamp;
use doorward_core::caller::Caller;
use doorward_core::failure::{self, Failure};
use doorward_core::jwt;
use doorward_core::token::{Presented, TokenKind, same};
use doorward_core::user::UserState;
use doorward_store::session::ShownSession;
use doorward_store::together::{Bearers, Begun};
use doorward_store::token::Bearer;
use doorward_store::{grant, organisation, user};

use super::introspection::refused;
use super::{App, ForceMfa, read, store_failure};

/// Lets the bearer of a token in. `organisation` is the one that the call is made for, if it names one.
///
/// # Errors
/// `AUTH-7fs1e` for what is no valid token, the failures of a session token, `AUTH-Bs7Ds` for an unknown organisation.
pub async fn authenticate(
    app: &Arc<App>,
    text: &str,
    organisation: Option<&str>,
    now: Timestamp,
) -> Result<Caller, Failure> {
    let caller = match Token::of(app, text)? {
        Token::Own(bearers, presented) => {
            let found = bearers.of(&presented.id).await.map_err(store_failure)?;
            caller_of(valid(found, &presented, now)?)
        }
        token => by_other(app, text, token, now).await?,
    };
    for_organisation(app, caller, organisation).await
}

/// The same for a call about a session, which is found with the bearer or looked for meanwhile. Nobody hears of it who
/// is not let in.
///
/// # Errors
/// Those of [`authenticate`].
pub async fn authenticate_beside(
    app: &Arc<App>,
    (text, session_id): (&str, &str),
    organisation: Option<&str>,
    now: Timestamp,
) -> Result<(Caller, Begun<ShownSession>), Failure> {
    let (caller, begun) = match Token::of(app, text)? {
        Token::Own(bearers, presented) => {
            let found = bearers.beside(&presented.id, session_id, &app.sessions).await;
            let (found, begun) = found.map_err(store_failure)?;
            (caller_of(valid(found, &presented, now)?), begun)
        }
        token => {
            let caller = by_other(app, text, token, now).await?;
            (caller, app.sessions.begin(session_id).map_err(store_failure)?)
        }
    };
    Ok((for_organisation(app, caller, organisation).await?, begun))
}

/// What a text is, by its form.
enum Token<'a> {
    /// One of a machine user, which is kept as a digest. A JWT of ours is known by it like any other token: its
    /// signature is there for others, and tells less than the store, which also knows what was revoked.
    Own(&'a Bearers, Presented),
    /// A JWT of that issuer.
    Foreign(String),
    /// One of a session, or nothing at all.
    Session,
}

impl<'a> Token<'a> {
    fn of(app: &'a App, text: &str) -> Result<Self, Failure> {
        let invalid = failure::AUTH_TOKEN_INVALID;
        Ok(match TokenKind::of(text) {
            Some(kind @ (TokenKind::PersonalAccess | TokenKind::Access)) => {
                Self::Own(bearers_of(app, kind), app.keys.read(kind, text).map_err(|_| invalid)?)
            }
            _ => match jwt::glance(text) {
                Some(claims) if claims.issuer == app.policy.issuer => {
                    let id = claims.id.ok_or(invalid)?;
                    let digest = app.keys.digest(TokenKind::Access, text);
                    Self::Own(&app.accesses, Presented { id, digest })
                }
                Some(claims) => Self::Foreign(claims.issuer),
                None => Self::Session,
            },
        })
    }
}

async fn by_other(app: &Arc<App>, text: &str, token: Token<'_>, now: Timestamp) -> Result<Caller, Failure> {
    match token {
        Token::Foreign(issuer) => by_issuer(app, text, &issuer, now).await,
        _ => by_session(app, text, now).await,
    }
}

async fn for_organisation(
    app: &App,
    mut caller: Caller,
    organisation: Option<&str>,
) -> Result<Caller, Failure> {
    if let Some(id) = organisation.filter(|id| !id.is_empty()) {
        if !read!(app, organisation::exists(id))? {
            return Err(failure::ORGANISATION_UNKNOWN);
        }
        id.clone_into(&mut caller.organisation);
    }
    Ok(caller)
}

/// Where the bearers of a kind of token of machine users are looked up.
fn bearers_of(app: &App, kind: TokenKind) -> &Bearers {
    if kind == TokenKind::PersonalAccess { &app.bearers } else { &app.accesses }
}

fn caller_of(bearer: Bearer) -> Caller {
    let (user_id, organisation) = (bearer.user_id, bearer.organisation);
    Caller { user_id, organisation, memberships: bearer.memberships, agent: None }
}

/// The bearer who was found for a token, if that is valid.
fn valid(found: Option<Bearer>, presented: &Presented, now: Timestamp) -> Result<Bearer, Failure> {
    let valid = |bearer: &Bearer| {
        same(&bearer.digest, &presented.digest)
            && bearer.expires > now
            && bearer.state == Some(UserState::Active)
    };
    found.filter(valid).ok_or(failure::AUTH_TOKEN_INVALID)
}

/// A valid token of a machine user.
pub(super) struct MachineToken {
    /// A personal access token, or an access token.
    pub kind: TokenKind,
    /// Its id.
    pub id: String,
    /// Who bears it.
    pub bearer: Bearer,
}

/// The token of a machine user with that text, if it lets anybody in.
pub(super) async fn machine_token(
    app: &Arc<App>,
    text: &str,
    now: Timestamp,
) -> Result<Option<MachineToken>, Failure> {
    let Some(Token::Own(bearers, presented)) = refused(Token::of(app, text))? else { return Ok(None) };
    let found = bearers.of(&presented.id).await.map_err(store_failure)?;
    let bearer = refused(valid(found, &presented, now))?;
    let kind = TokenKind::of(text).unwrap_or(TokenKind::Access);
    Ok(bearer.map(|bearer| MachineToken { kind, id: presented.id, bearer }))
}

/// A token of a trusted issuer. Whoever comes with it is told nothing but that it is not valid; the log knows more.
async fn by_issuer(app: &Arc<App>, text: &str, name: &str, now: Timestamp) -> Result<Caller, Failure> {
    let issuer = app.issuers.get(name).ok_or(failure::AUTH_TOKEN_INVALID)?;
    let shown = issuer.show(text, now).await.map_err(|trouble| {
        issuer.refused(trouble.why());
        failure::AUTH_TOKEN_INVALID
    })?;
    let caller = shown.caller.clone();
    // Nobody can be added under such an id now; but whoever was before the issuer was trusted is somebody else.
    if shown.is_fresh() && read!(app, user::state(&caller.user_id))?.is_some() {
        issuer.refused("a user of this server has the id that its caller would have");
        return Err(failure::AUTH_TOKEN_INVALID);
    }
    issuer.remember(shown);
    Ok(caller)
}

/// A session token of this very API as bearer.
async fn by_session(app: &Arc<App>, text: &str, now: Timestamp) -> Result<Caller, Failure> {
    let shown = let_in(app, text, now).await?;
    let user = shown.session.user.ok_or(failure::BEARER_NO_FACTOR)?;
    let memberships = read!(app, grant::of_user(&user.id))?;
    Ok(Caller { user_id: user.id, organisation: user.organisation, memberships, agent: None })
}

/// The session that a session token stands for, if its user is let in by it.
pub(super) async fn let_in(app: &Arc<App>, text: &str, now: Timestamp) -> Result<ShownSession, Failure> {
    let presented = app.keys.read(TokenKind::Session, text).map_err(|_| failure::AUTH_TOKEN_INVALID)?;
    let shown = app.sessions.of(&presented.id).await.map_err(store_failure)?;
    let shown = shown.filter(|found| found.session.ended.is_none()).ok_or(failure::BEARER_SESSION_UNKNOWN)?;
    if !shown.session.is_current_token(&presented.digest) {
        return Err(failure::BEARER_SESSION_WRONG);
    }
    if shown.session.has_expired(now) {
        return Err(failure::BEARER_SESSION_EXPIRED);
    }
    let Some(user) = shown.session.user.as_ref().filter(|_| shown.session.factors.classes() > 0) else {
        return Err(failure::BEARER_NO_FACTOR);
    };
    if read!(app, user::state(&user.id))? == Some(UserState::Locked) {
        return Err(failure::BEARER_USER_LOCKED);
    }
    require_mfa(app, &shown)?;
    Ok(shown)
}

fn require_mfa(app: &App, shown: &ShownSession) -> Result<(), Failure> {
    let factors = &shown.session.factors;
    let forced = match app.policy.force_mfa {
        ForceMfa::No => false,
        ForceMfa::LocalOnly => factors.intent.is_none(),
        ForceMfa::Always => true,
    };
    if forced && !factors.is_multi_factor() { Err(failure::BEARER_NO_MFA) } else { Ok(()) }
}

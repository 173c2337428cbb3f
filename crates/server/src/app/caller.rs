//! Letting a caller in: from the text of a token to who it is and what they may do.

use std::sync::Arc;

use doorward_core::base::Timestamp;
use doorward_core::caller::Caller;
use doorward_core::failure::{self, Failure};
use doorward_core::jwt::{self, Glance};
use doorward_core::token::{Presented, TokenKind, same};
use doorward_core::user::UserState;
use doorward_store::session::ShownSession;
use doorward_store::together::LookUp;
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
    let mut caller = match TokenKind::of(text) {
        Some(kind @ (TokenKind::PersonalAccess | TokenKind::Access)) => {
            let presented = app.keys.read(kind, text).map_err(|_| failure::AUTH_TOKEN_INVALID)?;
            by_token(bearers_of(app, kind), presented, now).await?
        }
        _ => match jwt::glance(text) {
            Some(claims) => by_jwt(app, text, claims, now).await?,
            None => by_session(app, text, now).await?,
        },
    };
    if let Some(id) = organisation.filter(|id| !id.is_empty()) {
        if !read!(app, organisation::exists(id))? {
            return Err(failure::ORGANISATION_UNKNOWN);
        }
        id.clone_into(&mut caller.organisation);
    }
    Ok(caller)
}

/// Where the bearers of a kind of token of machine users are looked up.
fn bearers_of(app: &App, kind: TokenKind) -> &LookUp<Bearer> {
    if kind == TokenKind::PersonalAccess { &app.bearers } else { &app.accesses }
}

/// A token of a machine user that is kept as a digest.
async fn by_token(bearers: &LookUp<Bearer>, presented: Presented, now: Timestamp) -> Result<Caller, Failure> {
    let bearer = valid_bearer(bearers, &presented, now).await?;
    let (user_id, organisation) = (bearer.user_id, bearer.organisation);
    Ok(Caller { user_id, organisation, memberships: bearer.memberships, agent: None })
}

/// Who bears a token of a machine user, if it is valid.
async fn valid_bearer(
    bearers: &LookUp<Bearer>,
    presented: &Presented,
    now: Timestamp,
) -> Result<Bearer, Failure> {
    let bearer = bearers.of(&presented.id).await.map_err(store_failure)?;
    let valid = |bearer: &Bearer| {
        same(&bearer.digest, &presented.digest)
            && bearer.expires > now
            && bearer.state == Some(UserState::Active)
    };
    bearer.filter(valid).ok_or(failure::AUTH_TOKEN_INVALID)
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
    let (kind, presented) = match TokenKind::of(text) {
        Some(kind @ (TokenKind::PersonalAccess | TokenKind::Access)) => {
            let Ok(presented) = app.keys.read(kind, text) else { return Ok(None) };
            (kind, presented)
        }
        _ => {
            let own = jwt::glance(text).filter(|claims| claims.issuer == app.policy.issuer);
            let Some(id) = own.and_then(|claims| claims.id) else { return Ok(None) };
            (TokenKind::Access, Presented { id, digest: app.keys.digest(TokenKind::Access, text) })
        }
    };
    let bearers = bearers_of(app, kind);
    let bearer = refused(valid_bearer(bearers, &presented, now).await)?;
    Ok(bearer.map(|bearer| MachineToken { kind, id: presented.id, bearer }))
}

/// A JWT. One of ours is known by its digest like any other token: its signature is there for others, and tells less
/// than the store, which also knows what was revoked.
async fn by_jwt(app: &Arc<App>, text: &str, claims: Glance, now: Timestamp) -> Result<Caller, Failure> {
    if claims.issuer != app.policy.issuer {
        return by_issuer(app, text, &claims.issuer, now).await;
    }
    let id = claims.id.ok_or(failure::AUTH_TOKEN_INVALID)?;
    let presented = Presented { id, digest: app.keys.digest(TokenKind::Access, text) };
    by_token(&app.accesses, presented, now).await
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

//! Access tokens of machine users: giving them, and taking them back.

use std::sync::Arc;

use doorward_core::base::{Secret, Span, Timestamp};
use doorward_core::failure::Failure;
use doorward_core::scope::Scope;
use doorward_core::token::{Minted, TokenKind};
use doorward_core::user::AccessTokenType;
use doorward_store::access_token::{self, AccessToken};
use doorward_store::{token, user};
use serde_json::{Value, json};

use super::oauth_client::{Client, Refused, Source, may_log_in};
use super::{App, caller, signing, store_failure};
use crate::config::SigningAlgorithm;

/// What the operator decided about access tokens.
#[derive(Debug, Clone, Copy)]
pub struct OauthPolicy {
    /// How long one lasts.
    pub lasts: Span,
    /// How many a user may have at a time.
    pub most: u32,
    /// How keys sign those that others read.
    pub algorithm: SigningAlgorithm,
    /// How long a key signs.
    pub key_lasts: Span,
}

/// A token that was given.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The token.
    pub text: Secret,
    /// How long it lasts.
    pub lasts: Span,
    /// What it may be used for.
    pub scope: Scope,
}

/// The type of tokens that others read (RFC 9068).
const TYPE: &str = "at+jwt";

/// Gives a client a token, if the client is active and its secret or key is still there.
///
/// # Errors
/// [`Refused::Client`] or [`Refused::Assertion`] if not, and those of the store.
pub async fn grant(app: &Arc<App>, client: Client, scope: Scope, now: Timestamp) -> Result<Granted, Refused> {
    let policy = app.policy.oauth;
    let ends = match &client.source {
        Source::Secret(_) => Timestamp::LATEST,
        Source::Key(key) => key.expires,
    };
    let (id, expires) = (app.mint_id(now), now.plus(policy.lasts).min(ends));
    let jwt = client.user.machine().is_some_and(|machine| machine.access_token == AccessTokenType::Jwt);
    let minted = if jwt {
        let claims = claims(&app.policy.issuer, (&id, &client.user.id), &scope, (now, expires));
        let text = signing::sign(app, TYPE, &claims, now).await?;
        let digest = app.keys.digest(TokenKind::Access, &text);
        Minted { text: Secret::new(text), digest }
    } else {
        app.mint_token(TokenKind::Access, &id)
    };
    let Client { user, source } = client;
    let token = AccessToken {
        id,
        user_id: user.id,
        source: source.key_id().map(str::to_owned),
        scope: scope.text().to_owned(),
        digest: minted.digest,
        created: now,
        expires,
    };
    let held = source.clone();
    let given = app.db.write(move |conn| {
        Box::pin(async move {
            let user = user::lock(conn, &token.user_id).await?;
            if !user.as_ref().is_some_and(may_log_in) || !held.holds(conn, &token.user_id, now).await? {
                return Ok(false);
            }
            access_token::insert(conn, &token).await?;
            access_token::trim(conn, &token.user_id, policy.most).await?;
            Ok(true)
        })
    });
    match (given.await.map_err(store_failure)?, source) {
        (true, _) => Ok(Granted { text: minted.text, lasts: expires.since(now), scope }),
        (false, Source::Secret(_)) => Err(Refused::Client),
        (false, Source::Key(_)) => Err(Refused::Assertion("the key or its user was taken out of use")),
    }
}

/// What a token says that others read.
fn claims(
    issuer: &str,
    (id, user_id): (&str, &str),
    scope: &Scope,
    (now, expires): (Timestamp, Timestamp),
) -> Value {
    let audience: Vec<&str> = [issuer].into_iter().chain(scope.audiences()).collect();
    let seconds = |at: Timestamp| at.seconds_and_nanos().0;
    json!({
        "iss": issuer,
        "sub": user_id,
        "aud": audience,
        "client_id": user_id,
        "jti": id,
        "iat": seconds(now),
        "nbf": seconds(now),
        "exp": seconds(expires),
        "scope": scope.text(),
    })
}

/// What became of a token that shall be valid no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// It is not valid, now or since before.
    Done,
    /// It is somebody else's.
    Foreign,
    /// It is one of a session, which ends in other ways.
    Session,
}

/// Takes a token of a client back. From then on it is refused everywhere.
///
/// # Errors
/// Those of the store.
pub async fn revoke(app: &Arc<App>, client: &Client, text: &str, now: Timestamp) -> Result<Revoked, Failure> {
    if app.keys.read(TokenKind::Session, text).is_ok() {
        return Ok(Revoked::Session);
    }
    let Some(found) = caller::machine_token(app, text, now).await? else { return Ok(Revoked::Done) };
    if found.bearer.user_id != client.user.id {
        return Ok(Revoked::Foreign);
    }
    let (user_id, id, kind) = (found.bearer.user_id, found.id, found.kind);
    let removed = app.db.write(move |conn| {
        Box::pin(async move {
            match kind {
                TokenKind::PersonalAccess => token::delete(conn, &user_id, &id).await,
                _ => access_token::delete(conn, &user_id, &id).await,
            }
        })
    });
    removed.await.map_err(store_failure)?;
    Ok(Revoked::Done)
}

//! What can be told about a token to those who hold it: whether it lets anybody in, whom, and until when (RFC 7662).

use std::sync::Arc;

use doorward_core::base::Timestamp;
use doorward_core::failure::{Failure, Kind};
use doorward_core::token::TokenKind;
use doorward_store::session::ShownSession;
use doorward_store::user::{self, Wanted};
use doorward_store::{access_token, token};

use super::{App, caller, read};

/// What is known about a valid token.
#[derive(Debug, Clone)]
pub enum Known {
    /// One of a machine user.
    Machine(Machine),
    /// One of a session that lets its user in.
    Session(Box<ShownSession>),
}

/// What is known about a token of a machine user.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The id of the token.
    pub id: String,
    /// The user.
    pub user_id: String,
    /// The login name of the user.
    pub username: String,
    /// What it may be used for; nothing is said of personal access tokens, which may be used for everything.
    pub scope: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

/// What is known about a token. Nothing if a call with it as bearer would be refused: what decides that decides here.
///
/// # Errors
/// Those of the store.
pub async fn introspect(app: &Arc<App>, text: &str, now: Timestamp) -> Result<Option<Known>, Failure> {
    if app.keys.read(TokenKind::Session, text).is_ok() {
        let found = caller::let_in(app, text, now).await;
        return Ok(refused(found)?.map(|found| Known::Session(Box::new(found))));
    }
    let Some(found) = caller::machine_token(app, text, now).await? else { return Ok(None) };
    let (id, user_id) = (found.id, found.bearer.user_id);
    let (scope, created) = if found.kind == TokenKind::PersonalAccess {
        (None, read!(app, token::created(&id))?)
    } else {
        let row = read!(app, access_token::find(&id))?;
        row.map_or((None, None), |row| (Some(row.scope), Some(row.created)))
    };
    let user = read!(app, user::find(&Wanted::Id(user_id.clone())))?;
    // What was removed since it was looked up is valid no more.
    let (Some(created), Some(user)) = (created, user) else { return Ok(None) };
    let (username, expires) = (user.username, found.bearer.expires);
    Ok(Some(Known::Machine(Machine { id, user_id, username, scope, created, expires })))
}

/// A refusal tells that the token is not valid; a fault tells nothing of it.
pub(super) fn refused<T>(outcome: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(failure) => match failure.kind {
            Kind::Unavailable | Kind::ResourceExhausted | Kind::Internal | Kind::DeadlineExceeded => {
                Err(failure)
            }
            _ => Ok(None),
        },
    }
}

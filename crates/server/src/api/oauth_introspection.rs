//! What introspection tells about a token, in the words of RFC 7662.

use std::sync::Arc;

use doorward_core::base::Timestamp;
use doorward_core::failure::Failure;
use doorward_store::session::ShownSession;
use serde_json::{Value, json};

use super::session_to_wire;
use crate::app::App;
use crate::app::introspection::{Known, Machine, introspect};

/// The answer about a token. Of one that is not valid it tells nothing else.
///
/// # Errors
/// Those of the store.
pub async fn answer(app: &Arc<App>, token: &str, now: Timestamp) -> Result<Value, Failure> {
    let issuer = &app.policy.issuer;
    Ok(match introspect(app, token, now).await? {
        None => json!({ "active": false }),
        Some(Known::Machine(known)) => machine(known, issuer),
        Some(Known::Session(known)) => session(*known, issuer),
    })
}

fn machine(known: Machine, issuer: &str) -> Value {
    let mut told = json!({
        "active": true,
        "iss": issuer,
        "sub": known.user_id,
        "client_id": known.user_id,
        "username": known.username,
        "token_type": "Bearer",
        "jti": known.id,
        "iat": seconds(known.created),
    });
    if let Some(scope) = known.scope {
        told["scope"] = scope.into();
    }
    if known.expires != Timestamp::LATEST {
        told["exp"] = seconds(known.expires).into();
    }
    told
}

/// A session. Its factors are those that `GetSession` shows.
fn session(known: ShownSession, issuer: &str) -> Value {
    let (session, login_name) = (&known.session, known.login_name.clone());
    let factors = session.factors;
    let assurance = factors.assurance().name();
    let mut told = json!({
        "active": true,
        "iss": issuer,
        "sub": session.user.as_ref().map(|user| user.id.clone()),
        "username": login_name,
        "token_type": "Bearer",
        "sid": session.id,
        "iat": seconds(session.created),
        "amr": factors.methods(),
        "acr": assurance,
        "assurance": assurance,
    });
    if let Some(proven) = factors.latest() {
        told["auth_time"] = seconds(proven).into();
    }
    if let Some(expires) = session.expires {
        told["exp"] = seconds(expires).into();
    }
    let shown = doorward_proto::to_json(&session_to_wire::session(known)).unwrap_or_default();
    let shown: Value = serde_json::from_slice(&shown).unwrap_or_default();
    told["factors"] = shown.get("factors").cloned().unwrap_or_else(|| json!({}));
    told
}

fn seconds(at: Timestamp) -> i64 {
    at.seconds_and_nanos().0
}

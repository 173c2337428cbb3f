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
    let told = json!({
        "active": true,
        "iss": issuer,
        "sub": known.user_id,
        "client_id": known.user_id,
        "username": known.username,
        "token_type": "Bearer",
        "jti": known.id,
        "iat": seconds(known.created),
    });
    let ends = Some(known.expires).filter(|expires| *expires != Timestamp::LATEST);
    with(told, [("scope", known.scope.map(Value::from)), ("exp", ends.map(seconds).map(Value::from))])
}

/// A session. Its factors are those that `GetSession` shows.
fn session(known: ShownSession, issuer: &str) -> Value {
    let session = &known.session;
    let factors = session.factors;
    let assurance = factors.assurance().name();
    let told = json!({
        "active": true,
        "iss": issuer,
        "sub": session.user.as_ref().map(|user| &user.id),
        "username": known.login_name,
        "token_type": "Bearer",
        "sid": session.id,
        "iat": seconds(session.created),
        "amr": factors.methods(),
        "acr": assurance,
        "assurance": assurance,
    });
    let proven = factors.latest().map(seconds).map(Value::from);
    let ends = session.expires.map(seconds).map(Value::from);
    let shown = doorward_proto::to_json(&session_to_wire::session(known)).unwrap_or_default();
    let shown: Value = serde_json::from_slice(&shown).unwrap_or_default();
    with(told, [("auth_time", proven), ("exp", ends), ("factors", shown.get("factors").cloned())])
}

/// The same object with those members that there are.
fn with<const N: usize>(mut told: Value, members: [(&str, Option<Value>); N]) -> Value {
    if let Value::Object(told) = &mut told {
        told.extend(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    told
}

fn seconds(at: Timestamp) -> i64 {
    at.seconds_and_nanos().0
}

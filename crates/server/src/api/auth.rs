//! Reading the caller's token from the headers of a request.

use std::sync::Arc;

use doorward_core::base::Timestamp;
use doorward_core::caller::Caller;
use doorward_core::failure::{self, Failure, Kind};
use doorward_store::session::ShownSession;
use doorward_store::together::Begun;
use http::HeaderMap;
use http::uri::Authority;

use crate::app::{App, Call, caller};

/// Lets the caller in.
///
/// # Errors
/// `auth header missing`, `AUTH-toLo1`, those of [`caller::authenticate`], and `DOORWARD-R4te1` for a caller who calls too
/// often.
pub async fn authenticate(app: &Arc<App>, headers: &HeaderMap, now: Timestamp) -> Result<Call, Failure> {
    let caller = caller::authenticate(app, token(headers)?, organisation(headers), now).await?;
    call(app, caller, headers, now)
}

/// The same for a call about a session, see [`caller::authenticate_beside`].
///
/// # Errors
/// Those of [`authenticate`].
pub async fn authenticate_beside(
    app: &Arc<App>,
    headers: &HeaderMap,
    session_id: &str,
    now: Timestamp,
) -> Result<(Call, Begun<ShownSession>), Failure> {
    let shown = (token(headers)?, session_id);
    let (caller, begun) = caller::authenticate_beside(app, shown, organisation(headers), now).await?;
    Ok((call(app, caller, headers, now)?, begun))
}

fn token(headers: &HeaderMap) -> Result<&str, Failure> {
    let header = metadata(headers, "authorization")
        .ok_or_else(|| Failure::bare(Kind::Unauthenticated, "auth header missing"))?;
    bearer(header).ok_or(failure::AUTH_HEADER_INVALID)
}

fn organisation(headers: &HeaderMap) -> Option<&str> {
    metadata(headers, "x-zitadel-orgid")
}

fn call(app: &Arc<App>, caller: Caller, headers: &HeaderMap, now: Timestamp) -> Result<Call, Failure> {
    app.rates.caller(&caller.user_id, now)?;
    let host = metadata(headers, "host").and_then(host_name);
    Ok(Call { app: Arc::clone(app), caller, now, host })
}

/// The header must fall into exactly two parts at `Bearer `, wherever that stands.
fn bearer(header: &str) -> Option<&str> {
    let (_, token) = header.split_once("Bearer ")?;
    if token.contains("Bearer ") { None } else { Some(token) }
}

/// The name alone, without a port.
fn host_name(host: &str) -> Option<String> {
    Some(host.parse::<Authority>().ok()?.host().to_owned())
}

/// A value of the request's metadata.
fn metadata<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_what_follows_the_only_bearer() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("fooBearer abc"), Some("abc"));
        for wrong in ["bearer abc", "Bearer", "Bearer a Bearer b", "Basic abc", ""] {
            assert_eq!(bearer(wrong), None, "{wrong}");
        }
    }
}

//! The handlers of SessionService, the same ones for both versions.

use doorward_core::failure::Failure;
use doorward_proto::session as wire;
use doorward_store::session::ShownSession;
use doorward_store::together::Begun;

use super::wire::{field, list_details, page};
use super::{session_from_wire as from_wire, session_to_wire as to_wire};
use crate::app::{Call, session, session_list};

pub async fn create(
    call: Call,
    request: wire::CreateSessionRequest,
) -> Result<wire::CreateSessionResponse, Failure> {
    let asked = request.challenges.is_set();
    let (request, agent) = from_wire::create(request)?;
    let written = session::create(&call, request, agent).await?;
    let details = to_wire::details(&written.session, &call.app.instance.id);
    Ok(wire::CreateSessionResponse {
        details: field(Some(details)),
        session_id: written.session.id,
        session_token: written.token.map(|token| token.expose().to_owned()).unwrap_or_default(),
        challenges: field(asked.then(|| to_wire::challenges(written.handed))),
    })
}

pub async fn set(call: Call, request: wire::SetSessionRequest) -> Result<wire::SetSessionResponse, Failure> {
    let asked = request.challenges.is_set();
    let (id, token) = (request.session_id.clone(), request.session_token.clone());
    let written = session::set(&call, id, &token, from_wire::set(request)?).await?;
    let details = to_wire::details(&written.session, &call.app.instance.id);
    Ok(wire::SetSessionResponse {
        details: field(Some(details)),
        session_token: written.token.map(|token| token.expose().to_owned()).unwrap_or_default(),
        challenges: field(asked.then(|| to_wire::challenges(written.handed))),
    })
}

pub async fn get(
    call: Call,
    request: wire::GetSessionRequest,
    begun: Begun<ShownSession>,
) -> Result<wire::GetSessionResponse, Failure> {
    let token = request.session_token.unwrap_or_default();
    let shown = session::get(&call, begun, &token).await?;
    Ok(wire::GetSessionResponse { session: field(Some(to_wire::session(shown))) })
}

pub async fn list(
    call: Call,
    request: wire::ListSessionsRequest,
) -> Result<wire::ListSessionsResponse, Failure> {
    let mut page = page(request.query.as_option(), call.app.policy.search)?;
    // Only a named column makes the order a promise; without one, newest first is as good as any.
    page.ascending &= request.sorting_column.to_i32() == 1;
    let found = session_list::list(&call, from_wire::filters(request.queries), page).await?;
    Ok(wire::ListSessionsResponse {
        details: field(Some(list_details(found.total, call.now))),
        sessions: found.entries.into_iter().map(to_wire::session).collect(),
    })
}

pub async fn delete(
    call: Call,
    request: wire::DeleteSessionRequest,
) -> Result<wire::DeleteSessionResponse, Failure> {
    let token = request.session_token.unwrap_or_default();
    let ended = session::delete(&call, request.session_id, &token).await?;
    let details = ended.map(|session| to_wire::details(&session, &call.app.instance.id));
    Ok(wire::DeleteSessionResponse { details: field(Some(details.unwrap_or_default())) })
}

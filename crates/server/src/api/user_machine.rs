//! The handlers of what machine users log in with: personal access tokens, secrets and keys.

use doorward_core::failure::Failure;
use doorward_proto::user as wire;

use super::wire::{field, from_timestamp, time};
use super::{user_search as search, user_to_wire as to_wire};
use crate::app::{Call, user_machine_key as key, user_machine_secret as secret, user_token as token};

pub async fn add_token(
    call: Call,
    request: wire::AddPersonalAccessTokenRequest,
) -> Result<wire::AddPersonalAccessTokenResponse, Failure> {
    let expires = from_timestamp(request.expiration_date.as_option());
    let (token, text) = token::add(&call, request.user_id, expires).await?;
    Ok(wire::AddPersonalAccessTokenResponse {
        creation_date: time(token.created),
        token_id: token.id,
        token: text.expose().to_owned(),
    })
}

pub async fn list_tokens(
    call: Call,
    request: wire::ListPersonalAccessTokensRequest,
) -> Result<wire::ListPersonalAccessTokensResponse, Failure> {
    let page = search::pagination(request.pagination.as_option(), call.app.policy.search)?;
    let order = search::credential_order(request.sorting_column.map_or(0, |column| column.to_i32()));
    let found = token::list(&call, search::token_filters(request.filters), order, page).await?;
    Ok(wire::ListPersonalAccessTokensResponse {
        pagination: field(Some(search::paginated(found.total, page))),
        result: found.entries.into_iter().map(to_wire::token).collect(),
    })
}

pub async fn remove_token(
    call: Call,
    request: wire::RemovePersonalAccessTokenRequest,
) -> Result<wire::RemovePersonalAccessTokenResponse, Failure> {
    token::remove(&call, request.user_id, request.token_id).await?;
    Ok(wire::RemovePersonalAccessTokenResponse { deletion_date: time(call.now) })
}

pub async fn add_secret(
    call: Call,
    request: wire::AddSecretRequest,
) -> Result<wire::AddSecretResponse, Failure> {
    let secret = secret::add(&call, request.user_id).await?;
    Ok(wire::AddSecretResponse { creation_date: time(call.now), client_secret: secret.expose().to_owned() })
}

pub async fn remove_secret(
    call: Call,
    request: wire::RemoveSecretRequest,
) -> Result<wire::RemoveSecretResponse, Failure> {
    secret::remove(&call, request.user_id).await?;
    Ok(wire::RemoveSecretResponse { deletion_date: time(call.now) })
}

pub async fn add_key(call: Call, request: wire::AddKeyRequest) -> Result<wire::AddKeyResponse, Failure> {
    let expires = from_timestamp(request.expiration_date.as_option());
    let (key, file) = key::add(&call, request.user_id, expires, &request.public_key).await?;
    Ok(wire::AddKeyResponse {
        creation_date: time(key.created),
        key_id: key.id,
        key_content: file.map(|file| file.expose().as_bytes().to_vec()).unwrap_or_default(),
    })
}

pub async fn remove_key(
    call: Call,
    request: wire::RemoveKeyRequest,
) -> Result<wire::RemoveKeyResponse, Failure> {
    key::remove(&call, request.user_id, request.key_id).await?;
    Ok(wire::RemoveKeyResponse { deletion_date: time(call.now) })
}

pub async fn list_keys(
    call: Call,
    request: wire::ListKeysRequest,
) -> Result<wire::ListKeysResponse, Failure> {
    let page = search::pagination(request.pagination.as_option(), call.app.policy.search)?;
    let order = search::credential_order(request.sorting_column.map_or(0, |column| column.to_i32()));
    let found = key::list(&call, search::key_filters(request.filters), order, page).await?;
    Ok(wire::ListKeysResponse {
        pagination: field(Some(search::paginated(found.total, page))),
        result: found.entries.into_iter().map(to_wire::key).collect(),
    })
}

//! The handlers of UserService that are about identity providers.

use buffa_types::google::protobuf::Struct;
use doorward_core::failure::{self, Failure};
use doorward_core::intent::Intent;
use doorward_proto::object::Details;
use doorward_proto::user as wire;
use serde_json::Value;

use super::user_from_wire as from_wire;
use super::user_to_wire as to_wire;
use super::wire::{details, field, list_details, page};
use crate::app::idp::{self, Retrieved};
use crate::app::{Call, idp_link};
use crate::idp::Person;

pub async fn start(
    call: Call,
    request: wire::StartIdentityProviderIntentRequest,
) -> Result<wire::StartIdentityProviderIntentResponse, Failure> {
    use wire::start_identity_provider_intent_request::Content;
    let urls = match request.content {
        Some(Content::Urls(urls)) => (urls.success_url, urls.failure_url),
        Some(Content::Ldap(_)) => return Err(failure::INTENT_LDAP_UNSERVED),
        None => return Err(failure::INTENT_CONTENT_MISSING),
    };
    let place = idp::start(&call, &request.idp_id, urls).await?;
    Ok(wire::StartIdentityProviderIntentResponse {
        details: field(Some(details(1, call.now, &call.app.instance.id))),
        next_step: Some(wire::start_identity_provider_intent_response::NextStep::AuthUrl(place)),
    })
}

pub async fn retrieve(
    call: Call,
    request: wire::RetrieveIdentityProviderIntentRequest,
) -> Result<wire::RetrieveIdentityProviderIntentResponse, Failure> {
    let found = idp::retrieve(&call, &request.idp_intent_id, &request.idp_intent_token).await?;
    let details = intent_details(&found.intent, &call.app.instance.id);
    let add_human_user = match (&found.user_id, &found.person) {
        (None, Some(person)) => Some(proposal(&found.intent, person)),
        _ => None,
    };
    let user_id = found.user_id.clone().unwrap_or_default();
    Ok(wire::RetrieveIdentityProviderIntentResponse {
        details: field(Some(details)),
        idp_information: field(Some(information(found)?)),
        user_id,
        add_human_user: field(add_human_user),
    })
}

/// It was changed twice: when somebody came back, and when the provider had told who it was.
fn intent_details(intent: &Intent, instance: &str) -> Details {
    details(3, intent.changed, instance)
}

fn information(found: Retrieved) -> Result<wire::IDPInformation, Failure> {
    let Retrieved { intent, access_token, id_token, claims, .. } = found;
    let account = intent.account.ok_or(failure::INTERNAL)?;
    let raw: Struct = serde_json::from_value(Value::Object(claims)).map_err(|error| {
        tracing::error!(%error, "what an identity provider told cannot be shown");
        failure::INTERNAL
    })?;
    let oauth = wire::IDPOAuthAccessInformation { access_token, id_token };
    Ok(wire::IDPInformation {
        access: Some(oauth.into()),
        idp_id: intent.idp_id,
        user_id: account.id,
        user_name: account.name,
        raw_information: field(Some(raw)),
    })
}

/// The request that would make a user of somebody who has none. What the provider did not tell is left for the caller.
fn proposal(intent: &Intent, person: &Person) -> wire::AddHumanUserRequest {
    let account = intent
        .account
        .clone()
        .unwrap_or_else(|| doorward_core::intent::Account { id: String::new(), name: String::new() });
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let verification = person.email_verified.then_some(wire::set_human_email::Verification::IsVerified(true));
    wire::AddHumanUserRequest {
        username: Some(account.name.clone()),
        profile: field(Some(wire::SetHumanProfile {
            given_name: text(&person.given_name),
            family_name: text(&person.family_name),
            display_name: person.display_name.clone(),
            preferred_language: person.language.clone(),
            ..Default::default()
        })),
        email: field(Some(wire::SetHumanEmail { email: text(&person.email), verification })),
        idp_links: vec![wire::IDPLink {
            idp_id: intent.idp_id.clone(),
            user_id: account.id,
            user_name: account.name,
        }],
        ..Default::default()
    }
}

pub async fn add_link(
    call: Call,
    request: wire::AddIDPLinkRequest,
) -> Result<wire::AddIDPLinkResponse, Failure> {
    // Without a link there is no provider, which the story refuses.
    let link = from_wire::link(request.idp_link.into_option().unwrap_or_default());
    let user = idp_link::add(&call, request.user_id, link).await?;
    Ok(wire::AddIDPLinkResponse { details: field(Some(to_wire::details(&user))) })
}

pub async fn list_links(
    call: Call,
    request: wire::ListIDPLinksRequest,
) -> Result<wire::ListIDPLinksResponse, Failure> {
    let page = page(request.query.as_option(), call.app.policy.search)?;
    let found = idp_link::list(&call, &request.user_id, page).await?;
    let link = |link: doorward_store::idp_link::IdpLink| wire::IDPLink {
        idp_id: link.idp_id,
        user_id: link.external_id,
        user_name: link.username,
    };
    Ok(wire::ListIDPLinksResponse {
        details: field(Some(list_details(found.total, call.now))),
        result: found.entries.into_iter().map(link).collect(),
    })
}

pub async fn remove_link(
    call: Call,
    request: wire::RemoveIDPLinkRequest,
) -> Result<wire::RemoveIDPLinkResponse, Failure> {
    let user = idp_link::remove(&call, request.user_id, request.idp_id, request.linked_user_id).await?;
    Ok(wire::RemoveIDPLinkResponse { details: field(Some(to_wire::details(&user))) })
}

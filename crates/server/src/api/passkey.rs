//! The handlers of passkeys and second factors (U2F).

use doorward_core::caller::Permission;
use doorward_core::failure::Failure;
use doorward_core::passkey::{Attachment, KeyList};
use doorward_proto::user as wire;
use doorward_proto::user::create_passkey_registration_link_request::Medium as WireMedium;
use doorward_store::passkey::Passkey;

use super::user_to_wire as to_wire;
use super::wire::{field, from_struct, list_details, to_struct};
use crate::app::Call;
use crate::app::passkey::{self, Wanted};
use crate::app::passkey_code::{self, Medium};

/// Asks for the permission of the whole method.
pub fn permit_link(call: &Call, _: &wire::CreatePasskeyRegistrationLinkRequest) -> Result<(), Failure> {
    call.caller.require_for_method(Permission::PasskeyWrite, &call.caller.organisation)
}

pub async fn register(
    call: Call,
    request: wire::RegisterPasskeyRequest,
) -> Result<wire::RegisterPasskeyResponse, Failure> {
    let attachment = match request.authenticator.to_i32() {
        1 => Some(Attachment::Platform),
        2 => Some(Attachment::CrossPlatform),
        _ => None,
    };
    let code = request.code.into_option().map(|code| (code.id, code.code));
    let (user_id, list, domain) = (request.user_id, KeyList::Passkeys, request.domain);
    let begun = passkey::register(&call, Wanted { user_id, list, code, attachment, domain }).await?;
    Ok(wire::RegisterPasskeyResponse {
        details: field(Some(to_wire::details(&begun.user))),
        passkey_id: begun.id,
        public_key_credential_creation_options: field(Some(to_struct(begun.options))),
    })
}

pub async fn verify(
    call: Call,
    request: wire::VerifyPasskeyRegistrationRequest,
) -> Result<wire::VerifyPasskeyRegistrationResponse, Failure> {
    let credential = from_struct(&request.public_key_credential.into_option().unwrap_or_default());
    let key = (KeyList::Passkeys, request.passkey_id);
    let user = passkey::verify(&call, request.user_id, key, (credential, request.passkey_name)).await?;
    Ok(wire::VerifyPasskeyRegistrationResponse { details: field(Some(to_wire::details(&user))) })
}

pub async fn create_link(
    call: Call,
    request: wire::CreatePasskeyRegistrationLinkRequest,
) -> Result<wire::CreatePasskeyRegistrationLinkResponse, Failure> {
    let medium = match request.medium {
        Some(WireMedium::ReturnCode(_)) => Medium::Return,
        Some(WireMedium::SendLink(link)) => Medium::Send(link.url_template.clone()),
        None => Medium::Send(None),
    };
    let made = passkey_code::create(&call, request.user_id, medium).await?;
    let code =
        made.code.map(|(id, code)| wire::PasskeyRegistrationCode { id, code: code.expose().to_owned() });
    Ok(wire::CreatePasskeyRegistrationLinkResponse {
        details: field(Some(to_wire::details(&made.user))),
        code: field(code),
    })
}

pub async fn list(
    call: Call,
    request: wire::ListPasskeysRequest,
) -> Result<wire::ListPasskeysResponse, Failure> {
    let keys = passkey::list(&call, &request.user_id).await?;
    Ok(wire::ListPasskeysResponse {
        details: field(Some(list_details(keys.len() as u64, call.now))),
        result: keys.into_iter().map(shown).collect(),
    })
}

fn shown(key: Passkey) -> wire::Passkey {
    wire::Passkey { id: key.id, state: wire::AuthFactorState::Ready.into(), name: key.name }
}

pub async fn remove(
    call: Call,
    request: wire::RemovePasskeyRequest,
) -> Result<wire::RemovePasskeyResponse, Failure> {
    let user = passkey::remove(&call, request.user_id, KeyList::Passkeys, request.passkey_id).await?;
    Ok(wire::RemovePasskeyResponse { details: field(Some(to_wire::details(&user))) })
}

pub async fn register_u2f(
    call: Call,
    request: wire::RegisterU2FRequest,
) -> Result<wire::RegisterU2FResponse, Failure> {
    let (user_id, list, domain) = (request.user_id, KeyList::SecondFactors, request.domain);
    let wanted = Wanted { user_id, list, code: None, attachment: None, domain };
    let begun = passkey::register(&call, wanted).await?;
    Ok(wire::RegisterU2FResponse {
        details: field(Some(to_wire::details(&begun.user))),
        u2f_id: begun.id,
        public_key_credential_creation_options: field(Some(to_struct(begun.options))),
    })
}

pub async fn verify_u2f(
    call: Call,
    request: wire::VerifyU2FRegistrationRequest,
) -> Result<wire::VerifyU2FRegistrationResponse, Failure> {
    let credential = from_struct(&request.public_key_credential.into_option().unwrap_or_default());
    let key = (KeyList::SecondFactors, request.u2f_id);
    let user = passkey::verify(&call, request.user_id, key, (credential, request.token_name)).await?;
    Ok(wire::VerifyU2FRegistrationResponse { details: field(Some(to_wire::details(&user))) })
}

pub async fn remove_u2f(
    call: Call,
    request: wire::RemoveU2FRequest,
) -> Result<wire::RemoveU2FResponse, Failure> {
    let user = passkey::remove(&call, request.user_id, KeyList::SecondFactors, request.u2f_id).await?;
    Ok(wire::RemoveU2FResponse { details: field(Some(to_wire::details(&user))) })
}

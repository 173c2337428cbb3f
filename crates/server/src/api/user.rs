//! The handlers of UserService.

use doorward_core::caller::Permission;
use doorward_core::failure::{self, Failure};
use doorward_core::user::{Transition, User};
use doorward_proto::user as wire;
use doorward_store::organisation;

use super::wire::{field, list_details, page, time};
use super::{
    user_code as handover, user_from_wire as from_wire, user_search as search, user_to_wire as to_wire,
};
use crate::app::user_contact::Channel;
use crate::app::{
    Call, read, user, user_contact, user_list, user_machine_secret, user_metadata, user_password, user_update,
};

/// An answer that has nothing but the details of the user.
macro_rules! details_only {
    ($answer:ident, $user:expr) => {
        Ok(wire::$answer { details: field(Some(to_wire::details(&$user))) })
    };
}

/// Asks for the permission of the whole method, on the organisation that the request names before any header.
pub async fn permit_add_human(call: &mut Call, request: &wire::AddHumanUserRequest) -> Result<(), Failure> {
    use doorward_proto::object::organization::Org;
    match request.organization.as_option().and_then(|organisation| organisation.org.as_ref()) {
        Some(Org::OrgId(id)) if !id.is_empty() => {
            if !read!(call.app, organisation::exists(id))? {
                return Err(failure::ORGANISATION_UNKNOWN);
            }
            call.caller.organisation.clone_from(id);
        }
        // Organisations have no domains here, so none has this one.
        Some(Org::OrgDomain(domain)) if !domain.is_empty() => return Err(failure::ORGANISATION_UNKNOWN),
        _ => {}
    }
    call.caller.require_for_method(Permission::UserWrite, &call.caller.organisation)
}

/// Asks for the permission of the whole method, except of callers who ask about themselves.
pub fn permit_list_metadata(call: &Call, request: &wire::ListUserMetadataRequest) -> Result<(), Failure> {
    if request.user_id == call.caller.user_id {
        return Ok(());
    }
    call.caller.require_for_method(Permission::UserRead, &call.caller.organisation)
}

pub async fn create(
    call: Call,
    request: wire::CreateUserRequest,
) -> Result<wire::CreateUserResponse, Failure> {
    let made = user::add(&call, from_wire::create(request)).await?;
    Ok(wire::CreateUserResponse {
        id: made.user.id,
        creation_date: time(made.user.created),
        email_code: to_wire::code(made.email_code),
        phone_code: to_wire::code(made.phone_code),
    })
}

pub async fn add_human(
    call: Call,
    request: wire::AddHumanUserRequest,
) -> Result<wire::AddHumanUserResponse, Failure> {
    let made = user::add(&call, from_wire::add_human(request, call.caller.organisation.clone())).await?;
    Ok(wire::AddHumanUserResponse {
        details: field(Some(to_wire::details(&made.user))),
        user_id: made.user.id,
        email_code: to_wire::code(made.email_code),
        phone_code: to_wire::code(made.phone_code),
    })
}

pub async fn get(
    call: Call,
    request: wire::GetUserByIDRequest,
) -> Result<wire::GetUserByIDResponse, Failure> {
    let user = user::get(&call, &request.user_id).await?;
    let has_secret = user_machine_secret::among(&call, std::slice::from_ref(&user)).await?.contains(&user.id);
    Ok(wire::GetUserByIDResponse {
        details: field(Some(to_wire::shown_details(&user))),
        user: field(Some(to_wire::user(user, has_secret))),
    })
}

pub async fn list(call: Call, request: wire::ListUsersRequest) -> Result<wire::ListUsersResponse, Failure> {
    let page = page(request.query.as_option(), call.app.policy.search)?;
    let order = search::order(request.sorting_column.to_i32());
    let found = user_list::list(&call, search::filter(request.queries)?, order, page).await?;
    let with_secret = user_machine_secret::among(&call, &found.entries).await?;
    let shown = |user: User| {
        let has_secret = with_secret.contains(&user.id);
        to_wire::user(user, has_secret)
    };
    Ok(wire::ListUsersResponse {
        details: field(Some(list_details(found.total, call.now))),
        sorting_column: request.sorting_column,
        result: found.entries.into_iter().map(shown).collect(),
    })
}

pub async fn update(
    call: Call,
    request: wire::UpdateUserRequest,
) -> Result<wire::UpdateUserResponse, Failure> {
    let update = from_wire::update(request.username, request.user_type);
    let changed = user_update::update(&call, request.user_id, update).await?;
    Ok(wire::UpdateUserResponse {
        change_date: time(changed.user.changed),
        email_code: to_wire::code(changed.email_code),
        phone_code: to_wire::code(changed.phone_code),
    })
}

pub async fn update_human(
    call: Call,
    mut request: wire::UpdateHumanUserRequest,
) -> Result<wire::UpdateHumanUserResponse, Failure> {
    let id = std::mem::take(&mut request.user_id);
    let changed = user_update::update(&call, id, from_wire::update_human(request)).await?;
    Ok(wire::UpdateHumanUserResponse {
        details: field(Some(to_wire::details(&changed.user))),
        email_code: to_wire::code(changed.email_code),
        phone_code: to_wire::code(changed.phone_code),
    })
}

pub async fn set_password(
    call: Call,
    request: wire::SetPasswordRequest,
) -> Result<wire::SetPasswordResponse, Failure> {
    // A missing password is an empty one, which the story refuses.
    let (password, change_required) =
        from_wire::plain(request.new_password.into_option().unwrap_or_default());
    let proof = from_wire::proof(request.verification);
    let user = user_password::set(&call, request.user_id, password, change_required, proof).await?;
    details_only!(SetPasswordResponse, user)
}

pub async fn password_reset(
    call: Call,
    request: wire::PasswordResetRequest,
) -> Result<wire::PasswordResetResponse, Failure> {
    let (user, code) =
        user_password::reset(&call, request.user_id, handover::password_reset(request.medium)).await?;
    Ok(wire::PasswordResetResponse {
        details: field(Some(to_wire::details(&user))),
        verification_code: to_wire::code(code),
    })
}

pub async fn set_email(
    call: Call,
    request: wire::SetEmailRequest,
) -> Result<wire::SetEmailResponse, Failure> {
    let new = (request.email.as_str(), from_wire::verification(request.verification));
    let changed = user_contact::set(&call, request.user_id, Channel::Email, new).await?;
    Ok(wire::SetEmailResponse {
        details: field(Some(to_wire::details(&changed.user))),
        verification_code: to_wire::code(changed.email_code),
    })
}

pub async fn verify_email(
    call: Call,
    request: wire::VerifyEmailRequest,
) -> Result<wire::VerifyEmailResponse, Failure> {
    let user =
        user_contact::verify(&call, request.user_id, Channel::Email, &request.verification_code).await?;
    details_only!(VerifyEmailResponse, user)
}

pub async fn set_phone(
    call: Call,
    request: wire::SetPhoneRequest,
) -> Result<wire::SetPhoneResponse, Failure> {
    let new = (request.phone.as_str(), from_wire::verification(request.verification));
    let changed = user_contact::set(&call, request.user_id, Channel::Phone, new).await?;
    Ok(wire::SetPhoneResponse {
        details: field(Some(to_wire::details(&changed.user))),
        verification_code: to_wire::code(changed.phone_code),
    })
}

pub async fn verify_phone(
    call: Call,
    request: wire::VerifyPhoneRequest,
) -> Result<wire::VerifyPhoneResponse, Failure> {
    let user =
        user_contact::verify(&call, request.user_id, Channel::Phone, &request.verification_code).await?;
    details_only!(VerifyPhoneResponse, user)
}

pub async fn remove_phone(
    call: Call,
    request: wire::RemovePhoneRequest,
) -> Result<wire::RemovePhoneResponse, Failure> {
    details_only!(RemovePhoneResponse, user_contact::remove_phone(&call, request.user_id).await?)
}

pub async fn lock(call: Call, request: wire::LockUserRequest) -> Result<wire::LockUserResponse, Failure> {
    details_only!(LockUserResponse, user::transition(&call, request.user_id, Transition::Lock).await?)
}

pub async fn unlock(
    call: Call,
    request: wire::UnlockUserRequest,
) -> Result<wire::UnlockUserResponse, Failure> {
    details_only!(UnlockUserResponse, user::transition(&call, request.user_id, Transition::Unlock).await?)
}

pub async fn deactivate(
    call: Call,
    request: wire::DeactivateUserRequest,
) -> Result<wire::DeactivateUserResponse, Failure> {
    details_only!(
        DeactivateUserResponse,
        user::transition(&call, request.user_id, Transition::Deactivate).await?
    )
}

pub async fn reactivate(
    call: Call,
    request: wire::ReactivateUserRequest,
) -> Result<wire::ReactivateUserResponse, Failure> {
    details_only!(
        ReactivateUserResponse,
        user::transition(&call, request.user_id, Transition::Reactivate).await?
    )
}

pub async fn delete(
    call: Call,
    request: wire::DeleteUserRequest,
) -> Result<wire::DeleteUserResponse, Failure> {
    details_only!(DeleteUserResponse, user::transition(&call, request.user_id, Transition::Delete).await?)
}

pub async fn set_metadata(
    call: Call,
    request: wire::SetUserMetadataRequest,
) -> Result<wire::SetUserMetadataResponse, Failure> {
    user_metadata::set(&call, request.user_id, from_wire::metadata(request.metadata)).await?;
    Ok(wire::SetUserMetadataResponse { set_date: time(call.now) })
}

pub async fn list_metadata(
    call: Call,
    request: wire::ListUserMetadataRequest,
) -> Result<wire::ListUserMetadataResponse, Failure> {
    let page = search::pagination(request.pagination.as_option(), call.app.policy.search)?;
    let filters = search::metadata_filters(request.filters);
    let found = user_metadata::list(&call, request.user_id, filters, page).await?;
    Ok(wire::ListUserMetadataResponse {
        pagination: field(Some(search::paginated(found.total, page))),
        metadata: found.entries.into_iter().map(to_wire::metadata).collect(),
    })
}

pub async fn delete_metadata(
    call: Call,
    request: wire::DeleteUserMetadataRequest,
) -> Result<wire::DeleteUserMetadataResponse, Failure> {
    user_metadata::delete(&call, request.user_id, request.keys).await?;
    Ok(wire::DeleteUserMetadataResponse { deletion_date: time(call.now) })
}

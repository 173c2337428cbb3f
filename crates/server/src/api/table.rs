//! Which handler answers which method. A method of the descriptors that is missing here fails a test.

use doorward_proto::session::GetSessionRequest;
use doorward_proto::{RPCS, Surface};

use super::rpc::{Run, Served, about, guarded, open};
use super::{
    idp, passkey, session, user, user_code, user_factor, user_machine, user_second_factor as second_factor,
};

/// Every method of the descriptors with its handler.
pub(super) fn served() -> Vec<Served> {
    RPCS.iter()
        .filter_map(|rpc| {
            let beta = rpc.service == "zitadel.session.v2beta.SessionService";
            let surface = if beta { Surface::V2beta } else { Surface::V2 };
            Some((rpc, surface, handler(rpc.method)?))
        })
        .collect()
}

fn handler(method: &str) -> Option<Run> {
    Some(match method {
        "CreateSession" => open(session::create),
        "SetSession" => open(session::set),
        "GetSession" => about(|request: &GetSessionRequest| &request.session_id, session::get),
        "ListSessions" => open(session::list),
        "DeleteSession" => open(session::delete),
        "CreateUser" => open(user::create),
        "AddHumanUser" => {
            guarded(|call, request| Box::pin(user::permit_add_human(call, request)), user::add_human)
        }
        "GetUserByID" => open(user::get),
        "ListUsers" => open(user::list),
        "UpdateUser" => open(user::update),
        "UpdateHumanUser" => open(user::update_human),
        "SetPassword" => open(user::set_password),
        "PasswordReset" => open(user::password_reset),
        "SetEmail" => open(user::set_email),
        "VerifyEmail" => open(user::verify_email),
        "SetPhone" => open(user::set_phone),
        "VerifyPhone" => open(user::verify_phone),
        "RemovePhone" => open(user::remove_phone),
        "LockUser" => open(user::lock),
        "UnlockUser" => open(user::unlock),
        "DeactivateUser" => open(user::deactivate),
        "ReactivateUser" => open(user::reactivate),
        "DeleteUser" => open(user::delete),
        "AddPersonalAccessToken" => open(user_machine::add_token),
        "ListPersonalAccessTokens" => open(user_machine::list_tokens),
        "RemovePersonalAccessToken" => open(user_machine::remove_token),
        "AddSecret" => open(user_machine::add_secret),
        "RemoveSecret" => open(user_machine::remove_secret),
        "AddKey" => open(user_machine::add_key),
        "RemoveKey" => open(user_machine::remove_key),
        "ListKeys" => open(user_machine::list_keys),
        "SetUserMetadata" => open(user::set_metadata),
        "ListUserMetadata" => guarded(
            |call, request| Box::pin(std::future::ready(user::permit_list_metadata(call, request))),
            user::list_metadata,
        ),
        "StartIdentityProviderIntent" => open(idp::start),
        "RetrieveIdentityProviderIntent" => open(idp::retrieve),
        "AddIDPLink" => open(idp::add_link),
        "ListIDPLinks" => open(idp::list_links),
        "RemoveIDPLink" => open(idp::remove_link),
        "ResendEmailCode" => open(user_code::resend_email),
        "SendEmailCode" => open(user_code::send_email),
        "ResendPhoneCode" => open(user_code::resend_phone),
        "CreateInviteCode" => open(user_code::create_invite),
        "ResendInviteCode" => open(user_code::resend_invite),
        "VerifyInviteCode" => open(user_code::verify_invite),
        "DeleteUserMetadata" => open(user::delete_metadata),
        "ListAuthenticationMethodTypes" => open(user_factor::list_method_types),
        "ListAuthenticationFactors" => open(user_factor::list_factors),
        "HumanMFAInitSkipped" => open(user_factor::mfa_init_skipped),
        _ => return factor(method),
    })
}

/// The methods about factors of users.
fn factor(method: &str) -> Option<Run> {
    Some(match method {
        "RegisterPasskey" => open(passkey::register),
        "VerifyPasskeyRegistration" => open(passkey::verify),
        "CreatePasskeyRegistrationLink" => guarded(
            |call, request| Box::pin(std::future::ready(passkey::permit_link(call, request))),
            passkey::create_link,
        ),
        "ListPasskeys" => open(passkey::list),
        "RemovePasskey" => open(passkey::remove),
        "RegisterU2F" => open(passkey::register_u2f),
        "VerifyU2FRegistration" => open(passkey::verify_u2f),
        "RemoveU2F" => open(passkey::remove_u2f),
        "RegisterTOTP" => open(second_factor::register_totp),
        "VerifyTOTPRegistration" => open(second_factor::verify_totp),
        "RemoveTOTP" => open(second_factor::remove_totp),
        "AddOTPSMS" => open(second_factor::add_otp_sms),
        "RemoveOTPSMS" => open(second_factor::remove_otp_sms),
        "AddOTPEmail" => open(second_factor::add_otp_email),
        "RemoveOTPEmail" => open(second_factor::remove_otp_email),
        "GenerateRecoveryCodes" => open(second_factor::generate_recovery_codes),
        "RemoveRecoveryCodes" => open(second_factor::remove_recovery_codes),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_the_descriptors_has_a_handler() {
        let missing: Vec<_> = RPCS.iter().filter(|rpc| handler(rpc.method).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert_eq!(served().len(), RPCS.len());
    }
}

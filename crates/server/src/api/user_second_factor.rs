//! The handlers of second factors: time-based codes, codes by SMS and mail, recovery codes.

use doorward_core::base::Secret;
use doorward_core::failure::Failure;
use doorward_core::otp::Channel;
use doorward_proto::user as wire;

use super::user_to_wire as to_wire;
use super::wire::field;
use crate::app::{Call, user_otp, user_recovery, user_totp};

/// An answer that has nothing but the details of the user.
macro_rules! details_only {
    ($answer:ident, $user:expr) => {
        Ok(wire::$answer { details: field(Some(to_wire::details(&$user))) })
    };
}

pub async fn register_totp(
    call: Call,
    request: wire::RegisterTOTPRequest,
) -> Result<wire::RegisterTOTPResponse, Failure> {
    let made = user_totp::register(&call, request.user_id).await?;
    Ok(wire::RegisterTOTPResponse {
        details: field(Some(to_wire::details(&made.user))),
        uri: made.uri.expose().to_owned(),
        secret: made.secret.expose().to_owned(),
    })
}

pub async fn verify_totp(
    call: Call,
    request: wire::VerifyTOTPRegistrationRequest,
) -> Result<wire::VerifyTOTPRegistrationResponse, Failure> {
    let user = user_totp::verify(&call, request.user_id, Secret::new(request.code)).await?;
    details_only!(VerifyTOTPRegistrationResponse, user)
}

pub async fn remove_totp(
    call: Call,
    request: wire::RemoveTOTPRequest,
) -> Result<wire::RemoveTOTPResponse, Failure> {
    details_only!(RemoveTOTPResponse, user_totp::remove(&call, request.user_id).await?)
}

pub async fn add_otp_sms(
    call: Call,
    request: wire::AddOTPSMSRequest,
) -> Result<wire::AddOTPSMSResponse, Failure> {
    details_only!(AddOTPSMSResponse, user_otp::add(&call, request.user_id, Channel::Sms).await?)
}

pub async fn remove_otp_sms(
    call: Call,
    request: wire::RemoveOTPSMSRequest,
) -> Result<wire::RemoveOTPSMSResponse, Failure> {
    details_only!(RemoveOTPSMSResponse, user_otp::remove(&call, request.user_id, Channel::Sms).await?)
}

pub async fn add_otp_email(
    call: Call,
    request: wire::AddOTPEmailRequest,
) -> Result<wire::AddOTPEmailResponse, Failure> {
    details_only!(AddOTPEmailResponse, user_otp::add(&call, request.user_id, Channel::Email).await?)
}

pub async fn remove_otp_email(
    call: Call,
    request: wire::RemoveOTPEmailRequest,
) -> Result<wire::RemoveOTPEmailResponse, Failure> {
    details_only!(RemoveOTPEmailResponse, user_otp::remove(&call, request.user_id, Channel::Email).await?)
}

pub async fn generate_recovery_codes(
    call: Call,
    request: wire::GenerateRecoveryCodesRequest,
) -> Result<wire::GenerateRecoveryCodesResponse, Failure> {
    let (user, codes) = user_recovery::generate(&call, request.user_id, request.count).await?;
    Ok(wire::GenerateRecoveryCodesResponse {
        details: field(Some(to_wire::details(&user))),
        recovery_codes: codes.iter().map(|code| code.expose().to_owned()).collect(),
    })
}

pub async fn remove_recovery_codes(
    call: Call,
    request: wire::RemoveRecoveryCodesRequest,
) -> Result<wire::RemoveRecoveryCodesResponse, Failure> {
    details_only!(RemoveRecoveryCodesResponse, user_recovery::remove(&call, request.user_id).await?)
}

//! The handlers of UserService that send codes: once more, and with invitations.

use doorward_core::failure::Failure;
use doorward_proto::user as wire;

use super::user_to_wire as to_wire;
use super::wire::field;
use crate::app::Call;
use crate::app::outbox::Channel;
use crate::app::user_code::Handover;
use crate::app::user_invite::{self, Invitation};
use crate::app::user_resend::{self, Wanted};

/// How the code of PasswordReset comes to the user.
pub fn password_reset(medium: Option<wire::password_reset_request::Medium>) -> Option<Handover> {
    use wire::password_reset_request::Medium;
    Some(match medium? {
        Medium::ReturnCode(_) => Handover::Return,
        Medium::SendLink(link) => {
            let sms = link.notification_type.to_i32() == wire::NotificationType::NOTIFICATION_TYPE_SMS as i32;
            Handover::sent(if sms { Channel::Sms } else { Channel::Email }, link.url_template)
        }
    })
}

pub async fn resend_email(
    call: Call,
    request: wire::ResendEmailCodeRequest,
) -> Result<wire::ResendEmailCodeResponse, Failure> {
    use wire::resend_email_code_request::Verification as Given;
    let handover = request.verification.map(|given| match given {
        Given::SendCode(code) => Handover::sent(Channel::Email, code.url_template),
        Given::ReturnCode(_) => Handover::Return,
    });
    let (user, code) = user_resend::make(&call, request.user_id, Wanted::EmailAgain, handover).await?;
    Ok(wire::ResendEmailCodeResponse {
        details: field(Some(to_wire::details(&user))),
        verification_code: to_wire::code(code),
    })
}

pub async fn send_email(
    call: Call,
    request: wire::SendEmailCodeRequest,
) -> Result<wire::SendEmailCodeResponse, Failure> {
    use wire::send_email_code_request::Verification as Given;
    let handover = request.verification.map(|given| match given {
        Given::SendCode(code) => Handover::sent(Channel::Email, code.url_template),
        Given::ReturnCode(_) => Handover::Return,
    });
    let (user, code) = user_resend::make(&call, request.user_id, Wanted::Email, handover).await?;
    Ok(wire::SendEmailCodeResponse {
        details: field(Some(to_wire::details(&user))),
        verification_code: to_wire::code(code),
    })
}

pub async fn resend_phone(
    call: Call,
    request: wire::ResendPhoneCodeRequest,
) -> Result<wire::ResendPhoneCodeResponse, Failure> {
    use wire::resend_phone_code_request::Verification as Given;
    let handover = request.verification.map(|given| match given {
        Given::SendCode(_) => Handover::sent(Channel::Sms, None),
        Given::ReturnCode(_) => Handover::Return,
    });
    let (user, code) = user_resend::make(&call, request.user_id, Wanted::Phone, handover).await?;
    Ok(wire::ResendPhoneCodeResponse {
        details: field(Some(to_wire::details(&user))),
        verification_code: to_wire::code(code),
    })
}

pub async fn create_invite(
    call: Call,
    request: wire::CreateInviteCodeRequest,
) -> Result<wire::CreateInviteCodeResponse, Failure> {
    use wire::create_invite_code_request::Verification as Given;
    let handover = request.verification.map(|given| match given {
        Given::SendCode(code) => Handover::Send {
            channel: Channel::Email,
            template: code.url_template,
            application: code.application_name,
        },
        Given::ReturnCode(_) => Handover::Return,
    });
    let (user, code) = user_invite::invite(&call, request.user_id, Invitation::New, handover).await?;
    Ok(wire::CreateInviteCodeResponse {
        details: field(Some(to_wire::details(&user))),
        invite_code: to_wire::code(code),
    })
}

pub async fn resend_invite(
    call: Call,
    request: wire::ResendInviteCodeRequest,
) -> Result<wire::ResendInviteCodeResponse, Failure> {
    let (user, _) = user_invite::invite(&call, request.user_id, Invitation::Again, None).await?;
    Ok(wire::ResendInviteCodeResponse { details: field(Some(to_wire::details(&user))) })
}

pub async fn verify_invite(
    call: Call,
    request: wire::VerifyInviteCodeRequest,
) -> Result<wire::VerifyInviteCodeResponse, Failure> {
    let user = user_invite::accept(&call, request.user_id, &request.verification_code).await?;
    Ok(wire::VerifyInviteCodeResponse { details: field(Some(to_wire::details(&user))) })
}

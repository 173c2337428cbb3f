//! The handlers that show what a user has set up to log in with.

use buffa::EnumValue;
use doorward_core::failure::Failure;
use doorward_proto::user as wire;
use doorward_store::user_factor::{Factor, SetUp};

use super::user_to_wire as to_wire;
use super::wire::{field, list_details};
use crate::app::Call;
use crate::app::user_factor::{self, Domain, Method};

pub async fn list_method_types(
    call: Call,
    request: wire::ListAuthenticationMethodTypesRequest,
) -> Result<wire::ListAuthenticationMethodTypesResponse, Failure> {
    let domain = request.domain_query.into_option();
    let domain = domain.map(|query| Domain { name: query.domain, or_unknown: query.include_without_domain });
    let methods = user_factor::methods(&call, &request.user_id, domain).await?;
    Ok(wire::ListAuthenticationMethodTypesResponse {
        details: field(Some(list_details(methods.len() as u64, call.now))),
        auth_method_types: methods.into_iter().map(|method| method_type(method).into()).collect(),
    })
}

const fn method_type(method: Method) -> wire::AuthenticationMethodType {
    use wire::AuthenticationMethodType as Type;
    match method {
        Method::Password => Type::Password,
        Method::Factor(Factor::Totp) => Type::Totp,
        Method::Factor(Factor::OtpSms) => Type::OtpSms,
        Method::Factor(Factor::OtpEmail) => Type::OtpEmail,
        Method::Factor(Factor::U2f) => Type::U2f,
        Method::Factor(Factor::Passkey) => Type::Passkey,
        Method::Factor(Factor::RecoveryCodes) => Type::RecoveryCode,
        Method::Factor(Factor::IdpLink) => Type::Idp,
    }
}

pub async fn list_factors(
    call: Call,
    request: wire::ListAuthenticationFactorsRequest,
) -> Result<wire::ListAuthenticationFactorsResponse, Failure> {
    let (kinds, ready) = (kinds(&request.auth_factors), states(&request.states));
    let found = user_factor::second_factors(&call, &request.user_id, &kinds, &ready).await?;
    Ok(wire::ListAuthenticationFactorsResponse { result: found.into_iter().map(factor).collect() })
}

/// The kinds that are asked for; all of them if none is named.
fn kinds(wanted: &[EnumValue<wire::AuthFactors>]) -> Vec<Factor> {
    use wire::AuthFactors as Kind;
    let all = [
        (Kind::Otp, Factor::Totp),
        (Kind::OtpSms, Factor::OtpSms),
        (Kind::OtpEmail, Factor::OtpEmail),
        (Kind::U2F, Factor::U2f),
    ];
    let asked = |kind: Kind| wanted.is_empty() || wanted.contains(&kind.into());
    all.into_iter().filter(|(kind, _)| asked(*kind)).map(|(_, factor)| factor).collect()
}

/// Whether what is ready is asked for, and what is not. What was removed is not kept, so nothing is in that state.
fn states(wanted: &[EnumValue<wire::AuthFactorState>]) -> Vec<bool> {
    if wanted.is_empty() {
        return vec![true];
    }
    let all = [(wire::AuthFactorState::Ready, true), (wire::AuthFactorState::NotReady, false)];
    all.into_iter().filter(|(state, _)| wanted.contains(&(*state).into())).map(|(_, ready)| ready).collect()
}

fn factor(set_up: SetUp) -> wire::AuthFactor {
    use wire::auth_factor::Type;
    let r#type = match set_up.factor {
        Factor::Totp => Some(Type::from(wire::AuthFactorOTP::default())),
        Factor::OtpSms => Some(Type::from(wire::AuthFactorOTPSMS::default())),
        Factor::OtpEmail => Some(Type::from(wire::AuthFactorOTPEmail::default())),
        Factor::U2f => Some(Type::from(wire::AuthFactorU2F { id: set_up.id, name: set_up.name })),
        Factor::Passkey | Factor::RecoveryCodes | Factor::IdpLink => None,
    };
    let state = if set_up.ready { wire::AuthFactorState::Ready } else { wire::AuthFactorState::NotReady };
    wire::AuthFactor { state: state.into(), r#type }
}

pub async fn mfa_init_skipped(
    call: Call,
    request: wire::HumanMFAInitSkippedRequest,
) -> Result<wire::HumanMFAInitSkippedResponse, Failure> {
    let user = user_factor::skip_mfa(&call, request.user_id).await?;
    Ok(wire::HumanMFAInitSkippedResponse { details: field(Some(to_wire::details(&user))) })
}

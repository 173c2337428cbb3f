//! From session messages to what the stories take.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use doorward_core::base::Secret;
use doorward_core::failure::Failure;
use doorward_core::search::SessionFilter;
use doorward_core::session::UserAgent;
use doorward_proto::session as wire;
use doorward_store::user::Wanted;

use super::wire::{comparison, from_duration, from_struct, from_timestamp};
use crate::app::challenge::{Handover, Wishes};
use crate::app::intent_check::IntentCheck;
use crate::app::outbox::{self, Purpose};
use crate::app::session_check::{Request, UserCheck};
use crate::app::session_list::Asked;
use crate::app::web_authn::{self, Requirement};

/// What Create asks for.
///
/// # Errors
/// When the template of a link is none.
pub fn create(message: wire::CreateSessionRequest) -> Result<(Request, UserAgent), Failure> {
    let agent = message.user_agent.into_option().map(user_agent).unwrap_or_default();
    let request = request(
        message.checks.into_option(),
        message.challenges.into_option(),
        message.metadata.into_iter().collect(),
        message.lifetime.as_option().map(from_duration),
    );
    Ok((request?, agent))
}

/// What Set asks for.
///
/// # Errors
/// When the template of a link is none.
pub fn set(message: wire::SetSessionRequest) -> Result<Request, Failure> {
    request(
        message.checks.into_option(),
        message.challenges.into_option(),
        message.metadata.into_iter().collect(),
        message.lifetime.as_option().map(from_duration),
    )
}

fn request(
    checks: Option<wire::Checks>,
    challenges: Option<wire::RequestChallenges>,
    metadata: BTreeMap<String, Vec<u8>>,
    lifetime: Option<doorward_core::base::Span>,
) -> Result<Request, Failure> {
    let mut request = Request { metadata, lifetime, ..Request::default() };
    if let Some(checks) = checks {
        request.user = checks.user.into_option().map(user_check);
        request.password = checks.password.into_option().map(|check| Secret::new(check.password));
        request.intent = checks
            .idp_intent
            .into_option()
            .map(|check| IntentCheck { id: check.idp_intent_id, token: check.idp_intent_token });
        request.web_auth_n = checks.web_auth_n.into_option().map(|check| assertion(&check));
        request.totp = checks.totp.into_option().map(|check| Secret::new(check.code));
        request.otp_sms = checks.otp_sms.into_option().map(|check| Secret::new(check.code));
        request.otp_email = checks.otp_email.into_option().map(|check| Secret::new(check.code));
        request.recovery_code = checks.recovery_code.into_option().map(|check| Secret::new(check.code));
    }
    if let Some(challenges) = challenges {
        request.challenges = wishes(challenges)?;
    }
    Ok(request)
}

fn assertion(check: &wire::CheckWebAuthN) -> serde_json::Value {
    check.credential_assertion_data.as_option().map_or(serde_json::Value::Null, from_struct)
}

fn wishes(challenges: wire::RequestChallenges) -> Result<Wishes, Failure> {
    let otp_email = challenges.otp_email.into_option().map(email_handover).transpose()?;
    Ok(Wishes {
        web_auth_n: challenges.web_auth_n.into_option().map(wanted),
        otp_sms: challenges
            .otp_sms
            .into_option()
            .map(|wish| if wish.return_code { Handover::Return } else { Handover::Send(None) }),
        otp_email,
    })
}

fn wanted(wish: wire::request_challenges::WebAuthN) -> web_authn::Wanted {
    let requirement = match wish.user_verification_requirement.to_i32() {
        1 => Requirement::Required,
        2 => Requirement::Preferred,
        _ => Requirement::Discouraged,
    };
    web_authn::Wanted { domain: wish.domain, requirement }
}

fn email_handover(wish: wire::request_challenges::OTPEmail) -> Result<Handover, Failure> {
    use wire::request_challenges::otp_email::DeliveryType;
    let template = match wish.delivery_type {
        Some(DeliveryType::ReturnCode(_)) => return Ok(Handover::Return),
        Some(DeliveryType::SendCode(send)) => send.url_template,
        None => None,
    };
    let template = outbox::link_template(Purpose::OtpEmail, template.as_deref())?;
    Ok(Handover::Send(template.map(Arc::new)))
}

fn user_check(check: wire::CheckUser) -> UserCheck {
    use wire::check_user::Search;
    match check.search {
        Some(Search::UserId(id)) => UserCheck::Wanted(Wanted::Id(id)),
        Some(Search::LoginName(name)) => UserCheck::Wanted(Wanted::LoginName(name)),
        None => UserCheck::Unsaid,
    }
}

/// An address that is none is dropped silently; the others take their canonical form.
fn user_agent(agent: wire::UserAgent) -> UserAgent {
    let ip = agent.ip.and_then(|text| text.parse::<IpAddr>().ok()).map(|ip| ip.to_canonical().to_string());
    UserAgent {
        fingerprint: agent.fingerprint_id,
        ip,
        description: agent.description,
        header: agent.header.into_iter().map(|(name, values)| (name, values.values)).collect(),
    }
}

/// What List asks for.
pub fn filters(queries: Vec<wire::SearchQuery>) -> Vec<Asked> {
    use wire::search_query::Query;
    let filter = |query| match query {
        Query::IdsQuery(query) => Asked::Plain(SessionFilter::Ids(query.ids)),
        Query::UserIdQuery(query) => Asked::Plain(SessionFilter::User(query.id)),
        Query::CreationDateQuery(query) => {
            let at = from_timestamp(query.creation_date.as_option());
            Asked::Plain(SessionFilter::Created(at, comparison(query.method.to_i32())))
        }
        Query::CreatorQuery(query) => Asked::Creator(query.id),
        Query::UserAgentQuery(query) => Asked::UserAgent(query.fingerprint_id),
        Query::ExpirationDateQuery(query) => {
            let at = from_timestamp(query.expiration_date.as_option());
            Asked::Plain(SessionFilter::Expires(at, comparison(query.method.to_i32())))
        }
    };
    queries.into_iter().filter_map(|query| query.query).map(filter).collect()
}

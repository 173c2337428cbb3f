//! From session messages to what the stories take.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::base::Secret;
use doorward_core::failure::{self, Failure};
use doorward_core::search::SessionFilter;
use doorward_core::session::UserAgent;
use doorward_proto::session as wire;
use doorward_store::user::Wanted;

use super::wire::{comparison, from_duration, from_timestamp};
use crate::app::session_check::{Request, Unready, UserCheck};
use crate::app::session_list::Asked;

/// What Create asks for.
pub fn create(message: wire::CreateSessionRequest) -> (Request, UserAgent) {
    let agent = message.user_agent.into_option().map(user_agent).unwrap_or_default();
    let request = request(
        message.checks.into_option(),
        message.challenges.as_option(),
        message.metadata.into_iter().collect(),
        message.lifetime.as_option().map(from_duration),
    );
    (request, agent)
}

/// What Set asks for.
pub fn set(message: wire::SetSessionRequest) -> Request {
    request(
        message.checks.into_option(),
        message.challenges.as_option(),
        message.metadata.into_iter().collect(),
        message.lifetime.as_option().map(from_duration),
    )
}

fn request(
    checks: Option<wire::Checks>,
    challenges: Option<&wire::RequestChallenges>,
    metadata: BTreeMap<String, Vec<u8>>,
    lifetime: Option<doorward_core::base::Span>,
) -> Request {
    let mut request = Request { metadata, lifetime, ..Request::default() };
    if let Some(checks) = checks {
        request.unready = unready_checks(&checks);
        request.user = checks.user.into_option().map(user_check);
        request.password = checks.password.into_option().map(|check| Secret::new(check.password));
    }
    if let Some(challenges) = challenges {
        request.unready.extend(unready_challenges(challenges));
    }
    request
}

fn user_check(check: wire::CheckUser) -> UserCheck {
    use wire::check_user::Search;
    match check.search {
        Some(Search::UserId(id)) => UserCheck::Wanted(Wanted::Id(id)),
        Some(Search::LoginName(name)) => UserCheck::Wanted(Wanted::LoginName(name)),
        None => UserCheck::Unsaid,
    }
}

const fn unready(without_user: Failure, with_user: Failure) -> Unready {
    Unready { without_user, with_user, without_human: None }
}

/// The checks of factors that no user of this version can have, in the order in which they are made.
fn unready_checks(checks: &wire::Checks) -> Vec<Unready> {
    let mut all = Vec::new();
    if let Some(intent) = checks.idp_intent.as_option() {
        let known = URL_SAFE_NO_PAD.decode(&intent.idp_intent_token).is_ok();
        let wrong = if known { failure::INTENT_TOKEN_WRONG } else { failure::INTENT_TOKEN_MALFORMED };
        all.push(unready(failure::INTENT_NO_USER, wrong));
    }
    if checks.web_auth_n.is_set() {
        all.push(unready(failure::WEBAUTHN_NO_CHALLENGE, failure::WEBAUTHN_NO_CHALLENGE));
    }
    if checks.totp.is_set() {
        all.push(unready(failure::TOTP_NO_USER, failure::TOTP_NOT_READY));
    }
    for otp in [&checks.otp_sms, &checks.otp_email] {
        if otp.is_set() {
            all.push(unready(failure::OTP_NO_USER, failure::OTP_NOT_READY));
        }
    }
    if checks.recovery_code.is_set() {
        all.push(unready(failure::RECOVERY_NO_USER, failure::RECOVERY_NOT_READY));
    }
    all
}

fn unready_challenges(challenges: &wire::RequestChallenges) -> Vec<Unready> {
    let mut all = Vec::new();
    if challenges.web_auth_n.is_set() {
        let without_human = Some(failure::WEBAUTHN_USER_UNKNOWN);
        let unready = unready(failure::WEBAUTHN_NO_USER, failure::WEBAUTHN_NO_CREDENTIAL);
        all.push(Unready { without_human, ..unready });
    }
    if challenges.otp_sms.is_set() {
        all.push(unready(failure::OTP_SMS_CHALLENGE_NO_USER, failure::OTP_SMS_CHALLENGE_NOT_READY));
    }
    if challenges.otp_email.is_set() {
        all.push(unready(failure::OTP_EMAIL_CHALLENGE_NO_USER, failure::OTP_EMAIL_CHALLENGE_NOT_READY));
    }
    all
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

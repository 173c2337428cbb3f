//! Checks that need more than one key.

use super::delivery::{MailSecurity, MailTransport, SmsTransport};
use super::error::Problem;
use super::{Config, Entries};

/// What two keys say together and neither may. The origin is that of the first key that was given.
pub(super) fn verify(config: &Config, entries: &Entries) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut demand = |holds: bool, keys: [&str; 2], message: String| {
        if !holds {
            let origin = keys.iter().find_map(|key| entries.get(*key)).map(|entry| entry.origin.clone());
            problems.push(Problem::new(message, origin));
        }
    };
    let (tls, search, backoff) = (&config.tls, &config.search, &config.policy.backoff);
    let (hashing, limits) = (&config.hashing, &config.limits);
    demand(
        tls.cert_file.is_some() == tls.key_file.is_some(),
        ["tls.cert_file", "tls.key_file"],
        "tls.cert_file and tls.key_file: TLS needs both files; set the other one too, or none".to_owned(),
    );
    demand(
        search.default_limit <= search.max_limit,
        ["search.default_limit", "search.max_limit"],
        format!(
            "search.default_limit: {} is not allowed; allowed is at most search.max_limit, which is {}",
            search.default_limit, search.max_limit
        ),
    );
    demand(
        backoff.first_ms <= backoff.longest_ms,
        ["policy.backoff.first_ms", "policy.backoff.longest_ms"],
        format!(
            "policy.backoff.first_ms: {} is not allowed; allowed is at most policy.backoff.longest_ms, which is {}",
            backoff.first_ms, backoff.longest_ms
        ),
    );
    if let Err(problem) = config.hash_config().check() {
        demand(false, ["hashing.memory_kib", "hashing.iterations"], format!("[hashing] {problem}"));
    }
    // A caller who must be told to come back later would otherwise see a time-out of the whole request.
    demand(
        hashing.max_wait_ms < limits.request_timeout_ms,
        ["hashing.max_wait_ms", "limits.request_timeout_ms"],
        format!(
            "hashing.max_wait_ms: {} is not allowed; allowed is less than limits.request_timeout_ms, which is {}",
            hashing.max_wait_ms, limits.request_timeout_ms
        ),
    );
    verify_delivery(config, &mut demand);
    problems
}

/// What mail and SMS need that go out, and what must not be said together.
fn verify_delivery(config: &Config, demand: &mut impl FnMut(bool, [&str; 2], String)) {
    let (mail, sms) = (&config.mail, &config.sms);
    let mut needs = |on: bool, transport: [&str; 2], key: &str, there: bool| {
        let [path, value] = transport;
        demand(!on || there, [key, path], format!("{key} is not set, but {path} = {value:?} needs it"));
    };
    let smtp = mail.transport == MailTransport::Smtp;
    needs(smtp, ["mail.transport", "smtp"], "mail.host", mail.host.is_some());
    needs(smtp, ["mail.transport", "smtp"], "mail.from", mail.from.is_some());
    let hook = sms.transport == SmsTransport::Hook;
    needs(hook, ["sms.transport", "hook"], "sms.hook.url", sms.hook.url.is_some());
    needs(hook, ["sms.transport", "hook"], "sms.hook.secret", sms.hook.secret.is_some());
    let twilio = sms.transport == SmsTransport::Twilio;
    needs(twilio, ["sms.transport", "twilio"], "sms.twilio.url", sms.twilio.url.is_some());
    needs(twilio, ["sms.transport", "twilio"], "sms.twilio.account", sms.twilio.account.is_some());
    needs(twilio, ["sms.transport", "twilio"], "sms.twilio.token", sms.twilio.token.is_some());
    needs(twilio, ["sms.transport", "twilio"], "sms.twilio.from", sms.twilio.from.is_some());
    demand(
        mail.user.is_some() == mail.password.is_some(),
        ["mail.user", "mail.password"],
        "mail.user and mail.password: a login needs both; set the other one too, or none".to_owned(),
    );
    let open = mail.security == MailSecurity::None && !mail.host.as_deref().is_some_and(is_this_machine);
    demand(
        !(smtp && open && mail.password.is_some()),
        ["mail.security", "mail.password"],
        "mail.security: \"none\" would send mail.password over the network for everybody to read; use \"starttls\" or \
         \"tls\", or a server on this machine"
            .to_owned(),
    );
    let delivery = &config.delivery;
    demand(
        delivery.first_pause_ms <= delivery.longest_pause_ms,
        ["delivery.first_pause_ms", "delivery.longest_pause_ms"],
        format!(
            "delivery.first_pause_ms: {} is not allowed; allowed is at most delivery.longest_pause_ms, which is {}",
            delivery.first_pause_ms, delivery.longest_pause_ms
        ),
    );
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

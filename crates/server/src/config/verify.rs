//! Checks that need more than one key.

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
    problems
}

//! Requests to providers: with a time limit, without redirects, and with a bound on what is read of an answer.

use std::time::Duration;

use anyhow::Context;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};

use super::Fault;
use crate::idp::outbound::tls;

/// The most that is read of an answer.
const MOST: usize = 8 << 10;

/// A client for one provider.
pub(super) fn client(timeout: Duration) -> anyhow::Result<Client> {
    Client::builder()
        .tls_backend_preconfigured(tls()?)
        .no_proxy()
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(Policy::none())
        .user_agent(concat!("doorward/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("no HTTP client can be set up")
}

/// Sends a request. What is told of an answer is its status, and what `explain` finds in its body.
pub(super) async fn send(request: RequestBuilder, explain: fn(&[u8]) -> Option<String>) -> Result<(), Fault> {
    // The error would tell the URL, which may hold an account.
    let sent = request.send().await.map_err(|error| Fault::Temporary(with_causes(error.without_url())))?;
    let status = sent.status();
    if status.is_success() {
        return Ok(());
    }
    let status = status.as_u16();
    let mut problem = format!("the answer was {status}");
    if let Some(more) = explain(&beginning(sent).await) {
        problem = format!("{problem}: {more}");
    }
    Err(if is_final(status) { Fault::Permanent(problem) } else { Fault::Temporary(problem) })
}

async fn beginning(mut answer: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend(chunk.iter().take(MOST.saturating_sub(body.len())));
        if body.len() >= MOST {
            break;
        }
    }
    body
}

/// Whether the same request would get the same answer. A missing login is not: the operator can mend it meanwhile.
fn is_final(status: u16) -> bool {
    // 401 no login, 408 too slow, 425 too early, 429 too many
    (400..500).contains(&status) && ![401, 408, 425, 429].contains(&status)
}

fn with_causes(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_final_unless_it_may_be_mended() {
        for status in [400, 403, 404, 410, 413, 422] {
            assert!(is_final(status), "{status}");
        }
        for status in [302, 307, 401, 408, 425, 429, 500, 502, 503, 504] {
            assert!(!is_final(status), "{status}");
        }
    }
}

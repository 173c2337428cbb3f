//! SMS by a signed POST to a URL of the operator's.

use std::time::Duration;

use anyhow::Context;
use doorward_core::signature::sign;
use reqwest::{Client, Url};
use serde_json::json;

use super::{Attempt, Fault, web};
use crate::app::outbox::Message;
use crate::config::{SecretText, SmsHook};

/// The header that carries the signature.
const SIGNATURE: &str = "doorward-signature";

/// The URL, and the key that requests are signed with.
#[derive(Debug)]
pub(super) struct Hook {
    client: Client,
    url: Url,
    secret: SecretText,
}

impl Hook {
    /// Prepares the way.
    pub fn open(settings: &SmsHook, timeout: Duration) -> anyhow::Result<Self> {
        let url = settings.url.as_deref().context("url is not set")?.parse().context("url")?;
        let secret = settings.secret.clone().context("secret is not set")?;
        Ok(Self { client: web::client(timeout)?, url, secret })
    }

    /// Hands an SMS over.
    pub async fn send(&self, message: &Message, text: &str, attempt: Attempt<'_>) -> Result<(), Fault> {
        let body = json!({
            "id": attempt.id,
            "to": message.to,
            "text": text,
            "purpose": message.purpose.name(),
            "code": message.code.expose(),
            "link": message.link,
            "userId": message.user_id,
            "sessionId": message.session_id,
            "language": message.language,
            "expires": message.expires.seconds_and_nanos().0,
        })
        .to_string();
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("idempotency-key", attempt.id)
            .header(SIGNATURE, sign(self.secret.expose().as_bytes(), body.as_bytes(), attempt.now))
            .body(body);
        // Whatever the receiver says in its answer may hold what it was sent.
        web::send(request, |_| None).await
    }
}

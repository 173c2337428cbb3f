//! SMS by Twilio's API.

use std::time::Duration;

use anyhow::Context;
use reqwest::{Client, Url};
use url::form_urlencoded::Serializer;

use super::{Fault, web};
use crate::app::outbox::Message;
use crate::config::{SecretText, Twilio as Settings};

/// An account.
#[derive(Debug)]
pub(super) struct Twilio {
    client: Client,
    url: Url,
    account: String,
    token: SecretText,
    from: String,
}

impl Twilio {
    /// Prepares the way.
    pub fn open(settings: &Settings, timeout: Duration) -> anyhow::Result<Self> {
        let account = settings.account.clone().context("account is not set")?;
        let base = settings.url.as_deref().context("url is not set")?.trim_end_matches('/');
        let url = format!("{base}/2010-04-01/Accounts/{account}/Messages.json").parse().context("url")?;
        Ok(Self {
            client: web::client(timeout)?,
            url,
            account,
            token: settings.token.clone().context("token is not set")?,
            from: settings.from.clone().context("from is not set")?,
        })
    }

    /// Hands an SMS over.
    pub async fn send(&self, message: &Message, text: &str) -> Result<(), Fault> {
        // Numbers begin with a plus; a messaging service chooses the number by itself.
        let sender = if self.from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
        let form = [("To", message.to.as_str()), (sender, &self.from), ("Body", text)];
        let form = Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self
            .client
            .post(self.url.clone())
            .basic_auth(&self.account, Some(self.token.expose()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        web::send(request, |body| {
            let problem: serde_json::Value = serde_json::from_slice(body).ok()?;
            Some(format!("Twilio's error {}", problem.get("code")?.as_u64()?))
        })
        .await
    }
}

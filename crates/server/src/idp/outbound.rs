//! Requests to providers: over TLS, without redirects and proxies, within a time and a size.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::Trouble;

/// The most bytes of an answer that are read.
const MOST: usize = 256 * 1024;

/// The longest that the making of a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// A JSON object.
pub type Object = Map<String, Value>;

/// What sends requests.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: Client,
    /// How long all requests of one login may take together.
    pub timeout: Duration,
}

impl Outbound {
    /// What sends requests that may take so long.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(timeout: Duration) -> anyhow::Result<Self> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls()?)
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("doorward/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .connect_timeout(CONNECT.min(timeout))
            .pool_max_idle_per_host(4)
            .build()?;
        Ok(Self { client, timeout })
    }

    /// Reads an object.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, url: &Url, bearer: Option<&str>) -> Result<Object, Trouble> {
        let mut request = self.client.get(url.clone());
        if let Some(token) = bearer {
            request = request.header(AUTHORIZATION, secret(&format!("Bearer {token}"))?);
        }
        self.object(request, url).await
    }

    /// Posts a form; gives the object that comes back.
    ///
    /// # Errors
    /// When none does.
    pub async fn post(
        &self,
        url: &Url,
        form: &[(&str, &str)],
        authorization: Option<&str>,
    ) -> Result<Object, Trouble> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = self.client.post(url.clone()).body(body);
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, secret(value)?);
        }
        self.object(request, url).await
    }

    async fn object(&self, request: RequestBuilder, url: &Url) -> Result<Object, Trouble> {
        let place = url.host_str().unwrap_or_default().to_owned();
        // The display form of these errors names the whole URL, which may hold what the operator wrote into it.
        let lost =
            |error: reqwest::Error| Trouble::Unreachable(format!("{place}: {}", causes(error.without_url())));
        let mut response = request.header(ACCEPT, "application/json").send().await.map_err(lost)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(Trouble::untrusted(format!("{place} redirects elsewhere")));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > MOST {
                return Err(Trouble::untrusted(format!("{place} answers more than {MOST} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        read(status.as_u16(), &body, &place)
    }
}

/// An object of a good answer, or what the provider calls the problem.
fn read(status: u16, body: &[u8], place: &str) -> Result<Object, Trouble> {
    let object = serde_json::from_slice::<Object>(body);
    let good = (200..300).contains(&status);
    // A fault of its own, or too much for it just now.
    if status >= 500 || status == 429 {
        return Err(Trouble::Unreachable(format!("{place} answers with status {status}")));
    }
    match object {
        // Some send a refusal with status 200.
        Ok(object) => match object.get("error").and_then(Value::as_str) {
            // It goes into the log, where nobody else writes lines.
            Some(error) => {
                Err(Trouble::Refused(error.chars().filter(char::is_ascii_graphic).take(64).collect()))
            }
            None if good => Ok(object),
            None => Err(Trouble::untrusted(format!("{place} answers with status {status}"))),
        },
        Err(_) if good => Err(Trouble::untrusted(format!("{place} answers no JSON object"))),
        Err(_) => Err(Trouble::untrusted(format!("{place} answers with status {status}"))),
    }
}

/// A header that is never shown.
fn secret(value: &str) -> Result<HeaderValue, Trouble> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| Trouble::untrusted("a token holds what no header can"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// An error with what is behind it: the outermost text alone says little.
fn causes(error: reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// TLS with the certificates that the machine trusts.
pub(crate) fn tls() -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!("this machine trusts no certificates: nothing can be reached over TLS");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_good_answer_gives_an_object() {
        let read = |status: u16, body: &str| read(status, body.as_bytes(), "x");
        assert!(read(200, "{\"a\":1}").is_ok());
        let refused = Trouble::Refused("bad".to_owned());
        for status in [200, 400] {
            assert_eq!(read(status, r#"{"error":"bad","error_description":"Code"}"#).unwrap_err(), refused);
        }
        assert!(matches!(read(503, "{}"), Err(Trouble::Unreachable(_))));
        for (status, body) in [(200, "[]"), (200, ""), (200, "<html>"), (404, "{}"), (404, "no")] {
            assert!(matches!(read(status, body), Err(Trouble::Untrusted(_))), "{status} {body}");
        }
    }
}

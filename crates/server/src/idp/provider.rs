//! One provider: how it is spoken to, and where people are sent to log in.

use std::sync::Arc;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::base::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::Trouble;
use super::claims::Mapping;
use super::discovery::{Metadata, Published};
use super::outbound::Outbound;
use crate::config::{ClientAuth, Idp, IdpKind, ResponseMode, SecretText, is_loopback};

/// A provider of the configuration.
#[derive(Debug)]
pub struct Provider {
    /// The id.
    pub id: String,
    /// Whether accounts are linked by their mail address.
    pub auto_link: bool,
    /// Which claim means what.
    pub mapping: Mapping,
    pub(super) kind: Kind,
    pub(super) client_id: String,
    pub(super) client_secret: Option<SecretText>,
    pub(super) client_auth: ClientAuth,
    scopes: String,
    response_mode: ResponseMode,
    allowed_redirects: Vec<String>,
    pub(super) callback: String,
    pub(super) outbound: Outbound,
}

/// How it is spoken to.
#[derive(Debug)]
pub(super) enum Kind {
    Oidc { issuer: Url, exact: String, published: Published },
    OAuth2 { authorization: Url, token: Url, user: Url },
}

/// What binds the answer of a provider to the login that was started. It never leaves this server but as a hash or,
/// the nonce, within the request.
#[derive(Clone, Serialize, Deserialize)]
pub struct Opening {
    /// What the ID token must repeat.
    pub nonce: String,
    /// What the code is redeemed with.
    pub verifier: String,
}

/// Where a provider wants its requests.
pub(super) struct Endpoints {
    authorization: Url,
    pub(super) token: Url,
    pub(super) secret_in_form: bool,
}

impl Opening {
    /// From chance.
    #[must_use]
    pub fn new(nonce: [u8; 32], verifier: [u8; 32]) -> Self {
        Self { nonce: URL_SAFE_NO_PAD.encode(nonce), verifier: URL_SAFE_NO_PAD.encode(verifier) }
    }

    /// What of the verifier is shown in advance.
    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }
}

impl Provider {
    /// A provider of the configuration, which has been verified.
    ///
    /// # Errors
    /// When an address is missing after all.
    pub fn new(idp: &Idp, callback: String, outbound: Outbound) -> anyhow::Result<Self> {
        let url = |text: &Option<String>| {
            let text = text.as_deref().with_context(|| format!("an address of {} is missing", idp.id))?;
            Url::parse(text).with_context(|| format!("an address of {} is no URL", idp.id))
        };
        let kind = match idp.kind {
            IdpKind::Oidc => Kind::Oidc {
                issuer: url(&idp.issuer)?,
                exact: idp.issuer.clone().unwrap_or_default(),
                published: Published::default(),
            },
            IdpKind::Oauth2 => Kind::OAuth2 {
                authorization: url(&idp.authorization_url)?,
                token: url(&idp.token_url)?,
                user: url(&idp.user_url)?,
            },
        };
        let scopes = match (idp.kind, idp.scopes.as_slice()) {
            (IdpKind::Oidc, []) => "openid profile email".to_owned(),
            (_, scopes) => scopes.join(" "),
        };
        Ok(Self {
            id: idp.id.clone(),
            auto_link: idp.auto_link,
            mapping: Mapping::of(idp),
            kind,
            client_id: idp.client_id.clone(),
            client_secret: idp.client_secret.clone(),
            client_auth: idp.client_auth,
            scopes,
            response_mode: idp.response_mode,
            allowed_redirects: idp.allowed_redirects.clone(),
            callback,
            outbound,
        })
    }

    /// Whether the browser may be sent there when a login is over.
    #[must_use]
    pub fn may_end_at(&self, text: &str) -> bool {
        let Ok(url) = Url::parse(text) else { return false };
        if !url.username().is_empty() || url.password().is_some() || text.contains(['\\', '\0']) {
            return false;
        }
        if self.allowed_redirects.is_empty() {
            return url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        }
        // The text that a browser would follow, in which no `..` leads out again.
        self.allowed_redirects.iter().any(|allowed| url.as_str().starts_with(allowed))
    }

    /// Where somebody is sent to log in.
    ///
    /// # Errors
    /// When the provider does not say where.
    pub async fn authorization_url(
        &self,
        state: &str,
        opening: &Opening,
        now: Timestamp,
    ) -> Result<String, Trouble> {
        let endpoints = tokio::time::timeout(self.outbound.timeout, self.endpoints(now)).await;
        let mut url = endpoints.unwrap_or_else(|_| Err(Trouble::too_late()))?.authorization;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("response_type", "code");
            query.append_pair("client_id", &self.client_id);
            query.append_pair("redirect_uri", &self.callback);
            query.append_pair("state", state);
            query.append_pair("code_challenge", &opening.challenge());
            query.append_pair("code_challenge_method", "S256");
            if !self.scopes.is_empty() {
                query.append_pair("scope", &self.scopes);
            }
            if matches!(self.kind, Kind::Oidc { .. }) {
                query.append_pair("nonce", &opening.nonce);
            }
            if self.response_mode == ResponseMode::FormPost {
                query.append_pair("response_mode", "form_post");
            }
        }
        Ok(url.into())
    }

    pub(super) async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, Trouble> {
        match &self.kind {
            Kind::Oidc { issuer, exact, published } => {
                published.metadata(&self.outbound, issuer, exact, now).await
            }
            Kind::OAuth2 { .. } => Err(Trouble::untrusted("it publishes nothing about itself")),
        }
    }

    pub(super) async fn endpoints(&self, now: Timestamp) -> Result<Endpoints, Trouble> {
        if let Kind::OAuth2 { authorization, token, .. } = &self.kind {
            let (authorization, token) = (authorization.clone(), token.clone());
            return Ok(Endpoints { authorization, token, secret_in_form: false });
        }
        let metadata = self.metadata(now).await?;
        Ok(Endpoints {
            authorization: metadata.authorization.clone(),
            token: metadata.token.clone(),
            secret_in_form: metadata.secret_in_form,
        })
    }
}

#[cfg(test)]
#[path = "provider_tests.rs"]
mod tests;

//! What is made of what somebody comes back with: tokens for the code, and from them whose account it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_core::base::{Secret, Span, Timestamp};
use doorward_core::intent::Account;
use serde_json::Value;
use url::form_urlencoded;

use super::Trouble;
use super::discovery::Metadata;
use super::id_token::{Expected, signer, verify};
use super::outbound::Object;
use super::provider::{Kind, Opening, Provider};
use super::signed::Signer;
use crate::config::ClientAuth;

/// What comes back through the browser.
#[derive(Clone)]
pub struct Answer {
    /// What tokens are given for.
    pub code: Secret,
    /// Who answers, if that is said.
    pub issuer: Option<String>,
}

/// What a provider told.
pub struct Told {
    /// The account.
    pub account: Account,
    /// All claims.
    pub claims: Object,
    /// The token for the provider's own interfaces.
    pub access_token: Secret,
    /// The token that says who it is.
    pub id_token: Option<Secret>,
    /// Until when it says that its word holds, if it does.
    pub expires: Option<Timestamp>,
}

struct Tokens {
    access: Secret,
    id: Option<Secret>,
    expires: Option<Timestamp>,
}

impl Provider {
    /// Asks the provider who came back, within the time that it has.
    ///
    /// # Errors
    /// When it does not tell, or tells what cannot be trusted.
    pub async fn redeem(&self, answer: &Answer, opening: &Opening, now: Timestamp) -> Result<Told, Trouble> {
        let told = tokio::time::timeout(self.outbound.timeout, self.redeem_at_leisure(answer, opening, now));
        told.await.unwrap_or_else(|_| Err(Trouble::too_late()))
    }

    async fn redeem_at_leisure(
        &self,
        answer: &Answer,
        opening: &Opening,
        now: Timestamp,
    ) -> Result<Told, Trouble> {
        self.check_issuer(answer, now).await?;
        let tokens = self.exchange(&answer.code, opening, now).await?;
        let claims = match &self.kind {
            Kind::OAuth2 { user, .. } => self.outbound.get(user, Some(tokens.access.expose())).await?,
            Kind::Oidc { .. } => self.claims_of(&tokens, opening, now).await?,
        };
        let account = self.mapping.account(&claims);
        let account = account.ok_or_else(|| Trouble::untrusted("it does not say whose account it is"))?;
        let Tokens { access: access_token, id: id_token, expires } = tokens;
        Ok(Told { account, claims, access_token, id_token, expires })
    }

    /// An answer of another provider must not pass for one of this (RFC 9207).
    async fn check_issuer(&self, answer: &Answer, now: Timestamp) -> Result<(), Trouble> {
        let Kind::Oidc { exact, .. } = &self.kind else { return Ok(()) };
        let named = self.metadata(now).await?.names_issuer;
        match &answer.issuer {
            Some(issuer) if issuer == exact => Ok(()),
            None if !named => Ok(()),
            Some(_) => Err(Trouble::untrusted("the answer is of another issuer")),
            None => Err(Trouble::untrusted("the answer does not name its issuer")),
        }
    }

    async fn exchange(&self, code: &Secret, opening: &Opening, now: Timestamp) -> Result<Tokens, Trouble> {
        let endpoints = self.endpoints(now).await?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", self.callback.as_str()),
            ("code_verifier", opening.verifier.as_str()),
        ];
        let in_form = match self.client_auth {
            ClientAuth::Auto => endpoints.secret_in_form,
            ClientAuth::Basic => false,
            ClientAuth::Post => true,
        };
        let basic = match &self.client_secret {
            Some(secret) if !in_form => Some(basic(&self.client_id, secret.expose())),
            secret => {
                form.push(("client_id", &self.client_id));
                if let Some(secret) = secret {
                    form.push(("client_secret", secret.expose()));
                }
                None
            }
        };
        let answer = self.outbound.post(&endpoints.token, &form, basic.as_ref().map(Secret::expose)).await?;
        read_tokens(&answer, now)
    }

    /// The claims of the ID token, and what the provider tells besides.
    async fn claims_of(&self, tokens: &Tokens, opening: &Opening, now: Timestamp) -> Result<Object, Trouble> {
        let Kind::Oidc { exact, .. } = &self.kind else { return Ok(Object::new()) };
        let Some(id_token) = &tokens.id else { return Err(Trouble::untrusted("there is no ID token")) };
        let metadata = self.metadata(now).await?;
        let expected = Expected { issuer: exact, client_id: &self.client_id, nonce: &opening.nonce, now };
        let mut claims = self.verify(id_token.expose(), &metadata, expected).await?;
        if let Some(userinfo) = &metadata.userinfo {
            let more = self.outbound.get(userinfo, Some(tokens.access.expose())).await?;
            if more.get("sub") != claims.get("sub") {
                return Err(Trouble::untrusted("the user endpoint tells about somebody else"));
            }
            for (name, value) in more {
                // What is signed counts.
                claims.entry(name).or_insert(value);
            }
        }
        Ok(claims)
    }

    async fn verify(
        &self,
        token: &str,
        metadata: &Metadata,
        expected: Expected<'_>,
    ) -> Result<Object, Trouble> {
        let Kind::Oidc { published, .. } = &self.kind else { return Ok(Object::new()) };
        for anew in [false, true] {
            let keys = published.keys(&self.outbound, &metadata.jwks, anew, expected.now).await?;
            if let Signer::Key(key, algorithm) = signer(token, &keys)? {
                return verify(token, &key, algorithm, expected);
            }
        }
        Err(Trouble::untrusted("the ID token is signed with a key that the provider does not publish"))
    }
}

/// Id and secret for a header; each is encoded as in a form first (RFC 6749, 2.3.1).
fn basic(id: &str, secret: &str) -> Secret {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let both = Secret::new(format!("{}:{}", encoded(id), encoded(secret)));
    Secret::new(format!("Basic {}", STANDARD.encode(both.expose())))
}

fn read_tokens(answer: &Object, now: Timestamp) -> Result<Tokens, Trouble> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if text("token_type").is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(Trouble::untrusted("the token is of a type that is not known"));
    }
    let access = text("access_token").ok_or_else(|| Trouble::untrusted("there is no access token"))?;
    let seconds = match answer.get("expires_in") {
        Some(Value::String(text)) => text.parse().ok(),
        Some(number) => number.as_i64(),
        None => None,
    };
    let seconds = seconds.filter(|seconds: &i64| *seconds > 0);
    Ok(Tokens {
        access: Secret::new(access),
        id: text("id_token").map(Secret::new),
        expires: seconds.map(|seconds| now.plus(Span::seconds(seconds))),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(answer: Value) -> Result<Tokens, Trouble> {
        let Value::Object(answer) = answer else { panic!("no object") };
        read_tokens(&answer, Timestamp(0))
    }

    #[test]
    fn tokens_are_for_bearers_and_may_say_how_long_they_hold() {
        for (seconds, expected) in [
            (json!(3600), Some(Timestamp(3_600_000_000))),
            (json!("60"), Some(Timestamp(60_000_000))),
            (json!(0), None),
            (json!(-5), None),
            (json!("soon"), None),
            (json!(i64::MAX), Some(Timestamp::LATEST)),
        ] {
            let tokens =
                read(json!({ "access_token": "a", "token_type": "bearer", "expires_in": seconds })).unwrap();
            assert_eq!(tokens.expires, expected, "{seconds}");
            assert!(tokens.id.is_none());
        }
        assert!(read(json!({ "access_token": "a", "token_type": "mac" })).is_err());
        for without in [json!({}), json!({ "access_token": "" }), json!({ "access_token": 7 })] {
            assert!(read(without).is_err());
        }
    }

    #[test]
    fn id_and_secret_are_encoded_before_they_are_joined() {
        let header = basic("a:b", "c d%");
        assert_eq!(header.expose(), format!("Basic {}", STANDARD.encode("a%3Ab:c+d%25")));
    }
}

//! The endpoints of OAuth 2.0 for machine users: what each answers.

use std::sync::Arc;

use bytes::Bytes;
use doorward_core::base::Timestamp;
use doorward_core::scope::Scope;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::json;

use super::answer::AnswerBody;
use super::auth;
use super::oauth_answer::{Refusal, Trial, for_a_while, json_once};
use super::oauth_endpoint::{CLIENT_CREDENTIALS, Endpoint, JWT_BEARER, discovery};
use super::oauth_form::{Form, Shown};
use super::oauth_introspection;
use crate::app::oauth::{Revoked, grant, revoke};
use crate::app::oauth_client::{Client, Refused, by_assertion, by_secret};
use crate::app::{App, signing};

/// The largest form that is read.
const MOST: usize = 32 * 1024;

const NO_BROWSERS: &str = "people do not log in here by redirect: use the session API, and this server for machine \
                           users (client_credentials, jwt-bearer)";

/// A request for one of the endpoints that read a form.
struct Asked<'a> {
    app: &'a Arc<App>,
    endpoint: Endpoint,
    headers: HeaderMap,
    form: Form,
    now: Timestamp,
}

/// Answers a request.
pub async fn answer<B>(app: &Arc<App>, endpoint: Endpoint, request: Request<B>) -> Response<AnswerBody>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let (head, body) = request.into_parts();
    let now = app.env.clock.now();
    if endpoint.reads_a_form() {
        if head.method != Method::POST {
            return wrong_method("POST");
        }
        let form = match read(&head.headers, body).await {
            Ok(form) => form,
            Err(refusal) => return refusal.answer(),
        };
        let asked = Asked { app, endpoint, headers: head.headers, form, now };
        return asked.answer().await.unwrap_or_else(|refusal| refusal.answer());
    }
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return wrong_method("GET, HEAD");
    }
    match endpoint {
        Endpoint::Discovery => for_a_while(&discovery(&app.policy.issuer)),
        Endpoint::Keys => match signing::key_set(app, now).await {
            Ok(keys) => for_a_while(&keys),
            Err(failure) => Refusal::from(failure).answer(),
        },
        _ => Refusal::wrong("unsupported_response_type", NO_BROWSERS).answer(),
    }
}

fn wrong_method(allowed: &'static str) -> Response<AnswerBody> {
    let refusal = Refusal::wrong("invalid_request", "the method is not one of this endpoint");
    let mut response = refusal.with_status(StatusCode::METHOD_NOT_ALLOWED).answer();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

async fn read<B>(headers: &HeaderMap, body: B) -> Result<Form, Refusal>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Refusal::request("the body must be application/x-www-form-urlencoded"));
    }
    match Limited::new(body, MOST).collect().await {
        Ok(body) => Form::read(&body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let refusal = Refusal::request("the body is larger than 32 KiB");
            Err(refusal.with_status(StatusCode::PAYLOAD_TOO_LARGE))
        }
        Err(_) => Err(Refusal::request("the body could not be read")),
    }
}

impl Asked<'_> {
    async fn answer(&self) -> Result<Response<AnswerBody>, Refusal> {
        match self.endpoint {
            Endpoint::Token => self.token().await,
            Endpoint::Introspect => self.introspect().await,
            _ => self.revoke().await,
        }
    }

    async fn token(&self) -> Result<Response<AnswerBody>, Refusal> {
        let asked = self.form.needed("grant_type")?;
        let scope = Scope::asked(self.form.get("scope").unwrap_or_default());
        let scope = scope.map_err(|why| Refusal::wrong("invalid_scope", why))?;
        let client = match asked {
            CLIENT_CREDENTIALS => self.client(Shown::read(&self.headers, &self.form)?).await?,
            JWT_BEARER => {
                // Some libraries name a client here that is none; what is signed says who it is.
                if self.headers.contains_key(http::header::AUTHORIZATION)
                    || self.form.get("client_secret").is_some()
                    || self.form.get("client_assertion").is_some()
                {
                    return Err(Refusal::request("the assertion is the only proof that this grant takes"));
                }
                let text = self.form.needed("assertion")?;
                let client = by_assertion(self.app, text, &self.audiences(), self.now).await;
                client.map_err(grant_refused)?
            }
            _ => {
                let why = "the grant types are client_credentials and the one of RFC 7523 (jwt-bearer)";
                return Err(Refusal::wrong("unsupported_grant_type", why));
            }
        };
        let granted = grant(self.app, client, scope, self.now).await;
        let granted = granted.map_err(|refused| match asked {
            JWT_BEARER => grant_refused(refused),
            _ => client_refused(refused, Trial::of(&self.headers)),
        })?;
        Ok(json_once(&json!({
            "access_token": granted.text.expose(),
            "token_type": "Bearer",
            "expires_in": granted.lasts.0 / 1_000_000,
            "scope": granted.scope.text(),
        })))
    }

    async fn introspect(&self) -> Result<Response<AnswerBody>, Refusal> {
        match Shown::read(&self.headers, &self.form)? {
            Shown::Bearer => {
                let caller = auth::authenticate(self.app, &self.headers, self.now).await;
                caller.map_err(Refusal::bearer)?;
            }
            shown => drop(self.client(shown).await?),
        }
        let token = self.form.needed("token")?;
        Ok(json_once(&oauth_introspection::answer(self.app, token, self.now).await?))
    }

    async fn revoke(&self) -> Result<Response<AnswerBody>, Refusal> {
        let client = self.client(Shown::read(&self.headers, &self.form)?).await?;
        let token = self.form.needed("token")?;
        match revoke(self.app, &client, token, self.now).await? {
            Revoked::Done => Ok(json_once(&json!({}))),
            Revoked::Foreign => {
                Err(Refusal::wrong("unauthorized_client", "the token was given to another client"))
            }
            Revoked::Session => {
                Err(Refusal::wrong("unsupported_token_type", "sessions are ended by DeleteSession"))
            }
        }
    }

    /// The client that a request shows to be its own.
    async fn client(&self, shown: Shown) -> Result<Client, Refusal> {
        let trial = Trial::of(&self.headers);
        let client = match shown {
            Shown::Secret(names, secret) => by_secret(self.app, &names, secret.expose()).await,
            Shown::Assertion(text) => {
                let client = by_assertion(self.app, &text, &self.audiences(), self.now).await;
                client.and_then(|client| self.as_named(client))
            }
            Shown::Bearer => {
                return Err(Refusal::client("the client must show its secret or sign with its key", trial));
            }
            Shown::Nothing => Err(Refused::Client),
        };
        client.map_err(|refused| client_refused(refused, trial))
    }

    /// A client that is named beside its assertion must be the one that signed it.
    fn as_named(&self, client: Client) -> Result<Client, Refused> {
        let named = self
            .form
            .get("client_id")
            .is_none_or(|name| name == client.user.id || name.eq_ignore_ascii_case(&client.user.username));
        if named { Ok(client) } else { Err(Refused::Client) }
    }

    /// For whom an assertion may be made.
    fn audiences(&self) -> Vec<String> {
        let issuer = &self.app.policy.issuer;
        let mut audiences = vec![issuer.clone(), format!("{issuer}/"), Endpoint::Token.url(issuer)];
        if self.endpoint != Endpoint::Token {
            audiences.push(self.endpoint.url(issuer));
        }
        audiences
    }
}

fn grant_refused(refused: Refused) -> Refusal {
    match refused {
        Refused::Assertion(why) => Refusal::wrong("invalid_grant", why),
        other => client_refused(other, Trial::Other),
    }
}

fn client_refused(refused: Refused, trial: Trial) -> Refusal {
    match refused {
        Refused::Client => Refusal::client("there is no such client, or it has another secret", trial),
        Refused::Assertion(why) => Refusal::client(why, trial),
        Refused::Fault(failure) => failure.into(),
    }
}

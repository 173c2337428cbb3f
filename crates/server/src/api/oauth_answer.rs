//! Answers of the endpoints of OAuth 2.0: JSON, and refusals in the words of RFC 6749, 5.2.

use std::borrow::Cow;

use bytes::Bytes;
use doorward_core::failure::{Detail, Failure, Kind};
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use super::answer::AnswerBody;
use crate::app::signing::KEPT_SECONDS;

/// By what somebody tried to show who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// A bearer token.
    Bearer,
    /// Anything else.
    Other,
}

impl Trial {
    /// By what the headers try it.
    pub fn of(headers: &HeaderMap) -> Self {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if header.contains("Bearer ") { Self::Bearer } else { Self::Other }
    }

    const fn challenge(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer realm=\"doorward\", error=\"invalid_token\"",
            Self::Other => "Basic realm=\"doorward\", charset=\"UTF-8\"",
        }
    }
}

/// A refusal.
#[derive(Debug, Clone)]
pub struct Refusal {
    status: StatusCode,
    error: &'static str,
    description: Cow<'static, str>,
    challenge: Option<Trial>,
    retry_after: Option<i64>,
}

impl Refusal {
    /// Something is wrong with what was asked for.
    pub fn wrong(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        let (status, description) = (StatusCode::BAD_REQUEST, description.into());
        Self { status, error, description, challenge: None, retry_after: None }
    }

    /// Something is wrong with the request itself.
    pub fn request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::wrong("invalid_request", description)
    }

    /// The same with another status.
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The client is not known by what it shows.
    pub fn client(description: &'static str, trial: Trial) -> Self {
        let status = StatusCode::UNAUTHORIZED;
        Self { status, challenge: Some(trial), ..Self::wrong("invalid_client", description) }
    }

    /// The bearer is not let in.
    pub fn bearer(failure: Failure) -> Self {
        match failure.kind {
            Kind::Unauthenticated | Kind::PermissionDenied | Kind::NotFound => Self {
                status: StatusCode::UNAUTHORIZED,
                challenge: Some(Trial::Bearer),
                ..Self::wrong("invalid_token", failure.text)
            },
            _ => failure.into(),
        }
    }

    /// The answer.
    pub fn answer(self) -> Response<AnswerBody> {
        let mut response = json_once(&json!({ "error": self.error, "error_description": self.description }));
        *response.status_mut() = self.status;
        if let Some(trial) = self.challenge {
            let challenge = HeaderValue::from_static(trial.challenge());
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let retry_after = match failure.detail {
            Detail::Retry { after } => Some((after.0 / 1_000_000).max(1)),
            _ => None,
        };
        let (status, error) = match failure.kind {
            Kind::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable"),
            Kind::Unavailable | Kind::DeadlineExceeded => {
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
            }
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
            _ => (StatusCode::BAD_REQUEST, "invalid_request"),
        };
        Self { status, retry_after, ..Self::wrong(error, failure.text) }
    }
}

/// JSON that nobody keeps.
pub fn json_once(value: &Value) -> Response<AnswerBody> {
    let mut response = json_answer(value);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// JSON that others may keep for as long as the keys.
pub fn for_a_while(value: &Value) -> Response<AnswerBody> {
    let mut response = json_answer(value);
    if let Ok(kept) = HeaderValue::from_str(&format!("public, max-age={KEPT_SECONDS}")) {
        response.headers_mut().insert(CACHE_CONTROL, kept);
    }
    response
}

fn json_answer(value: &Value) -> Response<AnswerBody> {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

//! Calls the handler, and answers in its place when it panics or takes too long.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::activity::Activity;
use super::guarded::Guarded;
use super::{BoxError, PeerAddr, Shared};

/// The handler's body, or a short one of ours.
pub(super) type Answer<B> = Guarded<Either<B, Full<Bytes>>>;

pub(super) async fn answer<H, F, B>(
    shared: Arc<Shared<H>>,
    activity: Arc<Activity>,
    peer: PeerAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Answer<B>>, Infallible>
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let running = activity.begin();
    request.extensions_mut().insert(peer);
    let bodiless = request.method() == Method::HEAD;
    let dialect = Dialect::of(request.headers());
    let path = request.uri().path().to_owned();
    // The handler is called inside the future, so that a panic before its first await is caught as well.
    let handled = AssertUnwindSafe(async { (shared.handler)(request).await }).catch_unwind();
    let metrics = &shared.transport.metrics;
    let response = match timeout(shared.transport.limits.request_timeout, handled).await {
        Ok(Ok(response)) => response.map(Either::Left),
        Ok(Err(_)) => {
            metrics.panicked();
            // The text of the panic may quote a secret, and the panic hook decides whether it is shown.
            tracing::error!(path, "the handler of a request panicked");
            dialect.refuse(&Failure::INTERNAL).map(Either::Right)
        }
        Err(_) => {
            metrics.request_timeout();
            tracing::warn!(path, "a request took too long");
            dialect.refuse(&Failure::TOO_LATE).map(Either::Right)
        }
    };
    Ok(response.map(|body| Guarded::new(body, running, bodiless)))
}

/// An answer of this layer, in all the forms that protocols have for it.
struct Failure {
    status: StatusCode,
    number: u8,
    name: &'static str,
    message: &'static str,
}

impl Failure {
    const INTERNAL: Self = Self {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        number: 13,
        name: "internal",
        message: "An internal error occurred",
    };
    const TOO_LATE: Self = Self {
        status: StatusCode::GATEWAY_TIMEOUT,
        number: 4,
        name: "deadline_exceeded",
        message: "The request took too long",
    };
}

/// The form that the client reads errors in.
enum Dialect {
    /// gRPC and gRPC-Web, with the content type of the request: the status stands in headers.
    Grpc(HeaderValue),
    /// JSON with the name of the code.
    Connect,
    /// JSON with the number of the code.
    Rest,
}

impl Dialect {
    fn of(headers: &HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE);
        let begins = |prefix: &[u8]| content_type.is_some_and(|value| value.as_bytes().starts_with(prefix));
        match content_type {
            Some(value) if begins(b"application/grpc") => Self::Grpc(value.clone()),
            _ if headers.contains_key("connect-protocol-version") => Self::Connect,
            _ if begins(b"application/proto") || begins(b"application/connect+") => Self::Connect,
            _ => Self::Rest,
        }
    }

    fn refuse(self, failure: &Failure) -> Response<Full<Bytes>> {
        const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
        const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
        let Failure { status, number, name, message } = failure;
        let mut response = Response::new(Full::default());
        let code = match self {
            Self::Grpc(content_type) => {
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, content_type);
                headers.insert(GRPC_STATUS, HeaderValue::from(u16::from(*number)));
                headers.insert(GRPC_MESSAGE, HeaderValue::from_static(message));
                return response;
            }
            Self::Connect => format!("\"{name}\""),
            Self::Rest => number.to_string(),
        };
        *response.status_mut() = *status;
        *response.body_mut() = Full::from(format!("{{\"code\":{code},\"message\":\"{message}\"}}"));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

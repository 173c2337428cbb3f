//! Answers that are no part of the API: what every page of this server has in common.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};

/// The body of an answer.
pub type AnswerBody = UnsyncBoxBody<Bytes, Infallible>;

/// A page, of no type if the type is empty.
pub fn plain(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<AnswerBody> {
    let mut response = Response::new(Full::new(body).boxed_unsync());
    *response.status_mut() = status;
    if !content_type.is_empty() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}

/// What a method is answered with that is asked for in another way than by POST.
pub fn post_only() -> Response<AnswerBody> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "", Bytes::new());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

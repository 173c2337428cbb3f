//! Where identity providers send people back: a redirect to where the login began, or a page that says that it is over.

use bytes::Bytes;
use doorward_core::base::Secret;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use url::form_urlencoded;

use super::answer::AnswerBody;
use crate::app::App;
use crate::app::idp::{Back, come_back};

/// The path of the callback.
pub const PATH: &str = "/idps/callback";

/// The largest answer that a provider can send through a browser.
const MOST: usize = 32 * 1024;

const OVER: &str =
    "This login is not known here, or it was finished before. Please go back and start again.\n";
const BUSY: &str = "The login cannot be finished just now. Please go back and start again.\n";

/// Answers a browser that comes from a provider, by a redirect or by a form.
pub async fn answer<B>(app: &App, request: Request<B>) -> Response<AnswerBody>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let (head, body) = request.into_parts();
    let text = match head.method {
        Method::GET => head.uri.query().unwrap_or_default().to_owned(),
        Method::POST if is_form(&head.headers) => match Limited::new(body, MOST).collect().await {
            Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
            Err(_) => return page(StatusCode::BAD_REQUEST, OVER),
        },
        Method::POST => return page(StatusCode::UNSUPPORTED_MEDIA_TYPE, OVER),
        // Programs that look whether a link works must not use it up.
        _ => {
            let mut response = page(StatusCode::METHOD_NOT_ALLOWED, OVER);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
            return response;
        }
    };
    let Some(back) = read(&text) else { return page(StatusCode::BAD_REQUEST, OVER) };
    match come_back(app, back).await {
        Ok(Some(place)) => match HeaderValue::from_str(&place) {
            Ok(mut place) => {
                place.set_sensitive(true);
                let mut response = page(StatusCode::FOUND, "");
                response.headers_mut().insert(LOCATION, place);
                response
            }
            Err(_) => page(StatusCode::BAD_REQUEST, OVER),
        },
        Ok(None) => page(StatusCode::BAD_REQUEST, OVER),
        Err(_) => page(StatusCode::SERVICE_UNAVAILABLE, BUSY),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// What the provider sent. Nothing if it has no state, or anything twice.
fn read(text: &str) -> Option<Back> {
    let (mut state, mut code, mut error, mut issuer) = (None, None, None, None);
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let place = match name.as_ref() {
            "state" => &mut state,
            "code" => &mut code,
            "error" => &mut error,
            "iss" => &mut issuer,
            _ => continue,
        };
        if place.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    Some(Back { state: state?, code: code.map(Secret::new), error, issuer })
}

/// A page that is kept nowhere and tells no other page where it was: its address holds the code.
fn page(status: StatusCode, text: &'static str) -> Response<AnswerBody> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())).boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_state_and_nothing_twice() {
        let back = read("state=1&code=a%2Bb+c&iss=https%3A%2F%2Fid.example&other=1&other=2").unwrap();
        assert_eq!((back.state.as_str(), back.error), ("1", None));
        assert_eq!(back.code.unwrap().expose(), "a+b c");
        assert_eq!(back.issuer.as_deref(), Some("https://id.example"));
        for wrong in
            ["", "code=1", "state=1&state=1&code=2", "state=1&code=2&code=3", "state=1&error=a&error=a"]
        {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}

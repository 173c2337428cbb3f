//! Cross-origin requests: which pages may call, with which headers.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method};

const METHODS: HeaderValue = HeaderValue::from_static("OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "origin, content-type, accept, accept-language, authorization, x-zitadel-orgid, x-user-agent, x-grpc-web, \
     x-requested-with, connect-protocol-version, connect-timeout-ms, grpc-timeout",
);
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "location, content-length, grpc-status, grpc-message, grpc-status-details-bin, retry-after",
);

/// The origins that may call; an empty list lets any, as the API's reference does.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    allowed: Vec<String>,
}

impl Cors {
    /// The rule for these origins.
    #[must_use]
    pub fn new(allowed: Vec<String>) -> Self {
        Self { allowed }
    }

    /// Whether the request only asks what is allowed.
    #[must_use]
    pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        *method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// Adds what an answer to this request must say.
    pub fn allow(&self, origin: Option<&HeaderValue>, preflight: bool, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin.filter(|origin| self.allows(origin)) else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if preflight {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        } else {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        self.allowed.is_empty() || self.allowed.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(cors: &Cors, origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        cors.allow(Some(&HeaderValue::from_static(origin)), false, &mut headers);
        headers
    }

    #[test]
    fn without_a_list_any_origin_is_reflected() {
        let headers = answer(&Cors::default(), "https://login.example");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://login.example");
    }

    #[test]
    fn with_a_list_only_its_origins_are_let_in() {
        let cors = Cors::new(vec!["https://login.example".to_owned()]);
        assert!(answer(&cors, "https://login.example").contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
        assert!(!answer(&cors, "https://evil.example").contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        assert!(!answer(&cors, "https://login.example.evil").contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }
}

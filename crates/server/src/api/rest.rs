//! The REST face: routes, path variables and query parameters of the descriptors, JSON in and out.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use connectrpc::CodecFormat;
use doorward_core::failure::{Failure, Kind};
use doorward_proto::{QueryKind, Rpc};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, request};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::rpc::{Inbound, Method, Rpcs};
use super::status;
use crate::app::App;
use crate::telemetry::Protocol;

/// A route: its segments, and what answers it.
struct Route {
    segments: Vec<Segment>,
    method: Arc<Method>,
}

enum Segment {
    Literal(&'static str),
    Variable(&'static str),
}

/// Where a request leads.
enum Target<'a> {
    Method(&'a Route, Vec<(&'static str, String)>),
    WrongVerb,
    Nowhere,
}

/// Every REST route.
pub struct Rest {
    app: Arc<App>,
    rpcs: Arc<Rpcs>,
    routes: Vec<Route>,
}

/// One client of the API builds its URLs below this prefix.
const PREFIX: &str = "/management/v1";
/// The names that [`status::success_headers`] have over REST, in their order.
const PREFIXED: [HeaderName; 3] = [
    HeaderName::from_static("grpcgateway-cache-control"),
    HeaderName::from_static("grpcgateway-expires"),
    HeaderName::from_static("grpcgateway-pragma"),
];

impl Rest {
    /// The routes of everything that is served.
    #[must_use]
    pub fn new(app: Arc<App>, rpcs: Arc<Rpcs>) -> Self {
        let routes =
            rpcs.all().map(|method| Route { segments: segments(method.rpc), method: Arc::clone(method) });
        let routes = routes.collect();
        Self { app, rpcs, routes }
    }

    /// Whether a path is about users, whose requests may be larger.
    #[must_use]
    pub fn is_about_users(path: &str) -> bool {
        let path = path.strip_prefix(PREFIX).unwrap_or(path);
        path.starts_with("/v2/users")
    }

    /// Answers a request.
    pub async fn answer(&self, head: request::Parts, body: Bytes) -> Response<Bytes> {
        let path = head.uri.path();
        let (route, fields) = match self.find(head.method.as_str(), path.strip_prefix(PREFIX).unwrap_or(path))
        {
            Target::Method(route, fields) => (route, fields),
            Target::WrongVerb => {
                return routing_error(StatusCode::METHOD_NOT_ALLOWED, 12, "Method Not Allowed");
            }
            Target::Nowhere => return routing_error(StatusCode::NOT_FOUND, 5, "Not Found"),
        };
        let rpc = route.method.rpc;
        let body = if rpc.body { Ok(body) } else { from_query(rpc, head.uri.query().unwrap_or_default()) };
        let body = match body {
            Ok(body) => body,
            Err(failure) => return error(&failure),
        };
        let (headers, format) = (with_metadata(head.headers), CodecFormat::Json);
        let inbound = Inbound { headers, body, format, fields, protocol: Protocol::Rest };
        match self.rpcs.call(&route.method, inbound).await {
            Ok(body) => {
                let status = StatusCode::from_u16(rpc.success).unwrap_or(StatusCode::OK);
                respond(status, self.success_headers(), body)
            }
            Err(failure) => error(&failure),
        }
    }

    fn success_headers(&self) -> HeaderMap {
        let values = status::success_headers(self.app.env.clock.now()).map(|(_, value)| value);
        PREFIXED.into_iter().zip(values).collect()
    }

    /// The route with most literal segments wins: `/v2/users/human` is not the user `human`.
    fn find(&self, verb: &str, path: &str) -> Target<'_> {
        let parts: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let matching = self.routes.iter().filter(|route| fits(route, &parts));
        let mut known = false;
        let best = matching
            .inspect(|_| known = true)
            .filter(|route| route.method.rpc.verb == verb)
            .max_by_key(|route| literals(route));
        match best {
            Some(route) => Target::Method(route, variables(route, &parts)),
            None if known => Target::WrongVerb,
            None => Target::Nowhere,
        }
    }
}

/// Over REST, and only there, headers named `Grpc-Metadata-…` carry metadata, unless the plain header is there.
fn with_metadata(mut headers: HeaderMap) -> HeaderMap {
    let prefixed = headers.iter().filter_map(|(name, value)| {
        let plain = name.as_str().strip_prefix("grpc-metadata-")?;
        let plain = HeaderName::from_bytes(plain.as_bytes()).ok()?;
        (!headers.contains_key(&plain)).then(|| (plain, value.clone()))
    });
    let carried: Vec<_> = prefixed.collect();
    headers.extend(carried);
    headers
}

fn segments(rpc: &'static Rpc) -> Vec<Segment> {
    let parts = rpc.path.strip_prefix('/').unwrap_or(rpc.path).split('/');
    let segment = |part: &'static str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(variable) => Segment::Variable(variable),
        None => Segment::Literal(part),
    };
    parts.map(segment).collect()
}

fn fits(route: &Route, parts: &[&str]) -> bool {
    route.segments.len() == parts.len()
        && route.segments.iter().zip(parts).all(|(segment, part)| match segment {
            Segment::Literal(literal) => literal == part,
            Segment::Variable(_) => !part.is_empty(),
        })
}

fn literals(route: &Route) -> usize {
    route.segments.iter().filter(|segment| matches!(segment, Segment::Literal(_))).count()
}

fn variables(route: &Route, parts: &[&str]) -> Vec<(&'static str, String)> {
    let pairs = route.segments.iter().zip(parts);
    pairs
        .filter_map(|(segment, part)| match segment {
            Segment::Variable(name) => {
                Some((*name, percent_decode_str(part).decode_utf8_lossy().into_owned()))
            }
            Segment::Literal(_) => None,
        })
        .collect()
}

/// The message that query parameters describe, as JSON. Unknown parameters are ignored.
fn from_query(rpc: &Rpc, query: &str) -> Result<Bytes, Failure> {
    let mut message = Value::Object(Map::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (unescape(name), unescape(value).into_owned());
        let Some(field) = rpc.query.iter().find(|field| field.json == name || field.name == name) else {
            continue;
        };
        let value = match field.kind {
            QueryKind::Bool => value.parse().map_or(Value::String(value), Value::Bool),
            QueryKind::Enum => value.parse::<i32>().map_or(Value::String(value), Value::from),
            QueryKind::Text | QueryKind::Number | QueryKind::Bytes => Value::String(value),
        };
        let place = field.json.split('.').try_fold(&mut message, |inner, part| {
            let object = inner.as_object_mut()?;
            Some(object.entry(part).or_insert_with(|| {
                if field.json.ends_with(part) { Value::Null } else { Value::Object(Map::new()) }
            }))
        });
        match place {
            Some(Value::Array(list)) if field.repeated => list.push(value),
            Some(place @ Value::Null) => {
                *place = if field.repeated { Value::Array(vec![value]) } else { value }
            }
            _ => {
                let text = format!("too many values for field \"{}\"", field.name);
                return Err(Failure::bare(Kind::InvalidArgument, text));
            }
        }
    }
    Ok(Bytes::from(serde_json::to_vec(&message).unwrap_or_default()))
}

fn unescape(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return percent_decode_str(&spaced).decode_utf8_lossy().into_owned().into();
    }
    percent_decode_str(text).decode_utf8_lossy()
}

/// A refusal.
#[must_use]
pub fn error(failure: &Failure) -> Response<Bytes> {
    let (status, headers, body) = status::rest_error(failure);
    respond(status, headers, Bytes::from(body.to_string()))
}

fn routing_error(status: StatusCode, code: u32, message: &str) -> Response<Bytes> {
    let body = json!({ "code": code, "message": message });
    respond(status, HeaderMap::new(), Bytes::from(body.to_string()))
}

fn respond(status: StatusCode, headers: HeaderMap, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(service: &str, method: &str, query: &str) -> Result<String, Failure> {
        let rpc = doorward_proto::find_rpc(service, method).unwrap();
        from_query(rpc, query).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    const SESSIONS: &str = "zitadel.session.v2.SessionService";

    #[test]
    fn a_query_parameter_may_have_either_name() {
        let expected = Ok(r#"{"sessionToken":"a b+c"}"#.to_owned());
        assert_eq!(asked(SESSIONS, "GetSession", "sessionToken=a+b%2Bc"), expected);
        assert_eq!(asked(SESSIONS, "GetSession", "x=1&session_token=a%20b%2Bc&y"), expected);
    }

    #[test]
    fn the_same_parameter_twice_is_refused() {
        let refusal = asked(SESSIONS, "GetSession", "sessionToken=a&session_token=b").unwrap_err();
        assert!(refusal.text.starts_with("too many values for field"), "{}", refusal.text);
    }

    #[test]
    fn a_list_takes_every_value() {
        let keys = asked("zitadel.user.v2.UserService", "DeleteUserMetadata", "keys=a&keys=b");
        assert_eq!(keys, Ok(r#"{"keys":["a","b"]}"#.to_owned()));
    }
}

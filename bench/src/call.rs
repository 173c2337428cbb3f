//! The calls of the load, built before it starts so that building them costs nothing while it runs.

use anyhow::{Context, Result};
use buffa::Message;
use bytes::{BufMut, Bytes, BytesMut};
use doorward_proto::session::{
    CreateSessionRequest, CreateSessionResponse, GetSessionRequest, SetSessionRequest,
};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Uri};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A gRPC message begins with a flag and its length.
pub const PREFIX: usize = 5;

/// How a call is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Grpc,
    Rest,
}

impl Wire {
    /// As it stands in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "gRPC",
            Self::Rest => "REST",
        }
    }
}

/// One request, ready to be sent as often as wanted.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    pub uri: Uri,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

/// A session that calls can read.
#[derive(Debug, Clone)]
pub struct Created {
    pub id: String,
    /// Empty if nobody knows it: then only the rights of the caller count.
    pub token: String,
}

/// A session of a user by login name, with its password if one is given.
pub fn create(wire: Wire, bearer: &str, login_name: &str, password: Option<&str>) -> Result<Call> {
    let mut checks = json!({ "user": { "loginName": login_name } });
    if let (Some(password), Some(checks)) = (password, checks.as_object_mut()) {
        checks.insert("password".to_owned(), json!({ "password": password }));
    }
    create_with(wire, bearer, &json!({ "checks": checks }))
}

/// A session of a user by login name, who is challenged at once.
pub fn challenge(wire: Wire, bearer: &str, login_name: &str, challenges: &Value) -> Result<Call> {
    let checks = json!({ "user": { "loginName": login_name } });
    create_with(wire, bearer, &json!({ "checks": checks, "challenges": challenges }))
}

fn create_with(wire: Wire, bearer: &str, request: &Value) -> Result<Call> {
    match wire {
        Wire::Grpc => grpc::<CreateSessionRequest>(bearer, "CreateSession", request),
        Wire::Rest => rest(Method::POST, bearer, "/v2/sessions", Some(request)),
    }
}

/// Reads the answer to a challenge: the id of the session, and what is asked of its user.
pub fn challenged(wire: Wire, answer: &[u8]) -> Result<(String, Value)> {
    let mut answer: Value = match wire {
        Wire::Grpc => {
            let message = answer.get(PREFIX..).context("a message")?;
            serde_json::to_value(CreateSessionResponse::decode_from_slice(message)?)?
        }
        Wire::Rest => serde_json::from_slice(answer)?,
    };
    let id = answer.get("sessionId").and_then(Value::as_str).context("the id of a session")?.to_owned();
    let challenges = answer.get_mut("challenges").context("challenges")?.take();
    Ok((id, challenges))
}

/// Adds checks to a session.
pub fn set(wire: Wire, bearer: &str, session_id: &str, checks: &Value) -> Result<Call> {
    match wire {
        Wire::Grpc => {
            let request = json!({ "sessionId": session_id, "checks": checks });
            grpc::<SetSessionRequest>(bearer, "SetSession", &request)
        }
        Wire::Rest => {
            let request = json!({ "checks": checks });
            rest(Method::PATCH, bearer, &format!("/v2/sessions/{session_id}"), Some(&request))
        }
    }
}

/// Reads a session, with its token if it is known.
pub fn get(wire: Wire, bearer: &str, session: &Created) -> Result<Call> {
    let Created { id, token } = session;
    match wire {
        Wire::Grpc => {
            let mut request = json!({ "sessionId": id });
            if let (false, Some(request)) = (token.is_empty(), request.as_object_mut()) {
                request.insert("sessionToken".to_owned(), json!(token));
            }
            grpc::<GetSessionRequest>(bearer, "GetSession", &request)
        }
        Wire::Rest if token.is_empty() => rest(Method::GET, bearer, &format!("/v2/sessions/{id}"), None),
        Wire::Rest => rest(Method::GET, bearer, &format!("/v2/sessions/{id}?sessionToken={token}"), None),
    }
}

/// The newest 20 sessions of a user.
pub fn list(bearer: &str, user_id: &str) -> Result<Call> {
    let query = json!({
        "query": { "limit": 20 },
        "queries": [{ "userIdQuery": { "id": user_id } }],
        "sortingColumn": "SESSION_FIELD_NAME_CREATION_DATE",
    });
    rest(Method::POST, bearer, "/v2/sessions/search", Some(&query))
}

/// Any REST call of Doorward's.
pub fn rest(method: Method, bearer: &str, path: &str, body: Option<&Value>) -> Result<Call> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let headers = vec![authorization(bearer)?];
    Ok(Call { method, uri: path.parse()?, headers, body: Bytes::from(body) })
}

/// A call of another server, with a cookie if there is one.
pub fn foreign(
    method: Method,
    path: &str,
    cookie: Option<&HeaderValue>,
    body: Option<&Value>,
) -> Result<Call> {
    let mut headers = Vec::new();
    if body.is_some() {
        headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        headers.push((http::header::ORIGIN, HeaderValue::from_static("http://localhost")));
    }
    headers.extend(cookie.map(|cookie| (http::header::COOKIE, cookie.clone())));
    let body = body.map(Value::to_string).unwrap_or_default();
    Ok(Call { method, uri: path.parse()?, headers, body: Bytes::from(body) })
}

/// A unary gRPC call; the message is written as JSON for brevity and sent in the binary form.
fn grpc<T: DeserializeOwned + Message>(bearer: &str, method: &str, message: &Value) -> Result<Call> {
    let message = doorward_proto::from_json::<T>(message.to_string().as_bytes())?.encode_to_vec();
    let mut body = BytesMut::new();
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len())?);
    body.put_slice(&message);
    // An absolute URI, for HTTP/2 wants scheme and authority.
    let uri = format!("http://localhost/zitadel.session.v2.SessionService/{method}");
    let headers = vec![
        authorization(bearer)?,
        (CONTENT_TYPE, HeaderValue::from_static("application/grpc")),
        (http::header::TE, HeaderValue::from_static("trailers")),
    ];
    Ok(Call { method: Method::POST, uri: uri.parse()?, headers, body: body.freeze() })
}

fn authorization(bearer: &str) -> Result<(HeaderName, HeaderValue)> {
    Ok((AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {bearer}"))?))
}

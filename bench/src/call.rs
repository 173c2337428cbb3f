//! The calls of the load, built before it starts so that building them costs nothing while it runs.

use anyhow::Result;
use buffa::Message;
use bytes::{BufMut, Bytes, BytesMut};
use doorward_proto::session::{CreateSessionRequest, GetSessionRequest};
use http::{HeaderValue, Method, Uri};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

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
    pub authorization: HeaderValue,
    pub body: Bytes,
}

/// A session that calls can read.
#[derive(Debug, Clone)]
pub struct Created {
    pub id: String,
    pub token: String,
}

/// A session of a user by login name, with its password if one is given.
pub fn create(wire: Wire, bearer: &str, login_name: &str, password: Option<&str>) -> Result<Call> {
    let mut checks = json!({ "user": { "loginName": login_name } });
    if let (Some(password), Some(checks)) = (password, checks.as_object_mut()) {
        checks.insert("password".to_owned(), json!({ "password": password }));
    }
    let request = json!({ "checks": checks });
    match wire {
        Wire::Grpc => grpc::<CreateSessionRequest>(bearer, "CreateSession", &request),
        Wire::Rest => rest(Method::POST, bearer, "/v2/sessions", Some(&request)),
    }
}

/// Reads a session with its token.
pub fn get(wire: Wire, bearer: &str, session: &Created) -> Result<Call> {
    let Created { id, token } = session;
    match wire {
        Wire::Grpc => {
            let request = json!({ "sessionId": id, "sessionToken": token });
            grpc::<GetSessionRequest>(bearer, "GetSession", &request)
        }
        Wire::Rest => rest(Method::GET, bearer, &format!("/v2/sessions/{id}?sessionToken={token}"), None),
    }
}

/// Any REST call.
pub fn rest(method: Method, bearer: &str, path: &str, body: Option<&Value>) -> Result<Call> {
    let body = body.map(Value::to_string).unwrap_or_default();
    Ok(Call { method, uri: path.parse()?, authorization: authorization(bearer)?, body: Bytes::from(body) })
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
    let authorization = authorization(bearer)?;
    Ok(Call { method: Method::POST, uri: uri.parse()?, authorization, body: body.freeze() })
}

fn authorization(bearer: &str) -> Result<HeaderValue> {
    Ok(HeaderValue::from_str(&format!("Bearer {bearer}"))?)
}

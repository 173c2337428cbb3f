//! Calls over REST, and what their answers mean.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, RETRY_AFTER};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::history::{Entry, Op, Outcome, Parts, State};

/// One connection that is kept open.
pub struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// Where it leads.
    pub address: String,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub retry: bool,
    pub body: Value,
}

/// No answer is waited for longer: every time-out of the server is shorter.
const PATIENCE: Duration = Duration::from_secs(40);

impl Line {
    pub async fn connect(address: &str) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        Some(Self { sender, address: address.to_owned() })
    }

    /// Whether the other end has gone away.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// A whole answer, or what came instead of it.
    pub async fn call(
        &mut self,
        verb: &str,
        path: &str,
        token: &str,
        body: Value,
    ) -> Result<Answer, Outcome> {
        let broken = |error: hyper::Error| Outcome::Unknown(format!("the connection broke: {error}"));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder()
            .method(verb)
            .uri(path)
            .header(HOST, "localhost")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let exchange = async {
            self.sender.ready().await.map_err(broken)?;
            let answer = self.sender.send_request(request).await.map_err(broken)?;
            let status = answer.status();
            let retry = answer.headers().contains_key(RETRY_AFTER);
            let bytes = answer.into_body().collect().await.map_err(broken)?.to_bytes();
            let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
            Ok(Answer { status, retry, body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) })
        };
        let late = |_| Outcome::Unclear(format!("no answer in {PATIENCE:?}"));
        tokio::time::timeout(PATIENCE, exchange).await.map_err(late)?
    }
}

impl Answer {
    /// Success as `read` understands it, or what the refusal means.
    pub fn outcome(self, read: impl FnOnce(&Value) -> Option<Outcome>) -> Outcome {
        let Self { status, retry, body } = self;
        if status.is_success() {
            return read(&body).unwrap_or_else(|| Outcome::Unclear(format!("{status} {body}")));
        }
        let again = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        if again && retry {
            return Outcome::Unknown(format!("{status} {}", body["message"]));
        }
        let id = body["message"].as_str().and_then(|text| text.rsplit_once('(')?.1.strip_suffix(')'));
        match id {
            Some(id) if status.is_client_error() => Outcome::Refused(id.to_owned()),
            _ => Outcome::Unclear(format!("{status} retry-after: {retry} {body}")),
        }
    }
}

/// The checks, metadata and lifetime of a change.
pub fn change(op: Op, birth: bool, parts: Parts, login_name: &str, password: &str) -> Value {
    let name = STANDARD.encode(op.to_string());
    let mut metadata = json!({ "writer": name });
    if birth {
        metadata["born"] = json!(name);
    }
    for (key, entry) in [("left", parts.left), ("right", parts.right)] {
        match entry {
            Entry::Keep => {}
            Entry::Put => metadata[key] = json!(name),
            Entry::Remove => metadata[key] = json!(""),
        }
    }
    let mut request = json!({ "metadata": metadata });
    if parts.lifetime {
        request["lifetime"] = json!(format!("{}s", op.lifetime()));
    }
    if parts.user.is_some() {
        request["checks"]["user"]["loginName"] = json!(login_name);
    }
    if parts.password {
        request["checks"]["password"]["password"] = json!(password);
    }
    request
}

/// A session of an answer. `user_of` knows the number of a user by its id.
pub fn state(shown: &Value, user_of: impl Fn(&str) -> Option<u8>) -> Option<State> {
    let entry = |key: &str| match &shown["metadata"][key] {
        Value::Null => Some(None),
        value => {
            let bytes = STANDARD.decode(value.as_str()?).ok()?;
            Op::parse(std::str::from_utf8(&bytes).ok()?).map(Some)
        }
    };
    let optional = |value: &Value| if value.is_null() { Some(None) } else { time(value).map(Some) };
    let factors = &shown["factors"];
    let user = match &factors["user"] {
        Value::Null => None,
        user => Some((user_of(user["id"].as_str()?)?, time(&user["verifiedAt"])?)),
    };
    Some(State {
        session: entry("born")??,
        id: shown["id"].as_str()?.parse().ok()?,
        sequence: number(&shown["sequence"])?,
        writer: entry("writer")??,
        left: entry("left")?,
        right: entry("right")?,
        expires: optional(&shown["expirationDate"])?,
        user,
        password: match &factors["password"] {
            Value::Null => None,
            password => Some(time(&password["verifiedAt"])?),
        },
        created: time(&shown["creationDate"])?,
        changed: time(&shown["changeDate"])?,
    })
}

/// A number as JSON writes those of 64 bits.
pub fn number(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

fn time(value: &Value) -> Option<i64> {
    value.as_str()?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
}

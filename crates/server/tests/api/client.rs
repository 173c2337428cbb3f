//! A client of every protocol that knows the API from its descriptors alone, so that it shares no code with the server.

use std::net::SocketAddr;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// How a call is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Grpc,
    GrpcWeb,
    ConnectJson,
    ConnectProto,
    Rest,
}

impl Protocol {
    pub const ALL: [Self; 5] = [Self::Grpc, Self::GrpcWeb, Self::ConnectJson, Self::ConnectProto, Self::Rest];
}

/// A refusal, the same whatever the protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub code: u32,
    pub message: String,
    /// Each with `@type` and its fields.
    pub details: Vec<Value>,
}

impl Refusal {
    /// The error id of the first detail; the message where there is none.
    pub fn id(&self) -> String {
        match self.details.first() {
            Some(detail) => detail["id"].as_str().unwrap_or_default().to_owned(),
            None => self.message.clone(),
        }
    }
}

pub type Outcome = Result<Value, Refusal>;

/// A plain HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
    pub trailers: HeaderMap,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {:?} {:?}", self.status, self.bytes))
    }
}

/// Where the server is.
#[derive(Debug, Clone, Copy)]
pub struct Http {
    pub address: SocketAddr,
}

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(doorward_proto::FILE_DESCRIPTOR_SET).unwrap());

const CODES: [&str; 17] = [
    "ok",
    "canceled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

/// `session.X`, `beta.X` and `user.X` for short, with its descriptor.
fn method(short: &str) -> (String, prost_reflect::MethodDescriptor) {
    let (service, name) = short.split_once('.').unwrap();
    let service = match service {
        "session" => "zitadel.session.v2.SessionService",
        "beta" => "zitadel.session.v2beta.SessionService",
        "user" => "zitadel.user.v2.UserService",
        other => panic!("no service {other}"),
    };
    let found = POOL.get_service_by_name(service).unwrap().methods().find(|method| method.name() == name);
    (format!("/{service}/{name}"), found.unwrap_or_else(|| panic!("no method {short}")))
}

impl Http {
    /// Any HTTP request, on a connection of its own. `h2` speaks HTTP/2 at once.
    pub async fn send(&self, request: Request<Full<Bytes>>, h2: bool) -> Answer {
        let io = TokioIo::new(TcpStream::connect(self.address).await.unwrap());
        let response = if h2 {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        } else {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        };
        let (head, body) = response.into_parts();
        let collected = body.collect().await.unwrap();
        let trailers = collected.trailers().cloned().unwrap_or_default();
        Answer { status: head.status, headers: head.headers, bytes: collected.to_bytes(), trailers }
    }

    /// A request with these headers.
    #[expect(clippy::too_many_arguments, reason = "each is one part of an HTTP request")]
    pub async fn raw(
        &self,
        verb: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        h2: bool,
    ) -> Answer {
        let uri = if h2 { format!("http://{}{path}", self.address) } else { path.to_owned() };
        let mut request = Request::builder().method(verb).uri(uri);
        if !h2 {
            request = request.header("host", self.address.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::new(Bytes::from(body))).unwrap(), h2).await
    }

    /// A REST request.
    pub async fn rest(&self, verb: &str, path: &str, token: Option<&str>, body: &str) -> Answer {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|value| ("authorization", value.as_str())).collect();
        self.raw(verb, path, &headers, body.as_bytes().to_vec(), false).await
    }

    /// A call of a method, spoken as wanted.
    pub async fn call(
        &self,
        protocol: Protocol,
        short: &str,
        token: Option<&str>,
        request: Value,
    ) -> Outcome {
        let (path, method) = method(short);
        let bearer = token.map(|token| format!("Bearer {token}"));
        let auth = bearer.as_deref().map(|value| ("authorization", value));
        match protocol {
            Protocol::Rest => self.call_rest(&method, token, request).await,
            Protocol::ConnectJson => {
                let headers: Vec<_> =
                    [("content-type", "application/json")].into_iter().chain(auth).collect();
                from_connect(
                    self.raw("POST", &path, &headers, request.to_string().into_bytes(), false).await,
                    None,
                )
            }
            Protocol::ConnectProto => {
                let headers: Vec<_> =
                    [("content-type", "application/proto")].into_iter().chain(auth).collect();
                let body = encode(&method.input(), &request);
                let answer = self.raw("POST", &path, &headers, body, false).await;
                from_connect(answer, Some(&method.output()))
            }
            Protocol::Grpc | Protocol::GrpcWeb => {
                let web = protocol == Protocol::GrpcWeb;
                let kind = if web { "application/grpc-web+proto" } else { "application/grpc" };
                let headers: Vec<_> =
                    [("content-type", kind), ("te", "trailers")].into_iter().chain(auth).collect();
                let message = encode(&method.input(), &request);
                let mut body = vec![0];
                body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
                body.extend(message);
                from_grpc(self.raw("POST", &path, &headers, body, !web).await, &method.output())
            }
        }
    }

    async fn call_rest(
        &self,
        method: &prost_reflect::MethodDescriptor,
        token: Option<&str>,
        mut request: Value,
    ) -> Outcome {
        let rpc = doorward_proto::find_rpc(method.parent_service().full_name(), method.name()).unwrap();
        let mut path = String::new();
        for segment in rpc.path.split('/').skip(1) {
            path.push('/');
            match segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
                None => path.push_str(segment),
                Some(name) => {
                    let field = method.input().get_field_by_name(name).unwrap();
                    let value =
                        request.as_object_mut().unwrap().remove(field.json_name()).unwrap_or(json!(""));
                    path.push_str(&escape(value.as_str().unwrap()));
                }
            }
        }
        if !rpc.body {
            path = format!("{path}?{}", query("", &request).join("&"));
        }
        let body = if rpc.body { request.to_string() } else { String::new() };
        let answer = self.rest(rpc.verb, &path, token, &body).await;
        if answer.status.is_success() {
            assert_eq!(answer.status.as_u16(), rpc.success, "{path}");
            return Ok(answer.json());
        }
        let body = answer.json();
        let code = u32::try_from(body["code"].as_u64().unwrap()).unwrap();
        let details = body["details"].as_array().cloned().unwrap_or_default();
        Err(Refusal { code, message: body["message"].as_str().unwrap().to_owned(), details })
    }
}

/// A message as the parts of a query; names of inner fields are dotted.
fn query(name: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let dotted = |inner: &str| [name, inner].join(if name.is_empty() { "" } else { "." });
            fields.iter().flat_map(|(inner, value)| query(&dotted(inner), value)).collect()
        }
        Value::Array(list) => list.iter().flat_map(|value| query(name, value)).collect(),
        Value::String(text) => vec![format!("{name}={}", escape(text))],
        value => vec![format!("{name}={value}")],
    }
}

fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn encode(descriptor: &MessageDescriptor, request: &Value) -> Vec<u8> {
    DynamicMessage::deserialize(descriptor.clone(), request).unwrap().encode_to_vec()
}

fn decode(descriptor: &MessageDescriptor, bytes: &[u8]) -> Value {
    let message = DynamicMessage::decode(descriptor.clone(), bytes).unwrap();
    let options = SerializeOptions::new();
    message.serialize_with_options(serde_json::value::Serializer, &options).unwrap()
}

fn from_connect(answer: Answer, output: Option<&MessageDescriptor>) -> Outcome {
    if answer.status == StatusCode::OK {
        return Ok(output.map_or_else(|| answer.json(), |output| decode(output, &answer.bytes)));
    }
    let body = answer.json();
    let code = CODES.iter().position(|name| body["code"] == *name).unwrap();
    let details = body["details"].as_array().cloned().unwrap_or_default().into_iter().map(|detail| {
        let value = STANDARD_NO_PAD.decode(detail["value"].as_str().unwrap()).unwrap();
        let unpacked = unpack(detail["type"].as_str().unwrap(), &value);
        let mut debug = detail["debug"].clone();
        debug["@type"] = unpacked["@type"].clone();
        assert_eq!(debug, unpacked, "debug and value tell the same");
        unpacked
    });
    let details = details.collect();
    Err(Refusal {
        code: u32::try_from(code).unwrap(),
        message: body["message"].as_str().unwrap_or_default().to_owned(),
        details,
    })
}

fn from_grpc(answer: Answer, output: &MessageDescriptor) -> Outcome {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let (mut message, mut trailers) = (None, answer.trailers.clone());
    trailers.extend(answer.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    let mut rest = &answer.bytes[..];
    while rest.len() >= 5 {
        let length = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
        let frame = &rest[5..5 + length];
        if rest[0] & 0x80 == 0 {
            message = Some(frame.to_vec());
        } else {
            for line in std::str::from_utf8(frame).unwrap().lines() {
                let (name, value) = line.split_once(':').unwrap();
                let name = http::HeaderName::from_bytes(name.trim().to_lowercase().as_bytes()).unwrap();
                trailers.insert(name, value.trim().parse().unwrap());
            }
        }
        rest = &rest[5 + length..];
    }
    let text = |name: &str| trailers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let code: u32 = text("grpc-status").unwrap().parse().unwrap();
    if code == 0 {
        return Ok(decode(output, &message.unwrap()));
    }
    let message = text("grpc-message").unwrap_or_default();
    let message = percent_encoding::percent_decode_str(&message).decode_utf8().unwrap().into_owned();
    let details = text("grpc-status-details-bin").map_or(Vec::new(), |encoded| {
        let status = STANDARD_NO_PAD
            .decode(encoded.trim_end_matches('='))
            .or_else(|_| STANDARD.decode(&encoded))
            .unwrap();
        status_details(&status)
    });
    Err(Refusal { code, message, details })
}

/// Reads `google.rpc.Status` by hand: field 3 holds the details.
fn status_details(status: &[u8]) -> Vec<Value> {
    let any = |bytes: &[u8]| {
        let any = fields(bytes);
        let find =
            |number: u64| any.iter().find(|(found, _)| *found == number).map(|(_, bytes)| bytes.clone());
        let name = String::from_utf8(find(1).unwrap()).unwrap();
        assert!(name.starts_with("type.googleapis.com/"), "{name}");
        unpack(name.rsplit('/').next().unwrap(), &find(2).unwrap_or_default())
    };
    fields(status).iter().filter(|(number, _)| *number == 3).map(|(_, bytes)| any(bytes)).collect()
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let tag = prost_reflect::prost::encoding::decode_varint(&mut bytes).unwrap();
        let value = prost_reflect::prost::encoding::decode_varint(&mut bytes).unwrap();
        if tag & 7 == 2 {
            let (head, tail) = bytes.split_at(usize::try_from(value).unwrap());
            all.push((tag >> 3, head.to_vec()));
            bytes = tail;
        }
    }
    all
}

fn unpack(name: &str, bytes: &[u8]) -> Value {
    let descriptor = POOL.get_message_by_name(name).unwrap_or_else(|| panic!("no message {name}"));
    let mut value = decode(&descriptor, bytes);
    value["@type"] = json!(format!("type.googleapis.com/{name}"));
    value
}

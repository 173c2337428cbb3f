//! A provider that answers whatever a test wants, and signs it with keys of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

/// What the client is called at the provider.
pub const CLIENT: &str = "doorward";
/// Its secret.
pub const SECRET: &str = "client-secret-hunter2";

/// How an endpoint answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// With this object.
    Object(Value),
    /// With this status and text.
    Status(u16, String),
    /// With a redirect to there.
    Redirect(String),
    /// Never.
    Never,
    /// With so many bytes.
    Huge(usize),
}

/// A request that came in.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub path: String,
    pub authorization: String,
    pub form: Vec<(String, String)>,
}

impl Seen {
    /// A field of the form.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// A key that the provider signs with.
#[derive(Clone)]
pub struct Key {
    pub signing: EncodingKey,
    pub public: Jwk,
}

impl Key {
    /// A new key of that name.
    pub fn new(kid: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let signing = EncodingKey::from_ec_der(&pair.serialize_der());
        let mut public = Jwk::from_encoding_key(&signing, Algorithm::ES256).unwrap();
        public.common.key_id = Some(kid.to_owned());
        Self { signing, public }
    }

    /// Signs claims.
    pub fn sign(&self, claims: &Map<String, Value>) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid.clone_from(&self.public.common.key_id);
        encode(&header, claims, &self.signing).unwrap()
    }
}

struct State {
    replies: Vec<(&'static str, Reply)>,
    seen: Vec<Seen>,
}

/// The provider. It stops with the runtime of its test.
#[derive(Clone)]
pub struct Stub {
    pub issuer: String,
    pub key: Key,
    state: Arc<Mutex<State>>,
}

impl Stub {
    /// A provider that publishes itself and one key.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = issuer(listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { replies: Vec::new(), seen: Vec::new() }));
        let stub = Self { issuer: issuer.clone(), key: Key::new("one"), state };
        stub.set("/.well-known/openid-configuration", Reply::Object(stub.document()));
        stub.publish(&[&stub.key]);
        stub.set("/userinfo", Reply::Object(json!({ "sub": "248289761001", "name": "Mini Mouse" })));
        let serving = stub.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stub = serving.clone();
                let service = service_fn(move |request| stub.clone().answer(request));
                let connection =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        stub
    }

    /// What it publishes about itself.
    pub fn document(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"),
            "jwks_uri": at("/keys"),
            "authorization_response_iss_parameter_supported": true,
        })
    }

    /// Publishes these keys and no others.
    pub fn publish(&self, keys: &[&Key]) {
        let keys: Vec<_> = keys.iter().map(|key| &key.public).collect();
        self.set("/keys", Reply::Object(json!({ "keys": keys })));
    }

    /// From now on a path is answered like this.
    pub fn set(&self, path: &'static str, reply: Reply) {
        let mut state = self.state.lock().unwrap();
        state.replies.retain(|(known, _)| *known != path);
        state.replies.push((path, reply));
    }

    /// The requests of a path so far.
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        self.state.lock().unwrap().seen.iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// The next code gives this ID token.
    pub fn give(&self, id_token: &str) {
        let tokens = json!({ "access_token": "access-hunter3", "token_type": "Bearer", "id_token": id_token });
        self.set("/token", Reply::Object(tokens));
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let authorization = head.headers.get("authorization").and_then(|value| value.to_str().ok());
        let authorization = authorization.unwrap_or_default().to_owned();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let form = url::form_urlencoded::parse(&body).into_owned().collect();
        let reply = {
            let mut state = self.state.lock().unwrap();
            state.seen.push(Seen { path: path.clone(), authorization, form });
            state.replies.iter().find(|(known, _)| *known == path).map(|(_, reply)| reply.clone())
        };
        let respond = |status: u16, body: Vec<u8>| {
            let mut response = Response::new(Full::new(Bytes::from(body)));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response
        };
        Ok(match reply {
            None => respond(404, Vec::new()),
            Some(Reply::Object(object)) => respond(200, object.to_string().into_bytes()),
            Some(Reply::Status(status, text)) => respond(status, text.into_bytes()),
            Some(Reply::Redirect(place)) => {
                let mut response = respond(302, Vec::new());
                response.headers_mut().insert("location", place.parse().unwrap());
                response
            }
            Some(Reply::Never) => std::future::pending().await,
            Some(Reply::Huge(bytes)) => respond(200, vec![b' '; bytes]),
        })
    }
}

fn issuer(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// What a code verifier is shown as in advance.
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

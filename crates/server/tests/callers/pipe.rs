//! One connection for very many calls.

use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::client::Http;

/// A connection that is kept open.
pub struct Pipe {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Pipe {
    pub async fn open(http: Http) -> Self {
        let stream = TcpStream::connect(http.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, host: http.address.to_string() }
    }

    /// Calls a method with a token; gives the error id, or nothing for a success.
    pub async fn refusal(&mut self, path: &str, token: &str, request: &Bytes) -> Option<String> {
        let request = Request::post(path)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Full::new(request.clone()))
            .unwrap();
        self.sender.ready().await.unwrap();
        let answer = self.sender.send_request(request).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        if status.is_success() {
            return None;
        }
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        let id = body["details"][0]["debug"]["id"].as_str().or(body["message"].as_str());
        Some(id.unwrap_or_default().to_owned())
    }
}

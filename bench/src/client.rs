//! Clients of both wires, as thin as they can be: what they cost, they cost Doorward and its rivals alike.

use anyhow::{Result, bail};
use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::call::{Call, Wire};

/// So many gRPC clients share a connection.
const STREAMS: usize = 16;

/// What a call came to.
#[derive(Debug)]
pub enum Outcome {
    Done(Bytes),
    /// Refused because there was too much to do: 429, or ResourceExhausted.
    Shed,
    Failed,
}

/// Status, headers and body of an answer over REST.
pub type Answer = (StatusCode, HeaderMap, Bytes);

/// One caller that waits for each answer before it asks again.
pub enum Client {
    Grpc(h2::client::SendRequest<Bytes>),
    Rest(http1::SendRequest<Full<Bytes>>),
}

impl Client {
    /// So many callers. REST: a kept-alive connection each; gRPC: a stream each on a few connections.
    pub async fn connect(wire: Wire, address: &str, number: usize) -> Result<Vec<Self>> {
        let mut clients = Vec::new();
        while clients.len() < number {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            match wire {
                Wire::Grpc => {
                    let (sender, connection) = h2::client::handshake(stream).await?;
                    tokio::spawn(connection);
                    let share = STREAMS.min(number - clients.len());
                    clients.extend((0..share).map(|_| Self::Grpc(sender.clone())));
                }
                Wire::Rest => {
                    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                    tokio::spawn(connection);
                    clients.push(Self::Rest(sender));
                }
            }
        }
        Ok(clients)
    }

    /// Sends the call and waits for the end of the answer.
    pub async fn call(&mut self, call: &Call) -> Result<Outcome> {
        match self {
            Self::Grpc(sender) => over_grpc(sender, call).await,
            Self::Rest(sender) => over_rest(sender, call).await,
        }
    }

    /// All of an answer over REST, whatever its status.
    pub async fn whole(&mut self, call: &Call) -> Result<Answer> {
        match self {
            Self::Grpc(_) => bail!("only answers over REST are wanted whole"),
            Self::Rest(sender) => answer(sender, call).await,
        }
    }

    /// The answer of a call that must succeed.
    pub async fn must(&mut self, call: &Call) -> Result<Bytes> {
        match self.call(call).await? {
            Outcome::Done(answer) => Ok(answer),
            other => bail!("{} {}: {other:?}", call.method, call.uri.path()),
        }
    }
}

async fn over_grpc(sender: &mut h2::client::SendRequest<Bytes>, call: &Call) -> Result<Outcome> {
    let mut request = Request::builder().method(&call.method).uri(call.uri.clone()).body(())?;
    request.headers_mut().extend(call.headers.iter().cloned());
    let mut ready = sender.clone().ready().await?;
    let (answer, mut upload) = ready.send_request(request, false)?;
    upload.send_data(call.body.clone(), true)?;
    let (head, mut body) = answer.await?.into_parts();
    let mut bytes = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        bytes.extend_from_slice(&part);
    }
    let trailers = body.trailers().await?;
    // An error without a message is told in the head.
    let status = head.headers.get("grpc-status").or_else(|| trailers.as_ref()?.get("grpc-status"));
    Ok(match status.map(http::HeaderValue::as_bytes) {
        Some(b"0") => Outcome::Done(bytes.freeze()),
        Some(b"8") => Outcome::Shed,
        _ => Outcome::Failed,
    })
}

async fn over_rest(sender: &mut http1::SendRequest<Full<Bytes>>, call: &Call) -> Result<Outcome> {
    let (status, _, bytes) = answer(sender, call).await?;
    Ok(match status {
        StatusCode::TOO_MANY_REQUESTS => Outcome::Shed,
        status if status.is_success() => Outcome::Done(bytes),
        _ => Outcome::Failed,
    })
}

async fn answer(sender: &mut http1::SendRequest<Full<Bytes>>, call: &Call) -> Result<Answer> {
    let mut request = Request::builder()
        .method(&call.method)
        .uri(call.uri.clone())
        .header(HOST, HeaderValue::from_static("localhost"))
        .body(Full::new(call.body.clone()))?;
    request.headers_mut().extend(call.headers.iter().cloned());
    sender.ready().await?;
    let (head, body) = sender.send_request(request).await?.into_parts();
    Ok((head.status, head.headers, body.collect().await?.to_bytes()))
}

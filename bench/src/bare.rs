//! The least that a server of the same stack can do: answer every call with the same bytes.

use std::convert::Infallible;
use std::future::ready;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Result;
use axum::serve::ListenerExt as _;
use bytes::{Buf, BufMut, Bytes};
use http::header::CONTENT_TYPE;
use tokio::net::TcpListener;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// Serves gRPC until the process ends.
pub async fn tonic(answer: &Path) -> Result<()> {
    let service = Same(Bytes::from(std::fs::read(answer)?));
    let listener = announced().await?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming).await?;
    Ok(())
}

/// Serves REST until the process ends.
pub async fn axum(answer: &Path) -> Result<()> {
    let answer = Bytes::from(std::fs::read(answer)?);
    let get = axum::routing::get(move || ready(([(CONTENT_TYPE, "application/json")], answer.clone())));
    let router = axum::Router::new().route("/v2/sessions/{session_id}", get);
    let listener = announced().await?.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).await?;
    Ok(())
}

/// A listener on a free port, which is printed in the same form as Doorward prints it.
async fn announced() -> Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ready on http://{}", listener.local_addr()?);
    Ok(listener)
}

/// One service with one answer.
#[derive(Clone)]
struct Same(Bytes);

impl NamedService for Same {
    const NAME: &'static str = "zitadel.session.v2.SessionService";
}

type Answer = http::Response<tonic::body::Body>;

impl tower::Service<http::Request<tonic::body::Body>> for Same {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let answer = self.0.clone();
        Box::pin(async move {
            let method = tower::service_fn(move |_: Request<Bytes>| {
                ready(Ok::<_, Status>(Response::new(answer.clone())))
            });
            Ok(tonic::server::Grpc::new(Raw).unary(method, request).await)
        })
    }
}

/// Messages as bytes: the cost of a real codec is left out on purpose.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining())))
    }
}

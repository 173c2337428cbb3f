//! An HTTP server that takes what is posted, answers as it was told, and shows what it got.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::mail_server::PATIENCE;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Got {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}: {self:?}")).to_str().unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A receiver that runs.
pub struct Receiver {
    pub address: SocketAddr,
    got: mpsc::UnboundedReceiver<Got>,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
}

impl Receiver {
    /// A receiver on a free port, which answers 200 unless it is told otherwise.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, got) = mpsc::unbounded_channel();
        let answers: Arc<Mutex<VecDeque<(u16, String)>>> = Arc::default();
        let given = Arc::clone(&answers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tell, given) = (tell.clone(), Arc::clone(&given));
                let service = service_fn(move |request| take(request, tell.clone(), Arc::clone(&given)));
                let served = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(served);
            }
        });
        Self { address, got, answers }
    }

    /// Says how one more of the next requests is answered.
    pub fn answer(&self, status: u16, body: &str) {
        self.answers.lock().unwrap().push_back((status, body.to_owned()));
    }

    /// What comes next.
    pub async fn next(&mut self) -> Got {
        timeout(PATIENCE, self.got.recv()).await.unwrap().unwrap()
    }
}

async fn take(
    request: Request<Incoming>,
    tell: mpsc::UnboundedSender<Got>,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let (status, text) = answers.lock().unwrap().pop_front().unwrap_or((200, String::new()));
    drop(tell.send(Got { path: head.uri.path().to_owned(), headers: head.headers, body }));
    let answer = Response::builder().status(status).header("location", "/elsewhere");
    Ok(answer.body(Full::new(Bytes::from(text))).unwrap())
}

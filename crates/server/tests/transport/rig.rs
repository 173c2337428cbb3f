//! A running server on a free port, and plain clients for it.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use doorward::config::Config;
use doorward::telemetry::Metrics;
use doorward::transport::{Limits, PeerAddr, TimedBody, Tls, Transport, serve};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Far longer than anything here takes; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("nothing happened for a long time")
}

/// Time-outs so long that none of them plays a part, except those that a test shortens.
pub fn limits() -> Limits {
    let long = Duration::from_secs(600);
    Limits {
        first_byte_timeout: long,
        handshake_timeout: long,
        header_timeout: long,
        request_timeout: long,
        write_timeout: long,
        idle_timeout: long,
        ping_interval: long,
        drain_timeout: long,
        ..Limits::from_config(&Config::default())
    }
}

/// The time-out that a test waits for.
pub const SHORT: Duration = Duration::from_millis(150);

pub struct Rig {
    pub address: SocketAddr,
    pub metrics: Metrics,
    /// The handler of `/wait` tells by the first that it runs, and waits for the second.
    pub entered: Arc<Notify>,
    pub go_on: Arc<Notify>,
    stop: Option<oneshot::Sender<()>>,
    pub server: JoinHandle<usize>,
}

impl Rig {
    pub async fn start(limits: Limits) -> Self {
        Self::start_with(limits, None).await
    }

    pub async fn start_with(limits: Limits, tls: Option<Arc<Tls>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Metrics::new("test", 0);
        let (entered, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (stop, stopped) = oneshot::channel::<()>();
        let transport = Transport { limits, tls, metrics: metrics.clone() };
        let gates = (Arc::clone(&entered), Arc::clone(&go_on));
        let handler = move |request| handle(request, gates.clone());
        let server = tokio::spawn(serve(vec![listener], transport, handler, async move {
            let _ = stopped.await;
        }));
        Self { address, metrics, entered, go_on, stop: Some(stop), server }
    }

    pub fn stop(&mut self) {
        self.stop.take();
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// One HTTP/1.1 exchange on a connection of its own.
    pub async fn ask(&self, head: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(format!("{head}\r\nhost: a\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
        to_end(&mut stream).await
    }
}

async fn handle(
    request: Request<Incoming>,
    (entered, go_on): (Arc<Notify>, Arc<Notify>),
) -> Response<Full<Bytes>> {
    match request.uri().path() {
        "/panic" => panic!("on purpose"),
        "/wait" => {
            entered.notify_one();
            go_on.notified().await;
            Response::new(Full::from("waited"))
        }
        "/large" => Response::new(Full::from(vec![b'x'; 64 << 20])),
        "/echo" => match TimedBody::new(request.into_body(), SHORT).collect().await {
            Ok(body) => Response::new(Full::new(body.to_bytes())),
            Err(error) => {
                let mut response = Response::new(Full::from(error.to_string()));
                *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
                response
            }
        },
        _ => {
            let PeerAddr(peer) = request.extensions().get().copied().unwrap();
            Response::new(Full::from(format!("hello {:?} {peer}", request.version())))
        }
    }
}

/// Reads until the server closes. A reset is an end as well.
pub async fn to_end(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let _ = soon(stream.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An HTTP/2 client whose connection is driven in the background. The handle ends with the connection.
pub async fn http2<S>(stream: S) -> (h2::client::SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (client, connection) = soon(h2::client::handshake(stream)).await.unwrap();
    (client, tokio::spawn(connection))
}

pub async fn get(
    client: &h2::client::SendRequest<Bytes>,
    path: &str,
) -> Result<(StatusCode, String), h2::Error> {
    let mut client = soon(client.clone().ready()).await?;
    let request = Request::get(format!("http://a{path}")).body(()).unwrap();
    let response = soon(client.send_request(request, true)?.0).await?;
    let (status, mut body) = (response.status(), response.into_body());
    let mut text = String::new();
    while let Some(chunk) = soon(body.data()).await {
        text.push_str(&String::from_utf8_lossy(&chunk?));
    }
    Ok((status, text))
}

/// A frame of HTTP/2, written by hand where a well-behaved client would not send it.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Writes a new certificate for `localhost` into the directory and returns it as DER.
pub fn certificate(directory: &Path) -> Vec<u8> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(directory.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().to_vec()
}

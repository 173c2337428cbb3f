//! The network edge: accepts connections, speaks TLS, HTTP/1.1 and HTTP/2 on one port, and hands requests to a
//! function. Whatever a client does with a connection, it costs the server a bounded time and a bounded memory.

mod accept;
mod activity;
mod answer;
mod connection;
mod guarded;
mod slow;
mod tls;
mod watched;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::config;
use crate::telemetry::Metrics;

pub use slow::{BodyTooSlow, TimedBody};
pub use tls::{Tls, TlsError};

/// An error of any type, as body types have them.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Request extension: the address of the other end of the connection. Behind a proxy this is the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// What one client may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest head of a request in bytes; HTTP/1.1 needs at least 8192.
    pub header_bytes: u32,
    /// From the opening of a connection to its first byte.
    pub first_byte_timeout: Duration,
    /// For the whole TLS handshake.
    pub handshake_timeout: Duration,
    /// From the first byte of a request to the end of its head.
    pub header_timeout: Duration,
    /// From the end of the head to the beginning of the answer.
    pub request_timeout: Duration,
    /// For a client that takes no byte of an answer.
    pub write_timeout: Duration,
    /// For a connection without a request.
    pub idle_timeout: Duration,
    /// Between two pings on an HTTP/2 connection.
    pub ping_interval: Duration,
    /// For the answer to a ping.
    pub ping_timeout: Duration,
    /// For running requests when the server stops.
    pub drain_timeout: Duration,
    /// Connections at a time, those in a TLS handshake included.
    pub max_connections: usize,
    /// Requests at a time on one HTTP/2 connection.
    pub max_streams: u32,
    /// Between two looks at the files of the certificate.
    pub tls_reload_interval: Duration,
}

impl Limits {
    pub fn from_config(config: &config::Config) -> Self {
        let (limits, tls) = (&config.limits, &config.tls);
        let ms = |value: u32| Duration::from_millis(u64::from(value));
        let seconds = |value: u32| Duration::from_secs(u64::from(value));
        Self {
            header_bytes: limits.header_bytes,
            first_byte_timeout: ms(limits.first_byte_timeout_ms),
            handshake_timeout: ms(tls.handshake_timeout_ms),
            header_timeout: ms(limits.header_timeout_ms),
            request_timeout: ms(limits.request_timeout_ms),
            write_timeout: ms(limits.write_timeout_ms),
            idle_timeout: seconds(limits.idle_timeout_s),
            ping_interval: seconds(30),
            ping_timeout: seconds(20),
            drain_timeout: ms(limits.drain_timeout_ms),
            max_connections: usize::try_from(limits.max_connections).unwrap_or(usize::MAX),
            max_streams: limits.max_streams_per_connection,
            tls_reload_interval: seconds(tls.reload_interval_s),
        }
    }
}

/// How connections are served.
#[derive(Clone)]
pub struct Transport {
    pub limits: Limits,
    /// Plain HTTP without it.
    pub tls: Option<Arc<Tls>>,
    pub metrics: Metrics,
}

/// How far the server is on its way down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Serving,
    /// No new connections; HTTP/2 says GOAWAY, HTTP/1.1 closes after the running request.
    Draining,
    /// Everything is closed as it stands.
    Closing,
}

/// What all connections share.
struct Shared<H> {
    transport: Transport,
    handler: H,
    slots: Arc<Semaphore>,
}

/// Serves until `shutdown` is ready, then drains, and returns the number of connections that had to be cut off.
///
/// A handler that panics answers as an internal error, one that takes too long as an exceeded deadline, both in the
/// protocol of the request. When the client goes away, the future of the handler is dropped: work that must go on
/// belongs on a task of its own.
pub async fn serve<H, F, B>(
    listeners: Vec<TcpListener>,
    transport: Transport,
    handler: H,
    shutdown: impl Future<Output = ()>,
) -> usize
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let drain_timeout = transport.limits.drain_timeout;
    let slots = transport.limits.max_connections.min(Semaphore::MAX_PERMITS);
    let mut background = JoinSet::new();
    if let Some(tls) = &transport.tls {
        background.spawn(Arc::clone(tls).watch(transport.limits.tls_reload_interval));
    }
    let shared = Arc::new(Shared { transport, handler, slots: Arc::new(Semaphore::new(slots)) });
    let (stage, following) = watch::channel(Stage::Serving);
    let mut doors = JoinSet::new();
    for listener in listeners {
        doors.spawn(accept::accept(listener, Arc::clone(&shared), following.clone()));
    }
    drop(following);
    shutdown.await;
    stage.send_replace(Stage::Draining);
    // The listeners are closed when this returns, so nobody is accepted whom the drain does not know.
    while doors.join_next().await.is_some() {}
    if tokio::time::timeout(drain_timeout, stage.closed()).await.is_ok() {
        return 0;
    }
    let cut = stage.receiver_count();
    tracing::warn!(connections = cut, "running requests did not finish in time and are cut off");
    stage.send_replace(Stage::Closing);
    stage.closed().await;
    cut
}

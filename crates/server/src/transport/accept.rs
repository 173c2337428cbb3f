//! Takes connections from a listener.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep, timeout};

use super::{BoxError, PeerAddr, Shared, Stage, connection};

/// The pause after an error of the listener itself, such as too many open files. Without it the loop would spin.
const PAUSE: Duration = Duration::from_millis(100);
/// A full house is logged at most this often; the metric counts every guest.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Accepts until the server drains, then closes the listener.
///
/// A connection beyond the limit is closed at once instead of waiting in the backlog: there it would look to the client
/// like a server that hangs, and a client that is refused can try another replica.
pub(super) async fn accept<H, F, B>(
    listener: TcpListener,
    shared: Arc<Shared<H>>,
    mut stage: watch::Receiver<Stage>,
) where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let following = stage.clone();
    let mut logged: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stage.wait_for(|stage| *stage > Stage::Serving) => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        if let Ok(slot) = Arc::clone(&shared.slots).try_acquire_owned() {
            tokio::spawn(welcome(stream, peer, Arc::clone(&shared), (slot, following.clone())));
        } else {
            shared.transport.metrics.connection_refused("limit");
            if logged.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
                logged = Some(Instant::now());
                tracing::warn!(limit = shared.transport.limits.max_connections, "too many connections");
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// Sees one connection through, from its first byte to its end.
async fn welcome<H, F, B>(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared<H>>,
    (slot, mut stage): (OwnedSemaphorePermit, watch::Receiver<Stage>),
) where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let _slot = slot;
    let transport = &shared.transport;
    let _open = transport.metrics.connection();
    // Small answers must not wait for the acknowledgement of earlier ones.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY cannot be set");
    }
    let Some(tls) = &transport.tls else {
        return connection::run(stream, PeerAddr(peer), &shared, stage).await;
    };
    let limits = &transport.limits;
    let handshake = async {
        // Only a peek is sure: readiness may be reported when there is nothing to read.
        match timeout(limits.first_byte_timeout, stream.peek(&mut [0])).await {
            Ok(Ok(1)) => (),
            Ok(_) => return Err("handshake"),
            Err(_) => return Err("first_byte_timeout"),
        }
        match timeout(limits.handshake_timeout, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "TLS handshake failed");
                Err("handshake")
            }
            Err(_) => Err("handshake_timeout"),
        }
    };
    let shaken = tokio::select! {
        biased;
        _ = stage.wait_for(|stage| *stage > Stage::Serving) => return,
        shaken = handshake => shaken,
    };
    match shaken {
        Ok(stream) => connection::run(stream, PeerAddr(peer), &shared, stage).await,
        Err(reason) => transport.metrics.connection_refused(reason),
    }
}

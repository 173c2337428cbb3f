//! One connection: the protocol, its limits, and its end.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::activity::{Activity, Overdue};
use super::answer::answer;
use super::watched::Watched;
use super::{BoxError, Limits, PeerAddr, Shared, Stage};

/// Streams that a client opened and reset before we looked at them; more at a time end the connection.
const PENDING_RESETS: usize = 20;
/// Streams that we reset because the client broke the protocol; more end the connection.
const ERROR_RESETS: usize = 128;
/// Flow-control windows: a request of ordinary size arrives without waiting, a flood does not fill the memory.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// What is kept of one answer that the client does not take.
const SEND_BUFFER: usize = 256 << 10;

/// Runs a connection to its end.
pub(super) async fn run<S, H, F, B>(
    stream: S,
    peer: PeerAddr,
    shared: &Arc<Shared<H>>,
    mut stage: watch::Receiver<Stage>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let limits = &shared.transport.limits;
    let activity = Activity::new();
    let service = service_fn(|request| answer(Arc::clone(shared), Arc::clone(&activity), peer, request));
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&activity)));
    let builder = builder(limits);
    let mut protocol = pin!(builder.serve_connection(io, service));
    let mut timer = Timer::new(&activity, limits);
    let mut reached = Stage::Serving;
    loop {
        tokio::select! {
            biased;
            ended = protocol.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error, peer = %peer.0, "a connection ended with an error");
                }
                return;
            }
            // The order matters: the timer looks at the activity after the protocol has made its progress.
            overdue = poll_fn(|cx| timer.poll(cx)) => {
                tracing::debug!(reason = overdue.name(), peer = %peer.0, "a connection is closed");
                shared.transport.metrics.connection_dropped(overdue.name());
                if overdue == Overdue::Idle {
                    // Tells an HTTP/2 client that no request of it was lost. It has a moment to hear this.
                    protocol.as_mut().graceful_shutdown();
                    tokio::select! {
                        _ = timeout(limits.header_timeout, protocol) => (),
                        _ = after(&mut stage, Stage::Draining) => (),
                    }
                }
                return;
            }
            next = after(&mut stage, reached) => {
                if next == Stage::Closing {
                    return;
                }
                reached = next;
                protocol.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Waits for a stage beyond this one. A server that is gone counts as closing.
async fn after(stage: &mut watch::Receiver<Stage>, reached: Stage) -> Stage {
    stage.wait_for(|stage| *stage > reached).await.map_or(Stage::Closing, |stage| *stage)
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    let header_bytes = usize::try_from(limits.header_bytes).unwrap_or(usize::MAX).max(8_192);
    // Hyper's own limit of 100 headers stays: setting any number, even this one, costs an allocation a request.
    builder.http1().header_read_timeout(None).max_buf_size(header_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.ping_interval)
        .keep_alive_timeout(limits.ping_timeout)
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(limits.header_bytes)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(ERROR_RESETS)
        .adaptive_window(false)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER);
    builder
}

/// Rings when the connection is overdue. It is set lazily: a deadline that moves away is noticed when it rings, so a
/// request costs no work on timers.
struct Timer<'a> {
    activity: &'a Activity,
    limits: &'a Limits,
    sleep: Pin<Box<Sleep>>,
}

impl<'a> Timer<'a> {
    fn new(activity: &'a Activity, limits: &'a Limits) -> Self {
        Self { activity, limits, sleep: Box::pin(sleep(limits.first_byte_timeout)) }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Overdue> {
        loop {
            let now = Instant::now();
            // A request that runs has no deadline here, but its end may come from another task, which does not wake
            // this one. So the timer looks again later.
            let at = match self.activity.deadline(self.limits) {
                Some((at, overdue)) if at <= now => return Poll::Ready(overdue),
                Some((at, _)) => at,
                None => now + self.limits.idle_timeout,
            };
            if self.sleep.is_elapsed() || at < self.sleep.deadline() {
                self.sleep.as_mut().reset(at);
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

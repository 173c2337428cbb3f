//! The front door: one port for every protocol, and where each request goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use connectrpc::{Chain, ConnectRpcService, Limits, Router};
use connectrpc_health::StaticChecker;
use doorward_core::failure::{self, Failure, Kind};
use futures_util::future::BoxFuture;
use http::header::{HOST, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tower::Service;

use super::answer::{AnswerBody, plain, post_only};
use super::client_address::client;
use super::cors::Cors;
use super::idp_callback;
use super::oauth;
use super::oauth_answer::Refusal;
use super::oauth_endpoint::Endpoint;
use super::rest::{self, Rest};
use super::rpc::{Rpcs, TooOften};
use super::table::served;
use crate::app::App;
use crate::telemetry::Metrics;
use crate::transport::PeerAddr;

/// How large bodies may be, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Of requests about sessions.
    pub sessions: usize,
    /// Of requests about users, whose metadata may be larger.
    pub users: usize,
}

/// Everything behind the port.
#[derive(Clone)]
pub struct Front {
    shared: Arc<Shared>,
}

struct Shared {
    app: Arc<App>,
    rpc: ConnectRpcService<Chain<super::rpc::Shared, Router>>,
    rest: Rest,
    cors: Cors,
    limits: BodyLimits,
    metrics: Metrics,
    ready: AtomicBool,
    health: Arc<StaticChecker>,
    openapi: Bytes,
}

impl Front {
    /// Opens the front door.
    ///
    /// # Errors
    /// When the descriptors cannot be served by reflection.
    pub fn new(app: Arc<App>, metrics: Metrics, cors: Cors, limits: BodyLimits) -> anyhow::Result<Self> {
        let rpcs = Arc::new(Rpcs::new(Arc::clone(&app), metrics.clone(), rpc_limits(limits.users), served()));
        let (router, health) = built_in()?;
        let rpc = ConnectRpcService::new(Chain(super::rpc::Shared(Arc::clone(&rpcs)), router))
            .with_limits(rpc_limits(limits.sessions));
        let shared = Shared {
            rpc,
            rest: Rest::new(Arc::clone(&app), rpcs),
            app,
            cors,
            limits,
            metrics,
            ready: AtomicBool::new(true),
            health,
            openapi: Bytes::from(doorward_proto::openapi().to_string()),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Tells load balancers that no new requests are wanted.
    pub fn not_ready(&self) {
        self.shared.ready.store(false, Ordering::Relaxed);
        self.shared.health.shutdown();
    }

    /// Answers a request.
    pub async fn answer<B>(self, mut request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let shared = &self.shared;
        name_host(&mut request);
        let origin = request.headers().get(ORIGIN).cloned();
        let preflight = Cors::is_preflight(request.method(), request.headers());
        let mut response = if preflight {
            plain(StatusCode::NO_CONTENT, "", Bytes::new())
        } else {
            match shared.too_often(&request) {
                None => shared.route(request).await,
                Some(refusal) if is_rpc(request.uri().path()) => {
                    request.extensions_mut().insert(TooOften(refusal));
                    shared.route(request).await
                }
                Some(refusal) if Endpoint::at(request.uri().path()).is_some() => {
                    Refusal::from(refusal).answer()
                }
                Some(refusal) => rest::error(&refusal).map(|body| Full::new(body).boxed_unsync()),
            }
        };
        if origin.is_some() {
            shared.cors.allow(origin.as_ref(), preflight, response.headers_mut());
        }
        response
    }
}

/// HTTP/2 names the host beside the path; HTTP/1.1 does so among the headers, where it is looked for.
fn name_host<B>(request: &mut Request<B>) {
    let named = request.uri().authority().and_then(|authority| authority.as_str().parse().ok());
    if let Some(host) = named.filter(|_| !request.headers().contains_key(HOST)) {
        request.headers_mut().insert(HOST, host);
    }
}

fn rpc_limits(body: usize) -> Limits {
    Limits::default().with_max_request_body_size(body).with_max_message_size(body)
}

/// Reflection over every descriptor, and health of every service.
fn built_in() -> anyhow::Result<(Router, Arc<StaticChecker>)> {
    let reflector =
        connectrpc_reflection::Reflector::from_descriptor_set_bytes(doorward_proto::FILE_DESCRIPTOR_SET)
            .map_err(|error| anyhow::anyhow!("the descriptors cannot be served: {error}"))?;
    let mut services: Vec<&str> = doorward_proto::RPCS.iter().map(|rpc| rpc.service).collect();
    services.dedup();
    let router = connectrpc_reflection::install(Router::new(), reflector);
    Ok(connectrpc_health::install_static(router, services))
}

impl Shared {
    /// What a request is refused with whose address sends too many.
    fn too_often<B>(&self, request: &Request<B>) -> Option<Failure> {
        let rates = &self.app.rates;
        if !rates.counts_addresses() || is_about_health(request.uri().path()) {
            return None;
        }
        let PeerAddr(peer) = request.extensions().get::<PeerAddr>()?;
        let address = client(peer.ip(), request.headers(), |address| rates.trusts(address));
        rates.address(address, self.app.env.clock.now()).err()
    }

    fn route<B>(self: &Arc<Self>, request: Request<B>) -> BoxFuture<'static, Response<AnswerBody>>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let path = request.uri().path();
        if is_rpc(path) {
            if request.method() == Method::GET && is_ours(path) {
                // No method is free of side effects, so none can be called by GET.
                return Box::pin(std::future::ready(post_only()));
            }
            let mut service = self.rpc.clone();
            return Box::pin(async move {
                let answered = service.call(request).await;
                match answered {
                    Ok(mut response) => {
                        // The trailers have it with the details; a client that finds it here does not read them.
                        response.headers_mut().remove("grpc-status");
                        response.headers_mut().remove("grpc-message");
                        response.map(BodyExt::boxed_unsync)
                    }
                    Err(never) => match never {},
                }
            });
        }
        let shared = Arc::clone(self);
        if path == idp_callback::PATH {
            return Box::pin(async move { idp_callback::answer(&shared.app, request).await });
        }
        if let Some(endpoint) = Endpoint::at(path) {
            return Box::pin(async move {
                let began = Instant::now();
                let response = oauth::answer(&shared.app, endpoint, request).await;
                shared.metrics.request(endpoint.label(response.status()), began.elapsed());
                response
            });
        }
        Box::pin(async move {
            match shared.own_page(request.method(), request.uri().path()).await {
                Some(response) => response,
                None => shared.rest(request).await.map(|body| Full::new(body).boxed_unsync()),
            }
        })
    }

    /// Pages that are not part of the API.
    async fn own_page(&self, method: &Method, path: &str) -> Option<Response<AnswerBody>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        Some(match path {
            "/debug/healthz" => plain(StatusCode::OK, "text/plain", Bytes::from_static(b"ok")),
            "/debug/ready" if !self.ready.load(Ordering::Relaxed) => {
                plain(StatusCode::SERVICE_UNAVAILABLE, "text/plain", Bytes::from_static(b"shutting down"))
            }
            "/debug/ready" => match self.app.reach_store().await {
                Ok(()) => plain(StatusCode::OK, "text/plain", Bytes::from_static(b"ok")),
                Err(_) => {
                    let text = Bytes::from_static(b"the store is not available");
                    plain(StatusCode::SERVICE_UNAVAILABLE, "text/plain", text)
                }
            },
            "/metrics" => {
                self.collect();
                plain(StatusCode::OK, self.metrics.content_type(), Bytes::from(self.metrics.encode()))
            }
            "/openapi.json" => plain(StatusCode::OK, "application/json", self.openapi.clone()),
            _ => return None,
        })
    }

    /// Brings the figures that others keep up to date.
    fn collect(&self) {
        let stats = self.app.db.take_stats();
        for writes in stats.batches {
            self.metrics.store_batch(writes);
        }
        for took in stats.commits {
            self.metrics.store("commit", took);
        }
        let hashing = self.app.hashing.take_stats();
        for took in hashing.took {
            self.metrics.hashing(took);
        }
        for _ in 0..hashing.refused {
            self.metrics.hashing_refused();
        }
        let (callers, addresses) = self.app.rates.take_refused();
        self.metrics.rate_refused("caller", callers);
        self.metrics.rate_refused("address", addresses);
        for (issuer, refused, unreadable) in self.app.issuers.take_stats() {
            self.metrics.issuer(issuer, refused, unreadable);
        }
        self.metrics.hashing_queue(self.app.hashing.waiting());
    }

    async fn rest<B>(&self, request: Request<B>) -> Response<Bytes>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let (head, body) = request.into_parts();
        let most =
            if Rest::is_about_users(head.uri.path()) { self.limits.users } else { self.limits.sessions };
        match Limited::new(body, most).collect().await {
            Ok(body) => self.rest.answer(head, body.to_bytes()).await,
            Err(error) => rest::error(&broken_body(&*error, most)),
        }
    }
}

/// Whether a path is that of a service.
fn is_rpc(path: &str) -> bool {
    path.starts_with("/zitadel.") || path.starts_with("/grpc.")
}

/// Pages that load balancers and monitoring ask for, which nobody must be able to keep them from.
fn is_about_health(path: &str) -> bool {
    matches!(path, "/debug/healthz" | "/debug/ready" | "/metrics") || path.starts_with("/grpc.health.")
}

/// Whether the path is that of a method in the descriptors.
fn is_ours(path: &str) -> bool {
    let parts = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    parts.is_some_and(|(service, method)| doorward_proto::find_rpc(service, method).is_some())
}

/// What a body that could not be read to its end is refused with.
fn broken_body(error: &(dyn std::error::Error + Send + Sync + 'static), most: usize) -> Failure {
    if error.is::<LengthLimitError>() {
        let text = format!("message larger than max (more than {most} bytes)");
        return Failure::bare(Kind::ResourceExhausted, text);
    }
    tracing::debug!(%error, "a body broke off");
    Failure {
        detail: failure::Detail::Bare,
        ..Failure::bare(Kind::InvalidArgument, "the body could not be read")
    }
}

//! The way of every call, whatever its protocol: decode, let in, permit, check limits, tell the story, encode.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use buffa::Message;
use bytes::Bytes;
use connectrpc::dispatcher::codegen::{
    MethodDescriptor, RequestStream, StreamingResult, UnaryResult, unimplemented_streaming,
    unimplemented_unary,
};
use connectrpc::{
    CodecFormat, Dispatcher, EncodedBody, Limits, Payload, Protocol as WireProtocol, RequestContext, Response,
};
use doorward_core::failure::{Failure, Kind};
use doorward_proto::{Narrow, PathFields, Rpc, Surface, Validate, from_json, to_json};
use doorward_store::session::ShownSession;
use doorward_store::together::Begun;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument;

use super::auth::{authenticate, authenticate_beside};
use super::status;
use crate::app::{App, Call};
use crate::telemetry::{Metrics, Protocol, RequestLabels};

/// A call before it is decoded.
pub struct Inbound {
    /// The headers of the HTTP request.
    pub headers: HeaderMap,
    /// The message.
    pub body: Bytes,
    /// How it is written, and how the answer shall be.
    pub format: CodecFormat,
    /// Fields that the path of a REST request sets.
    pub fields: Vec<(&'static str, String)>,
    /// How it was spoken.
    pub protocol: Protocol,
}

pub(super) type Run =
    Box<dyn Fn(Arc<App>, Inbound, Surface) -> BoxFuture<'static, Result<Bytes, Failure>> + Send + Sync>;

/// Request extension: the address that a request comes from sends too many. It is refused here, in its own protocol.
#[derive(Clone, Debug)]
pub struct TooOften(pub Failure);

/// A method with its handler, as the table lists it.
pub(super) type Served = (&'static Rpc, Surface, Run);

/// One served method.
pub struct Method {
    /// What the descriptors say of it.
    pub rpc: &'static Rpc,
    surface: Surface,
    run: Run,
}

/// Every served method, by `service/method`.
pub struct Rpcs {
    app: Arc<App>,
    metrics: Metrics,
    methods: HashMap<String, Arc<Method>>,
    /// Requests about users may be larger than the rest: their metadata is.
    user_limits: Limits,
}

/// What must hold for a method as a whole, before its limits are looked at.
pub(super) type Permit<Req> = for<'a> fn(&'a mut Call, &'a Req) -> BoxFuture<'a, Result<(), Failure>>;

/// A method that any caller may use, as far as its story lets them.
pub(super) fn open<Req, Res, Fut>(handler: fn(Call, Req) -> Fut) -> Run
where
    Req: Message + DeserializeOwned + Validate + PathFields + Narrow + Send + Sync + 'static,
    Res: Message + Serialize + Narrow + Send,
    Fut: Future<Output = Result<Res, Failure>> + Send + 'static,
{
    guarded(|_, _| Box::pin(std::future::ready(Ok(()))), handler)
}

/// A method with a permission of its own.
pub(super) fn guarded<Req, Res, Fut>(permit: Permit<Req>, handler: fn(Call, Req) -> Fut) -> Run
where
    Req: Message + DeserializeOwned + Validate + PathFields + Narrow + Send + Sync + 'static,
    Res: Message + Serialize + Narrow + Send,
    Fut: Future<Output = Result<Res, Failure>> + Send + 'static,
{
    Box::new(move |app, inbound, surface| {
        Box::pin(async move {
            let request: Req = read(&app, &inbound)?;
            let mut call = authenticate(&app, &inbound.headers, app.env.clock.now()).await?;
            permit(&mut call, &request).await?;
            let request = checked(request, surface)?;
            answer(handler(call, request).await?, surface, inbound.format)
        })
    })
}

/// A method about one session, which is looked up while its caller is let in.
pub(super) fn about<Req, Res, Fut>(
    session: fn(&Req) -> &str,
    handler: fn(Call, Req, Begun<ShownSession>) -> Fut,
) -> Run
where
    Req: Message + DeserializeOwned + Validate + PathFields + Narrow + Send + Sync + 'static,
    Res: Message + Serialize + Narrow + Send,
    Fut: Future<Output = Result<Res, Failure>> + Send + 'static,
{
    Box::new(move |app, inbound, surface| {
        Box::pin(async move {
            let request: Req = read(&app, &inbound)?;
            let now = app.env.clock.now();
            let let_in = authenticate_beside(&app, &inbound.headers, session(&request), now);
            let (call, begun) = let_in.await?;
            let request = checked(request, surface)?;
            answer(handler(call, request, begun).await?, surface, inbound.format)
        })
    })
}

/// The request as it came in.
fn read<Req: Message + DeserializeOwned + PathFields>(app: &App, inbound: &Inbound) -> Result<Req, Failure> {
    let mut request: Req = decode(inbound, app.policy.json_depth)?;
    for (name, value) in &inbound.fields {
        request.set_path_field(name, value);
    }
    Ok(request)
}

/// The request within its limits, without what its surface does not know.
fn checked<Req: Validate + Narrow>(mut request: Req, surface: Surface) -> Result<Req, Failure> {
    if surface == Surface::V2beta {
        request.narrow();
    }
    request
        .validate(surface)
        .map_err(|violation| Failure::bare(Kind::InvalidArgument, violation.to_string()))?;
    Ok(request)
}

fn answer<Res>(mut response: Res, surface: Surface, format: CodecFormat) -> Result<Bytes, Failure>
where
    Res: Message + Serialize + Narrow,
{
    if surface == Surface::V2beta {
        response.narrow();
    }
    encode(&response, format)
}

/// A malformed body is refused before anybody asks who sent it.
fn decode<Req: Message + DeserializeOwned>(inbound: &Inbound, depth: u32) -> Result<Req, Failure> {
    let malformed = |text: String| {
        let prefix = if inbound.protocol == Protocol::Rest { "" } else { "unmarshal message: " };
        Failure::bare(Kind::InvalidArgument, format!("{prefix}{text}"))
    };
    if inbound.format == CodecFormat::Proto {
        return Req::decode_from_slice(&inbound.body).map_err(|error| malformed(error.to_string()));
    }
    if inbound.body.iter().all(u8::is_ascii_whitespace) {
        let rest = inbound.protocol == Protocol::Rest;
        let refusal = || malformed("zero-length payload is not a valid JSON object".to_owned());
        return if rest { Ok(Req::default()) } else { Err(refusal()) };
    }
    if too_deep(&inbound.body, depth) {
        return Err(malformed("nested too deeply".to_owned()));
    }
    from_json(&inbound.body).map_err(|error| malformed(status::json_fault(&error)))
}

/// Whether brackets outside of texts are nested more than `most` times.
fn too_deep(json: &[u8], most: u32) -> bool {
    let (mut depth, mut text, mut escaped) = (0_u32, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b'{' | b'[' if !text => depth += 1,
            b'}' | b']' if !text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return true;
        }
    }
    false
}

fn encode<Res: Message + Serialize>(response: &Res, format: CodecFormat) -> Result<Bytes, Failure> {
    if format == CodecFormat::Proto {
        return Ok(response.encode_to_bytes());
    }
    to_json(response).map(Bytes::from).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        doorward_core::failure::INTERNAL
    })
}

impl Rpcs {
    /// Everything that is served.
    #[must_use]
    pub(super) fn new(app: Arc<App>, metrics: Metrics, user_limits: Limits, served: Vec<Served>) -> Self {
        let served = served.into_iter().map(|(rpc, surface, run)| {
            (format!("{}/{}", rpc.service, rpc.method), Arc::new(Method { rpc, surface, run }))
        });
        Self { app, metrics, methods: served.collect(), user_limits }
    }

    /// The method at `service/method`.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Arc<Method>> {
        self.methods.get(path)
    }

    /// Every method.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Method>> {
        self.methods.values()
    }

    /// Answers a call, and counts it.
    ///
    /// # Errors
    /// Whatever refuses it.
    pub fn call(
        &self,
        method: &Arc<Method>,
        inbound: Inbound,
    ) -> impl Future<Output = Result<Bytes, Failure>> + Send + use<> {
        let (metrics, method, protocol) = (self.metrics.clone(), Arc::clone(method), inbound.protocol);
        // Opening a span writes its fields, whether or not a line follows: a twentieth of a read.
        let span =
            tracing::debug_span!("rpc", service = method.rpc.service, method = method.rpc.method, ?protocol);
        let work = (method.run)(Arc::clone(&self.app), inbound, method.surface);
        async move {
            let started = Instant::now();
            let outcome = work.await;
            let code = match &outcome {
                Ok(_) => "ok",
                Err(failure) => status::code(failure.kind).as_str(),
            };
            let took = started.elapsed();
            let (service, method) = (method.rpc.service, method.rpc.method);
            if outcome.as_ref().is_err_and(|failure| failure.kind == Kind::Internal) {
                tracing::error!(service, method, ?protocol, "a call failed by a fault of the server");
            }
            metrics.request(RequestLabels { service, method, protocol, code }, took);
            tracing::debug!(code, ?took, "answered");
            outcome
        }
        .instrument(span)
    }
}

/// The methods, shared by the services of every size limit and by REST.
#[derive(Clone)]
pub struct Shared(pub Arc<Rpcs>);

impl Dispatcher for Shared {
    fn lookup(&self, path: &str) -> Option<MethodDescriptor> {
        let method = self.0.find(path)?;
        let descriptor = MethodDescriptor::unary(false);
        let about_users = method.rpc.service.starts_with("zitadel.user.");
        Some(if about_users { descriptor.with_limits(self.0.user_limits) } else { descriptor })
    }

    fn call_unary(
        &self,
        path: &str,
        mut ctx: RequestContext,
        request: Payload,
        format: CodecFormat,
    ) -> UnaryResult {
        let Some(method) = self.0.find(path) else { return unimplemented_unary(path) };
        if let Some(TooOften(refusal)) = ctx.extensions().get::<TooOften>() {
            let refused = Err(status::connect_error(refusal));
            return Box::pin(std::future::ready(refused));
        }
        let protocol = match ctx.protocol() {
            Some(WireProtocol::Grpc) => Protocol::Grpc,
            Some(WireProtocol::GrpcWeb) => Protocol::GrpcWeb,
            _ => Protocol::Connect,
        };
        let headers = std::mem::take(ctx.headers_mut());
        let body = request.bytes().clone();
        let inbound = Inbound { headers, body, format, fields: Vec::new(), protocol };
        let call = self.0.call(method, inbound);
        let clock = Arc::clone(&self.0.app.env.clock);
        Box::pin(async move {
            let body = call.await.map_err(|failure| status::connect_error(&failure))?;
            let response = Response::new(EncodedBody::from(body));
            let headers = status::success_headers(clock.now());
            Ok(headers
                .into_iter()
                .fold(response, |response, (name, value)| response.with_header(name, value)))
        })
    }

    fn call_server_streaming(
        &self,
        path: &str,
        _: RequestContext,
        _: Bytes,
        _: CodecFormat,
    ) -> StreamingResult {
        unimplemented_streaming(path)
    }

    fn call_client_streaming(
        &self,
        path: &str,
        _: RequestContext,
        _: RequestStream,
        _: CodecFormat,
    ) -> UnaryResult {
        unimplemented_unary(path)
    }

    fn call_bidi_streaming(
        &self,
        path: &str,
        _: RequestContext,
        _: RequestStream,
        _: CodecFormat,
    ) -> StreamingResult {
        unimplemented_streaming(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_brackets_outside_of_texts_count_as_nesting() {
        assert!(!too_deep(br#"{"a":[{"b":1}]}"#, 3));
        assert!(too_deep(br#"{"a":[{"b":[]}]}"#, 3));
        assert!(!too_deep(br#"{"a":"[[[[","b":"\"[[[["}"#, 3));
        assert!(!too_deep(br#"{"a":{},"b":{},"c":{},"d":{}}"#, 2));
    }
}

//! The numbers of a running server, in the text format of OpenMetrics.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::message::Channel;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::label::{
    ChannelLabels, DurationLabels, IssuerLabels, OperationLabels, ReasonLabels, RequestLabels,
};
use super::process;

/// Bounds of durations in seconds: from half a millisecond, where reads lie, to beyond the longest wait for a hash.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Bounds of store durations in seconds: reads take microseconds.
const STORE_SECONDS: [f64; 14] =
    [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 2.5];
const BATCH: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The content type of `Metrics::encode`.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Clones share the same numbers.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<DurationLabels, Histogram, fn() -> Histogram>,
    store_seconds: Family<OperationLabels, Histogram, fn() -> Histogram>,
    store_batch_size: Histogram,
    hashing_queue: Gauge,
    hashing_seconds: Histogram,
    hashing_refused: Counter,
    connections: Gauge,
    connections_refused: Family<ReasonLabels, Counter>,
    connections_dropped: Family<ReasonLabels, Counter>,
    request_timeouts: Counter,
    rate_refused: Family<ReasonLabels, Counter>,
    issuer_refused: Family<IssuerLabels, Counter>,
    issuer_unreadable: Family<IssuerLabels, Counter>,
    sessions_removed: Counter,
    messages_sent: Family<ChannelLabels, Counter>,
    messages_failed: Family<ChannelLabels, Counter>,
    messages_given_up: Family<ChannelLabels, Counter>,
    messages_waiting: Family<ChannelLabels, Gauge>,
    panics: Counter,
    resident_memory: Gauge,
    open_files: Gauge,
    registries: Arc<[Registry; 2]>,
}

impl Metrics {
    /// `started` is the start of the process in seconds since 1970, read from the caller's clock.
    pub fn new(version: &str, started: i64) -> Self {
        let mut metrics = Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            store_seconds: Family::new_with_constructor(|| Histogram::new(STORE_SECONDS)),
            store_batch_size: Histogram::new(BATCH),
            hashing_queue: Gauge::default(),
            hashing_seconds: Histogram::new(SECONDS),
            hashing_refused: Counter::default(),
            connections: Gauge::default(),
            connections_refused: Family::default(),
            connections_dropped: Family::default(),
            request_timeouts: Counter::default(),
            rate_refused: Family::default(),
            issuer_refused: Family::default(),
            issuer_unreadable: Family::default(),
            sessions_removed: Counter::default(),
            messages_sent: Family::default(),
            messages_failed: Family::default(),
            messages_given_up: Family::default(),
            messages_waiting: Family::default(),
            panics: Counter::default(),
            resident_memory: Gauge::default(),
            open_files: Gauge::default(),
            registries: Arc::new([Registry::default(), Registry::default()]),
        };
        metrics.registries = Arc::new([metrics.ours(version), metrics.process(started)]);
        metrics
    }

    fn ours(&self, version: &str) -> Registry {
        let mut registry = Registry::with_prefix("doorward");
        macro_rules! register {
            ($($name:literal, $help:literal, $metric:expr;)+) => { $(registry.register($name, $help, $metric);)+ };
        }
        register! {
            "build", "Version of the server", Info::new(vec![("version".to_owned(), version.to_owned())]);
            "requests", "Requests that were answered", self.requests.clone();
            "request_seconds", "Time from the head of a request to its answer", self.request_seconds.clone();
            "store_seconds", "Time in the store, waiting included", self.store_seconds.clone();
            "store_batch_size", "Writes in one commit", self.store_batch_size.clone();
            "hashing_queue", "Passwords that wait for a hashing thread", self.hashing_queue.clone();
            "hashing_seconds", "Time of one password hash, waiting excluded", self.hashing_seconds.clone();
            "hashing_refused", "Password hashes refused because of a full queue", self.hashing_refused.clone();
            "connections", "Open connections", self.connections.clone();
            "connections_refused", "Connections closed before they were served", self.connections_refused.clone();
            "connections_dropped", "Served connections closed because of a limit", self.connections_dropped.clone();
            "request_timeouts", "Requests without an answer in time", self.request_timeouts.clone();
            "rate_refused", "Requests of somebody who sent too many", self.rate_refused.clone();
            "issuer_refused", "Tokens of a trusted issuer that let nobody in", self.issuer_refused.clone();
            "issuer_unreadable", "Failed readings of the keys of an issuer", self.issuer_unreadable.clone();
            "sessions_removed", "Sessions removed long after their end", self.sessions_removed.clone();
            "messages_sent", "Mails and SMS that were sent", self.messages_sent.clone();
            "messages_failed", "Attempts to send that failed and are made again", self.messages_failed.clone();
            "messages_given_up", "Mails and SMS that will not be sent", self.messages_given_up.clone();
            "messages_waiting", "Mails and SMS that wait to be sent", self.messages_waiting.clone();
            "panics", "Requests whose handler panicked", self.panics.clone();
        }
        registry
    }

    /// These names have no prefix of ours: dashboards for processes of any kind expect them so.
    fn process(&self, started: i64) -> Registry {
        let mut registry = Registry::default();
        let start = Gauge::<i64>::default();
        start.set(started);
        registry.register("process_start_time_seconds", "Start of the process since 1970", start);
        registry.register(
            "process_resident_memory_bytes",
            "Memory of the process",
            self.resident_memory.clone(),
        );
        registry.register("process_open_fds", "Open files and sockets", self.open_files.clone());
        registry
    }

    /// All numbers as OpenMetrics text, for the path `/metrics`.
    pub fn encode(&self) -> String {
        if let Some(bytes) = process::resident_bytes() {
            self.resident_memory.set(bytes);
        }
        if let Some(count) = process::open_files() {
            self.open_files.set(count);
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        for registry in self.registries.iter() {
            let _ = encode_registry(&mut text, registry);
        }
        let _ = encode_eof(&mut text);
        text
    }

    /// The content type of `encode`.
    pub fn content_type(&self) -> &'static str {
        CONTENT_TYPE
    }

    /// A request was answered after `took`.
    pub fn request(&self, labels: RequestLabels, took: Duration) {
        self.requests.get_or_create(&labels).inc();
        let labels = DurationLabels { method: labels.method, protocol: labels.protocol };
        self.request_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// The store finished an operation, such as `load` or `settle`.
    pub fn store(&self, operation: &'static str, took: Duration) {
        self.store_seconds.get_or_create(&OperationLabels { operation }).observe(took.as_secs_f64());
    }

    /// The store committed this many writes together.
    pub fn store_batch(&self, writes: usize) {
        let writes = u32::try_from(writes).unwrap_or(u32::MAX);
        self.store_batch_size.observe(f64::from(writes));
    }

    /// This many passwords wait for a hashing thread now.
    pub fn hashing_queue(&self, waiting: usize) {
        self.hashing_queue.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// A password was hashed.
    pub fn hashing(&self, took: Duration) {
        self.hashing_seconds.observe(took.as_secs_f64());
    }

    /// A password was not hashed, because too many waited or it waited too long.
    pub fn hashing_refused(&self) {
        self.hashing_refused.inc();
    }

    /// So many requests were refused, of callers or addresses that sent too many.
    pub fn rate_refused(&self, reason: &'static str, count: u64) {
        self.rate_refused.get_or_create(&ReasonLabels { reason }).inc_by(count);
    }

    /// So many tokens of a trusted issuer were refused, and so often its keys could not be read.
    pub fn issuer(&self, id: &str, refused: u64, unreadable: u64) {
        let labels = IssuerLabels { issuer: id.to_owned() };
        self.issuer_refused.get_or_create(&labels).inc_by(refused);
        self.issuer_unreadable.get_or_create(&labels).inc_by(unreadable);
    }

    /// So many sessions were removed because they were over for long.
    pub fn sessions_removed(&self, count: u64) {
        self.sessions_removed.inc_by(count);
    }

    /// A message was sent.
    pub fn message_sent(&self, channel: Channel) {
        self.messages_sent.get_or_create(&ChannelLabels::of(channel)).inc();
    }

    /// A message could not be sent, and will be tried again.
    pub fn message_failed(&self, channel: Channel) {
        self.messages_failed.get_or_create(&ChannelLabels::of(channel)).inc();
    }

    /// So many messages will not be sent.
    pub fn messages_given_up(&self, channel: Channel, count: u64) {
        self.messages_given_up.get_or_create(&ChannelLabels::of(channel)).inc_by(count);
    }

    /// So many messages wait now, on all nodes together.
    pub fn messages_waiting(&self, channel: Channel, count: u64) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.messages_waiting.get_or_create(&ChannelLabels::of(channel)).set(count);
    }

    /// Counts an open connection for as long as the guard lives.
    pub(crate) fn connection(&self) -> ConnectionGuard {
        self.connections.inc();
        ConnectionGuard(self.connections.clone())
    }

    pub(crate) fn connection_refused(&self, reason: &'static str) {
        self.connections_refused.get_or_create(&ReasonLabels { reason }).inc();
    }

    pub(crate) fn connection_dropped(&self, reason: &'static str) {
        self.connections_dropped.get_or_create(&ReasonLabels { reason }).inc();
    }

    pub(crate) fn request_timeout(&self) {
        self.request_timeouts.inc();
    }

    /// A handler panicked. Called where panics are caught.
    pub fn panicked(&self) {
        self.panics.inc();
    }
}

/// Takes its connection out of the count when it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionGuard(Gauge);

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::super::label::Protocol;
    use super::*;

    #[test]
    fn the_text_names_every_metric_and_ends_with_eof() {
        let metrics = Metrics::new("1.2.3", 1_700_000_000);
        let labels = RequestLabels {
            service: "zitadel.session.v2.SessionService",
            method: "CreateSession",
            protocol: Protocol::GrpcWeb,
            code: "ok",
        };
        metrics.request(labels, Duration::from_millis(3));
        metrics.store("settle", Duration::from_micros(80));
        metrics.store_batch(7);
        metrics.hashing(Duration::from_millis(20));
        metrics.hashing_queue(4);
        metrics.hashing_refused();
        metrics.panicked();
        metrics.sessions_removed(3);
        metrics.message_sent(Channel::Email);
        metrics.message_failed(Channel::Sms);
        metrics.messages_given_up(Channel::Sms, 2);
        metrics.messages_waiting(Channel::Email, 5);
        let guard = metrics.connection();
        let text = metrics.clone().encode();
        for line in [
            "doorward_build_info{version=\"1.2.3\"} 1",
            "doorward_requests_total{service=\"zitadel.session.v2.SessionService\",method=\"CreateSession\",\
             protocol=\"grpc_web\",code=\"ok\"} 1",
            "doorward_request_seconds_bucket{le=\"0.005\",method=\"CreateSession\",protocol=\"grpc_web\"} 1",
            "doorward_store_seconds_count{operation=\"settle\"} 1",
            "doorward_store_batch_size_sum 7.0",
            "doorward_hashing_queue 4",
            "doorward_hashing_seconds_count 1",
            "doorward_hashing_refused_total 1",
            "doorward_connections 1",
            "doorward_panics_total 1",
            "doorward_sessions_removed_total 3",
            "doorward_messages_sent_total{channel=\"email\"} 1",
            "doorward_messages_failed_total{channel=\"sms\"} 1",
            "doorward_messages_given_up_total{channel=\"sms\"} 2",
            "doorward_messages_waiting{channel=\"email\"} 5",
            "process_start_time_seconds 1700000000",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        drop(guard);
        assert!(metrics.encode().contains("doorward_connections 0\n"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_memory_of_the_process_is_known() {
        let text = Metrics::new("1", 0).encode();
        let line = text.lines().find(|line| line.starts_with("process_resident_memory_bytes ")).unwrap();
        let bytes: u64 = line.split(' ').next_back().unwrap().parse().unwrap();
        assert!(bytes > 1 << 20, "{line}");
    }
}

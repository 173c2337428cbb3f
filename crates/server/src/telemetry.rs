//! What the server tells its operators: log lines on standard error, and metrics.

mod label;
mod metrics;
mod process;
mod sparse;

use std::io::IsTerminal as _;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::LogFormat;

pub use label::{Protocol, RequestLabels};
pub use metrics::Metrics;
pub use sparse::Sparse;

/// Why log lines cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("log: the filter is not understood: {0}")]
    Filter(String),
    #[error("log: another subscriber is installed already")]
    Installed,
}

/// Sends log lines to standard error from now on. Call it once, before anything is logged.
///
/// `filter` is a level or a list such as `info,doorward=debug`, as `Config::log` has checked it.
pub fn install(filter: &str, format: LogFormat) -> Result<(), TelemetryError> {
    let targets: Targets =
        filter.parse().map_err(|error| TelemetryError::Filter(format!("{filter:?}: {error}")))?;
    // What its errors mean is logged by us, once and on one line.
    let targets = match filter.contains("deadpool") {
        true => targets,
        false => targets.with_target("deadpool", LevelFilter::OFF),
    };
    // What callers send is refused by us; that it makes no sense is no fault of the server.
    let targets = match filter.contains("webauthn") {
        true => targets,
        false => targets.with_target("webauthn_rs_core", LevelFilter::OFF),
    };
    let registry = tracing_subscriber::registry().with(targets);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Human => registry.with(lines.with_ansi(std::io::stderr().is_terminal())).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    }
    .map_err(|_| TelemetryError::Installed)
}

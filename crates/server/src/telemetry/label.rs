//! The labels of metrics. Every value comes from a fixed set: a label taken from a request would let any caller
//! create time series without end.

use std::fmt;

use doorward_core::message::Channel;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// How a request was spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    Grpc,
    GrpcWeb,
    Connect,
    Rest,
    /// Everything that is no RPC: health, metrics, unknown paths.
    Http,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc_web",
            Self::Connect => "connect",
            Self::Rest => "rest",
            Self::Http => "http",
        }
    }
}

impl EncodeLabelValue for Protocol {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        EncodeLabelValue::encode(&self.name(), encoder)
    }
}

/// What a request was. The texts are `'static`, so they cannot come from a path; say `"unknown"` for a path that
/// leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// Full name, such as `zitadel.session.v2.SessionService`.
    pub service: &'static str,
    /// Name of the RPC, such as `CreateSession`.
    pub method: &'static str,
    pub protocol: Protocol,
    /// The gRPC code in lower case, such as `ok` or `invalid_argument`.
    pub code: &'static str,
}

/// The labels of the duration: without code and service, because each histogram is a dozen time series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DurationLabels {
    pub method: &'static str,
    pub protocol: Protocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OperationLabels {
    pub operation: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReasonLabels {
    pub reason: &'static str,
}

/// The id of a trusted issuer: one of those that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct IssuerLabels {
    pub issuer: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ChannelLabels {
    channel: &'static str,
}

impl ChannelLabels {
    pub fn of(channel: Channel) -> Self {
        Self { channel: channel.name() }
    }
}

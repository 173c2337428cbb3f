//! Values that many messages share.

use buffa::{MessageField, ProtoBox};
use buffa_types::google::protobuf::{Duration, Struct, Timestamp as WireTimestamp};
use doorward_core::base::{Span, Timestamp};
use doorward_core::failure::Failure;
use doorward_core::search::{Comparison, Page, SearchPolicy};
use doorward_proto::object::{Details, ListDetails, ListQuery};
use serde_json::Value;

/// A field that may be absent.
pub fn field<T: Default, P: ProtoBox<T>>(value: Option<T>) -> MessageField<T, P> {
    value.map_or_else(MessageField::none, MessageField::some)
}

/// A time for the wire.
pub fn timestamp(time: Timestamp) -> WireTimestamp {
    let (seconds, nanos) = time.seconds_and_nanos();
    WireTimestamp { seconds, nanos, ..WireTimestamp::default() }
}

/// A time for a field.
pub fn time<P: ProtoBox<WireTimestamp>>(time: Timestamp) -> MessageField<WireTimestamp, P> {
    MessageField::some(timestamp(time))
}

/// A time from the wire; a missing one is the epoch.
pub fn from_timestamp(time: Option<&WireTimestamp>) -> Timestamp {
    time.map_or(Timestamp(0), |time| Timestamp::from_seconds_and_nanos(time.seconds, time.nanos))
}

/// A length of time from the wire. Parts of a microsecond count as a whole one, so that no lifetime becomes nothing.
pub fn from_duration(duration: &Duration) -> Span {
    let micros = i64::from(duration.nanos).saturating_add(999) / 1000;
    Span(duration.seconds.saturating_mul(1_000_000).saturating_add(micros))
}

/// JSON from the wire.
pub fn from_struct(fields: &Struct) -> Value {
    serde_json::to_value(fields).unwrap_or(Value::Null)
}

/// A JSON object for the wire; anything else than an object is empty.
pub fn to_struct(object: Value) -> Struct {
    serde_json::from_value(object).unwrap_or_default()
}

/// The details of a changed object.
pub fn details(sequence: u64, changed: Timestamp, owner: &str) -> Details {
    Details { sequence, change_date: time(changed), resource_owner: owner.to_owned(), ..Details::default() }
}

/// The details of a list. The position is the time in microseconds: it only ever grows.
pub fn list_details(total: u64, now: Timestamp) -> ListDetails {
    let processed_sequence = u64::try_from(now.0).unwrap_or(0);
    ListDetails { total_result: total, processed_sequence, timestamp: time(now) }
}

/// The page that a list asks for.
pub fn page(query: Option<&ListQuery>, policy: SearchPolicy) -> Result<Page, Failure> {
    let (offset, limit, ascending) =
        query.map_or((0, 0, false), |query| (query.offset, query.limit, query.asc));
    Page::new(offset, limit, ascending, policy)
}

/// The comparison with that number, in both of the API's enumerations of comparisons.
pub const fn comparison(number: i32) -> Comparison {
    match number {
        1 => Comparison::Greater,
        2 => Comparison::GreaterOrEqual,
        3 => Comparison::Less,
        4 => Comparison::LessOrEqual,
        _ => Comparison::Equal,
    }
}

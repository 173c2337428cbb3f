//! CBOR, as far as authenticators use it.

use serde::Deserialize;
use serde_cbor_2::{Deserializer, Value};

/// The most bytes that are read. Real attestations with all their certificates stay far below.
const MOST: usize = 64 * 1024;

/// The first value, and what follows it.
pub(super) fn first(bytes: &[u8]) -> Option<(Value, &[u8])> {
    if bytes.len() > MOST {
        return None;
    }
    let mut reader = Deserializer::from_slice(bytes);
    let value = Value::deserialize(&mut reader).ok()?;
    Some((value, bytes.get(reader.byte_offset()..)?))
}

/// The only value.
pub(super) fn only(bytes: &[u8]) -> Option<Value> {
    first(bytes).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
}

/// The entry of a map under a number.
pub(super) fn numbered(map: &Value, key: i128) -> Option<&Value> {
    match map {
        Value::Map(map) => map.get(&Value::Integer(key)),
        _ => None,
    }
}

/// The entry of a map under a name.
pub(super) fn named<'a>(map: &'a Value, key: &str) -> Option<&'a Value> {
    match map {
        Value::Map(map) => map.get(&Value::Text(key.to_owned())),
        _ => None,
    }
}

/// The number that a value is.
pub(super) fn number(value: Option<&Value>) -> Option<i128> {
    match value? {
        Value::Integer(number) => Some(*number),
        _ => None,
    }
}

/// The bytes that a value is.
pub(super) fn bytes(value: Option<&Value>) -> Option<&[u8]> {
    match value? {
        Value::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

//! The checks that generated validation calls.

use std::borrow::Cow;

use buffa::{EnumValue, Enumeration};
use buffa_types::google::protobuf::Duration;

use crate::address;
use crate::validate::Violation;

/// The largest number of seconds of a valid duration: ten thousand years.
const MAX_SECONDS: i64 = 315_576_000_000;

/// What is wrong with a value, before it is known where the value stands.
#[derive(Debug)]
pub struct Wrong {
    reason: &'static str,
    cause: Option<String>,
}

impl Wrong {
    pub fn at(self, message: &'static str, field: impl Into<Cow<'static, str>>) -> Violation {
        let violation = Violation::new(message, field, self.reason);
        match self.cause {
            Some(cause) => violation.because(cause),
            None => violation,
        }
    }
}

/// Lengths of text count Unicode code points.
pub fn runes(text: &str, min: Option<u64>, max: Option<u64>) -> bool {
    within(text.chars().count(), min, max)
}

pub fn bytes(value: &[u8], min: Option<u64>, max: Option<u64>) -> bool {
    within(value.len(), min, max)
}

fn within(length: usize, min: Option<u64>, max: Option<u64>) -> bool {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    min.is_none_or(|min| length >= min) && max.is_none_or(|max| length <= max)
}

pub fn not_in<E: Enumeration>(value: &EnumValue<E>, numbers: &[i32]) -> bool {
    !numbers.contains(&value.to_i32())
}

pub fn defined<E: Enumeration>(value: &EnumValue<E>) -> bool {
    value.is_known()
}

pub fn email(text: &str) -> Result<(), Wrong> {
    address::email(text)
        .map_err(|cause| Wrong { reason: "value must be a valid email address", cause: Some(cause) })
}

pub fn uri_ref(text: &str) -> Result<(), Wrong> {
    address::uri_ref(text).map_err(|cause| Wrong { reason: "value must be a valid URI", cause: Some(cause) })
}

/// A duration that is well formed and greater than zero.
pub fn positive(value: &Duration) -> Result<(), Wrong> {
    let (seconds, nanos) = (value.seconds, value.nanos);
    let wrong = if seconds < -MAX_SECONDS {
        "exceeds -10000 years"
    } else if seconds > MAX_SECONDS {
        "exceeds +10000 years"
    } else if nanos <= -1_000_000_000 || nanos >= 1_000_000_000 {
        "has out-of-range nanos"
    } else if (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0) {
        "has seconds and nanos with different signs"
    } else if seconds > 0 || nanos > 0 {
        return Ok(());
    } else {
        return Err(Wrong { reason: "value must be greater than 0s", cause: None });
    };
    let fields: Vec<String> = [("seconds", seconds), ("nanos", i64::from(nanos))]
        .iter()
        .filter(|(_, value)| *value != 0)
        .map(|(name, value)| format!("{name}:{value}"))
        .collect();
    let cause = format!("proto: duration ({}) {wrong}", fields.join(" "));
    Err(Wrong { reason: "value is not a valid duration", cause: Some(cause) })
}

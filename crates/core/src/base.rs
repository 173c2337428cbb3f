//! The small values that everything else is made of: times, ids, secrets and chance.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// A point in time: microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

/// A length of time in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default, Serialize, Deserialize)]
pub struct Span(pub i64);

impl Timestamp {
    /// 9999-12-31T23:59:59.999999Z: the last moment that RFC 3339 and the protobuf JSON mapping can write.
    pub const LATEST: Self = Self(253_402_300_799_999_999);

    /// The moment `span` later, but never past [`Timestamp::LATEST`].
    #[must_use]
    pub fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0)).min(Self::LATEST)
    }

    /// How long it is from `earlier` to this moment; zero if it lies before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0).max(0))
    }

    /// Whole seconds and the nanoseconds within the second, as protobuf timestamps carry them.
    #[must_use]
    pub fn seconds_and_nanos(self) -> (i64, i32) {
        let nanos = self.0.rem_euclid(1_000_000).saturating_mul(1000);
        (self.0.div_euclid(1_000_000), i32::try_from(nanos).unwrap_or(0))
    }

    /// The inverse of [`Timestamp::seconds_and_nanos`]; parts of a microsecond are dropped.
    #[must_use]
    pub fn from_seconds_and_nanos(seconds: i64, nanos: i32) -> Self {
        Self(seconds.saturating_mul(1_000_000).saturating_add(i64::from(nanos) / 1000))
    }
}

impl Span {
    /// A span of whole seconds.
    #[must_use]
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// A span of whole milliseconds.
    #[must_use]
    pub const fn millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// A span of whole minutes.
    #[must_use]
    pub const fn minutes(minutes: i64) -> Self {
        Self::seconds(minutes.saturating_mul(60))
    }
}

/// Where randomness comes from: the operating system in a running server, a seeded generator in tests.
pub trait Entropy: Send + Sync {
    /// Fills the buffer with random bytes.
    fn fill(&self, buffer: &mut [u8]);

    /// Eight random bytes as a number.
    fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// `N` random bytes.
    fn bytes<const N: usize>(&self) -> [u8; N]
    where
        Self: Sized,
    {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// Makes an id: 16 digits of microseconds, so that ids sort by time of creation and new rows land at the end of
/// an index, then 20 digits from 64 random bits, so that nobody guesses one.
#[must_use]
pub fn mint_id(now: Timestamp, chance: u64) -> String {
    format!("{:016}{:020}", now.0.max(0), chance)
}

/// The least id that [`mint_id`] can make at `now`: turns a bound on creation time into a bound on ids.
#[must_use]
pub fn first_id_at(now: Timestamp) -> String {
    mint_id(now, 0)
}

/// A text that must not be seen: wiped when dropped, and never printed.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_are_decimal() {
        let early = mint_id(Timestamp(1_700_000_000_000_000), u64::MAX);
        let late = mint_id(Timestamp(1_700_000_000_000_001), 0);
        assert!(early < late);
        assert_eq!(early.len(), 36);
        assert!(early.bytes().all(|byte| byte.is_ascii_digit()));
    }

    #[test]
    fn a_time_survives_the_way_over_seconds_and_nanos() {
        for micros in [0, 1, 999_999, 1_000_000, -1, 1_763_632_800_123_456] {
            let (seconds, nanos) = Timestamp(micros).seconds_and_nanos();
            assert_eq!(Timestamp::from_seconds_and_nanos(seconds, nanos), Timestamp(micros));
        }
    }

    #[test]
    fn an_endless_lifetime_stops_where_dates_can_still_be_written() {
        assert_eq!(Timestamp(1).plus(Span(i64::MAX)), Timestamp::LATEST);
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }
}

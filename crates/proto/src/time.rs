//! Writes times as JSON. The library formats each into a text of its own first, with the machinery for texts of any
//! kind: for three times that is a twelfth of reading a session over REST.

use buffa::{MessageField, ProtoBox};
use buffa_types::google::protobuf::Timestamp;
use serde::{Serialize, Serializer};

const DAY: i64 = 86_400;
/// `1970-01-01` in days since `0000-03-01`, the day from which months can be counted without a table.
const EPOCH: i64 = 719_468;
/// The first and the last second that has a year of four digits.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Writes a field; an absent one is left out before this is called.
pub fn serialize<P, S>(field: &MessageField<Timestamp, P>, out: S) -> Result<S::Ok, S::Error>
where
    P: ProtoBox<Timestamp>,
    S: Serializer,
{
    match field.as_option() {
        Some(time) if SECONDS.contains(&time.seconds) && (0..1_000_000_000).contains(&time.nanos) => {
            let mut text = Text::default();
            text.time(time.seconds, time.nanos);
            out.serialize_str(text.as_str())
        }
        // The library knows what to say about a time that cannot be.
        other => other.serialize(out),
    }
}

/// A text that needs no memory of its own.
#[derive(Default)]
struct Text {
    bytes: [u8; 30],
    length: usize,
}

impl Text {
    fn as_str(&self) -> &str {
        let written = self.bytes.get(..self.length).unwrap_or_default();
        std::str::from_utf8(written).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    /// A number with leading zeros, and what stands after it.
    fn number(&mut self, value: i64, digits: u32, after: u8) {
        for place in (0..digits).rev() {
            let digit = value / 10_i64.pow(place) % 10;
            self.push(b'0' + u8::try_from(digit).unwrap_or_default());
        }
        self.push(after);
    }

    /// RFC 3339 in UTC, with as many groups of three decimals as are needed.
    fn time(&mut self, seconds: i64, nanos: i32) {
        let (year, month, day) = date(seconds.div_euclid(DAY));
        let second = seconds.rem_euclid(DAY);
        self.number(year, 4, b'-');
        self.number(month, 2, b'-');
        self.number(day, 2, b'T');
        self.number(second / 3600, 2, b':');
        self.number(second / 60 % 60, 2, b':');
        let nanos = i64::from(nanos);
        self.number(second % 60, 2, if nanos == 0 { b'Z' } else { b'.' });
        match nanos {
            0 => {}
            _ if nanos % 1_000_000 == 0 => self.number(nanos / 1_000_000, 3, b'Z'),
            _ if nanos % 1_000 == 0 => self.number(nanos / 1_000, 6, b'Z'),
            _ => self.number(nanos, 9, b'Z'),
        }
    }
}

/// The date of a day since 1970. Years begin in March here, so that the leap day is the last day of a year; an era is
/// the 400 years after which the calendar repeats itself.
fn date(day: i64) -> (i64, i64, i64) {
    let day = day + EPOCH;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let january_or_february = month >= 10;
    let month = if january_or_february { month - 9 } else { month + 3 };
    (year + 400 * era + i64::from(january_or_february), month, of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(seconds: i64, nanos: i32) -> String {
        let mut text = Text::default();
        text.time(seconds, nanos);
        text.as_str().to_owned()
    }

    #[test]
    fn every_day_and_every_precision_is_written_as_the_library_does() {
        let nanos = [0, 1, 1_000, 1_000_000, 999_999_999, 120_000_000, 123_456_000];
        let days = (*SECONDS.start()..=*SECONDS.end()).step_by(86_400).enumerate();
        for (number, midnight) in days {
            let seconds = midnight + i64::try_from(number).unwrap() * 7_919 % DAY;
            let nanos = nanos[number % nanos.len()];
            let time = Timestamp { seconds, nanos, ..Timestamp::default() };
            let expected = serde_json::to_string(&time).unwrap();
            assert_eq!(format!("\"{}\"", written(seconds, nanos)), expected);
        }
    }
}

//! Lines that would come by the thousand, one for each request of an outage.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lets one line through in a second, and counts the others.
#[derive(Debug)]
pub struct Sparse(Mutex<(Option<Instant>, u64)>);

/// The time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

impl Sparse {
    /// Nothing was said yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new((None, 0)))
    }

    /// How many were kept back since the last line, if another may be written now.
    pub fn may_say(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock();
        let (last, kept_back) = &mut *state;
        if last.is_some_and(|last| now.saturating_duration_since(last) < PAUSE) {
            *kept_back += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(kept_back))
    }
}

impl Default for Sparse {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_is_written_and_tells_how_many_were_not() {
        let (sparse, start) = (Sparse::new(), Instant::now());
        assert_eq!(sparse.may_say(start), Some(0));
        for millis in [0, 1, 999] {
            assert_eq!(sparse.may_say(start + Duration::from_millis(millis)), None);
        }
        assert_eq!(sparse.may_say(start + PAUSE), Some(3));
        assert_eq!(sparse.may_say(start + PAUSE * 3), Some(0));
    }
}

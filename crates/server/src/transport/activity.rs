//! What happens on one connection, and how long it may go on like this.
//!
//! Hyper has one timer for the head of an HTTP/1.1 request, which also runs while the connection idles, and none at all
//! before the protocol is known, for an idle HTTP/2 connection, or for a client that does not read. So the time-outs
//! are kept here, from what the socket and the handler see.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Limits;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How many more requests a client may cancel than it lets finish. Each cancelled request costs us work and costs the
/// client nothing, and does not count against the limit of concurrent streams (the "rapid reset" attack).
const CANCELLATIONS: u32 = 200;

/// Why a connection must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    FirstByte,
    Header,
    Idle,
    Write,
    Cancellations,
}

impl Overdue {
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstByte => "first_byte_timeout",
            Self::Header => "header_timeout",
            Self::Idle => "idle_timeout",
            Self::Write => "write_timeout",
            Self::Cancellations => "cancellations",
        }
    }
}

struct State {
    opened: Instant,
    /// Bytes of the HTTP/2 preface seen so far; `None` once the connection is known to be HTTP/1.1.
    preface: Option<usize>,
    read_any: bool,
    running: u32,
    /// The first byte after the last request, on HTTP/1.1.
    head_since: Option<Instant>,
    idle_since: Instant,
    blocked_since: Option<Instant>,
    cancellations_left: u32,
}

impl State {
    fn speaks_http2(&self) -> bool {
        self.preface == Some(PREFACE.len())
    }

    fn match_preface(&mut self, bytes: &[u8]) {
        if let Some(seen) = self.preface.filter(|seen| *seen < PREFACE.len()) {
            let rest = PREFACE.get(seen..).unwrap_or_default();
            let common = rest.len().min(bytes.len());
            self.preface = (rest.get(..common) == bytes.get(..common)).then_some(seen + common);
        }
    }
}

pub(super) struct Activity(Mutex<State>);

impl Activity {
    pub fn new() -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self(Mutex::new(State {
            opened: now,
            preface: Some(0),
            read_any: false,
            running: 0,
            head_since: None,
            idle_since: now,
            blocked_since: None,
            cancellations_left: CANCELLATIONS,
        })))
    }

    /// Bytes arrived.
    pub fn read(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut state = self.0.lock();
        state.read_any = true;
        state.match_preface(bytes);
        if state.speaks_http2() {
            state.head_since = None;
        } else if state.running == 0 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }

    /// The socket took bytes, or would not take any.
    pub fn wrote(&self, blocked: bool) {
        let mut state = self.0.lock();
        match (blocked, state.blocked_since) {
            (true, None) => state.blocked_since = Some(Instant::now()),
            (false, Some(_)) => {
                state.blocked_since = None;
                // An answer may go on to a slow reader when its request is long finished: that is not idling.
                state.idle_since = Instant::now();
            }
            _ => (),
        }
    }

    /// A request begins. It lasts until the guard is dropped, which is when its answer has been sent or given up.
    pub fn begin(self: &Arc<Self>) -> Running {
        let mut state = self.0.lock();
        state.running += 1;
        state.head_since = None;
        Running { activity: Arc::clone(self), finished: false }
    }

    /// When the connection is overdue if nothing happens until then; nothing while a request runs.
    pub fn deadline(&self, limits: &Limits) -> Option<(Instant, Overdue)> {
        let state = self.0.lock();
        if state.cancellations_left == 0 {
            return Some((state.opened, Overdue::Cancellations));
        }
        let waiting = match state.head_since {
            _ if state.running > 0 => None,
            _ if !state.read_any => Some((state.opened + limits.first_byte_timeout, Overdue::FirstByte)),
            Some(since) => Some((since + limits.header_timeout, Overdue::Header)),
            None => Some((state.idle_since + limits.idle_timeout, Overdue::Idle)),
        };
        let blocked = state.blocked_since.map(|since| (since + limits.write_timeout, Overdue::Write));
        [waiting, blocked].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

/// A request that runs.
pub(super) struct Running {
    activity: Arc<Activity>,
    finished: bool,
}

impl Running {
    /// The answer is complete. Without this call the request counts as cancelled.
    pub fn finish(&mut self) {
        self.finished = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.activity.0.lock();
        state.running = state.running.saturating_sub(1);
        if state.running == 0 {
            state.idle_since = Instant::now();
        }
        state.cancellations_left = match self.finished {
            // Nothing is given back once the last one is used up: the connection is on its way out.
            true if state.cancellations_left > 0 => CANCELLATIONS.min(state.cancellations_left + 1),
            true => 0,
            false => state.cancellations_left.saturating_sub(1),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state_after(chunks: &[&[u8]]) -> (bool, bool) {
        let activity = Activity::new();
        for chunk in chunks {
            activity.read(chunk);
        }
        let state = activity.0.lock();
        (state.speaks_http2(), state.head_since.is_some())
    }

    #[test]
    fn the_preface_is_found_however_it_is_cut() {
        assert_eq!(state_after(&[PREFACE]), (true, false));
        assert_eq!(state_after(&[b"P", b"RI * HTTP/2.0\r\n\r\nSM\r", b"\n\r\n\0\0\0"]), (true, false));
        assert_eq!(state_after(&[b"PRI * HTTP/2.0\r\n"]), (false, true));
        assert_eq!(state_after(&[b"POST / HTTP/1.1\r\n"]), (false, true));
        assert_eq!(state_after(&[b"P", b"OST", PREFACE]), (false, true));
    }

    #[test]
    fn cancelled_requests_use_up_what_finished_ones_give_back() {
        let activity = Activity::new();
        for _ in 0..2 * CANCELLATIONS {
            drop(activity.begin());
            activity.begin().finish();
        }
        assert_ne!(activity.0.lock().cancellations_left, 0);
        for _ in 0..CANCELLATIONS {
            drop(activity.begin());
        }
        activity.begin().finish();
        assert_eq!(activity.0.lock().cancellations_left, 0);
    }
}

//! Too often: how many requests one caller, and one address, may make.
//!
//! Each has a bucket of tokens that fills steadily; a request takes one. Of a bucket only the time is kept at which it
//! will be full again, and a bucket that is full need not be kept at all.

mod network;

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use doorward_core::base::{Span, Timestamp};
use doorward_core::failure::{self, Failure};
use parking_lot::Mutex;

use crate::config;
pub use network::Network;

/// Nanoseconds of a second: a token may take less than a microsecond to come.
const SECOND: i64 = 1_000_000_000;

/// The buckets of callers and addresses.
#[derive(Debug)]
pub struct Rates {
    callers: Option<Buckets<String>>,
    addresses: Option<Buckets<IpAddr>>,
    proxies: Vec<Network>,
    refused_callers: AtomicU64,
    refused_addresses: AtomicU64,
}

impl Rates {
    /// As the configuration says.
    #[must_use]
    pub fn new(config: &config::Rate) -> Self {
        let most = config.max_remembered as usize;
        Self {
            callers: Buckets::new(config.caller_per_second, config.caller_burst, most),
            addresses: Buckets::new(config.address_per_second, config.address_burst, most),
            proxies: config.trusted_proxies.iter().filter_map(|text| Network::parse(text)).collect(),
            refused_callers: AtomicU64::new(0),
            refused_addresses: AtomicU64::new(0),
        }
    }

    /// Counts a request of a caller.
    ///
    /// # Errors
    /// `DOORWARD-R4te1` when it is one too many.
    pub fn caller(&self, user_id: &str, now: Timestamp) -> Result<(), Failure> {
        let Some(callers) = &self.callers else { return Ok(()) };
        callers.take(user_id.to_owned(), now).map_err(|wait| {
            self.refused_callers.fetch_add(1, Ordering::Relaxed);
            failure::RATE_EXCEEDED.with_retry(wait)
        })
    }

    /// Counts a request from an address.
    ///
    /// # Errors
    /// `DOORWARD-R4te1` when it is one too many.
    pub fn address(&self, address: IpAddr, now: Timestamp) -> Result<(), Failure> {
        let Some(addresses) = &self.addresses else { return Ok(()) };
        addresses.take(whole_network(address), now).map_err(|wait| {
            self.refused_addresses.fetch_add(1, Ordering::Relaxed);
            failure::RATE_EXCEEDED.with_retry(wait)
        })
    }

    /// Whether addresses are counted at all.
    #[must_use]
    pub const fn counts_addresses(&self) -> bool {
        self.addresses.is_some()
    }

    /// Whether what an address says of others is believed.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(address))
    }

    /// How many requests of callers and of addresses were refused since this was asked last.
    pub fn take_refused(&self) -> (u64, u64) {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        (take(&self.refused_callers), take(&self.refused_addresses))
    }
}

/// Whoever has one address of IPv6 has all of a network.
fn whole_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

/// Buckets by what they are for.
#[derive(Debug)]
struct Buckets<K> {
    /// How long a token takes to come.
    interval: i64,
    /// How long an empty bucket takes to fill.
    depth: i64,
    state: Mutex<State<K>>,
}

/// When each bucket will be full, in two generations: once the younger one is large, the older one, whose buckets were
/// not asked for since, is forgotten.
#[derive(Debug)]
struct State<K> {
    young: HashMap<K, i64>,
    old: HashMap<K, i64>,
    /// The largest generation.
    most: usize,
}

impl<K: Eq + Hash> Buckets<K> {
    /// Nothing if there is no limit.
    fn new(per_second: u32, burst: u32, most: usize) -> Option<Self> {
        let interval = SECOND.checked_div(i64::from(per_second))?;
        let burst = if burst == 0 { per_second } else { burst };
        let depth = interval.saturating_mul(i64::from(burst));
        let state = State { young: HashMap::new(), old: HashMap::new(), most: most.div_ceil(2) };
        Some(Self { interval, depth, state: Mutex::new(state) })
    }

    /// Takes a token, or says how long it will be until there is one.
    fn take(&self, key: K, now: Timestamp) -> Result<(), Span> {
        let now = now.0.saturating_mul(1000);
        let latest = now.saturating_add(self.depth);
        let mut state = self.state.lock();
        // If the clock was set back, nobody waits longer than for a whole bucket.
        let full = state.find(&key).unwrap_or(now).clamp(now, latest);
        let next = full.saturating_add(self.interval);
        if next > latest {
            state.keep(key, full);
            return Err(Span((next - latest).saturating_add(999).div_euclid(1000)));
        }
        state.keep(key, next);
        Ok(())
    }
}

impl<K: Eq + Hash> State<K> {
    fn find(&mut self, key: &K) -> Option<i64> {
        self.young.get(key).copied().or_else(|| self.old.remove(key))
    }

    fn keep(&mut self, key: K, full: i64) {
        if self.young.len() >= self.most && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_763_632_800_000_000);

    fn at(millis: i64) -> Timestamp {
        NOW.plus(Span::millis(millis))
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let buckets = Buckets::new(2, 3, 100).unwrap();
        for _ in 0..3 {
            assert_eq!(buckets.take("a", NOW), Ok(()));
        }
        let wait = buckets.take("a", NOW).unwrap_err();
        assert!((500_000..=500_001).contains(&wait.0), "{wait:?}");
        assert_eq!(buckets.take("b", NOW), Ok(()), "another one has its own");
        assert!(buckets.take("a", at(499)).is_err());
        assert_eq!(buckets.take("a", NOW.plus(wait)), Ok(()), "whoever waits as told is served");
        assert!(buckets.take("a", at(501)).is_err());
        for _ in 0..3 {
            assert_eq!(buckets.take("a", at(10_000)), Ok(()), "it fills, and not beyond its brim");
        }
        assert!(buckets.take("a", at(10_000)).is_err());
    }

    #[test]
    fn refused_requests_cost_nothing_and_a_clock_set_back_little() {
        let buckets = Buckets::new(1, 0, 100).unwrap();
        assert_eq!(buckets.take("a", NOW), Ok(()));
        for _ in 0..100 {
            assert!(buckets.take("a", at(999)).is_err());
        }
        assert_eq!(buckets.take("a", at(1_000)), Ok(()));
        let wait = buckets.take("a", at(-1_000_000)).unwrap_err();
        assert!(wait <= Span(1_000_001), "{wait:?}");
    }

    #[test]
    fn the_number_of_buckets_is_bounded_and_those_in_use_stay() {
        let buckets = Buckets::new(1, 0, 10).unwrap();
        assert_eq!(buckets.take(0, NOW), Ok(()));
        for other in 1..1_000 {
            assert_eq!(buckets.take(other, NOW), Ok(()));
            assert!(buckets.take(0, NOW).is_err(), "it is asked for, so it is not forgotten: {other}");
            let state = buckets.state.lock();
            assert!(state.young.len() + state.old.len() <= 10);
        }
        assert_eq!(buckets.take(1, NOW), Ok(()), "one that nobody asked for is");
    }

    #[test]
    fn without_a_rate_there_is_no_limit() {
        assert!(Buckets::<u8>::new(0, 5, 10).is_none());
        let rates = Rates::new(&config::Rate::default());
        assert!(!rates.counts_addresses());
        for _ in 0..1_000 {
            assert_eq!(rates.caller("a", NOW), Ok(()));
        }
    }

    #[test]
    fn an_address_of_ipv6_stands_for_its_network() {
        let whole = |text: &str| whole_network(text.parse().unwrap()).to_string();
        assert_eq!(whole("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(whole("192.0.2.7"), "192.0.2.7");
        assert_eq!(whole("::ffff:192.0.2.7"), "192.0.2.7");
    }
}

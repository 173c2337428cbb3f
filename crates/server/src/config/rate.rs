//! How often one caller, and one address, may call.

use super::rule::{Rule, section};
use super::shape::whole;
use crate::rate::Network;

section! {
    /// How many requests one caller and one address may make, on each node. One too many is refused with status 429, and
    /// told when to come back. Requests about health are never counted.
    Rate("rate") {
        /// Requests in a second of one caller: a user, or somebody of a trusted issuer. 0 for no limit.
        caller_per_second: u32 = 0, whole(0, 1_000_000, "requests");
        /// Requests that a caller who was quiet may make at once. 0 for those of a second.
        caller_burst: u32 = 0, whole(0, 1_000_000, "requests");
        /// Requests in a second from one address, whoever calls, valid token or not. Of IPv6 the first 64 bits count. 0
        /// for no limit. Behind a proxy set `trusted_proxies` too, or all callers have one address together.
        address_per_second: u32 = 0, whole(0, 1_000_000, "requests");
        /// Requests that an address that was quiet may make at once. 0 for those of a second.
        address_burst: u32 = 0, whole(0, 1_000_000, "requests");
        /// Proxies whose header X-Forwarded-For is believed. Without them the other end of the connection counts.
        trusted_proxies: Vec<String> = Vec::new(), PROXIES;
        /// Callers, and addresses, that are remembered at a time. Those that were quiet for the longest are forgotten.
        max_remembered: u32 = 100_000, whole(2, 10_000_000, "");
    }
}

const PROXIES: Rule = Rule::List {
    shape: "addresses and networks such as \"10.0.0.0/8\" or \"::1\"",
    fits: |text| Network::parse(text).is_some(),
};

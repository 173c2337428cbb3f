//! Where a request comes from: the other end of its connection, or what proxies that are trusted say of it.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

const FORWARDED: &str = "x-forwarded-for";

/// The address of the client. Each proxy writes behind what it was told, so the list is read from its end, up to the
/// first address that is no proxy of ours; whatever stands before that anybody may have written.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusts: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines = headers.get_all(FORWARDED).iter().map(|line| line.to_str().unwrap_or_default());
    let told: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    for text in told.into_iter().rev() {
        if !trusts(client) {
            break;
        }
        let Some(address) = read(text.trim()) else { break };
        client = address;
    }
    client
}

/// Some proxies write the port behind the address, and brackets around one of IPv6.
fn read(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address = text.parse().ok().or_else(with_port).or_else(bare)?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::rate::Network;

    fn seen(peer: &str, lines: &[&'static str]) -> String {
        let proxies = ["127.0.0.0/8", "10.0.0.0/8", "::1"].map(|text| Network::parse(text).unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED, HeaderValue::from_static(line));
        }
        let trusts = |address| proxies.iter().any(|network| network.contains(address));
        client(peer.parse().unwrap(), &headers, trusts).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(seen("203.0.113.1", &["192.0.2.1"]), "203.0.113.1");
        assert_eq!(seen("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(seen("127.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(seen("::ffff:127.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(seen("127.0.0.1", &["198.51.100.1, 192.0.2.1, 10.1.1.1"]), "192.0.2.1");
        assert_eq!(seen("127.0.0.1", &["198.51.100.1", "192.0.2.1,10.1.1.1"]), "192.0.2.1");
        assert_eq!(seen("127.0.0.1", &["10.1.1.1"]), "10.1.1.1");
    }

    #[test]
    fn what_cannot_be_read_ends_the_list() {
        assert_eq!(seen("127.0.0.1", &["192.0.2.1, unknown"]), "127.0.0.1");
        assert_eq!(seen("127.0.0.1", &["192.0.2.1, unknown, 10.1.1.1"]), "10.1.1.1");
        assert_eq!(seen("127.0.0.1", &[""]), "127.0.0.1");
    }

    #[test]
    fn ports_and_brackets_are_passed_over() {
        assert_eq!(seen("::1", &["192.0.2.1:4711"]), "192.0.2.1");
        assert_eq!(seen("::1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(seen("::1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(seen("::1", &["2001:db8::1"]), "2001:db8::1");
    }
}

//! Which names a key can be bound to, and which pages may use it.

use url::{Host, Url};

use crate::failure::{self, Failure};

/// Which pages and apps may use a key.
#[derive(Clone, Copy, Debug)]
pub struct Origins<'a> {
    /// The id of the relying party that the key is bound to.
    pub rp_id: &'a str,
    /// Origins of Android apps that may use it.
    pub android: &'a [String],
}

/// The id of a relying party, in the form in which browsers compare it: a domain, or an IPv4 address, on which only
/// tests run.
///
/// # Errors
/// `WEBAU-UX9ta` for anything else, such as a domain with a port.
pub fn relying_party_id(domain: &str) -> Result<String, Failure> {
    match Host::parse(domain) {
        Ok(Host::Domain(name)) if name.len() <= 253 => Ok(name),
        // `1` and `0x7f.1` would be read as addresses, too.
        Ok(Host::Ipv4(address)) if address.to_string() == domain => Ok(domain.to_owned()),
        _ => Err(failure::WEBAUTHN_DOMAIN),
    }
}

impl Origins<'_> {
    /// Whether a page or an app may use the key. An origin has a scheme, a host and perhaps a port, and nothing else.
    pub(super) fn allow(&self, origin: &str) -> bool {
        if self.android.iter().any(|app| app == origin) {
            return true;
        }
        let Ok(url) = Url::parse(origin) else { return false };
        let canonical = url.origin().ascii_serialization();
        let default_port = match url.scheme() {
            "https" => ":443",
            "http" => ":80",
            _ => return false,
        };
        // Clients that keep origins as URLs write a slash behind them.
        let written = origin.strip_suffix('/').unwrap_or(origin);
        let pure = written == canonical || written.strip_suffix(default_port) == Some(canonical.as_str());
        let Some(host) = url.host_str().filter(|_| pure) else { return false };
        let trusted = url.scheme() == "https" || host == "localhost" || host == "127.0.0.1";
        trusted && self.is_at_or_below(host)
    }

    fn is_at_or_below(&self, host: &str) -> bool {
        let below = || host.strip_suffix(self.rp_id).is_some_and(|rest| rest.ends_with('.'));
        host == self.rp_id || (self.rp_id.parse::<std::net::Ipv4Addr>().is_err() && below())
    }
}

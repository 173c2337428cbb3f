//! The shapes that texts of the configuration may have.

use doorward_core::master::MasterKey;
use http::Uri;

use super::rule::Rule;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) const fn whole(least: i64, most: i64, unit: &'static str) -> Rule {
    Rule::Whole { least, most, unit }
}

pub(super) const SWITCH: Rule = Rule::Switch;
pub(super) const LOG_FORMAT: Rule = Rule::OneOf(&["human", "json"]);
pub(super) const ALGORITHM: Rule = Rule::OneOf(&["argon2id", "bcrypt"]);
pub(super) const DIRECTORY: Rule =
    Rule::Text { shape: "the path of a directory", fits: |text| !text.is_empty() };
pub(super) const FILE: Rule =
    Rule::Optional { shape: "the path of a PEM file", fits: |text| !text.is_empty() };
pub(super) const ADDRESS: Rule =
    Rule::Text { shape: "host:port, such as \"0.0.0.0:8080\"", fits: is_address };
pub(super) const URL: Rule = Rule::Optional {
    shape: "an http or https URL without query, such as \"https://login.example.com\"",
    fits: is_url,
};
pub(super) const FILTER: Rule = Rule::Text {
    shape: "a level (off, error, warn, info, debug, trace) or a list such as \"info,doorward=debug\"",
    fits: is_filter,
};
pub(super) const ISSUER: Rule =
    Rule::Text { shape: "a name of 1 to 64 characters without colon, such as \"Example\"", fits: is_issuer };
pub(super) const KEY: Rule = Rule::Secret {
    shape: "32 bytes in base64, or several such keys with commas in between",
    fits: |text| MasterKey::parse_all(text).is_some(),
};
pub(super) const DATABASE: Rule = Rule::Secret {
    shape: "a URL such as \"postgres://user:password@host/database\"",
    fits: |text| ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)),
};
pub(super) const ORIGINS: Rule =
    Rule::List { shape: "origins such as \"https://app.example.com\", without path", fits: is_origin };

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let plain = !host.is_empty() && !host.contains([':', '/', ' ', '[', ']']);
        (plain || bracketed) && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
    })
}

fn is_url(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        web && has_plain_authority(&uri) && uri.query().is_none() && !text.contains('#')
    })
}

/// Apps on telephones have origins with schemes of their own, so any scheme will do.
fn is_origin(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        let bare = uri.path() == "/" && !text.ends_with('/') && uri.query().is_none() && !text.contains('#');
        uri.scheme().is_some() && has_plain_authority(&uri) && bare
    })
}

fn has_plain_authority(uri: &Uri) -> bool {
    uri.authority().is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
}

/// Apps take what stands before a colon for the name.
fn is_issuer(text: &str) -> bool {
    (1..=64).contains(&text.chars().count())
        && text.trim() == text
        && !text.contains(|letter: char| letter == ':' || letter.is_control())
}

/// Filters are stricter here than in tracing-subscriber, which takes the misspelt level "inof" for the name of a
/// target and then logs nothing at all.
fn is_filter(text: &str) -> bool {
    text.split(',').all(|part| {
        let (target, level) = part.split_once('=').unwrap_or(("any", part));
        let named = !target.is_empty()
            && target.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-'));
        named && LEVELS.contains(&level)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for good in ["127.0.0.1:8080", "localhost:0", "[::1]:443", "0.0.0.0:65535"] {
            assert!(is_address(good), "{good}");
        }
        for bad in
            ["", "8080", ":8080", "localhost", "localhost:", "a:65536", "::1:80", "http://a:80", "a:+1"]
        {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn origins_have_no_path_and_urls_no_query() {
        for good in ["https://a.example", "http://localhost:3000", "capacitor://localhost"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in
            ["", "*", "null", "a.example", "https://a.example/", "https://a.example/x", "https://u@a.example"]
        {
            assert!(!is_origin(bad), "{bad}");
        }
        assert!(is_url("https://a.example/base"));
        for bad in ["https://a.example/?q", "ftp://a.example", "https://", "/a", "https://a.example/#f"] {
            assert!(!is_url(bad), "{bad}");
        }
    }

    #[test]
    fn an_issuer_has_no_colon() {
        for good in ["Doorward", "Küche & Co", "x"] {
            assert!(is_issuer(good), "{good}");
        }
        for bad in ["", " ", "Doorward ", "a:b", "a\nb", &"x".repeat(65)] {
            assert!(!is_issuer(bad), "{bad}");
        }
    }

    #[test]
    fn a_misspelt_level_is_no_filter() {
        for good in ["info", "off", "doorward=debug,info", "doorward::api=trace,warn"] {
            assert!(is_filter(good), "{good}");
        }
        for bad in ["", "inof", "doorward=", "=info", "info,", "doorward=loud", "doorward"] {
            assert!(!is_filter(bad), "{bad}");
        }
    }
}

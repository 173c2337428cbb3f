//! Where a PostgreSQL is: its URL, and how the way there is protected.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Result, StoreError};

/// A parsed URL.
pub struct Target {
    /// What the driver is told.
    pub config: Config,
    /// How the connection is encrypted; nothing for plain text.
    pub tls: Option<MakeRustlsConnect>,
}

/// What the URL says about encryption, which the driver knows only in part.
#[derive(Default)]
struct Encryption {
    mode: Option<String>,
    roots: Option<PathBuf>,
}

/// Reads a URL. A server on another machine is spoken to with TLS and a verified certificate unless the URL says
/// `sslmode=disable`; a certificate that nobody verifies protects nobody, so there is no mode for that.
///
/// # Errors
/// When the URL or the certificates do not make sense. The text never holds the password.
pub fn parse(url: &str) -> Result<Target> {
    let (plain, encryption) = without_encryption(url)?;
    let mut config = Config::from_str(&plain).map_err(|error| refused(error.to_string()))?;
    let local = config.get_hosts().iter().all(is_local);
    let wanted = match encryption.mode.as_deref() {
        None => !local || encryption.roots.is_some(),
        Some("disable") => false,
        Some("require" | "verify-ca" | "verify-full") => true,
        Some(_) => {
            return Err(refused(
                "sslmode must be disable or verify-full (require means the same)".to_owned(),
            ));
        }
    };
    config.ssl_mode(if wanted { SslMode::Require } else { SslMode::Disable });
    config.application_name("doorward");
    // Of several copies all but one only read, and what is read there may be of some time ago.
    if hosts(&config) > 1 && config.get_target_session_attrs() == TargetSessionAttrs::Any {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    let tls = if wanted { Some(connector(encryption.roots.as_deref())?) } else { None };
    Ok(Target { config, tls })
}

/// How many hosts are tried one after the other.
pub fn hosts(config: &Config) -> usize {
    config.get_hosts().len().max(config.get_hostaddrs().len())
}

/// Takes `sslmode` and `sslrootcert` out of a URL.
fn without_encryption(url: &str) -> Result<(String, Encryption)> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(refused("it must begin with postgres:// or postgresql://".to_owned()));
    }
    let Some((base, query)) = url.split_once('?') else { return Ok((url.to_owned(), Encryption::default())) };
    let mut encryption = Encryption::default();
    let mut rest = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let value = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        match pair.split_once('=') {
            Some(("sslmode", mode)) => encryption.mode = Some(value(mode)),
            Some(("sslrootcert", path)) => encryption.roots = Some(value(path).into()),
            _ => rest.push(pair),
        }
    }
    let plain = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    Ok((plain, encryption))
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

fn connector(roots: Option<&Path>) -> Result<MakeRustlsConnect> {
    let mut store = RootCertStore::empty();
    let certificates = match roots {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| refused(format!("sslrootcert {}: {error}", path.display())))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let (usable, _) = store.add_parsable_certificates(certificates);
    if usable == 0 {
        return Err(refused(
            "there is no root certificate to verify the server by: name one with sslrootcert=FILE".to_owned(),
        ));
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn refused(problem: String) -> StoreError {
    StoreError::Settings(format!("the URL of the database cannot be used: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> bool {
        parse(url).unwrap_or_else(|error| panic!("{url}: {error}")).tls.is_some()
    }

    #[test]
    fn another_machine_is_spoken_to_with_tls_unless_the_url_says_otherwise() {
        assert!(!mode("postgres://u:p@127.0.0.1/d") && !mode("postgresql://u@/d?host=/run/postgresql"));
        assert!(mode("postgres://u@db.example/d") && !mode("postgres://u@db.example/d?sslmode=disable"));
        assert!(mode("postgres://u@localhost/d?connect_timeout=3&sslmode=verify-full"));
    }

    #[test]
    fn of_several_hosts_only_one_that_takes_writes_will_do() {
        for (url, count, wanted) in [
            ("postgres://u@a/d", 1, TargetSessionAttrs::Any),
            ("postgres://u@a:1,b:2/d", 2, TargetSessionAttrs::ReadWrite),
            ("postgres://u@%2Frun%2Fa:1,%2Frun%2Fb:2/d", 2, TargetSessionAttrs::ReadWrite),
            ("postgres://u@/d?host=/run/a&host=/run/b&port=1,2", 2, TargetSessionAttrs::ReadWrite),
            ("postgres://u@a/d?target_session_attrs=read-write", 1, TargetSessionAttrs::ReadWrite),
        ] {
            let config = parse(url).unwrap_or_else(|error| panic!("{url}: {error}")).config;
            assert_eq!((hosts(&config), config.get_target_session_attrs()), (count, wanted), "{url}");
        }
    }

    #[test]
    fn a_url_that_makes_no_sense_is_refused_without_telling_the_password() {
        for url in [
            "mysql://u:hunter2@h/d",
            "postgres://u:hunter2@h:notaport/d",
            "postgres://u:hunter2@h/d?sslmode=prefer",
            "postgres://u:hunter2@h/d?sslrootcert=/no/such/file",
            "postgres://u:hunter2@h/d?nonsense=1",
        ] {
            let refused = parse(url).err().unwrap_or_else(|| panic!("{url}")).to_string();
            assert!(refused.contains("the URL of the database") && !refused.contains("hunter2"), "{refused}");
        }
    }
}

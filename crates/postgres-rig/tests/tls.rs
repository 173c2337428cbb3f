//! Servers with TLS: certificates of the test's own, and nobody without.
#![expect(clippy::unwrap_used, reason = "a failing test panics")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use doorward_postgres_rig::{Server, Tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

const NO_SYNC: &[(&str, &str)] = &[("fsync", "off")];
const ASK: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// An authority in a folder, which signs certificates into files there.
struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut about = CertificateParams::new(vec![]).unwrap();
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        about.distinguished_name.push(DnType::CommonName, name);
        fs::write(folder.path().join("ca.crt"), about.self_signed(&key).unwrap().pem()).unwrap();
        Self { folder, issuer: Issuer::new(about, key) }
    }

    fn sign(&self, name: &str, address: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let mut about = CertificateParams::new(vec![address.to_owned()]).unwrap();
        about.distinguished_name.push(DnType::CommonName, name);
        let certificate = about.signed_by(&key, &self.issuer).unwrap();
        let file = |end: &str| self.folder.path().join(format!("{name}.{end}"));
        fs::write(file("crt"), certificate.pem()).unwrap();
        fs::write(file("key"), key.serialize_pem()).unwrap();
        // psql refuses keys that others may read.
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file("key"), fs::Permissions::from_mode(0o600)).unwrap();
        (file("crt"), file("key"))
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }
}

fn ask(server: &Server, parameters: &str) -> Result<String, String> {
    let url = format!("{}?{parameters}", server.tcp_url("postgres"));
    let mut psql = Command::new(server.bin("psql"));
    let output = psql.args(["-XAtq", "-d", &url, "-c", ASK]).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn verified(ca: &Path) -> String {
    format!("sslmode=verify-full&sslrootcert={}", ca.display())
}

#[test]
fn a_server_shows_the_certificate_that_the_test_gave_it() {
    let authority = Authority::new("one");
    let (certificate, key) = authority.sign("server", "127.0.0.1");
    let server = Server::start_tls(NO_SYNC, &Tls { certificate: &certificate, key: &key, client_ca: None });
    assert_eq!(ask(&server, &verified(&authority.ca())).unwrap(), "t");
    let other = Authority::new("another");
    let refused = ask(&server, &verified(&other.ca())).unwrap_err();
    assert!(refused.contains("certificate verify failed"), "{refused}");
    let refused = ask(&server, "sslmode=disable").unwrap_err();
    assert!(refused.contains("no encryption"), "{refused}");
    assert_eq!(server.sql("postgres", ASK), "f", "the socket needs no TLS");
}

#[test]
fn a_certificate_for_another_name_is_one_for_another_name() {
    let authority = Authority::new("one");
    let (certificate, key) = authority.sign("server", "db.example.org");
    let server = Server::start_tls(NO_SYNC, &Tls { certificate: &certificate, key: &key, client_ca: None });
    let refused = ask(&server, &verified(&authority.ca())).unwrap_err();
    assert!(refused.contains("does not match host name"), "{refused}");
    let less = format!("sslmode=verify-ca&sslrootcert={}", authority.ca().display());
    assert_eq!(ask(&server, &less).unwrap(), "t");
}

#[test]
fn clients_may_have_to_show_a_certificate_too() {
    let (authority, clients) = (Authority::new("one"), Authority::new("another"));
    let (certificate, key) = authority.sign("server", "127.0.0.1");
    let ca = clients.ca();
    let tls = Tls { certificate: &certificate, key: &key, client_ca: Some(&ca) };
    let server = Server::start_tls(NO_SYNC, &tls);
    let with = |(certificate, key): (PathBuf, PathBuf)| {
        format!("{}&sslcert={}&sslkey={}", verified(&authority.ca()), certificate.display(), key.display())
    };
    assert_eq!(ask(&server, &with(clients.sign("client", "client"))).unwrap(), "t");
    assert!(ask(&server, &with(authority.sign("client", "client"))).is_err());
    let refused = ask(&server, &verified(&authority.ca())).unwrap_err();
    assert!(refused.contains("requires a valid client certificate"), "{refused}");
}

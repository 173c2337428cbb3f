//! TLS with a certificate that can be renewed while the server runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;

/// Why a certificate cannot be used. The texts name files, never their contents.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the certificate {0} cannot be read: {1}")]
    Certificate(PathBuf, rustls_pki_types::pem::Error),
    #[error("there is no certificate in {0}")]
    Empty(PathBuf),
    #[error("the private key {0} cannot be read: {1}")]
    Key(PathBuf, rustls_pki_types::pem::Error),
    #[error("certificate and private key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// Change time and length of both files, as they were when they were last read.
type Stamp = [Option<(SystemTime, u64)>; 2];

/// A certificate and its key, as files and as loaded.
pub struct Tls {
    cert_file: PathBuf,
    key_file: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
    stamp: Mutex<Stamp>,
}

impl Tls {
    /// Loads a certificate chain and its private key from PEM files.
    pub fn load(cert_file: &Path, key_file: &Path) -> Result<Arc<Self>, TlsError> {
        // The stamp is taken before the files are read, so a change in between is found by the next look.
        let stamp = stamp(cert_file, key_file);
        let current = RwLock::new(Arc::new(read(cert_file, key_file)?));
        let (cert_file, key_file) = (cert_file.to_owned(), key_file.to_owned());
        Ok(Arc::new(Self { cert_file, key_file, current, stamp: Mutex::new(stamp) }))
    }

    /// Loads the files again. New connections use the new certificate; after an error they go on with the old one.
    pub fn reload(&self) -> Result<(), TlsError> {
        *self.stamp.lock() = stamp(&self.cert_file, &self.key_file);
        let fresh = Arc::new(read(&self.cert_file, &self.key_file)?);
        *self.current.write() = fresh;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.read()))
    }

    /// Reloads on SIGHUP, and when a file has changed. Never ends.
    pub(super) async fn watch(self: Arc<Self>, every: Duration) {
        let mut hangups = signal(SignalKind::hangup())
            .inspect_err(|error| tracing::error!(%error, "SIGHUP will not renew the certificate"))
            .ok();
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                _ = ticks.tick() => false,
                () = hangup(&mut hangups) => true,
            };
            let this = Arc::clone(&self);
            // Reading files blocks, and the disk may be a slow one.
            let _ = tokio::task::spawn_blocking(move || this.renew(asked)).await;
        }
    }

    fn renew(&self, asked: bool) {
        if !asked && *self.stamp.lock() == stamp(&self.cert_file, &self.key_file) {
            return;
        }
        match self.reload() {
            Ok(()) => tracing::info!(file = %self.cert_file.display(), "the certificate is renewed"),
            Err(error) => tracing::error!(%error, "the certificate is not renewed; the old one stays in use"),
        }
    }
}

async fn hangup(signals: &mut Option<Signal>) {
    match signals {
        Some(signals) => {
            signals.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn stamp(cert_file: &Path, key_file: &Path) -> Stamp {
    [cert_file, key_file].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

fn read(cert_file: &Path, key_file: &Path) -> Result<ServerConfig, TlsError> {
    let unreadable = |error| TlsError::Certificate(cert_file.to_owned(), error);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert_file)
        .map_err(unreadable)?
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    if chain.is_empty() {
        return Err(TlsError::Empty(cert_file.to_owned()));
    }
    let key =
        PrivateKeyDer::from_pem_file(key_file).map_err(|error| TlsError::Key(key_file.to_owned(), error))?;
    // The provider is named here, so nothing depends on a global one that somebody must install first.
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

//! `doorward serve`: opens the app, opens the port, and closes both in order.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::api::cors::Cors;
use crate::api::http::{BodyLimits, Front};
use crate::cleanup;
use crate::cli::output::say;
use crate::config::{Config, reachable};
use crate::delivery::{self, Delivery};
use crate::env::Env;
use crate::first_start::DataDir;
use crate::master_key::follow;
use crate::telemetry::Metrics;
use crate::transport::{BoxError, Limits, TimedBody, Tls, Transport};
use crate::wiring::{Opened, open};

/// A body that could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BrokenBody(BoxError);

/// Serves until the process is told to stop.
///
/// # Errors
/// When the data folder, the port or the certificate cannot be opened.
pub async fn serve(config: &Config) -> anyhow::Result<()> {
    let listener = TcpListener::bind(&config.listen).await.with_context(|| {
        format!("the address {} cannot be listened on; choose another with --listen HOST:PORT", config.listen)
    })?;
    let address = listener.local_addr()?;
    let config = &with_port(config, address.port());
    // Whatever is wrong with the certificate is said before anything is set up.
    load_tls(config)?;
    delivery::check(config)?;
    let folder = DataDir::open(&config.data_dir)?;
    // Nodes that share a PostgreSQL may share a folder too: it holds nothing but the key and the first tokens.
    let _alone = config.database_url.is_none().then(|| folder.lock()).transpose()?;
    let opened = open(config, Env::system()).await?;
    // Whoever reads the greeting may stop the server at once: it must be listening for that already.
    let told = until_told()?;
    greet(config, &opened, address);
    if config.public_url.is_none() && !address.ip().is_loopback() {
        let issuer = config.public_url();
        tracing::warn!(issuer, "public_url is not set: this is what callers and people are told to go to");
    }
    tracing::info!(%address, first_start = opened.first_start, "ready");
    serve_on(listener, config, opened, told).await
}

/// The configuration with the port that was taken, where any was allowed: what the server says of its own address is
/// true then.
fn with_port(config: &Config, port: u16) -> Config {
    let mut config = config.clone();
    if let Some(host) = config.listen.strip_suffix(":0") {
        config.listen = format!("{host}:{port}");
    }
    config
}

/// Serves on an open listener until `stop` completes: requests that run are finished, the rest is refused.
///
/// # Errors
/// When the certificate cannot be read, or the descriptors cannot be served.
pub async fn serve_on(
    listener: TcpListener,
    config: &Config,
    opened: Opened,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let started = opened.app.env.clock.now().0.div_euclid(1_000_000);
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), started);
    let tls = load_tls(config)?;
    let limits = BodyLimits {
        sessions: config.limits.body_bytes as usize,
        users: config.limits.user_body_bytes as usize,
    };
    let cors = Cors::new(config.cors.allowed_origins.clone());
    let app = Arc::clone(&opened.app);
    let front = Front::new(Arc::clone(&app), metrics.clone(), cors, limits)?;
    let (stop_chores, stopped) = watch::channel(false);
    let (cleaned, counted) = (Arc::clone(&app), metrics.clone());
    let keep = cleanup::kept(config.policy.session.keep_ended_days);
    let cleanup = tokio::spawn(async move { cleanup::work(&cleaned, &counted, keep, stopped).await });
    let delivery = Delivery::start(config, &app, &metrics)?;
    // The embedded store is of one process alone, and its key is replaced while none runs.
    let following = config.database_url.is_some().then(|| {
        let (app, stopped) = (Arc::clone(&app), stop_chores.subscribe());
        tokio::spawn(async move { follow(&app, stopped).await })
    });
    let transport = Transport { limits: Limits::from_config(config), tls, metrics };
    let pause = Duration::from_millis(u64::from(config.limits.body_timeout_ms));
    let delay = Duration::from_millis(u64::from(config.limits.stop_delay_ms));
    let (door, closing) = (front.clone(), front);
    let handler = move |request: http::Request<hyper::body::Incoming>| {
        door.clone().answer(request.map(|body| TimedBody::new(body, pause).map_err(BrokenBody)))
    };
    let stop = async move {
        stop.await;
        closing.not_ready();
        tokio::time::sleep(delay).await;
    };
    let cut_off = crate::transport::serve(vec![listener], transport, handler, stop).await;
    if cut_off > 0 {
        tracing::warn!(cut_off, "connections were cut off because they took too long to finish");
    }
    // The store is closed only when nobody is in the middle of writing to it.
    stop_chores.send_replace(true);
    cleanup.await?;
    delivery.stop().await?;
    if let Some(following) = following {
        following.await?;
    }
    // Joining threads blocks, which an executor thread must not.
    tokio::task::spawn_blocking(move || {
        app.hashing.close();
        app.db.close();
    })
    .await?;
    tracing::info!("stopped");
    Ok(())
}

fn load_tls(config: &Config) -> anyhow::Result<Option<Arc<Tls>>> {
    let Some((cert, key)) = config.tls_files() else { return Ok(None) };
    Tls::load(cert, key).context("the certificate cannot be used").map(Some)
}

/// Completes when the process is told to stop, by SIGTERM or Ctrl-C.
fn until_told() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Certificates are loaded anew on SIGHUP; without any, it must still not end the process.
    let hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        let _hangup = hangup;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: requests that run are finished");
    })
}

/// Tells whoever started the server what they need next.
fn greet(config: &Config, opened: &Opened, address: std::net::SocketAddr) {
    let scheme = if config.tls_files().is_some() { "https" } else { "http" };
    let base = match &config.public_url {
        Some(url) if config.tls_files().is_some() => url.trim_end_matches('/').to_owned(),
        _ => format!("{scheme}://{}", reachable(&address.to_string())),
    };
    let tokens = opened.dir.token_files();
    let mut lines = vec![format!("Doorward {} is ready on {scheme}://{address}", env!("CARGO_PKG_VERSION"))];
    if opened.first_start {
        let place = match config.database_url {
            Some(_) => "in PostgreSQL".to_owned(),
            None => format!("in {}", config.data_dir.display()),
        };
        lines.push(format!("First start: the store {place} was set up."));
    }
    if let [admin, login] = tokens.as_slice()
        && login.exists()
    {
        lines.push(format!("Token to manage users:    {}", admin.display()));
        lines.push(format!("Token for a login page:   {}", login.display()));
        lines.push("Try it:".to_owned());
        lines.push(format!(
            "  curl -s -X POST {base}/v2/sessions -H \"Authorization: Bearer $(cat {})\" -d '{{}}'",
            login.display()
        ));
    } else {
        lines.push("Tokens: `doorward token create login-client` makes one.".to_owned());
    }
    say(&lines.join("\n"));
}

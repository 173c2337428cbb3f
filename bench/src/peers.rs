//! Other session servers: what a create and a read of a session cost there and here, in one run.

use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::json;

use crate::call::{self, Call, Wire};
use crate::client::Client;
use crate::engine::Store;
use crate::install;
use crate::process::{Meter, Process};
use crate::server::{Doorward, PASSWORD};
use crate::tool::{Bench, Target};

/// So many sessions are read in turn; better-auth hashes a password for each, so it gets fewer.
const SESSIONS: usize = 1024;
const SIGNED_UP: usize = 64;

/// Measures all rounds.
pub async fn measure(bench: &mut Bench, store: Store) -> Result<()> {
    let doorward = bench.doorward(store, "peers_doorward").await?;
    let (mut targets, mut processes) = (own(bench, &doorward).await?, Vec::new());
    let tower = tower(bench, store).await?;
    targets.extend(visitor("tower-sessions", bench, &tower).await?);
    processes.push(tower);
    match store {
        Store::Sqlite => {
            let peer = better_auth(bench).await?;
            targets.push(signed_up(bench, &peer).await?);
            processes.push(peer);
        }
        Store::Postgres => {
            let peer = express(bench).await?;
            targets.extend(visitor("express-session", bench, &peer).await?);
            processes.push(peer);
        }
    }
    for round in 0..bench.rounds {
        for target in &targets {
            bench.load(round, target).await?;
        }
    }
    let report = &mut bench.report;
    report.share_of_cpu("GetSession, REST", ("Doorward, read", "tower-sessions, read"), 0.5)?;
    report.share_of_cpu("CreateSession, REST", ("Doorward, create", "tower-sessions, create"), 0.5)
}

async fn own(bench: &Bench, doorward: &Doorward) -> Result<Vec<Target>> {
    let users = doorward.add_users(64, false).await?;
    let names: Vec<&String> = users.iter().cycle().take(SESSIONS).collect();
    let sessions = doorward.add_sessions(&names).await?;
    let token = doorward.home.login_token()?;
    let creates: Result<Vec<Call>> =
        users.iter().map(|name| call::create(Wire::Rest, &token, name, None)).collect();
    let reads: Result<Vec<Call>> =
        sessions.iter().map(|session| call::get(Wire::Rest, &token, session)).collect();
    let target = |row: &str, calls| {
        Target::to(doorward, row.to_owned(), (Wire::Rest, bench.clients), &Arc::new(calls))
    };
    Ok(vec![target("Doorward, create", creates?), target("Doorward, read", reads?)])
}

async fn tower(bench: &Bench, store: Store) -> Result<Peer> {
    let program = install::tower().await?;
    let (home, database) = match store {
        Store::Sqlite => {
            let home = tempfile::TempDir::with_prefix_in("doorward-bench-", bench.scratch())?;
            (Some(home), None)
        }
        Store::Postgres => (None, Some(bench.postgres()?)),
    };
    let url = match (&home, database) {
        (Some(home), _) => format!("sqlite://{}/tower.db", home.path().display()),
        // Its library wants the name of a host, whatever it is.
        (_, Some(postgres)) => postgres.create("bench_peers_tower", None).replacen("@/", "@localhost/", 1),
        _ => String::new(),
    };
    let database = database.map(crate::engine::Postgres::id).transpose()?;
    let process = Process::start(Command::new(program).arg(url)).await?;
    Ok(Peer { meter: Meter::of(process.id(), database), process, _home: home })
}

async fn express(bench: &Bench) -> Result<Peer> {
    let postgres = bench.postgres()?;
    let url = postgres.create("bench_peers_express", None);
    let mut command = Command::new("node");
    command.current_dir(install::node().await?).env("NODE_ENV", "production");
    let process = Process::start(command.arg("express-session.mjs").arg(url)).await?;
    Ok(Peer { meter: Meter::of(process.id(), Some(postgres.id()?)), process, _home: None })
}

async fn better_auth(bench: &Bench) -> Result<Peer> {
    let home = tempfile::TempDir::with_prefix_in("doorward-bench-", bench.scratch())?;
    let mut command = Command::new("node");
    command.current_dir(install::node().await?).env("NODE_ENV", "production");
    let process =
        Process::start(command.arg("better-auth.mjs").arg(home.path().join("better-auth.db"))).await?;
    Ok(Peer { meter: Meter::of(process.id(), None), process, _home: Some(home) })
}

/// A running peer.
struct Peer {
    // Dropped in this order: the process is gone before its folder is.
    process: Process,
    meter: Meter,
    _home: Option<tempfile::TempDir>,
}

impl Peer {
    fn target(&self, row: String, clients: usize, calls: Vec<Call>) -> Target {
        Target {
            row,
            addresses: vec![self.process.address.clone()],
            meter: self.meter.clone(),
            wire: Wire::Rest,
            clients,
            calls: Arc::new(calls),
        }
    }

    /// Makes each call once and gives the cookies that came.
    async fn cookies(&self, calls: &[Call]) -> Result<Vec<HeaderValue>> {
        let mut clients = Client::connect(Wire::Rest, &self.process.address, 1).await?;
        let client = clients.first_mut().context("a client")?;
        let mut cookies = Vec::new();
        for call in calls {
            let (status, headers, body) = client.whole(call).await?;
            let said = String::from_utf8_lossy(&body);
            ensure!(status.is_success(), "{}: {status} {said}", call.uri.path());
            cookies.push(cookie(&headers)?);
        }
        Ok(cookies)
    }
}

/// The two measurements of a server where a visitor gets a session by one call.
async fn visitor(name: &str, bench: &Bench, peer: &Peer) -> Result<Vec<Target>> {
    let create = call::foreign(Method::POST, "/sessions", None, None)?;
    let cookies = peer.cookies(&vec![create.clone(); SESSIONS]).await?;
    let reads: Result<Vec<Call>> =
        cookies.iter().map(|cookie| call::foreign(Method::GET, "/session", Some(cookie), None)).collect();
    let reads = reads?;
    check(peer, reads.first().context("a read")?).await?;
    Ok(vec![
        peer.target(format!("{name}, create"), bench.clients, vec![create]),
        peer.target(format!("{name}, read"), bench.clients, reads),
    ])
}

/// Reading sessions of better-auth.
async fn signed_up(bench: &Bench, peer: &Peer) -> Result<Target> {
    let sign_up = |number: usize| {
        let body = json!({
            "name": "Mini Mouse", "email": format!("user-{number}@example.com"), "password": PASSWORD,
        });
        call::foreign(Method::POST, "/api/auth/sign-up/email", None, Some(&body))
    };
    let calls: Result<Vec<Call>> = (0..SIGNED_UP).map(sign_up).collect();
    let cookies = peer.cookies(&calls?).await?;
    let read = |cookie| call::foreign(Method::GET, "/api/auth/get-session", Some(cookie), None);
    let reads: Result<Vec<Call>> = cookies.iter().map(read).collect();
    let reads = reads?;
    check(peer, reads.first().context("a read")?).await?;
    Ok(peer.target("better-auth, read".to_owned(), bench.clients, reads))
}

/// A read must show what was stored, or what is measured is a refusal.
async fn check(peer: &Peer, read: &Call) -> Result<()> {
    let mut clients = Client::connect(Wire::Rest, &peer.process.address, 1).await?;
    let (status, _, body) = clients.first_mut().context("a client")?.whole(read).await?;
    let said = String::from_utf8_lossy(&body);
    ensure!(status == StatusCode::OK && said.contains("@example.com"), "a read gives {status} {said}");
    Ok(())
}

fn cookie(headers: &HeaderMap) -> Result<HeaderValue> {
    let set = headers.get(SET_COOKIE).context("a cookie")?.to_str()?;
    Ok(HeaderValue::from_str(set.split(';').next().unwrap_or(set))?)
}

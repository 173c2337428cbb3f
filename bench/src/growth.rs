//! What it costs that many sessions are stored: reading, creating, listing and starting, beside a store with few.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};

use crate::What;
use crate::call::{self, Call, Wire};
use crate::client::Client;
use crate::engine::Store;
use crate::fill;
use crate::filled::{Filled, OF_THE_FIRST};
use crate::server::{Doorward, Home};
use crate::start;
use crate::tool::{Bench, Target};

/// Without anything said on the command line.
pub const MANY: u64 = 10_000_000;
const FEW: u64 = 10_000;
/// So many sessions, or users, are asked for in turn.
const SPREAD: u64 = 4096;
/// Callers of lists: some at the same time, but not so many that what is measured is how they queue.
const LISTERS: usize = 8;
/// Disk that a session may take while its store is made.
const ROOM: u64 = 2048;
/// What a filled store holds, beside it.
const NOTE: &str = "filled.json";

/// A filled store.
struct Site {
    /// Such as `10 M`.
    size: String,
    filled: Filled,
    home: Home,
}

/// Measures all rounds, or only fills the stores.
pub async fn measure(bench: &mut Bench, store: Store, what: What) -> Result<()> {
    let mut sites = vec![site(bench, store, FEW).await?, site(bench, store, bench.sessions).await?];
    bench.report.begin("growth", store);
    for Site { size, filled, home } in &sites {
        let bytes = bytes(bench, home)?;
        let each = bytes / filled.sessions;
        bench
            .report
            .note(format!("{size} sessions take {} MiB, {each} bytes each with all indexes", bytes >> 20))?;
    }
    if what == What::Fill {
        return Ok(());
    }
    for round in 0..bench.rounds {
        sites = one_round(bench, round, sites, what).await?;
    }
    let (few, many) = (name(FEW), name(bench.sessions));
    bench.report.begin("search", store);
    search_goals(bench, &few, &many)?;
    if what != What::Search {
        bench.report.begin("growth", store);
        growth_goals(bench, &few, &many)?;
    }
    Ok(())
}

/// Starts a server on each store, measures them in turn, and leaves the stores as they were.
async fn one_round(bench: &mut Bench, round: u32, sites: Vec<Site>, what: What) -> Result<Vec<Site>> {
    let (mut running, mut searches, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for Site { size, filled, home } in sites {
        let store = home.store;
        let doorward = Doorward::start(&bench.program, home).await?;
        if what != What::Search {
            bench.report.begin("growth", store);
            start::keep(bench, &format!("start, {size}"), round, &doorward).await?;
            others.push(calls(bench, &doorward, &size, filled)?);
        }
        bench.report.begin("search", store);
        searches.push(lists(&doorward, &size, filled).await?);
        running.push((doorward, size, filled));
    }
    for target in in_turn(searches) {
        bench.load(round, &target).await?;
    }
    let store = bench.report.store;
    bench.report.begin("growth", store);
    for target in in_turn(others) {
        bench.load(round, &target).await?;
    }
    let mut sites = Vec::new();
    for (doorward, size, filled) in running {
        let home = doorward.stop();
        match &home.postgres {
            None => fill::trim(&home.database()?, filled)?,
            Some((name, ..)) => fill::trim_postgres(bench.postgres()?, name, filled).await?,
        }
        sites.push(Site { size, filled, home });
    }
    Ok(sites)
}

/// The first of each list, then the second of each, and so on: what is compared is measured side by side.
fn in_turn(lists: Vec<Vec<Target>>) -> Vec<Target> {
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    loop {
        let before = all.len();
        all.extend(lists.iter_mut().filter_map(Iterator::next));
        if all.len() == before {
            return all;
        }
    }
}

async fn lists(doorward: &Doorward, size: &str, filled: Filled) -> Result<Vec<Target>> {
    let token = doorward.home.login_token()?;
    let first = vec![call::list(&token, &filled.user_id(0))?];
    let mut clients = Client::connect(Wire::Rest, &doorward.process.address, 1).await?;
    let list = first.first().context("a list")?;
    let answer: Value = serde_json::from_slice(&clients.first_mut().context("a client")?.must(list).await?)?;
    let total = answer.pointer("/details/totalResult").map(ToString::to_string).unwrap_or_default();
    let page = answer.get("sessions").and_then(Value::as_array).map_or(0, Vec::len);
    let right = page == 20 && total.trim_matches('"') == OF_THE_FIRST.to_string();
    ensure!(right, "the first user has {total} sessions, {page} of them on the first page");
    let turn: Result<Vec<Call>> =
        filled.some_users(SPREAD).iter().map(|user| call::list(&token, user)).collect();
    let target = |row: &str, clients, calls| {
        Target::to(doorward, format!("{row}, {size}"), (Wire::Rest, clients), &Arc::new(calls))
    };
    Ok(vec![target("List of one user", 1, first), target("Lists of users in turn", LISTERS, turn?)])
}

fn calls(bench: &Bench, doorward: &Doorward, size: &str, filled: Filled) -> Result<Vec<Target>> {
    let token = doorward.home.login_token()?;
    let gets: Result<Vec<Call>> =
        filled.some_sessions(SPREAD).iter().map(|session| call::get(Wire::Grpc, &token, session)).collect();
    let creates: Result<Vec<Call>> = (0..64)
        .map(|number| call::create(Wire::Grpc, &token, &format!("user-{number}@example.com"), None))
        .collect();
    let target = |row: &str, calls| {
        let load = (Wire::Grpc, bench.clients);
        Target::to(doorward, format!("{row}, {size}"), load, &Arc::new(calls))
    };
    Ok(vec![target("Get", gets?), target("Create", creates?)])
}

fn search_goals(bench: &mut Bench, few: &str, many: &str) -> Result<()> {
    let report = &mut bench.report;
    for row in ["List of one user", "Lists of users in turn"] {
        let row = format!("{row}, {many}");
        let p99 = report.median(&row, |figures| figures.p99 as f64) / 1000.0;
        report.at_most(&format!("{row}: p99"), p99, (10.0, "ms"))?;
    }
    let (one, other) = (format!("List of one user, {many}"), format!("List of one user, {few}"));
    let ratio = report.ratio((&one, &other), |figures| figures.p50 as f64);
    report.at_most(&format!("{one}: p50, beside that at {few}"), ratio, (2.0, "x"))
}

fn growth_goals(bench: &mut Bench, few: &str, many: &str) -> Result<()> {
    let report = &mut bench.report;
    for row in ["Get", "Create"] {
        let (one, other) = (format!("{row}, {many}"), format!("{row}, {few}"));
        report.share(&one, (&one, &other), 0.8)?;
    }
    let row = format!("start, {many}");
    let slowest = report.most(&row, |figures| figures.max as f64) / 1000.0;
    report.at_most(&format!("{row}, slowest"), slowest, (1000.0, "ms"))
}

/// A store with so many sessions: one that was kept, or a new one.
async fn site(bench: &Bench, store: Store, sessions: u64) -> Result<Site> {
    let database = format!("filled_{sessions}");
    let kept = match &bench.keep {
        Some(keep) => Some(keep_folder(keep, store, sessions)?),
        None => None,
    };
    if let Some(folder) = &kept
        && let Ok(note) = std::fs::read(folder.join(NOTE))
    {
        eprintln!("{} has {} sessions from an earlier run", folder.display(), name(sessions));
        let postgres = match store {
            Store::Sqlite => None,
            Store::Postgres => {
                let postgres = bench.postgres()?;
                let name = format!("bench_{database}");
                let url = postgres.server.url(&name);
                Some((name, url, postgres.id()?))
            }
        };
        let home = Home::kept(folder, postgres);
        return Ok(Site { size: name(sessions), filled: serde_json::from_slice(&note)?, home });
    }
    let temporary = bench.home(store, &database)?;
    let home = match &kept {
        None => temporary,
        Some(folder) => Home::kept(folder, temporary.postgres.clone()),
    };
    enough_room(bench, sessions)?;
    let (filled, home) = make(bench, home, sessions).await?;
    if kept.is_some() {
        std::fs::write(home.path.join(NOTE), serde_json::to_vec(&filled)?)?;
    }
    Ok(Site { size: name(sessions), filled, home })
}

/// An empty folder, or one with a filled store.
fn keep_folder(keep: &std::path::Path, store: Store, sessions: u64) -> Result<PathBuf> {
    let folder = keep.join(format!("{}-{sessions}", store.name().to_lowercase()));
    // What has no note was never finished.
    if folder.exists() && !folder.join(NOTE).exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}

fn enough_room(bench: &Bench, sessions: u64) -> Result<()> {
    let folder = bench.keep.as_deref().unwrap_or(bench.scratch());
    let disk = rustix::fs::statvfs(folder)?;
    let (free, wanted) = (disk.f_bavail * disk.f_frsize, sessions * ROOM);
    ensure!(free > wanted, "{} has room for {} of {} MiB", folder.display(), free >> 20, wanted >> 20);
    Ok(())
}

/// Lets the server make the tables and some rows, and adds sessions like its own.
async fn make(bench: &Bench, home: Home, sessions: u64) -> Result<(Filled, Home)> {
    let doorward = Doorward::start(&bench.program, home).await?;
    let users = doorward.add_users(64, false).await?;
    let request = json!({
        "checks": { "user": { "loginName": users.first() } },
        "userAgent": { "fingerprintId": "device", "ip": "192.0.2.7", "description": "Firefox on Linux" },
    });
    let call = call::rest(Method::POST, &doorward.home.login_token()?, "/v2/sessions", Some(&request))?;
    let mut clients = Client::connect(Wire::Rest, &doorward.process.address, 1).await?;
    clients.first_mut().context("a client")?.must(&call).await?;
    let home = doorward.stop();
    #[expect(
        clippy::disallowed_methods,
        reason = "filled sessions are older than those that the server makes"
    )]
    let now = jiff::Timestamp::now().as_microsecond();
    let filled = Filled::until(now, sessions);
    match &home.postgres {
        None => fill::sqlite(&home.database()?, filled).await?,
        Some((name, ..)) => fill::postgres(bench.postgres()?, name, filled).await?,
    }
    Ok((filled, home))
}

/// What the sessions take on the disk; with SQLite also the users, of whom there are few.
fn bytes(bench: &Bench, home: &Home) -> Result<u64> {
    Ok(match &home.postgres {
        None => std::fs::metadata(home.database()?)?.len(),
        Some((name, ..)) => {
            bench.postgres()?.sql(name, "SELECT pg_total_relation_size('sessions')").parse()?
        }
    })
}

/// A number as people say it.
fn name(sessions: u64) -> String {
    match sessions {
        n if n.is_multiple_of(1_000_000) => format!("{} M", n / 1_000_000),
        n if n.is_multiple_of(1000) => format!("{} k", n / 1000),
        n => n.to_string(),
    }
}

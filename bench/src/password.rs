//! Logins with a password, beside the hasher alone, and what a storm of logins does to those who only read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use doorward_core::password::{HashConfig, Hasher, verify};

use crate::call::{self, Call, Wire};
use crate::client::Client;
use crate::load::{Pauses, Tally, Window, run};
use crate::report::Figures;
use crate::server::{Doorward, PASSWORD};
use crate::tool::{Bench, Target};

const ALONE: &str = "hasher alone";
/// More logins at a time than the server lets wait, and so many that it must refuse.
const OVERLOAD: usize = 256;
/// So many read meanwhile, each a hundred times a second at most.
const READERS: usize = 8;
const READ_PAUSE: Duration = Duration::from_millis(10);

/// Algorithm and cost of every hash that is measured.
pub fn hash_name() -> String {
    match Hasher::default().config() {
        HashConfig::Argon2id { memory_kib, iterations, parallelism } => {
            format!("argon2id m={memory_kib} KiB t={iterations} p={parallelism}")
        }
        HashConfig::Bcrypt { cost } => format!("bcrypt cost {cost}"),
    }
}

/// Measures all rounds.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    let doorward = Doorward::start(&bench.program, &bench.scratch).await?;
    let users = doorward.add_users(OVERLOAD, true).await?;
    let token = doorward.login_token()?;
    let sessions = doorward.add_sessions(&users.iter().take(64).collect::<Vec<_>>()).await?;
    let logins: Result<Vec<Call>> =
        users.iter().map(|name| call::create(Wire::Grpc, &token, name, Some(PASSWORD))).collect();
    let reads: Result<Vec<Call>> =
        sessions.iter().map(|session| call::get(Wire::Grpc, &token, session)).collect();
    let (logins, reads) = (Arc::new(logins?), Arc::new(reads?));
    let threads = std::thread::available_parallelism()?.get();
    let target = |row: &str, clients, calls: &Arc<Vec<Call>>| Target {
        row: row.to_owned(),
        address: doorward.process.address.clone(),
        process: doorward.process.id(),
        wire: Wire::Grpc,
        clients,
        calls: Arc::clone(calls),
    };
    for round in 0..bench.rounds {
        bench.limit(ALONE, (round, threads), move |window| alone(threads, window)).await?;
        bench.load(round, &target("login, gRPC", bench.clients, &logins)).await?;
        let quiet = [target("Get, 8 readers, no logins", READERS, &reads)];
        together(bench, round, &quiet).await?;
        let storm = [
            target("Get during 64 logins", READERS, &reads),
            target("login during it", bench.clients, &logins),
        ];
        together(bench, round, &storm).await?;
        let overload = [
            target("Get during 256 logins", READERS, &reads),
            target("login, 256 at a time", OVERLOAD, &logins),
        ];
        together(bench, round, &overload).await?;
    }
    goals(bench)
}

fn goals(bench: &mut Bench) -> Result<()> {
    let report = &mut bench.report;
    report.share(&format!("login, {}", hash_name()), ("login, gRPC", ALONE), 0.95)?;
    for row in ["Get during 64 logins", "Get during 256 logins"] {
        let p99 = report.median(row, |figures| figures.p99 as f64) / 1000.0;
        report.at_most(&format!("{row}: p99"), p99, 20.0, "ms")?;
    }
    let shed = report.median("login, 256 at a time", |figures| figures.shed_p99.unwrap_or(0) as f64) / 1000.0;
    report.at_most("a login that is refused: p99", shed, 50.0, "ms")?;
    let longest = report.most("login, 256 at a time", |figures| figures.max as f64) / 1_000_000.0;
    report.at_most("the longest that a login took, its hash included", longest, 2.0, "s")
}

/// Loads several targets at the same time. CPU time is not shared out, for they are the same process.
async fn together(bench: &mut Bench, round: u32, targets: &[Target]) -> Result<()> {
    let mut clients = Vec::new();
    for target in targets {
        clients.push(Client::connect(target.wire, &target.address, target.clients).await?);
    }
    let window = Window::soon(bench.seconds);
    let mut running = Vec::new();
    for (target, clients) in targets.iter().zip(clients) {
        let reads = target.row.starts_with("Get");
        let after_answer = if reads { READ_PAUSE } else { Duration::ZERO };
        let pauses = Pauses { after_answer, ..Pauses::NONE };
        running.push(tokio::spawn(run(clients, Arc::clone(&target.calls), pauses, window)));
    }
    for (target, running) in targets.iter().zip(running) {
        let tally = (running.await?, bench.seconds as f64);
        bench.report.add(Figures::of(&target.row, (round, target.clients), tally, target.process)?)?;
    }
    Ok(())
}

/// Verifies as often as possible on so many threads.
fn alone(threads: usize, window: Window) -> Result<Tally> {
    let hasher = Hasher::default();
    let hash = hasher.hash(PASSWORD, *b"doorward's bench", &mut hasher.work_memory());
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| verify_until(&hasher, &hash, window))).collect();
        let mut all = Tally::default();
        for worker in workers {
            all.merge(worker.join().map_err(|_| anyhow!("a hashing thread panicked"))?);
        }
        Ok(all)
    })
}

fn verify_until(hasher: &Hasher, hash: &str, window: Window) -> Tally {
    let (mut tally, mut memory) = (Tally::default(), hasher.work_memory());
    loop {
        let started = Instant::now();
        if started >= window.end {
            return tally;
        }
        let right = verify(hash, PASSWORD, &mut memory) == Ok(true);
        let done = Instant::now();
        if done >= window.start && done <= window.end && right {
            tally.answered.push(u64::try_from((done - started).as_micros()).unwrap_or(u64::MAX));
        }
    }
}

//! What a storm of logins does to those who only read.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::call::{self, Call, Wire};
use crate::engine::Store;
use crate::figures::Figures;
use crate::load::{Pauses, Window, run};
use crate::server::PASSWORD;
use crate::tool::{Bench, Target};

/// More logins at a time than the server lets wait, and so many that it must refuse.
const OVERLOAD: usize = 256;
/// So many read meanwhile, each a hundred times a second at most.
const READERS: usize = 8;
const READ_PAUSE: Duration = Duration::from_millis(10);

/// Measures all rounds.
pub async fn measure(bench: &mut Bench, store: Store) -> Result<()> {
    let doorward = bench.doorward(store, "storm").await?;
    let users = doorward.add_users(OVERLOAD, true).await?;
    let token = doorward.home.login_token()?;
    let sessions = doorward.add_sessions(&users.iter().take(64).collect::<Vec<_>>()).await?;
    let logins: Result<Vec<Call>> =
        users.iter().map(|name| call::create(Wire::Grpc, &token, name, Some(PASSWORD))).collect();
    let reads: Result<Vec<Call>> =
        sessions.iter().map(|session| call::get(Wire::Grpc, &token, session)).collect();
    let (logins, reads) = (Arc::new(logins?), Arc::new(reads?));
    let target =
        |row: &str, clients, calls| Target::to(&doorward, row.to_owned(), (Wire::Grpc, clients), calls);
    let phases = [
        vec![target("Get, 8 readers, no logins", READERS, &reads)],
        vec![target("Get during 64 logins", READERS, &reads), target("login during it", 64, &logins)],
        vec![
            target("Get during 256 logins", READERS, &reads),
            target("login, 256 at a time", OVERLOAD, &logins),
        ],
    ];
    for round in 0..bench.rounds {
        for phase in &phases {
            together(bench, round, phase).await?;
        }
    }
    goals(bench)
}

fn goals(bench: &mut Bench) -> Result<()> {
    let report = &mut bench.report;
    for row in ["Get during 64 logins", "Get during 256 logins"] {
        let p99 = report.median(row, |figures| figures.p99 as f64) / 1000.0;
        report.at_most(&format!("{row}: p99"), p99, (20.0, "ms"))?;
    }
    let shed = report.median("login, 256 at a time", |figures| figures.shed_p99.unwrap_or(0) as f64) / 1000.0;
    report.at_most("a login that is refused: p99", shed, (50.0, "ms"))?;
    let longest = report.most("login, 256 at a time", |figures| figures.max as f64) / 1_000_000.0;
    report.at_most("the longest that a login took, its hash included", longest, (2.0, "s"))
}

/// Loads several targets at the same time. CPU time is not shared out, for they are the same process.
async fn together(bench: &mut Bench, round: u32, targets: &[Target]) -> Result<()> {
    let mut clients = Vec::new();
    for target in targets {
        clients.push(target.connect().await?);
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
        let tally = running.await?;
        bench.report.add(Figures::of(bench.place(target, round), tally, &target.meter)?)?;
    }
    Ok(())
}

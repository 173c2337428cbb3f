//! Creating sessions of users by login name, durably, beside SQLite alone inserting the same rows.

use std::sync::Arc;

use anyhow::Result;

use crate::call::{self, Call, Wire};
use crate::server::Doorward;
use crate::sqlite::Limit;
use crate::tool::{Bench, Target};

/// Half of what tower-sessions on SQLite takes a create; measured once, on a machine of this kind.
const MOST_CPU: f64 = 279.0;
/// The size of the bare group commit.
const GROUP: usize = 64;
const SINGLE: &str = "SQLite alone, a commit each";
const GROUPED: &str = "SQLite alone, 64 a commit";

/// Measures all rounds.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    let doorward = Doorward::start(&bench.program, &bench.scratch).await?;
    let users = doorward.add_users(64, false).await?;
    doorward.add_sessions(&users.iter().take(1).collect::<Vec<_>>()).await?;
    let token = doorward.login_token()?;
    let mut targets = Vec::new();
    for wire in [Wire::Grpc, Wire::Rest] {
        let calls: Result<Vec<Call>> =
            users.iter().map(|name| call::create(wire, &token, name, None)).collect();
        let calls = Arc::new(calls?);
        for (caller, clients) in [("", bench.clients), (", one caller", 1)] {
            targets.push(Target {
                row: format!("Create, {}{caller}", wire.name()),
                address: doorward.process.address.clone(),
                process: doorward.process.id(),
                wire,
                clients,
                calls: Arc::clone(&calls),
            });
        }
    }
    let database = doorward.database()?;
    let single = Limit::open(&database, &bench.scratch, 1)?;
    let grouped = Limit::open(&database, &bench.scratch, GROUP)?;
    for round in 0..bench.rounds {
        for target in &targets {
            bench.load(round, target).await?;
        }
        for (row, limit) in [(SINGLE, &single), (GROUPED, &grouped)] {
            let limit = limit.clone();
            bench.limit(row, (round, 1), move |window| limit.insert(window)).await?;
        }
    }
    goals(bench)
}

fn goals(bench: &mut Bench) -> Result<()> {
    let report = &mut bench.report;
    for row in ["Create, gRPC", "Create, REST"] {
        report.share(row, (row, SINGLE), 3.0)?;
        report.share(row, (row, GROUPED), 0.5)?;
        let cpu = report.median(row, |figures| figures.cpu.unwrap_or(0.0));
        report.at_most(&format!("{row}: server CPU"), cpu, MOST_CPU, "us")?;
    }
    for row in ["Create, gRPC, one caller", "Create, REST, one caller"] {
        let p50 = report.median(row, |figures| figures.p50 as f64) / 1000.0;
        report.at_most(&format!("{row}: p50"), p50, 2.0, "ms")?;
    }
    let peak = report.most("Create, REST", |figures| figures.peak_kib as f64) / 1024.0;
    report.at_most("memory at its peak while sessions are created", peak, 150.0, "MiB")
}

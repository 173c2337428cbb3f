//! Reading sessions, beside bare handlers of the same stacks that answer with the same bytes.

use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;

use crate::call::{self, Call, Created, Wire};
use crate::client::Client;
use crate::process::Process;
use crate::server::Doorward;
use crate::tool::{Bench, Target};

/// So many sessions are read in turn.
const SESSIONS: usize = 1024;
/// A gRPC message begins with a flag and its length.
const PREFIX: usize = 5;
/// Half of what tower-sessions on SQLite takes a read; measured once, on a machine of this kind.
const MOST_CPU: f64 = 59.5;

/// Measures all rounds.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    let doorward = Doorward::start(&bench.program, &bench.scratch).await?;
    let users = doorward.add_users(64, false).await?;
    let names: Vec<&String> = users.iter().cycle().take(SESSIONS).collect();
    let sessions = doorward.add_sessions(&names).await?;
    let (mut targets, mut bare) = (Vec::new(), Vec::new());
    for (wire, rival, command) in
        [(Wire::Grpc, "bare tonic", "bare-tonic"), (Wire::Rest, "bare axum", "bare-axum")]
    {
        let calls = Arc::new(calls(wire, &doorward, &sessions)?);
        let address = doorward.process.address.clone();
        let (name, process) = (wire.name(), doorward.process.id());
        let target = |row: String, clients| Target {
            row,
            address: address.clone(),
            process,
            wire,
            clients,
            calls: Arc::clone(&calls),
        };
        targets.push(target(format!("Get, {name}"), bench.clients));
        let first = calls.first().context("a call")?;
        let rival_process = start_bare(command, &doorward, wire, first).await?;
        targets.push(Target {
            address: rival_process.address.clone(),
            process: rival_process.id(),
            ..target(rival.to_owned(), bench.clients)
        });
        targets.push(target(format!("Get, {name}, one caller"), 1));
        bare.push(rival_process);
    }
    for round in 0..bench.rounds {
        for target in &targets {
            bench.load(round, target).await?;
        }
    }
    goals(bench)
}

fn goals(bench: &mut Bench) -> Result<()> {
    let report = &mut bench.report;
    report.share("GetSession, gRPC", ("Get, gRPC", "bare tonic"), 0.7)?;
    report.share("GetSession, REST", ("Get, REST", "bare axum"), 0.6)?;
    for row in ["Get, gRPC", "Get, REST"] {
        let cpu = report.median(row, |figures| figures.cpu.unwrap_or(0.0));
        report.at_most(&format!("{row}: server CPU"), cpu, MOST_CPU, "us")?;
    }
    for row in ["Get, gRPC, one caller", "Get, REST, one caller"] {
        let p50 = report.median(row, |figures| figures.p50 as f64) / 1000.0;
        report.at_most(&format!("{row}: p50"), p50, 1.0, "ms")?;
    }
    let peak = report.most("Get, REST", |figures| figures.peak_kib as f64) / 1024.0;
    report.at_most("memory at its peak while sessions are read", peak, 150.0, "MiB")
}

fn calls(wire: Wire, doorward: &Doorward, sessions: &[Created]) -> Result<Vec<Call>> {
    let token = doorward.login_token()?;
    sessions.iter().map(|session| call::get(wire, &token, session)).collect()
}

/// A bare server that answers as Doorward answers `call`.
async fn start_bare(command: &str, doorward: &Doorward, wire: Wire, call: &Call) -> Result<Process> {
    let answer = ask(wire, &doorward.process.address, call).await?;
    let message = match wire {
        Wire::Grpc => answer.get(PREFIX..).context("a message")?,
        Wire::Rest => &answer,
    };
    let file = doorward.dir.path().join(command);
    std::fs::write(&file, message)?;
    let process = Process::start(Command::new(std::env::current_exe()?).arg(command).arg(file))?;
    ensure!(ask(wire, &process.address, call).await? == answer, "the bare server answers something else");
    Ok(process)
}

async fn ask(wire: Wire, address: &str, call: &Call) -> Result<Bytes> {
    let mut clients = Client::connect(wire, address, 1).await?;
    clients.first_mut().context("a client")?.must(call).await
}

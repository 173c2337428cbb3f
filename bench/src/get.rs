//! Reading sessions, beside bare handlers of the same stacks that answer with the same bytes, and beside PostgreSQL
//! alone selecting the same row.

use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;

use crate::call::{self, Call, Created, Wire};
use crate::client::Client;
use crate::engine::Store;
use crate::pgbench::Script;
use crate::process::{Meter, Process};
use crate::server::Doorward;
use crate::tool::{Bench, Target};

/// So many sessions are read in turn.
const SESSIONS: usize = 1024;
const SELECT: &str = "pgbench, select by primary key";
/// So many clients are enough for all that PostgreSQL can do on a few cores.
const SELECT_CLIENTS: usize = 16;

/// Measures all rounds.
pub async fn measure(bench: &mut Bench, store: Store) -> Result<()> {
    let doorward = bench.doorward(store, "get").await?;
    let users = doorward.add_users(64, false).await?;
    let names: Vec<&String> = users.iter().cycle().take(SESSIONS).collect();
    let sessions = doorward.add_sessions(&names).await?;
    let (mut targets, mut bare) = (Vec::new(), Vec::new());
    for wire in [Wire::Grpc, Wire::Rest] {
        let calls = Arc::new(calls(wire, &doorward, &sessions)?);
        let target = |row: String, clients: usize| Target::to(&doorward, row, (wire, clients), &calls);
        targets.push(target(format!("Get, {}", wire.name()), bench.clients));
        // The bare servers do not know any engine, so one of the two is enough to stand beside them.
        if store == Store::Sqlite {
            let rival = start_bare(&doorward, wire, calls.first().context("a call")?).await?;
            targets.push(Target {
                addresses: vec![rival.address.clone()],
                meter: Meter::of(rival.id(), None),
                ..target(bare_name(wire).to_owned(), bench.clients)
            });
            bare.push(rival);
        }
        targets.push(target(format!("Get, {}, one caller", wire.name()), 1));
    }
    let select = select(&doorward, sessions.first().context("a session")?);
    for round in 0..bench.rounds {
        for target in &targets {
            bench.load(round, target).await?;
        }
        if let Some(select) = &select {
            select.measure(bench, round).await?;
        }
    }
    goals(bench, store)
}

fn goals(bench: &mut Bench, store: Store) -> Result<()> {
    let report = &mut bench.report;
    let idle = match store {
        Store::Sqlite => {
            report.share("GetSession, gRPC", ("Get, gRPC", "bare tonic"), 0.7)?;
            report.share("GetSession, REST", ("Get, REST", "bare axum"), 0.6)?;
            1.0
        }
        Store::Postgres => {
            report.share("GetSession, gRPC", ("Get, gRPC", SELECT), 0.8)?;
            report.share("GetSession, REST", ("Get, REST", SELECT), 0.8)?;
            1.5
        }
    };
    for row in ["Get, gRPC, one caller", "Get, REST, one caller"] {
        let p50 = report.median(row, |figures| figures.p50 as f64) / 1000.0;
        report.at_most(&format!("{row}: p50"), p50, (idle, "ms"))?;
    }
    let peak = report.most("Get, REST", |figures| figures.peak_kib as f64) / 1024.0;
    report.at_most("memory at its peak while sessions are read", peak, (150.0, "MiB"))
}

fn calls(wire: Wire, doorward: &Doorward, sessions: &[Created]) -> Result<Vec<Call>> {
    let token = doorward.home.login_token()?;
    sessions.iter().map(|session| call::get(wire, &token, session)).collect()
}

fn select(doorward: &Doorward, session: &Created) -> Option<Script> {
    let (database, _, _) = doorward.home.postgres.as_ref()?;
    Some(Script {
        row: SELECT.to_owned(),
        database: database.clone(),
        clients: SELECT_CLIENTS,
        text: "SELECT * FROM sessions WHERE id = :id;\n".to_owned(),
        variables: vec![("id".to_owned(), session.id.clone())],
    })
}

fn bare_name(wire: Wire) -> &'static str {
    match wire {
        Wire::Grpc => "bare tonic",
        Wire::Rest => "bare axum",
    }
}

/// A bare server that answers as Doorward answers `call`.
async fn start_bare(doorward: &Doorward, wire: Wire, call: &Call) -> Result<Process> {
    let answer = ask(wire, &doorward.process.address, call).await?;
    let (command, message) = match wire {
        Wire::Grpc => ("bare-tonic", answer.get(call::PREFIX..).context("a message")?),
        Wire::Rest => ("bare-axum", &*answer),
    };
    let file = doorward.home.path.join(command);
    std::fs::write(&file, message)?;
    let process = Process::start(Command::new(std::env::current_exe()?).arg(command).arg(file)).await?;
    ensure!(ask(wire, &process.address, call).await? == answer, "the bare server answers something else");
    Ok(process)
}

async fn ask(wire: Wire, address: &str, call: &Call) -> Result<Bytes> {
    let mut clients = Client::connect(wire, address, 1).await?;
    clients.first_mut().context("a client")?.must(call).await
}

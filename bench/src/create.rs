//! Creating sessions of users by login name, durably, beside the engines alone inserting the same rows.

use std::sync::Arc;

use anyhow::{Context, Result};

use crate::call::{self, Call, Wire};
use crate::engine::Store;
use crate::pgbench::{self, Script};
use crate::row;
use crate::server::{Doorward, Home};
use crate::sqlite::Limit;
use crate::tool::{Bench, Target};

/// The size of the bare group commit.
const GROUP: usize = 64;
const SINGLE: &str = "SQLite alone, a commit each";
const GROUPED: &str = "SQLite alone, 64 a commit";
/// Few connections, for they hinder one another less; and as many as there are clients.
const INSERTS: [(&str, usize); 2] =
    [("pgbench, insert, 16 clients", 16), ("pgbench, insert, 64 clients", 64)];
/// Where pgbench inserts: a copy of the server's database, so that neither sees the rows of the other.
const COPY: &str = "bench_create_limit";

/// Measures all rounds.
pub async fn measure(bench: &mut Bench, store: Store) -> Result<()> {
    let doorward = bench.doorward(store, "create").await?;
    let users = doorward.add_users(64, false).await?;
    doorward.add_sessions(&users.iter().take(1).collect::<Vec<_>>()).await?;
    let (doorward, inserts) = match store {
        Store::Sqlite => (doorward, Vec::new()),
        Store::Postgres => {
            let home = doorward.stop();
            let inserts = inserts(bench, &home)?;
            (Doorward::start(&bench.program, home).await?, inserts)
        }
    };
    let targets = targets(bench, &doorward, &users)?;
    let limits = match store {
        Store::Sqlite => {
            let open = |group| Limit::open(&doorward.home.database()?, bench.scratch(), group);
            vec![(SINGLE, open(1)?), (GROUPED, open(GROUP)?)]
        }
        Store::Postgres => Vec::new(),
    };
    for round in 0..bench.rounds {
        for target in &targets {
            bench.load(round, target).await?;
        }
        for (row, limit) in &limits {
            let limit = limit.clone();
            bench.limit(row, (round, 1), move |window| limit.insert(window)).await?;
        }
        for insert in &inserts {
            insert.measure(bench, round).await?;
        }
    }
    goals(bench, store)
}

fn targets(bench: &Bench, doorward: &Doorward, users: &[String]) -> Result<Vec<Target>> {
    let token = doorward.home.login_token()?;
    let mut targets = Vec::new();
    for wire in [Wire::Grpc, Wire::Rest] {
        let calls: Result<Vec<Call>> =
            users.iter().map(|name| call::create(wire, &token, name, None)).collect();
        let calls = Arc::new(calls?);
        for (caller, clients) in [("", bench.clients), (", one caller", 1)] {
            let row = format!("Create, {}{caller}", wire.name());
            targets.push(Target::to(doorward, row, (wire, clients), &calls));
        }
    }
    Ok(targets)
}

/// pgbench on a copy of the server's database, to which nobody may be connected now.
fn inserts(bench: &Bench, home: &Home) -> Result<Vec<Script>> {
    let (name, _, _) = home.postgres.as_ref().context("a database")?;
    let postgres = bench.postgres()?;
    postgres.create(COPY, Some(name));
    let row = row::from_json(&postgres.sql(COPY, row::PATTERN_JSON))?;
    let users = postgres.sql(COPY, "SELECT id FROM users WHERE human LIMIT 64");
    let users: Vec<String> = users.lines().map(str::to_owned).collect();
    let text = pgbench::insert(&row, &users);
    let script = |(row, clients): (&str, usize)| Script {
        row: row.to_owned(),
        database: COPY.to_owned(),
        clients,
        text: text.clone(),
        variables: Vec::new(),
    };
    Ok(INSERTS.into_iter().map(script).collect())
}

fn goals(bench: &mut Bench, store: Store) -> Result<()> {
    let report = &mut bench.report;
    let idle = match store {
        Store::Sqlite => 2.0,
        Store::Postgres => 3.0,
    };
    for row in ["Create, gRPC", "Create, REST"] {
        match store {
            Store::Sqlite => {
                report.share(row, (row, SINGLE), 3.0)?;
                report.share(row, (row, GROUPED), 0.5)?;
            }
            Store::Postgres => {
                let best = report.fastest(&INSERTS.map(|(row, _)| row))?;
                report.share(row, (row, best), 0.8)?;
                let rate = report.median(row, |figures| figures.per_second);
                report.at_least(row, rate, (4000.0, "a second"))?;
            }
        }
    }
    for row in ["Create, gRPC, one caller", "Create, REST, one caller"] {
        let p50 = report.median(row, |figures| figures.p50 as f64) / 1000.0;
        report.at_most(&format!("{row}: p50"), p50, (idle, "ms"))?;
    }
    let peak = report.most("Create, REST", |figures| figures.peak_kib as f64) / 1024.0;
    report.at_most("memory at its peak while sessions are created", peak, (150.0, "MiB"))
}

//! One and two servers on one PostgreSQL: how far a second one carries, and whether each sees what the other wrote.

use std::sync::Arc;

use anyhow::Result;

use crate::call::{self, Call, Wire};
use crate::client::{Client, Outcome};
use crate::engine::Store;
use crate::load::Trip;
use crate::process::Meter;
use crate::server::{Doorward, created};
use crate::tool::{Bench, Target};

const SESSIONS: usize = 1024;
const ACROSS: &str = "create on one node, read on the other";

/// Measures all rounds.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    let first = bench.doorward(Store::Postgres, "nodes").await?;
    let users = first.add_users(64, false).await?;
    let names: Vec<&String> = users.iter().cycle().take(SESSIONS).collect();
    let sessions = first.add_sessions(&names).await?;
    let second = Doorward::start(&bench.program, first.home.sibling()?).await?;
    let token = first.home.login_token()?;
    let gets: Result<Vec<Call>> =
        sessions.iter().map(|session| call::get(Wire::Grpc, &token, session)).collect();
    let creates: Result<Vec<Call>> =
        users.iter().map(|name| call::create(Wire::Grpc, &token, name, None)).collect();
    let mut targets = Vec::new();
    for (work, calls) in [("Get", Arc::new(gets?)), ("Create", Arc::new(creates?))] {
        let one = Target::to(&first, format!("{work}, one node"), (Wire::Grpc, bench.clients), &calls);
        let mut two = Target { row: format!("{work}, two nodes"), ..one.clone() };
        two.addresses.push(second.process.address.clone());
        two.meter.servers.push(second.process.id());
        targets.extend([one, two]);
    }
    let across = across(bench, &first, &second, &users);
    for round in 0..bench.rounds {
        for target in &targets {
            bench.load(round, target).await?;
        }
        let trips = Across::all(&across, &token).await?;
        bench.trips(round, &across, trips).await?;
    }
    goals(bench)
}

fn goals(bench: &mut Bench) -> Result<()> {
    let report = &mut bench.report;
    for work in ["Get", "Create"] {
        let (two, one) = (format!("{work}, two nodes"), format!("{work}, one node"));
        report.share(&two, (&two, &one), 1.6)?;
    }
    let unseen = report.most(ACROSS, |figures| figures.errors as f64);
    let figure = format!("{unseen:.0} not seen in a round");
    report.goal("what one node acknowledged", "seen by the other at once", &figure, unseen < 0.5)
}

fn across(bench: &Bench, first: &Doorward, second: &Doorward, users: &[String]) -> Target {
    let mut meter: Meter = first.meter();
    meter.servers.push(second.process.id());
    Target {
        row: ACROSS.to_owned(),
        addresses: vec![first.process.address.clone(), second.process.address.clone()],
        meter,
        wire: Wire::Rest,
        clients: bench.clients.min(users.len()),
        calls: Arc::new(Vec::new()),
    }
}

/// Makes a session on one node and reads it on the other with the token that just came.
struct Across {
    writer: Client,
    reader: Client,
    create: Call,
    bearer: String,
}

impl Across {
    /// As many as there are clients; every other one writes where its neighbour reads.
    async fn all(target: &Target, bearer: &str) -> Result<Vec<Self>> {
        let mut ends = Vec::new();
        for address in &target.addresses {
            ends.push(Client::connect(Wire::Rest, address, target.clients).await?);
        }
        let (Some(second), Some(first)) = (ends.pop(), ends.pop()) else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for (number, (first, second)) in first.into_iter().zip(second).enumerate() {
            let (writer, reader) = if number % 2 == 0 { (first, second) } else { (second, first) };
            let name = format!("user-{number}@example.com");
            let create = call::create(Wire::Rest, bearer, &name, None)?;
            all.push(Self { writer, reader, create, bearer: bearer.to_owned() });
        }
        Ok(all)
    }
}

impl Trip for Across {
    async fn go(&mut self) -> Result<Outcome> {
        match self.writer.call(&self.create).await? {
            Outcome::Done(answer) => {
                let session = created(&answer)?;
                self.reader.call(&call::get(Wire::Rest, &self.bearer, &session)?).await
            }
            other => Ok(other),
        }
    }
}

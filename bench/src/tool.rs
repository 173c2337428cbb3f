//! What all measurements share: how long, how often, which server, and the report.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::call::{Call, Wire};
use crate::client::Client;
use crate::engine::{Postgres, Store};
use crate::figures::{Figures, Place};
use crate::load::{Pauses, Tally, Trip, Window, run as run_load, run_trips};
use crate::process::Meter;
use crate::report::Report;
use crate::server::{Doorward, Home};

/// The frame of a run.
pub struct Bench {
    pub seconds: u64,
    pub rounds: u32,
    pub clients: usize,
    pub program: PathBuf,
    pub scratch: PathBuf,
    pub keep: Option<PathBuf>,
    pub sessions: u64,
    pub postgres: Option<Postgres>,
    pub report: Report,
}

/// Something that calls can be sent to.
#[derive(Clone)]
pub struct Target {
    pub row: String,
    /// Clients are shared out among them.
    pub addresses: Vec<String>,
    pub meter: Meter,
    pub wire: Wire,
    pub clients: usize,
    pub calls: Arc<Vec<Call>>,
}

impl Bench {
    /// A home for a server, empty, with a database of that name if its rows are in PostgreSQL.
    pub fn home(&self, store: Store, name: &str) -> Result<Home> {
        let postgres = match store {
            Store::Sqlite => None,
            Store::Postgres => {
                let (postgres, name) = (self.postgres()?, format!("bench_{name}"));
                let url = postgres.create(&name, None);
                Some((name, url, postgres.id()?))
            }
        };
        Home::temporary(&self.scratch, postgres)
    }

    /// A server in an empty home.
    pub async fn doorward(&self, store: Store, name: &str) -> Result<Doorward> {
        Doorward::start(&self.program, self.home(store, name)?).await
    }

    /// The PostgreSQL of this run.
    pub fn postgres(&self) -> Result<&Postgres> {
        self.postgres.as_ref().context("no PostgreSQL runs")
    }

    /// Loads a target for one round and keeps what it came to.
    pub async fn load(&mut self, round: u32, target: &Target) -> Result<()> {
        let clients = target.connect().await?;
        let window = Window::soon(self.seconds);
        let load = run_load(clients, Arc::clone(&target.calls), Pauses::NONE, window);
        let (tally, cpu) = tokio::join!(load, window.cpu_of(&target.meter));
        self.report.add(Figures::of(self.place(target, round), tally, &target.meter)?.with_cpu(cpu?))
    }

    /// The same with trips in place of calls.
    pub async fn trips<T: Trip>(&mut self, round: u32, target: &Target, trips: Vec<T>) -> Result<()> {
        let window = Window::soon(self.seconds);
        let (tally, cpu) = tokio::join!(run_trips(trips, Pauses::NONE, window), window.cpu_of(&target.meter));
        self.report.add(Figures::of(self.place(target, round), tally, &target.meter)?.with_cpu(cpu?))
    }

    /// Runs something of this process on a thread for one round, and keeps what it came to.
    pub async fn limit<F>(&mut self, row: &str, (round, workers): (u32, usize), work: F) -> Result<()>
    where
        F: FnOnce(Window) -> Result<Tally> + Send + 'static,
    {
        let window = Window::soon(self.seconds);
        let meter = Meter::of(std::process::id(), None);
        let work = tokio::task::spawn_blocking(move || work(window));
        let (tally, cpu) = tokio::join!(work, window.cpu_of(&meter));
        let place = Place { row, round, clients: workers, seconds: self.seconds as f64 };
        self.report.add(Figures::of(place, tally??, &meter)?.with_cpu(cpu?))
    }

    /// Where the figures of a target belong.
    pub fn place<'a>(&self, target: &'a Target, round: u32) -> Place<'a> {
        Place { row: &target.row, round, clients: target.clients, seconds: self.seconds as f64 }
    }

    /// A folder of its own on the disk that is measured.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }
}

impl Target {
    /// One that talks to a single server.
    pub fn to(
        doorward: &Doorward,
        row: String,
        (wire, clients): (Wire, usize),
        calls: &Arc<Vec<Call>>,
    ) -> Self {
        let addresses = vec![doorward.process.address.clone()];
        Self { row, addresses, meter: doorward.meter(), wire, clients, calls: Arc::clone(calls) }
    }

    /// Its clients, in turn one for each address.
    pub async fn connect(&self) -> Result<Vec<Client>> {
        let (mut clients, mut left) = (Vec::new(), self.clients);
        for (number, address) in self.addresses.iter().enumerate() {
            let share = left.div_ceil(self.addresses.len() - number);
            clients.extend(Client::connect(self.wire, address, share).await?);
            left -= share;
        }
        Ok(clients)
    }
}

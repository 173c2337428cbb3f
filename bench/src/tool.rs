//! What all measurements share: how long, how often, which server, and the report.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::json;

use crate::call::{Call, Wire};
use crate::client::Client;
use crate::load::{Pauses, Tally, Window, run as run_load};
use crate::report::{Figures, Report};
use crate::{Cli, What, create, get, password, server, start};

/// The frame of a run.
pub struct Bench {
    pub seconds: u64,
    pub rounds: u32,
    pub clients: usize,
    pub program: PathBuf,
    pub scratch: PathBuf,
    pub report: Report,
}

/// Something that calls can be sent to.
pub struct Target {
    pub row: String,
    pub address: String,
    /// The process whose CPU time is read.
    pub process: u32,
    pub wire: Wire,
    pub clients: usize,
    pub calls: Arc<Vec<Call>>,
}

/// Does what the command line says.
pub async fn run(cli: &Cli) -> Result<()> {
    let program = match &cli.server {
        Some(program) => program.canonicalize().with_context(|| program.display().to_string())?,
        None => server::build()?,
    };
    let what = format!("{:?}", cli.what).to_lowercase();
    let context = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "cores": std::thread::available_parallelism()?.get(),
        "os": std::env::consts::OS,
        "seconds": cli.seconds,
        "rounds": cli.rounds,
        "clients": cli.clients,
        "hash": password::hash_name(),
    });
    let mut bench = Bench {
        seconds: cli.seconds,
        rounds: cli.rounds,
        clients: cli.clients as usize,
        program,
        scratch: cli.scratch.clone().unwrap_or_else(std::env::temp_dir),
        report: Report::open(&cli.results, &what, &context)?,
    };
    let wanted = |what: What| cli.what == what || cli.what == What::All;
    if wanted(What::Start) {
        start::measure(&mut bench).await?;
    }
    if wanted(What::Get) {
        get::measure(&mut bench).await?;
    }
    if wanted(What::Create) {
        create::measure(&mut bench).await?;
    }
    if wanted(What::Password) {
        password::measure(&mut bench).await?;
    }
    println!("{context}\n");
    bench.report.print();
    Ok(())
}

impl Bench {
    /// Loads a target for one round and keeps what it came to.
    pub async fn load(&mut self, round: u32, target: &Target) -> Result<()> {
        let clients = Client::connect(target.wire, &target.address, target.clients).await?;
        let window = Window::soon(self.seconds);
        let load = run_load(clients, Arc::clone(&target.calls), Pauses::NONE, window);
        let (tally, cpu) = tokio::join!(load, window.cpu_of(target.process));
        let seconds = self.seconds as f64;
        let figures = Figures::of(&target.row, (round, target.clients), (tally, seconds), target.process)?;
        self.report.add(figures.with_cpu(cpu?))
    }

    /// Runs something of this process on a thread for one round, and keeps what it came to.
    pub async fn limit<F>(&mut self, row: &str, (round, workers): (u32, usize), work: F) -> Result<()>
    where
        F: FnOnce(Window) -> Result<Tally> + Send + 'static,
    {
        let window = Window::soon(self.seconds);
        let work = tokio::task::spawn_blocking(move || work(window));
        let (tally, cpu) = tokio::join!(work, window.cpu_of(std::process::id()));
        let seconds = self.seconds as f64;
        let figures = Figures::of(row, (round, workers), (tally??, seconds), std::process::id())?;
        self.report.add(figures.with_cpu(cpu?))
    }
}

//! Measures Doorward beside its limits and its peers: everything in one run, in turn, in several rounds.
//!
//! Nothing here fails a build: figures are printed and kept, never asserted.

mod bare;
mod bearer;
mod call;
mod caller;
mod client;
mod create;
mod document;
mod engine;
mod factor;
mod figures;
mod fill;
mod filled;
mod get;
mod growth;
mod install;
mod issuer;
mod key;
mod load;
mod machine;
mod nodes;
mod otp;
mod password;
mod peers;
mod pgbench;
mod plot;
mod process;
mod report;
mod row;
mod run;
mod server;
mod sqlite;
mod start;
mod storm;
mod table;
mod text;
mod tool;
mod webauthn;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::engine::Store;

/// That of the server: what is measured in this process beside it must not be dearer for another reason.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Doorward beside its limits and its peers.
///
/// Raw results are kept as lines of JSON. `report` writes tables and plots of the newest ones, or of those named with
/// --from, into docs/performance.md.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Cli {
    /// What to measure; `search`, `growth` and `fill` make stores with many sessions first.
    #[arg(value_enum, default_value = "all")]
    what: What,
    /// Where Doorward keeps its rows.
    #[arg(long, value_enum, default_value = "sqlite")]
    store: Stores,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// How often everything is measured; medians are shown.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// How many clients call at a time.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=256))]
    clients: u32,
    /// How many sessions `search`, `growth` and `fill` store: 10,000,000 without it. With it, `all` measures these too.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(20_000..=100_000_000))]
    sessions: Option<u64>,
    /// A folder that keeps the stores with many sessions, and has them already if this is not the first time.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// The server to measure. Without it the one of this workspace is built and taken.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Where data folders are made: it must be a disk, not memory. Without it, the system's temporary folder.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Where raw results are kept.
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/results"))]
    results: PathBuf,
    /// What `report` reads, instead of the newest results of each measurement.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    from: Vec<PathBuf>,
    #[command(subcommand)]
    bare: Option<Bare>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Time and memory of a server on an empty store.
    Start,
    /// Reading sessions, beside bare handlers and pgbench.
    Get,
    /// Reading sessions with every kind of bearer token, beside authentication alone.
    Caller,
    /// Creating sessions, beside SQLite alone and pgbench.
    Create,
    /// Logins with a password, beside the hasher alone.
    Password,
    /// Logins with a code by mail: session and challenge, then the check.
    Otp,
    /// Logins with a passkey, beside verifying alone.
    Webauthn,
    /// Reads during a storm of logins.
    Storm,
    /// One and two servers on one PostgreSQL.
    Nodes,
    /// Other session servers.
    Peers,
    /// Lists of a user's sessions, with few and with many sessions stored.
    Search,
    /// What many stored sessions cost: create, get, list, start.
    Growth,
    /// Only makes the stores with many sessions, for --keep.
    Fill,
    /// Everything that needs no store with many sessions.
    All,
    /// Writes docs/performance.md anew from kept results; measures nothing.
    Report,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stores {
    Sqlite,
    Postgres,
    Both,
}

impl Stores {
    fn each(self) -> &'static [Store] {
        match self {
            Self::Sqlite => &[Store::Sqlite],
            Self::Postgres => &[Store::Postgres],
            Self::Both => &[Store::Sqlite, Store::Postgres],
        }
    }
}

/// The servers that Doorward is measured beside, as processes of their own.
#[derive(Debug, Subcommand)]
enum Bare {
    /// A tonic server that answers every call with the bytes of a file.
    #[command(hide = true)]
    BareTonic { answer: PathBuf },
    /// An axum server that answers every request with the bytes of a file.
    #[command(hide = true)]
    BareAxum { answer: PathBuf },
}

fn main() -> ExitCode {
    match work(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn work(cli: &Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &cli.bare {
        Some(Bare::BareTonic { answer }) => runtime.block_on(bare::tonic(answer)),
        Some(Bare::BareAxum { answer }) => runtime.block_on(bare::axum(answer)),
        None => runtime.block_on(until_interrupted(cli)),
    }
}

/// Runs, and ends early when asked to: every process and folder goes away with the future that holds it.
async fn until_interrupted(cli: &Cli) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = run::run(cli) => done,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    }
}

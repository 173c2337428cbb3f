//! Measures Doorward beside the limits of its parts: everything in one run, in turn, in several rounds.
//!
//! Nothing here fails a build: figures are printed and kept, never asserted.

mod bare;
mod call;
mod client;
mod create;
mod get;
mod load;
mod password;
mod process;
mod report;
mod server;
mod sqlite;
mod start;
mod tool;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures Doorward beside the limits of its parts.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Cli {
    /// What to measure.
    #[arg(value_enum, default_value = "all")]
    what: What,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// How often everything is measured; medians are shown.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// How many clients call at a time.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=256))]
    clients: u32,
    /// The server to measure. Without it the one of this workspace is built and taken.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Where data folders are made: it must be a disk, not memory. Without it, the system's temporary folder.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Where raw results are kept.
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/results"))]
    results: PathBuf,
    #[command(subcommand)]
    bare: Option<Bare>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Start,
    Get,
    Create,
    Password,
    All,
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

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &cli.bare {
        Some(Bare::BareTonic { answer }) => runtime.block_on(bare::tonic(answer)),
        Some(Bare::BareAxum { answer }) => runtime.block_on(bare::axum(answer)),
        None => runtime.block_on(tool::run(&cli)),
    }
}

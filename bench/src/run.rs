//! A run: what the command line asks for, one measurement after the other.

use anyhow::{Context, Result};

use crate::engine::{Postgres, Store};
use crate::report::Report;
use crate::server::build;
use crate::tool::Bench;
use crate::{
    Cli, Stores, What, caller, create, document, get, growth, machine, nodes, otp, password, peers, start,
    storm, webauthn,
};

/// Does what the command line says.
pub async fn run(cli: &Cli) -> Result<()> {
    if cli.what == What::Report {
        return document::write(&cli.results, &cli.from);
    }
    let program = match &cli.server {
        Some(program) => program.canonicalize().with_context(|| program.display().to_string())?,
        None => build().await?,
    };
    let scratch = cli.scratch.clone().unwrap_or_else(std::env::temp_dir).canonicalize()?;
    let what = format!("{:?}", cli.what).to_lowercase();
    let postgres = match cli.store {
        Stores::Sqlite => None,
        Stores::Postgres | Stores::Both => Some(Postgres::start(&scratch, cli.keep.as_deref())?),
    };
    let context = machine::context(cli, &program, postgres.as_ref())?;
    let mut bench = Bench {
        seconds: cli.seconds,
        rounds: cli.rounds,
        clients: cli.clients as usize,
        program,
        scratch,
        keep: cli.keep.clone(),
        sessions: cli.sessions.unwrap_or(growth::MANY),
        postgres,
        report: Report::open(&cli.results, &what, &context)?,
    };
    for store in cli.store.each() {
        measure(&mut bench, cli, *store).await?;
    }
    bench.report.print();
    Ok(())
}

/// Everything that is wanted of one engine.
async fn measure(bench: &mut Bench, cli: &Cli, store: Store) -> Result<()> {
    let all = cli.what == What::All;
    let wanted = |what: What| cli.what == what || all;
    if wanted(What::Start) {
        bench.report.begin("start", store);
        start::measure(bench, store).await?;
    }
    if wanted(What::Get) {
        bench.report.begin("get", store);
        get::measure(bench, store).await?;
    }
    if wanted(What::Caller) {
        bench.report.begin("caller", store);
        caller::measure(bench, store).await?;
    }
    if wanted(What::Create) {
        bench.report.begin("create", store);
        create::measure(bench, store).await?;
    }
    if wanted(What::Password) {
        bench.report.begin("password", store);
        password::measure(bench, store).await?;
    }
    if wanted(What::Otp) {
        bench.report.begin("otp", store);
        otp::measure(bench, store).await?;
    }
    if wanted(What::Webauthn) {
        bench.report.begin("webauthn", store);
        webauthn::measure(bench, store).await?;
    }
    if wanted(What::Storm) {
        bench.report.begin("storm", store);
        storm::measure(bench, store).await?;
    }
    if wanted(What::Peers) {
        bench.report.begin("peers", store);
        peers::measure(bench, store).await?;
    }
    if wanted(What::Nodes) && store == Store::Postgres {
        bench.report.begin("nodes", store);
        nodes::measure(bench).await?;
    }
    let many = matches!(cli.what, What::Search | What::Growth | What::Fill);
    if many || (all && cli.sessions.is_some()) {
        growth::measure(bench, store, cli.what).await?;
    }
    Ok(())
}

//! The PostgreSQL that tests share for the length of a run.

use std::fs;

use doorward_postgres_rig::{SHARED_ENV, SHARED_SETTINGS, Server, installed, pooler_installed};

use crate::packages;
use crate::run::root;

/// Where the log stays when tests have failed.
const LOG: &str = "target/postgres.log";

/// Installs PostgreSQL and PgBouncer where they are missing.
pub fn install() -> anyhow::Result<()> {
    let mut missing = Vec::new();
    if installed().is_err() {
        missing.push("postgresql");
    }
    if !pooler_installed() {
        missing.push("pgbouncer");
    }
    if !missing.is_empty() {
        packages::install(&missing, "install the server of PostgreSQL 13 or newer, and PgBouncer")?;
    }
    let version = installed().map_err(anyhow::Error::msg)?;
    eprintln!("    PostgreSQL {version}, PgBouncer");
    Ok(())
}

/// Starts one; nothing if the environment names one already.
pub fn start() -> anyhow::Result<Option<Server>> {
    if let Some(folder) = std::env::var_os(SHARED_ENV) {
        eprintln!("    the server in {} is used, as {SHARED_ENV} says", folder.display());
        return Ok(None);
    }
    let server = Server::try_start(SHARED_SETTINGS).map_err(anyhow::Error::msg)?;
    eprintln!("    it listens in {}; if tests fail, {LOG} keeps its log", server.folder().display());
    Ok(Some(server))
}

/// Keeps the log; says nothing, since the last words are those of the tests.
pub fn keep_log(server: &Server) {
    let file = root().join(LOG);
    // Without it the run has the same outcome.
    drop(file.parent().map(fs::create_dir_all));
    drop(fs::write(file, server.log()));
}

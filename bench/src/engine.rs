//! The engines that Doorward can keep its rows in, and the PostgreSQL server that everything of a run shares.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use doorward_postgres_rig::Server;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// Where Doorward keeps its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
pub enum Store {
    Sqlite,
    Postgres,
}

impl Store {
    /// As it stands in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// As a small server would be set up. Durability is not touched: `fsync` and `synchronous_commit` are on.
pub const SETTINGS: &[(&str, &str)] = &[
    ("max_connections", "400"),
    ("shared_buffers", "1GB"),
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "15min"),
    ("maintenance_work_mem", "1GB"),
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
];

/// A running PostgreSQL whose data lie where the run wants them.
pub struct Postgres {
    // Dropped in this order: the server is gone before its data are.
    pub server: Server,
    _home: Option<TempDir>,
}

impl Postgres {
    /// Starts one with new data in `scratch`, or with those that are kept in a folder, if there are any.
    pub fn start(scratch: &Path, kept: Option<&Path>) -> Result<Self> {
        let temporary = match kept {
            Some(_) => None,
            None => Some(TempDir::with_prefix_in("doorward-bench-", scratch)?),
        };
        let home = kept.or(temporary.as_ref().map(TempDir::path)).context("a folder for PostgreSQL")?;
        std::fs::create_dir_all(home)?;
        let home = home.canonicalize()?;
        open_to_all(&home)?;
        let data = home.join("postgres");
        let mut server = Server::try_start(SETTINGS).map_err(anyhow::Error::msg)?;
        server.crash();
        // The server looks for its data in a folder of its own, which goes away with it; the data need not.
        let own = server.folder().join("data");
        if data.exists() {
            std::fs::remove_dir_all(&own)?;
        } else {
            let moved = Command::new("mv").arg(&own).arg(&data).status()?;
            ensure!(moved.success(), "the data of PostgreSQL cannot be moved to {}", data.display());
        }
        symlink(&data, &own)?;
        server.resume();
        Ok(Self { server, _home: temporary })
    }

    /// The id of its first process; all others are below it.
    pub fn id(&self) -> Result<u32> {
        let note = std::fs::read_to_string(self.server.folder().join("data/postmaster.pid"))?;
        note.lines().next().and_then(|line| line.trim().parse().ok()).context("the process of PostgreSQL")
    }

    /// Makes a database, empty or as a copy of another one that nobody is connected to. It goes away with the server.
    pub fn create(&self, name: &str, template: Option<&str>) -> String {
        let template = template.unwrap_or("template0");
        self.sql("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        self.server.url(name)
    }

    /// What psql prints; a statement that fails ends the run with PostgreSQL's words.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.server.sql(database, sql)
    }

    /// Where a program of PostgreSQL is.
    pub fn bin(&self, program: &str) -> PathBuf {
        self.server.bin(program)
    }
}

/// The server runs as another user when this process is root, and has to get to its data.
fn open_to_all(home: &Path) -> Result<()> {
    std::fs::set_permissions(home, Permissions::from_mode(0o755))?;
    for folder in home.ancestors() {
        let open = std::fs::metadata(folder)?.permissions().mode() & 0o001 != 0;
        ensure!(
            open,
            "PostgreSQL runs as another user than root and cannot get through {}",
            folder.display()
        );
    }
    Ok(())
}

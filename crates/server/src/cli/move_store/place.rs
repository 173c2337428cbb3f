//! The two ends of a move: where they are, and how they are opened.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use doorward_store::{Db, PostgresSettings, Settings, SqliteSettings};

use crate::config::Config;
use crate::env::Env;
use crate::first_start::{DATABASE, DataDir};
use crate::master_key::{FILE, Masters};
use crate::private_file;

/// How long a statement of a move may take: it may read a whole table.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Where a store is.
#[derive(PartialEq, Eq)]
pub enum Place {
    /// A database file.
    Sqlite(PathBuf),
    /// A URL.
    Postgres(String),
}

/// A store that was opened.
pub struct Side {
    pub db: Db,
    /// The data folder of an embedded one.
    pub folder: Option<PathBuf>,
    /// Keeps servers away from the folder.
    _lock: Option<File>,
}

impl Place {
    /// Reads what stands behind a flag.
    pub fn parse(text: &str, config: &Config) -> Result<Self, String> {
        if text == "config" {
            return Ok(match &config.database_url {
                Some(url) => Self::Postgres(url.expose().to_owned()),
                None => Self::Sqlite(absolute(&config.data_dir.join(DATABASE))),
            });
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        // The text may hold a password, so the message does not repeat it.
        let path = text.strip_prefix("sqlite:").filter(|path| !path.is_empty());
        let path = Path::new(path.ok_or("a store is written sqlite:PATH, postgres://… or config")?);
        Ok(Self::Sqlite(absolute(&if path.is_dir() { path.join(DATABASE) } else { path.to_owned() })))
    }

    /// Opens a store that must be there.
    pub fn open_source(&self, config: &Config) -> anyhow::Result<Side> {
        match self {
            Self::Sqlite(file) if !file.is_file() => bail!("there is no database {}", file.display()),
            _ => self.open(config),
        }
    }

    /// Opens a store, or makes an empty one.
    pub fn open_target(&self, config: &Config) -> anyhow::Result<Side> {
        if let Self::Sqlite(file) = self {
            DataDir::open(folder(file))?;
            private_file::make(file)?;
        }
        self.open(config)
    }

    fn open(&self, config: &Config) -> anyhow::Result<Side> {
        match self {
            Self::Sqlite(file) => {
                let folder = folder(file).to_owned();
                let lock = DataDir::unopened(&folder).lock()?;
                let settings = SqliteSettings {
                    path: file.clone(),
                    readers: 2,
                    batch: 1,
                    queue: 16,
                    busy: Duration::from_millis(u64::from(config.store.busy_timeout_ms)),
                };
                let db = Db::open(Settings::Sqlite(settings));
                let db = db.with_context(|| format!("the database {} cannot be opened", file.display()))?;
                Ok(Side { db, folder: Some(folder), _lock: Some(lock) })
            }
            Self::Postgres(url) => {
                let settings = PostgresSettings {
                    url: url.clone(),
                    connections: 4,
                    readers: 1,
                    queue: 16,
                    connect: Duration::from_millis(u64::from(config.postgres.connect_timeout_ms)),
                    wait: PATIENCE,
                    statement: PATIENCE,
                    pooler: config.postgres.pooler,
                };
                Ok(Side { db: Db::open(Settings::Postgres(settings))?, folder: None, _lock: None })
            }
        }
    }
}

/// The master keys that can be found on this machine, and where: the configured ones, and those in the data folders.
pub fn known_keys(config: &Config, from: &Side, to: &Side) -> anyhow::Result<Vec<(String, Masters)>> {
    let mut known = Vec::new();
    let env = Env::system();
    if let Some(keys) = config.master_keys() {
        let keys = Masters::find(Some(keys), Path::new(""), true, &env)?;
        known.push(("the configured master key".to_owned(), keys));
    }
    for folder in [&from.folder, &to.folder].into_iter().flatten() {
        let file = folder.join(FILE);
        if file.exists() {
            known.push((file.display().to_string(), Masters::find(None, folder, true, &env)?));
        }
    }
    Ok(known)
}

fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("/"))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

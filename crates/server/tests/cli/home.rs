//! A folder in which the program runs.

use std::path::Path;

use doorward_postgres_rig::{Database, Server};
use tempfile::TempDir;

/// The folder. Where this binary tests PostgreSQL, the configuration in it names a database of its own.
pub struct Home {
    dir: TempDir,
    database: Option<Database>,
}

impl Home {
    /// A fresh folder for the engine that the name of this binary tells.
    pub fn new() -> Self {
        let on_postgres = env!("CARGO_CRATE_NAME").ends_with("postgres");
        Self::on(on_postgres.then(|| Server::shared().database()))
    }

    /// A fresh folder for a database of PostgreSQL, or else for the embedded one.
    pub fn on(database: Option<Database>) -> Self {
        let home = Self { dir: tempfile::tempdir().unwrap(), database };
        if let Some(url) = home.url() {
            std::fs::write(home.path().join("doorward.toml"), format!("database_url = \"{url}\"\n")).unwrap();
        }
        home
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The password of the database.
    pub fn password(&self) -> Option<String> {
        let url = self.url()?;
        let (_, password) = url.split_once("://postgres:")?;
        Some(password.split_once('@')?.0.to_owned())
    }

    /// Where the database is, with its password.
    fn url(&self) -> Option<String> {
        self.database.as_ref().map(Database::tcp_url)
    }
}

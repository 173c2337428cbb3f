//! Doorward itself: started where its rows are, and filled with what the load needs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::call::{self, Call, Created, Wire};
use crate::client::Client;
use crate::engine::Store;
use crate::install::must;
use crate::load::once;
use crate::process::{Meter, Process};

/// The password of every user.
pub const PASSWORD: &str = "Secr3t!pass";

/// Where a server keeps its files and its rows.
pub struct Home {
    pub store: Store,
    pub path: PathBuf,
    /// The name of its database, the URL of that, and the first process of PostgreSQL.
    pub postgres: Option<(String, String, u32)>,
    _temporary: Option<TempDir>,
}

impl Home {
    /// An empty one that goes away.
    pub fn temporary(scratch: &Path, postgres: Option<(String, String, u32)>) -> Result<Self> {
        let dir = TempDir::with_prefix_in("doorward-bench-", scratch)?;
        let home = Self::kept(dir.path(), postgres);
        Ok(Self { _temporary: Some(dir), ..home })
    }

    /// One that stays.
    pub fn kept(path: &Path, postgres: Option<(String, String, u32)>) -> Self {
        let store = if postgres.is_some() { Store::Postgres } else { Store::Sqlite };
        Self { store, path: path.to_owned(), postgres, _temporary: None }
    }

    /// One for another node on the same rows: the keys and tokens are the same, the folder is its own.
    pub fn sibling(&self) -> Result<Self> {
        let scratch = self.path.parent().context("the folder of the homes")?;
        let sibling = Self::temporary(scratch, self.postgres.clone())?;
        let data = sibling.path.join("data");
        std::fs::create_dir(&data)?;
        for entry in std::fs::read_dir(self.path.join("data"))? {
            let entry = entry?;
            if entry.file_type()?.is_file() && entry.file_name() != "serve.lock" {
                std::fs::copy(entry.path(), data.join(entry.file_name()))?;
            }
        }
        Ok(sibling)
    }

    /// The database file of SQLite.
    pub fn database(&self) -> Result<PathBuf> {
        let entries = std::fs::read_dir(self.path.join("data"))?;
        let mut paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        paths.find(|path| path.extension().is_some_and(|end| end == "db")).context("the database file")
    }

    /// The token of a login page.
    pub fn login_token(&self) -> Result<String> {
        self.token("login-client.pat")
    }

    /// The token of an administrator.
    pub fn admin_token(&self) -> Result<String> {
        self.token("admin.pat")
    }

    fn token(&self, name: &str) -> Result<String> {
        Ok(std::fs::read_to_string(self.path.join("data").join(name))?.trim().to_owned())
    }
}

/// A running server.
pub struct Doorward {
    // Dropped in this order: the process is gone before its folder is.
    pub process: Process,
    pub home: Home,
    pub ready_after: Duration,
}

impl Doorward {
    /// Starts it with its default configuration, and waits until it is ready.
    pub async fn start(program: &Path, home: Home) -> Result<Self> {
        let spawned = Instant::now();
        let mut command = Command::new(program);
        command.current_dir(&home.path).args(["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
        command.env_remove("DOORWARD_DATABASE_URL");
        if let Some((_, url, _)) = &home.postgres {
            command.env("DOORWARD_DATABASE_URL", url);
        }
        let process = Process::start(&mut command).await?;
        let mut clients = Client::connect(Wire::Rest, &process.address, 1).await?;
        let client = clients.first_mut().context("a client")?;
        client.must(&call::rest(Method::GET, "", "/debug/ready", None)?).await?;
        Ok(Self { process, home, ready_after: spawned.elapsed() })
    }

    /// Ends it; its home remains.
    pub fn stop(self) -> Home {
        drop(self.process);
        self.home
    }

    /// Whose CPU time its calls take.
    pub fn meter(&self) -> Meter {
        Meter::of(self.process.id(), self.home.postgres.as_ref().map(|(_, _, id)| *id))
    }

    /// Adds so many users; gives their login names.
    pub async fn add_users(&self, number: usize, with_password: bool) -> Result<Vec<String>> {
        let token = self.home.admin_token()?;
        let names: Vec<String> = (0..number).map(|number| format!("user-{number}@example.com")).collect();
        let calls: Result<Vec<Call>> = names
            .iter()
            .map(|name| {
                let mut request = human(name);
                if let (true, Some(request)) = (with_password, request.as_object_mut()) {
                    request.insert("password".to_owned(), json!({ "password": PASSWORD }));
                }
                call::rest(Method::POST, &token, "/v2/users/human", Some(&request))
            })
            .collect();
        let clients = Client::connect(Wire::Rest, &self.process.address, 4).await?;
        once(clients, &calls?).await?;
        Ok(names)
    }

    /// Adds a session for each login name.
    pub async fn add_sessions(&self, login_names: &[&String]) -> Result<Vec<Created>> {
        let token = self.home.login_token()?;
        let calls: Result<Vec<Call>> =
            login_names.iter().map(|name| call::create(Wire::Rest, &token, name, None)).collect();
        let clients = Client::connect(Wire::Rest, &self.process.address, 32).await?;
        let answers = once(clients, &calls?).await?;
        answers.iter().map(|answer| created(answer)).collect()
    }
}

/// A request for a user of that login name.
pub fn human(name: &str) -> Value {
    json!({
        "profile": { "givenName": "Mini", "familyName": "Mouse" },
        "email": { "email": name, "isVerified": true },
    })
}

/// Reads the answer to a create over REST.
pub fn created(answer: &[u8]) -> Result<Created> {
    let answer: Value = serde_json::from_slice(answer)?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Created {
        id: text("sessionId").context("the id of a session")?,
        token: text("sessionToken").context("the token of a session")?,
    })
}

/// Builds the server of this workspace and gives its path, which is next to the path of this program.
pub async fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = tokio::process::Command::new(cargo);
    build.current_dir(env!("CARGO_MANIFEST_DIR"));
    must(build.args(["build", "--quiet", "--release", "--package", "doorward"])).await?;
    let program = std::env::current_exe()?.with_file_name("doorward");
    ensure!(program.exists(), "the server is not at {}: name it with --server", program.display());
    Ok(program)
}

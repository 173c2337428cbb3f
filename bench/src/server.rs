//! Doorward itself: started on an empty folder, and filled with what the load needs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::call::{self, Call, Created, Wire};
use crate::client::Client;
use crate::load::once;
use crate::process::Process;

/// The password of every user.
pub const PASSWORD: &str = "Secr3t!pass";

/// A running server with a folder of its own.
pub struct Doorward {
    // Dropped in this order: the process is gone before its folder is.
    pub process: Process,
    pub dir: TempDir,
    pub ready_after: Duration,
}

impl Doorward {
    /// Starts on an empty folder and waits until it is ready.
    pub async fn start(program: &Path, scratch: &Path) -> Result<Self> {
        let dir = TempDir::with_prefix_in("doorward-bench-", scratch)?;
        let (process, ready_after) = start(program, dir.path()).await?;
        Ok(Self { process, dir, ready_after })
    }

    /// The database file.
    pub fn database(&self) -> Result<PathBuf> {
        let entries = std::fs::read_dir(self.dir.path().join("data"))?;
        let mut paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        paths.find(|path| path.extension().is_some_and(|end| end == "db")).context("the database file")
    }

    /// The token of a login page.
    pub fn login_token(&self) -> Result<String> {
        self.token("login-client.pat")
    }

    fn token(&self, name: &str) -> Result<String> {
        Ok(std::fs::read_to_string(self.dir.path().join("data").join(name))?.trim().to_owned())
    }

    /// Adds so many users; gives their login names.
    pub async fn add_users(&self, number: usize, with_password: bool) -> Result<Vec<String>> {
        let token = self.token("admin.pat")?;
        let names: Vec<String> = (0..number).map(|number| format!("user-{number}@example.com")).collect();
        let calls: Result<Vec<Call>> = names
            .iter()
            .map(|name| {
                let mut request = json!({
                    "profile": { "givenName": "Mini", "familyName": "Mouse" },
                    "email": { "email": name, "isVerified": true },
                });
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
        let token = self.login_token()?;
        let calls: Result<Vec<Call>> =
            login_names.iter().map(|name| call::create(Wire::Rest, &token, name, None)).collect();
        let clients = Client::connect(Wire::Rest, &self.process.address, 32).await?;
        let answers = once(clients, &calls?).await?;
        answers.iter().map(|answer| created(answer)).collect()
    }
}

fn created(answer: &[u8]) -> Result<Created> {
    let answer: Value = serde_json::from_slice(answer)?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Created {
        id: text("sessionId").context("the id of a session")?,
        token: text("sessionToken").context("the token of a session")?,
    })
}

/// Starts the program in a folder with its default configuration; gives the time until it is ready.
pub async fn start(program: &Path, dir: &Path) -> Result<(Process, Duration)> {
    let spawned = Instant::now();
    let mut command = Command::new(program);
    command.current_dir(dir).args(["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    let process = Process::start(&mut command)?;
    let mut clients = Client::connect(Wire::Rest, &process.address, 1).await?;
    let client = clients.first_mut().context("a client")?;
    client.must(&call::rest(Method::GET, "", "/debug/ready", None)?).await?;
    Ok((process, spawned.elapsed()))
}

/// Builds the server of this workspace and gives its path, which is next to the path of this program.
pub fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--release", "--package", "doorward"])
        .status()?;
    ensure!(built.success(), "the server cannot be built");
    let program = std::env::current_exe()?.with_file_name("doorward");
    ensure!(program.exists(), "the server is not at {}: name it with --server", program.display());
    Ok(program)
}

//! Where the SDKs are, and how one is run.

use std::fs::{File, read_to_string};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::server::{LOGIN_NAME, PASSWORD, Running, Server};

/// Far longer than a walk takes, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A program that walks through the Session API with an SDK.
pub struct Sdk {
    program: PathBuf,
    arguments: Vec<String>,
}

impl Sdk {
    /// A script of `tests-sdk/python`.
    pub fn python(script: &str, arguments: &[&str]) -> Self {
        let program = installed(home().join("python/bin/python"));
        Self { program, arguments: with_script(&scripts().join("python").join(script), arguments) }
    }

    /// A script of `tests-sdk/node`.
    pub fn node(script: &str, arguments: &[&str]) -> Self {
        let folder = scripts().join("node");
        installed(folder.join("node_modules/@zitadel/client/package.json"));
        Self { program: "node".into(), arguments: with_script(&folder.join(script), arguments) }
    }

    /// The script of `tests-sdk/browser`, which drives Chromium and needs no packages.
    pub fn browser() -> Self {
        Self { program: "node".into(), arguments: with_script(&scripts().join("browser/drive.mjs"), &[]) }
    }

    /// The program of `tests-sdk/rust`.
    pub fn rust(log_in: &str) -> Self {
        let program = installed(home().join("rust/debug/doorward-sdk-tests"));
        Self { program, arguments: vec![log_in.to_owned()] }
    }

    /// Runs it against the server; gives what it saw.
    pub fn walk(&self, server: &Server) -> Value {
        let folder = tempfile::tempdir().unwrap();
        let [out, err] = ["out", "err"].map(|name| folder.path().join(name));
        let process = Command::new(&self.program)
            .args(&self.arguments)
            .env("DOORWARD_URL", &server.url)
            .env("DOORWARD_PAT", &server.login_token)
            .env("DOORWARD_ADMIN_PAT", &server.admin_token)
            .env("DOORWARD_CLIENT_ID", "login-client")
            .env("DOORWARD_CLIENT_SECRET", &server.login_secret)
            .env("DOORWARD_KEY_FILE", &server.login_key)
            .env("DOORWARD_LOGIN_NAME", LOGIN_NAME)
            .env("DOORWARD_PASSWORD", PASSWORD)
            .env("DOORWARD_FOLDER", folder.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn();
        let process =
            process.unwrap_or_else(|error| panic!("{} did not start: {error}", self.program.display()));
        let status = wait(Running(process));
        let [printed, complaint] = [out, err].map(|path| read_to_string(path).unwrap());
        assert!(status.is_some_and(|status| status.success()), "{status:?}\n{printed}\n{complaint}");
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}\n{complaint}"))
    }
}

/// How it ended; nothing where it had to be ended.
fn wait(mut process: Running) -> Option<ExitStatus> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(status) = process.0.try_wait().unwrap() {
            return Some(status);
        }
        sleep(Duration::from_millis(10));
    }
    None
}

/// `tests-sdk` of this repository.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests-sdk")
}

/// Where `cargo xtask test` puts what it installs.
fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/sdk")
}

fn installed(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing: run cargo xtask test, which installs the SDKs", path.display());
    path
}

fn with_script(script: &Path, arguments: &[&str]) -> Vec<String> {
    let script = script.to_str().unwrap().to_owned();
    std::iter::once(script).chain(arguments.iter().map(|argument| (*argument).to_owned())).collect()
}

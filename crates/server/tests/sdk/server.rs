//! The real program on a free port, with one user, ended with its test.

use std::fs::{File, read_to_string, write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// The user that every server has.
pub const LOGIN_NAME: &str = "mini@mouse.test";
pub const PASSWORD: &str = "Secr3t!pass";

/// Far longer than a start takes, with the first start's key and hashes, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with its owner, also when a test panics.
#[derive(Debug)]
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to do.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A running server.
pub struct Server {
    /// Such as `http://127.0.0.1:41234`.
    pub url: String,
    /// The token of the machine user `login-client`.
    pub login_token: String,
    /// The client secret of the same user.
    pub login_secret: String,
    /// A file with a key of the same user, as the SDKs load it.
    pub login_key: PathBuf,
    /// The token of the machine user `admin`.
    pub admin_token: String,
    _process: Running,
    /// The folder goes when the server is gone: fields are dropped in this order.
    _folder: TempDir,
}

impl Server {
    /// Starts `doorward serve` and adds the user.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// The same with a configuration file.
    pub fn start_with(configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path().join("doorward.toml"), configuration).unwrap();
        let data = folder.path().join("data");
        let [out, err] = ["out", "err"].map(|name| folder.path().join(name));
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        // What configures a server of the developer's own does not concern this one.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"DOORWARD_"))
        {
            command.env_remove(name);
        }
        let process = command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        let mut process = Running(process);
        let url = wait_for_address(&mut process, &out, &err);
        wait_until_ready(&url);
        let token = |name: &str| read_to_string(data.join(name)).unwrap().trim().to_owned();
        let [login_token, admin_token] = ["login-client.pat", "admin.pat"].map(token);
        add_user(&url, &admin_token);
        let call = |path: &str, body: &Value| ask(&url, &admin_token, path, body);
        let login_client = json!({ "queries": [{ "userNameQuery": { "userName": "login-client" } }] });
        let id = text(&call("/v2/users", &login_client)["result"][0]["userId"]);
        let login_secret = text(&call(&format!("/v2/users/{id}/secret"), &json!({}))["clientSecret"]);
        let until = json!({ "expirationDate": "2999-01-01T00:00:00Z" });
        let key = text(&call(&format!("/v2/users/{id}/keys"), &until)["keyContent"]);
        let login_key = folder.path().join("login-client.json");
        write(&login_key, BASE64_STANDARD.decode(key).unwrap()).unwrap();
        Self { url, login_token, login_secret, login_key, admin_token, _process: process, _folder: folder }
    }
}

/// The address that the server prints: it has chosen the port itself, so nobody else can have it.
fn wait_for_address(process: &mut Running, out: &Path, err: &Path) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let printed = read_to_string(out).unwrap();
        let whole_lines = printed.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        if let Some(url) =
            whole_lines.flat_map(str::split_whitespace).find(|word| word.starts_with("http://"))
        {
            return url.to_owned();
        }
        let ended = process.0.try_wait().unwrap();
        let complaint = || read_to_string(err).unwrap();
        assert!(ended.is_none(), "the server ended at once, {ended:?}: {}", complaint());
        assert!(Instant::now() < until, "the server printed no address: {}", complaint());
        sleep(Duration::from_millis(20));
    }
}

fn wait_until_ready(url: &str) {
    let until = Instant::now() + PATIENCE;
    while send(url, "GET", "/debug/ready", None, "").0 != StatusCode::OK {
        assert!(Instant::now() < until, "the server never became ready");
        sleep(Duration::from_millis(20));
    }
}

/// What a call answers.
fn ask(url: &str, token: &str, path: &str, body: &Value) -> Value {
    let (status, answer) = send(url, "POST", path, Some(token), &body.to_string());
    assert!(status.is_success(), "{path}: {status} {answer}");
    serde_json::from_str(&answer).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn add_user(url: &str, token: &str) {
    let user = json!({
        "username": LOGIN_NAME,
        "profile": { "givenName": "Mini", "familyName": "Mouse" },
        "email": { "email": LOGIN_NAME, "isVerified": true },
        "password": { "password": PASSWORD },
    });
    let (status, body) = send(url, "POST", "/v2/users/human", Some(token), &user.to_string());
    assert!(status.is_success(), "the user was not added, {status}: {body}");
}

/// A plain HTTP/1.1 request; gives status and body. Service Unavailable stands for no answer.
fn send(url: &str, verb: &str, path: &str, token: Option<&str>, body: &str) -> (StatusCode, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address = url.strip_prefix("http://").unwrap();
    let mut request = Request::builder().method(verb).uri(path).header("host", address);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    runtime.block_on(async move {
        let Ok(stream) = TcpStream::connect(address).await else {
            return (StatusCode::SERVICE_UNAVAILABLE, String::new());
        };
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (head.status, String::from_utf8_lossy(&bytes).into_owned())
    })
}

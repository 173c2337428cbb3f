//! The real program as a process, a client that notices when it goes away, and chance from a seed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// The real program, in a process of its own that is killed when this is dropped.
pub struct Server {
    child: Child,
    pub address: String,
    /// Kept open, so that the server can go on writing to it.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it and waits until it is ready; gives how long that took.
    pub async fn start(dir: &Path) -> (Self, Duration) {
        let spawned = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_doorward"))
            .current_dir(dir)
            .args(["serve", "--data-dir", "data", "--listen", "127.0.0.1:0", "--log", "warn"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("http://").map(|(_, address)| address.to_owned());
        let server = Self { child, address: address.expect("the address it listens on"), _stdout: stdout };
        let mut client = Client::connect(&server.address, "").await.unwrap();
        let (status, _) = client.call("GET", "/debug/ready", Value::Null).await.unwrap();
        assert_eq!(status, StatusCode::OK);
        (server, spawned.elapsed())
    }

    /// SIGKILL: nothing of the process runs any more.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One connection that is kept open.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    token: String,
}

impl Client {
    pub async fn connect(address: &str, token: &str) -> Option<Self> {
        let io = TokioIo::new(TcpStream::connect(address).await.ok()?);
        let (sender, connection) = handshake(io).await.ok()?;
        tokio::spawn(connection);
        Some(Self { sender, token: format!("Bearer {token}") })
    }

    /// A whole answer, or nothing when the server went away before its end.
    pub async fn call(&mut self, verb: &str, path: &str, body: Value) -> Option<(StatusCode, Value)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder()
            .method(verb)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", &self.token)
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        self.sender.ready().await.ok()?;
        let answer = self.sender.send_request(request).await.ok()?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await.ok()?.to_bytes();
        Some((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }

    pub async fn get(&mut self, id: &str, token: &str) -> (StatusCode, Value) {
        let token = if token.is_empty() { String::new() } else { format!("?sessionToken={token}") };
        let (status, mut answer) =
            self.call("GET", &format!("/v2/sessions/{id}{token}"), Value::Null).await.unwrap();
        (status, answer["session"].take())
    }
}

/// splitmix64, so that a run can be repeated.
pub struct Chance(pub u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    /// From 20 to 400 ms.
    pub fn moment(&mut self) -> Duration {
        Duration::from_millis(20 + self.below(381))
    }
}

/// The seed of this run, printed so that the run can be repeated.
pub fn seed() -> u64 {
    let given = std::env::var("DOORWARD_KILL_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed: DOORWARD_KILL_SEED={seed}");
    seed
}

/// A token that the server wrote at its first start.
pub fn read_token(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join("data").join(name)).unwrap().trim().to_owned()
}

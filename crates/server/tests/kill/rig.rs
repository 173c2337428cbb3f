//! Where a server keeps its data, and a client that notices when it goes away.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use doorward_postgres_rig::{Database, Server as Postgres};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::chance::Chance;
use crate::process::{PROGRAM, Start};

/// A folder, and a database that is gone with this, if the server does not have its own.
pub struct Place {
    dir: TempDir,
    database: Option<Database>,
}

impl Place {
    pub fn sqlite() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), database: None }
    }

    pub fn postgresql() -> Self {
        Self { database: Some(Postgres::shared().database()), ..Self::sqlite() }
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn start(&self) -> Start {
        let url = self.database.as_ref().map(|database| database.url().to_owned());
        let environment = url.map(|url| ("DOORWARD_DATABASE_URL".to_owned(), url)).into_iter().collect();
        Start { program: PROGRAM.into(), dir: self.dir().to_owned(), environment }
    }
}

/// From 20 to 400 ms.
pub fn moment(chance: &mut Chance) -> Duration {
    Duration::from_millis(20 + chance.below(381))
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

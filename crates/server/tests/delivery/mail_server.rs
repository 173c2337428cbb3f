//! The mail server of `tests-sdk/python/mail_server.py`, as a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Far longer than anything takes, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A mail server that runs. It ends when this is dropped.
pub struct MailServer {
    pub port: u16,
    child: Child,
    input: Option<ChildStdin>,
    events: mpsc::UnboundedReceiver<Value>,
}

impl MailServer {
    /// A server on a free port.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A server with arguments of the script.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = home.join("target/sdk/python/bin/python");
        assert!(python.exists(), "{} is missing: run cargo xtask test, which installs it", python.display());
        let mut child = Command::new(python)
            .arg(home.join("tests-sdk/python/mail_server.py"))
            .args(arguments)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let (told, events) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                let event = serde_json::from_str(&line.unwrap()).unwrap();
                if told.send(event).is_err() {
                    return;
                }
            }
        });
        let mut server = Self { port: 0, child, input, events };
        server.port = u16::try_from(server.event().await["port"].as_u64().unwrap()).unwrap();
        server
    }

    /// What happens next.
    pub async fn event(&mut self) -> Value {
        timeout(PATIENCE, self.events.recv()).await.unwrap().unwrap()
    }

    /// The next mail, which must be what happens next.
    pub async fn mail(&mut self) -> Mail {
        let event = self.event().await;
        assert!(event["mail"].is_object(), "{event}");
        Mail(event["mail"].clone())
    }

    /// Lets a mail go on that is held.
    pub fn go_on(&mut self) {
        self.input.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// The configuration of a server that sends its mails here without encryption.
    pub fn settings(&self) -> Vec<String> {
        settings(self.port)
    }
}

/// The configuration of a server that sends its mails to a port of this machine without encryption.
pub fn settings(port: u16) -> Vec<String> {
    let settings = [
        "mail.transport=smtp",
        "mail.host=127.0.0.1",
        "mail.security=none",
        "mail.from=Door <door@ward.example>",
        "mail.reply_to=help@ward.example",
        "login_url=https://login.example/ui",
        // What comes by the clock of a test is noticed at once.
        "delivery.poll_interval_ms=20",
    ];
    let port = format!("mail.port={port}");
    settings.iter().map(|setting| (*setting).to_owned()).chain([port]).collect()
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A mail as the server took it.
#[derive(Debug, Clone)]
pub struct Mail(pub Value);

impl Mail {
    /// A header.
    pub fn header(&self, name: &str) -> &str {
        self.0["headers"][name].as_str().unwrap_or_else(|| panic!("no header {name}: {self:?}"))
    }

    /// The only recipient.
    pub fn to(&self) -> &str {
        assert_eq!(self.0["recipients"].as_array().unwrap().len(), 1, "{self:?}");
        self.0["recipients"][0].as_str().unwrap()
    }

    /// The part without formats.
    pub fn text(&self) -> &str {
        self.0["text"].as_str().unwrap()
    }

    /// The part with formats.
    pub fn html(&self) -> &str {
        self.0["html"].as_str().unwrap()
    }

    /// The code: it stands alone on an indented line.
    pub fn code(&self) -> String {
        let line = self.text().lines().find(|line| line.starts_with("    ")).unwrap();
        line.trim().to_owned()
    }

    /// The link: it stands alone on a line.
    pub fn link(&self) -> &str {
        self.text().lines().find(|line| line.contains("://") && !line.contains(' ')).unwrap()
    }
}

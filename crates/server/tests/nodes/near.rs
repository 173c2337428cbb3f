//! A node in this process, with a clock that is some seconds off.

use std::ffi::OsString;
use std::sync::Arc;

use doorward::app::App;
use doorward::config::{Config, Overrides};
use doorward::env::{Clock, Env, SystemClock, SystemEntropy};
use doorward::serve::serve_on;
use doorward::wiring::{Opened, open};
use doorward_core::base::{Span, Timestamp};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::pair::environment;

/// The clock of the machine, and how far it is off.
struct Off(Span);

impl Clock for Off {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(self.0)
    }
}

/// A node that was opened, and may not listen yet.
pub struct Near {
    pub app: Arc<App>,
    pub first_start: bool,
    /// The folder goes when the node does.
    pub dir: TempDir,
    config: Config,
    opened: Option<Opened>,
    stop: Option<oneshot::Sender<()>>,
}

impl Near {
    /// Opens the database, and sets it up if nobody has.
    pub async fn open(url: &str, off: Span) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let overrides = Overrides {
            data_dir: Some(dir.path().join("data").display().to_string()),
            ..Overrides::default()
        };
        let pairs = environment(url).into_iter().map(|(name, value)| (OsString::from(name), value.into()));
        let config = Config::load_from(&overrides, pairs, dir.path()).unwrap();
        let env = Env { clock: Arc::new(Off(off)), entropy: Arc::new(SystemEntropy) };
        let opened = open(&config, env).await.unwrap();
        let (app, first_start) = (Arc::clone(&opened.app), opened.first_start);
        Self { app, first_start, dir, config, opened: Some(opened), stop: None }
    }

    /// Listens; gives the address.
    pub async fn listen(&mut self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let (config, opened) = (self.config.clone(), self.opened.take().unwrap());
        tokio::spawn(async move {
            let until = async { drop(stopped.await) };
            serve_on(listener, &config, opened, until).await.unwrap();
        });
        self.stop = Some(stop);
        address
    }

    /// Whether it wrote the tokens of the first start.
    pub fn has_tokens(&self) -> bool {
        self.dir.path().join("data/admin.pat").exists()
    }
}

//! A server in this process on a free port, with a clock that is moved by hand and chance from a seed.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use doorward::app::App;
use doorward::config::{Config, Overrides};
use doorward::env::{Clock, Env};
use doorward::first_start::DataDir;
use doorward::serve::serve_on;
use doorward::wiring::{Opened, open, open_store};
use doorward_core::base::{Entropy, Span, Timestamp};
use doorward_postgres_rig::{Database, Server};
use doorward_store::Db;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::client::{Answer, Http, Outcome, Protocol};

/// A clock that only moves when told.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

impl ManualClock {
    /// Moves the clock forward.
    pub fn advance(&self, span: Span) {
        self.0.fetch_add(span.0, Ordering::SeqCst);
    }
}

/// Chance from a seed: splitmix64.
struct SeededEntropy(AtomicU64);

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// 2025-11-20T10:00:00.123456Z.
pub const START: Timestamp = Timestamp(1_763_632_800_123_456);

/// A running server.
pub struct Rig {
    pub app: Arc<App>,
    pub clock: Arc<ManualClock>,
    pub http: Http,
    /// The token of the machine user `admin`, IAM_OWNER.
    pub admin: String,
    /// The token of the machine user `login-client`, IAM_LOGIN_CLIENT.
    pub login: String,
    config: Config,
    _stop: oneshot::Sender<()>,
    /// The folder goes when the rig does.
    dir: TempDir,
    /// So does the database in a server, where the engine has one.
    _database: Option<Database>,
}

/// Whether this binary tests PostgreSQL; its name says so.
pub fn on_postgres() -> bool {
    env!("CARGO_CRATE_NAME").ends_with("postgres")
}

/// The password of every user that the rig adds.
pub const PASSWORD: &str = "Secr3t!pass";

impl Rig {
    /// A server with the default configuration.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A server with some configuration keys set, such as `policy.lockout.max_password_attempts=2`.
    pub async fn start_with(set: &[&str]) -> Self {
        Self::start_from(set, "").await
    }

    /// The same, with a configuration file for what a key alone cannot say.
    pub async fn start_from(set: &[&str], file: &str) -> Self {
        Self::start_on(on_postgres().then(|| Server::shared().database()), set, file).await
    }

    /// A server on a database of PostgreSQL, or else on the embedded one.
    pub async fn start_on(database: Option<Database>, set: &[&str], file: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("doorward.toml"), file).unwrap();
        let url = database.as_ref().map(|database| format!("database_url={}", database.url()));
        // Where many tests run at once a hash may wait for long, and that is not what they test.
        let patient = ["hashing.max_wait_ms=25000"];
        let overrides = Overrides {
            set: patient.iter().chain(set).map(|pair| (*pair).to_owned()).chain(url).collect(),
            data_dir: Some(dir.path().join("data").display().to_string()),
            ..Overrides::default()
        };
        let no_environment: [(OsString, OsString); 0] = [];
        let config = Config::load_from(&overrides, no_environment, dir.path()).unwrap();
        let clock = Arc::new(ManualClock(AtomicI64::new(START.0)));
        let entropy = Arc::new(SeededEntropy(AtomicU64::new(42)));
        let env = Env { clock: Arc::clone(&clock) as Arc<dyn Clock>, entropy };
        let opened = open(&config, env).await.unwrap();
        let app = Arc::clone(&opened.app);
        let token = |name: &str| {
            std::fs::read_to_string(dir.path().join("data").join(name)).unwrap().trim().to_owned()
        };
        let (admin, login) = (token("admin.pat"), token("login-client.pat"));
        let (http, stop) = serve(&config, opened).await;
        Self { app, clock, http, admin, login, config, _stop: stop, dir, _database: database }
    }

    /// A second server on the same store, where the engine has such a thing; else this one again. It ends with the
    /// other.
    pub async fn second(&self) -> (Http, Option<oneshot::Sender<()>>) {
        if !on_postgres() {
            return (self.http, None);
        }
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let env = Env { clock, entropy: Arc::new(SeededEntropy(AtomicU64::new(43))) };
        let (http, stop) = serve(&self.config, open(&self.config, env).await.unwrap()).await;
        (http, Some(stop))
    }

    /// The store as another process sees it, which is patient.
    pub fn neighbour(&self) -> Db {
        let mut config = self.config.clone();
        config.store.busy_timeout_ms = 20_000;
        config.postgres.statement_timeout_ms = 20_000;
        open_store(&config, &DataDir::open(&self.dir.path().join("data")).unwrap()).unwrap()
    }

    /// What its clock shows.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A REST call; gives status and body.
    pub async fn rest(&self, verb: &str, path: &str, token: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.http.rest(verb, path, Some(token), &body).await
    }

    /// A call over Connect JSON, the shortest way to any method.
    pub async fn call(&self, method: &str, token: &str, request: Value) -> Outcome {
        self.http.call(Protocol::ConnectJson, method, Some(token), request).await
    }

    /// A call that must succeed.
    pub async fn ok(&self, method: &str, token: &str, request: Value) -> Value {
        let shown = request.to_string();
        self.call(method, token, request).await.unwrap_or_else(|error| panic!("{method} {shown}: {error:?}"))
    }

    /// A call that must fail; gives the error id.
    pub async fn id(&self, method: &str, token: &str, request: Value) -> String {
        let shown = request.to_string();
        match self.call(method, token, request).await {
            Ok(answer) => panic!("{method} {shown} succeeded: {answer}"),
            Err(refusal) => refusal.id(),
        }
    }

    /// A person with a verified address and [`PASSWORD`]; gives the id.
    pub async fn add_human(&self, email: &str) -> String {
        let request = human(email);
        self.ok("user.AddHumanUser", &self.admin, request).await["userId"].as_str().unwrap().to_owned()
    }

    /// A machine user with roles and its token; gives id and token.
    pub async fn add_machine(&self, name: &str, roles: &[(Option<&str>, &str)]) -> (String, String) {
        use doorward_core::caller::{Membership, Role};
        let organisation = self.app.instance.default_organisation.clone();
        let request =
            json!({ "organizationId": organisation, "username": name, "machine": { "name": name } });
        let id = self.ok("user.CreateUser", &self.admin, request).await["id"].as_str().unwrap().to_owned();
        let held: Vec<Membership> = roles
            .iter()
            .map(|(organisation, role)| Membership {
                organisation: organisation.map(str::to_owned),
                role: Role::named(role).unwrap(),
            })
            .collect();
        let user = id.clone();
        let granted = self.app.db.write(move |conn| {
            Box::pin(async move {
                for membership in &held {
                    doorward_store::grant::insert(conn, &user, membership).await?;
                }
                Ok(())
            })
        });
        granted.await.unwrap();
        let request = json!({ "userId": id, "expirationDate": "2099-01-01T00:00:00Z" });
        let token = self.ok("user.AddPersonalAccessToken", &self.admin, request).await;
        (id, token["token"].as_str().unwrap().to_owned())
    }

    /// A second organisation; gives its id.
    pub async fn add_organisation(&self, name: &str) -> String {
        use doorward_store::organisation::{self, Organisation};
        let id = self.app.mint_id(self.clock.now());
        let made = Organisation { id: id.clone(), name: name.to_owned(), created: self.clock.now() };
        let added =
            self.app.db.write(move |conn| Box::pin(async move { organisation::insert(conn, &made).await }));
        assert!(added.await.unwrap());
        id
    }

    /// A session of a person who gave their password; gives id and token.
    pub async fn log_in(&self, login_name: &str) -> (String, String) {
        let checks = json!({ "user": { "loginName": login_name }, "password": { "password": PASSWORD } });
        self.session(json!({ "checks": checks })).await
    }

    /// A session; gives id and token.
    pub async fn session(&self, request: Value) -> (String, String) {
        let created = self.ok("session.CreateSession", &self.login, request).await;
        let text = |name: &str| created[name].as_str().unwrap().to_owned();
        (text("sessionId"), text("sessionToken"))
    }

    /// What GetSession shows to the login client.
    pub async fn shown(&self, id: &str) -> Value {
        self.ok("session.GetSession", &self.login, json!({ "sessionId": id })).await["session"].clone()
    }
}

/// Serves on a free port until the sender is dropped.
async fn serve(config: &Config, opened: Opened) -> (Http, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let http = Http { address: listener.local_addr().unwrap() };
    let (stop, stopped) = oneshot::channel::<()>();
    let served = config.clone();
    tokio::spawn(async move {
        let until = async { drop(stopped.await) };
        serve_on(listener, &served, opened, until).await.unwrap();
    });
    (http, stop)
}

/// The request for a person with a verified address and [`PASSWORD`].
pub fn human(email: &str) -> Value {
    json!({
        "profile": { "givenName": "Mini", "familyName": "Mouse" },
        "email": { "email": email, "isVerified": true },
        "password": { "password": PASSWORD },
    })
}

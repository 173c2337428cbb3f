//! One PostgreSQL server.

mod copy;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::access::Access;
use crate::database::Database;
use crate::installation::Installation;
use crate::owner::Owner;
use crate::supervisor::Supervisor;
use crate::{Outcome, must, random};

/// Names the folder of the server of a whole test run.
pub const SHARED_ENV: &str = "DOORWARD_TEST_POSTGRES";

/// How the shared server is set: it loses its data anyway, so it never waits for the disk.
pub const SHARED_SETTINGS: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("max_connections", "400"),
    ("shared_buffers", "256MB"),
    ("checkpoint_timeout", "1h"),
    ("max_wal_size", "8GB"),
];

/// How often another port is tried when one was taken in between.
const ATTEMPTS: u32 = 5;

/// A running PostgreSQL, which ends when this is dropped, and also when the process ends in whatever way.
///
/// Every function panics, with PostgreSQL's words, when it cannot do what its name says.
pub struct Server {
    access: Access,
    /// Nothing if another process keeps it.
    keeper: Option<Supervisor>,
}

/// The files of a server that speaks TLS; it refuses TCP without it.
pub struct Tls<'a> {
    /// Certificate and those between it and the root, as PEM.
    pub certificate: &'a Path,
    /// Its key, as PEM.
    pub key: &'a Path,
    /// If there is one, clients have to show a certificate that it signed.
    pub client_ca: Option<&'a Path>,
}

impl Server {
    /// Starts a fresh server with these lines in its `postgresql.conf`, such as `("fsync", "off")`.
    #[must_use]
    #[track_caller]
    pub fn start(settings: &[(&str, &str)]) -> Self {
        must(Self::try_start(settings))
    }

    /// The same with the files of TLS.
    #[must_use]
    #[track_caller]
    pub fn start_tls(settings: &[(&str, &str)], tls: &Tls<'_>) -> Self {
        must(Self::launch(settings, Some(tls)))
    }

    /// Starts a fresh server.
    ///
    /// # Errors
    ///
    /// Says what is missing, or what PostgreSQL said.
    pub fn try_start(settings: &[(&str, &str)]) -> Result<Self, String> {
        Self::launch(settings, None)
    }

    /// The server of this test run, kept by who set `DOORWARD_TEST_POSTGRES`, else one of this process.
    #[track_caller]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var_os(SHARED_ENV) {
            Some(folder) => Self {
                access: must(
                    Access::read(Path::new(&folder))
                        .map_err(|error| format!("{SHARED_ENV} names no server: {error}")),
                ),
                keeper: None,
            },
            None => Self::start(SHARED_SETTINGS),
        })
    }

    fn launch(settings: &[(&str, &str)], tls: Option<&Tls<'_>>) -> Outcome<Self> {
        let installation = Installation::find()?;
        let owner = Owner::find()?;
        let mut keeper = Supervisor::start(owner, &installation, "QUIT")?;
        keeper.order("prepare")?;
        let folder = keeper.folder().to_owned();
        configure(&folder, settings)?;
        if let Some(tls) = tls {
            tls.configure(owner, &folder.join("data"))?;
        }
        let password = fs::read_to_string(folder.join("password"))
            .map_err(|error| format!("the password cannot be read: {error}"))?;
        Self::begin(installation, keeper, password)
    }

    /// Starts a server on the data that are in the folder, on a port that is free.
    fn begin(installation: Installation, keeper: Supervisor, password: String) -> Outcome<Self> {
        let folder = keeper.folder().to_owned();
        let access = Access { folder, bin: installation.bin, major: installation.major, port: 0, password };
        let mut server = Self { access, keeper: Some(keeper) };
        let mut attempt = 1;
        loop {
            server.access.port = free_port()?;
            match server.launch_again() {
                Err(words) if attempt < ATTEMPTS && words.contains("Address already in use") => attempt += 1,
                Err(words) => return Err(words),
                Ok(()) => break,
            }
        }
        server.access.write()?;
        Ok(server)
    }

    fn launch_again(&mut self) -> Outcome<()> {
        let note = self.access.folder.join("data/postmaster.pid");
        let order = format!("postgres {}", self.access.port);
        self.keeper()?.run(&order, |pid| fs::read_to_string(&note).is_ok_and(|note| is_ready(&note, pid)))
    }

    fn keeper(&mut self) -> Outcome<&mut Supervisor> {
        self.keeper.as_mut().ok_or_else(|| "a shared server is not stopped by a single test".to_owned())
    }

    /// A fresh database, empty, UTF-8, in the locale `C.UTF-8`.
    #[must_use]
    #[track_caller]
    pub fn database(&self) -> Database {
        self.database_with("C.UTF-8")
    }

    /// A fresh database in a locale of the system, or, from PostgreSQL 15 on, in one of ICU such as `icu:de-DE`,
    /// which needs nothing to be installed.
    #[must_use]
    #[track_caller]
    pub fn database_with(&self, locale: &str) -> Database {
        must(Database::make(&self.access, locale))
    }

    /// Where a database is found by the unix socket.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.access.url(database)
    }

    /// Where a database is found by TCP.
    #[must_use]
    pub fn tcp_url(&self, database: &str) -> String {
        self.access.tcp_url(database)
    }

    /// Ends all connections, shuts down in order and starts on the same data, port and socket.
    #[track_caller]
    pub fn restart(&mut self) {
        must(self.keeper().and_then(|keeper| keeper.order("stop INT")));
        self.resume();
    }

    /// Stops as a crash does: nothing is written that is not yet written, and the next start recovers.
    #[track_caller]
    pub fn crash(&mut self) {
        must(self.keeper().and_then(|keeper| keeper.order("stop QUIT")));
    }

    /// Starts again after [`Server::crash`].
    #[track_caller]
    pub fn resume(&mut self) {
        must(self.launch_again());
    }

    /// What psql prints: a row a line, columns with `|` between them.
    #[track_caller]
    pub fn sql(&self, database: &str, sql: &str) -> String {
        must(self.access.sql(database, sql))
    }

    /// Where a program is, such as `pg_dump` or `pgbench`.
    #[must_use]
    #[track_caller]
    pub fn bin(&self, program: &str) -> PathBuf {
        must(self.access.bin(program))
    }

    /// The major version, such as 15.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.access.major
    }

    /// The port on the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.access.port
    }

    /// The password of the user `postgres`, asked for over TCP.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.access.password
    }

    /// The folder of the socket, with the data in `data` and the log in `log`: what [`SHARED_ENV`] is set to.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.access.folder
    }

    /// What the server has logged.
    #[must_use]
    #[track_caller]
    pub fn log(&self) -> String {
        must(read(&self.access.folder.join("log")))
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }
}

impl Tls<'_> {
    /// Copies the files beside the data, where only the server reads them, and lets nobody in over TCP without TLS.
    fn configure(&self, owner: Owner, data: &Path) -> Outcome<()> {
        let mut lines = vec![("ssl", "on"), ("ssl_cert_file", "tls.crt"), ("ssl_key_file", "tls.key")];
        let mut files = vec![(self.certificate, "tls.crt"), (self.key, "tls.key")];
        let mut check = "";
        if let Some(ca) = self.client_ca {
            lines.push(("ssl_ca_file", "tls-client.crt"));
            files.push((ca, "tls-client.crt"));
            check = " clientcert=verify-ca";
        }
        for (from, to) in files {
            let text = read(from)?;
            let to = data.join(to);
            closed(&to, &text)?;
            owner.give(&to)?;
        }
        append(&data.join("postgresql.conf"), &lines)?;
        let rules = format!("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256{check}\n");
        write(&data.join("pg_hba.conf"), &rules)
    }
}

fn configure(folder: &Path, settings: &[(&str, &str)]) -> Outcome<()> {
    let mut lines = vec![("listen_addresses", "127.0.0.1"), ("timezone", "UTC"), ("log_timezone", "UTC")];
    lines.extend(settings);
    append(&folder.join("data/postgresql.conf"), &lines)
}

/// The last line of a name holds.
fn append(file: &Path, settings: &[(&str, &str)]) -> Outcome<()> {
    let line = |(name, value): &(&str, &str)| format!("{name} = '{}'\n", value.replace('\'', "''"));
    let text = read(file)? + &settings.iter().map(line).collect::<String>();
    write(file, &text)
}

fn read(file: &Path) -> Outcome<String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn write(file: &Path, text: &str) -> Outcome<()> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Writes a file that nobody else can read, not even before it is complete.
fn closed(file: &Path, text: &str) -> Outcome<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let open = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    open.and_then(|mut open| open.write_all(text.as_bytes()))
        .map_err(|error| format!("{}: {error}", file.display()))
}

/// Whether PostgreSQL's note about itself is of this process, and says that it takes connections; one that follows
/// another takes those that read.
fn is_ready(note: &str, pid: u32) -> bool {
    let mut lines = note.lines();
    lines.next() == Some(&pid.to_string())
        && lines.nth(6).is_some_and(|line| ["ready", "standby"].contains(&line.trim()))
}

/// A port that is free now and that the kernel gives to nobody who asks for just any, so that a restart finds it free.
fn free_port() -> Outcome<u16> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first: u64 = range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0);
    let below = first.checked_sub(10_000).filter(|room| *room >= 1_000);
    let mut tries = (0..100).filter_map(|_| u16::try_from(10_000 + random() % below?).ok());
    let free = |port: u16| Some(TcpListener::bind(("127.0.0.1", port)).ok()?.local_addr().ok()?.port());
    tries.find_map(free).or_else(|| free(0)).ok_or_else(|| "there is no free port".to_owned())
}

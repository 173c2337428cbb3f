//! What tests rely on: fresh databases, crashes that lose nothing committed, servers that leave nothing behind.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use doorward_postgres_rig::{SHARED_ENV, SHARED_SETTINGS, Server};

const NO_SYNC: &[(&str, &str)] = &[("fsync", "off")];

fn psql(server: &Server, url: &str, sql: &str) -> Result<String, String> {
    let mut psql = Command::new(server.bin("psql"));
    let output = psql.args(["-XAtq", "-d", url, "-c", sql]).stdin(Stdio::null()).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn a_database_is_fresh_and_gone_after() {
    let server = Server::shared();
    let named = |name: &str| format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    let database = server.database();
    let other = server.database();
    database.sql("CREATE TABLE t (a text)");
    assert_eq!(other.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    let about = "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = current_database()";
    assert_eq!(database.sql(about), "UTF8|C.UTF-8");

    let name = database.name().to_owned();
    assert_eq!(server.sql("postgres", &named(&name)), "1");
    // A connection that is still open does not keep it.
    let mut idle = Command::new(server.bin("psql"));
    idle.args(["-XAtq", "-d", database.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut idle = idle.spawn().unwrap();
    idle.stdin.as_mut().unwrap().write_all(b"SELECT 'connected';\n").unwrap();
    let mut line = String::new();
    BufReader::new(idle.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "connected\n");
    drop(database);
    assert_eq!(server.sql("postgres", &named(&name)), "0");
    drop(idle.stdin.take());
    idle.wait().unwrap();
}

#[test]
fn both_urls_lead_there_and_tcp_asks_for_the_password() {
    let server = Server::shared();
    let database = server.database();
    let here = "SELECT current_database(), inet_server_port()";
    assert_eq!(psql(server, database.url(), here).unwrap(), format!("{}|", database.name()));
    let by_tcp = format!("{}|{}", database.name(), server.port());
    assert_eq!(psql(server, &database.tcp_url(), here).unwrap(), by_tcp);
    let wrong = database.tcp_url().replace(server.password(), "wrong");
    assert!(psql(server, &wrong, here).unwrap_err().contains("password authentication failed"));
}

#[test]
fn a_locale_decides_the_order() {
    let server = Server::shared();
    let order = "SELECT string_agg(a, '' ORDER BY a) FROM unnest(ARRAY['b', 'A', 'a', 'B']) AS a";
    assert_eq!(server.database().sql(order), "ABab");
    if server.version() >= 15 {
        assert_eq!(server.database_with("icu:en-US").sql(order), "aAbB");
    }
}

#[test]
fn a_crash_keeps_what_was_committed_and_a_restart_too() {
    let mut server = Server::start(NO_SYNC);
    let database = server.database();
    let before = (database.url().to_owned(), server.tcp_url("postgres"));
    database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)");
    server.crash();
    assert!(UnixStream::connect(socket(server.folder(), server.port())).is_err());
    server.resume();
    assert_eq!(database.sql("SELECT a FROM t ORDER BY a"), "1\n2");
    assert!(server.log().contains("automatic recovery in progress"), "{}", server.log());

    database.sql("INSERT INTO t VALUES (3)");
    server.restart();
    assert_eq!(database.sql("SELECT count(*) FROM t"), "3");
    assert_eq!(before, (database.url().to_owned(), server.tcp_url("postgres")));
    assert_eq!(server.log().matches("automatic recovery in progress").count(), 1);
}

#[test]
fn two_servers_stand_side_by_side_each_with_its_settings() {
    let (one, two) = (Server::start(&[("max_connections", "23")]), Server::start(NO_SYNC));
    one.sql("postgres", "CREATE TABLE only_here ()");
    let there = "SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'";
    assert_eq!((one.sql("postgres", there).as_str(), two.sql("postgres", there).as_str()), ("1", "0"));
    assert_eq!(one.sql("postgres", "SHOW max_connections; SHOW fsync"), "23\non");
    assert_eq!(two.sql("postgres", "SHOW fsync"), "off");
}

#[test]
fn a_server_is_gone_with_its_value() {
    let server = Server::start(NO_SYNC);
    let (folder, port) = (server.folder().to_owned(), server.port());
    let mut connected = connected(&folder, port);
    drop(server);
    assert_eq!(connected.read(&mut [0]).unwrap_or_default(), 0);
    assert!(!folder.exists());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_server_ends_when_its_starter_is_killed() {
    let (mut starter, folder) = starter();
    let port = postmaster(&folder, 3).parse().unwrap();
    let process = PathBuf::from("/proc").join(postmaster(&folder, 0));
    let mut connected = connected(&folder, port);
    assert!(process.exists());
    starter.kill().unwrap();
    starter.wait().unwrap();
    // The server ends its connections as it ends; the folder is removed after it.
    assert_eq!(connected.read(&mut [0]).unwrap_or_default(), 0);
    gone(&folder);
    gone(&process);
}

#[test]
fn a_server_ends_when_its_starter_is_killed_while_it_starts() {
    let room = tempfile::tempdir_in("/tmp").unwrap();
    open_to_all(room.path());
    let folders = || {
        let entries = std::fs::read_dir(room.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    // While the cluster is being made, and while the server is being started.
    for file in ["data/PG_VERSION", "data/postmaster.pid"] {
        let mut rig = Command::new(env!("CARGO_BIN_EXE_doorward-postgres-rig"));
        rig.env("TMPDIR", room.path()).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut starter = rig.spawn().unwrap();
        until(file, || folders().iter().any(|folder| folder.join(file).exists()));
        starter.kill().unwrap();
        starter.wait().unwrap();
        until("no folder", || folders().is_empty());
    }
}

#[test]
fn other_processes_find_the_server_that_the_environment_names() {
    let (mut starter, folder) = starter();
    let mut user = Command::new(std::env::current_exe().unwrap());
    user.args(["--exact", "a_database_is_fresh_and_gone_after", "--nocapture"]).env(SHARED_ENV, &folder);
    let output = user.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(folder.exists(), "the server is still kept by its starter");
    drop(starter.stdin.take());
    starter.wait().unwrap();
    assert!(!folder.exists());
}

#[test]
fn what_psql_refuses_is_said_in_its_words() {
    let server = Server::shared();
    let refused = std::panic::catch_unwind(|| server.sql("postgres", "SELECT * FROM nowhere"));
    let words = refused.unwrap_err().downcast::<String>().unwrap();
    assert!(words.contains(r#"relation "nowhere" does not exist"#), "{words}");
}

#[test]
fn settings_that_postgresql_refuses_are_said_in_its_words() {
    let words = Server::try_start(&[("max_connections", "'many'")]).map(drop).unwrap_err();
    assert!(words.contains("max_connections"), "{words}");
    assert!(Server::try_start(SHARED_SETTINGS).is_ok());
}

#[test]
fn a_standby_has_what_was_committed_and_takes_writes_once_it_is_promoted() {
    let mut primary = Server::start(&[("synchronous_standby_names", "*")]);
    let mut standby = primary.standby(&[("synchronous_standby_names", "")]);
    primary.sql("postgres", "CREATE TABLE t (n INT); INSERT INTO t SELECT generate_series(1, 100)");
    assert_eq!(standby.sql("postgres", "SHOW transaction_read_only"), "on");
    primary.crash();
    standby.promote();
    standby.sql("postgres", "INSERT INTO t VALUES (101)");
    assert_eq!(standby.sql("postgres", "SELECT count(*) FROM t"), "101");
    primary.resume();
    // Nobody follows it any more, so only what waits for nobody can be committed.
    let alone = "SET synchronous_commit = local; DELETE FROM t; SELECT count(*) FROM t";
    assert_eq!(primary.sql("postgres", alone), "0");
}

#[test]
fn a_base_backup_is_a_server_of_its_own() {
    let server = Server::start(SHARED_SETTINGS);
    server.sql("postgres", "CREATE TABLE t AS SELECT 1 AS n");
    let backup = server.base_backup();
    server.sql("postgres", "DROP TABLE t");
    assert_eq!(backup.sql("postgres", "SELECT n FROM t"), "1");
    assert_ne!(server.port(), backup.port());
}

/// A process of its own that keeps a server, and the server's folder.
fn starter() -> (Child, PathBuf) {
    let mut rig = Command::new(env!("CARGO_BIN_EXE_doorward-postgres-rig"));
    rig.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut starter = rig.spawn().unwrap();
    let lines = BufReader::new(starter.stdout.take().unwrap()).lines().take(3);
    let lines: Vec<String> = lines.map(Result::unwrap).collect();
    let folder = lines.first().unwrap().strip_prefix(&format!("{SHARED_ENV}=")).unwrap();
    (starter, folder.into())
}

fn socket(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!(".s.PGSQL.{port}"))
}

/// A connection that a process of the server attends to: it has answered the question whether there is TLS.
fn connected(folder: &Path, port: u16) -> UnixStream {
    let mut stream = UnixStream::connect(socket(folder, port)).unwrap();
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"N");
    stream
}

/// A line of PostgreSQL's note about itself.
fn postmaster(folder: &Path, line: usize) -> String {
    let note = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    note.lines().nth(line).unwrap().to_owned()
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o1777)).unwrap();
}

fn gone(path: &Path) {
    until(&format!("{} to be gone", path.display()), || !path.exists());
}

/// Nothing tells about the end of somebody else's process or folder, so this looks again and again.
fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

//! What a pooler in transaction mode keeps and what it does not.
#![expect(clippy::unwrap_used, reason = "a failing test panics")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use doorward_postgres_rig::{Pooler, Server};

fn psql(server: &Server, url: &str, commands: &[&str]) -> Result<String, String> {
    let mut psql = Command::new(server.bin("psql"));
    psql.args(["-XAtq", "-d", url]).stdin(Stdio::null());
    for command in commands {
        psql.args(["-c", command]);
    }
    let output = psql.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[test]
fn a_pooler_answers_for_its_database_alone() {
    let server = Server::shared();
    let (database, other) = (server.database(), server.database());
    database.sql("CREATE TABLE t (a int)");
    let pooler = Pooler::start(server, &database);
    let written = ["INSERT INTO t VALUES (1)", "SELECT current_database(), a FROM t"];
    assert_eq!(psql(server, pooler.url(), &written).unwrap(), format!("{}|1", database.name()));
    assert!(psql(server, &pooler.url().replace(database.name(), other.name()), &["SELECT 1"]).is_err());
    let console = pooler.url().replace(database.name(), "pgbouncer");
    assert!(psql(server, &console, &["SHOW CONFIG"]).unwrap().contains("pool_mode|transaction|"));
}

#[test]
fn connections_are_shared_between_transactions() {
    let server = Server::shared();
    let database = server.database();
    let pooler = Pooler::start(server, &database);
    let backend = "SELECT pg_backend_pid()";
    let first = psql(server, pooler.url(), &[backend]).unwrap();
    let second = psql(server, pooler.url(), &[backend]).unwrap();
    assert_eq!(first, second, "another client, the same connection");
    // What the first client sets is there for the next one: pooled by transaction, nothing is reset.
    psql(server, pooler.url(), &["SET work_mem = '1234kB'"]).unwrap();
    assert_eq!(psql(server, pooler.url(), &["SHOW work_mem"]).unwrap(), "1234kB");
}

#[test]
fn a_pooler_is_gone_with_its_value() {
    let server = Server::shared();
    let database = server.database();
    let pooler = Pooler::start(server, &database);
    let folder = pooler.url().split_once("host=").unwrap().1.split_once('&').unwrap().0.replace("%2F", "/");
    let mut connected = UnixStream::connect(format!("{folder}/.s.PGSQL.6432")).unwrap();
    // It answers the question whether there is TLS, so it attends to this connection.
    connected.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
    let mut answer = [0];
    connected.read_exact(&mut answer).unwrap();
    drop(pooler);
    assert_eq!(connected.read(&mut answer).unwrap_or_default(), 0);
    assert!(!Path::new(&folder).exists());
}

//! A host in the URL that does not even refuse: the machine is gone.

use doorward_postgres_rig::Server as Postgres;
use tokio::net::{TcpSocket, TcpStream};

use crate::site::{PASSWORD, Site};
use crate::tools::log_in;

/// A port on which connections are neither taken nor refused: its queue is full.
async fn silent() -> (u16, tokio::net::TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    let enough = std::time::Duration::from_millis(100);
    while let Ok(Ok(stream)) = tokio::time::timeout(enough, TcpStream::connect(address)).await {
        queue.push(stream);
    }
    (address.port(), listener, queue)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_host_that_is_silent_is_passed_over() {
    let (port, _listener, _queue) = silent().await;
    let database = Postgres::shared().database();
    let url = database.tcp_url().replace("@127.0.0.1:", &format!("@127.0.0.1:{port},127.0.0.1:"));
    let site = Site::new(Some(&url));
    let toml = std::fs::read_to_string(site.file("doorward.toml")).unwrap();
    let toml = toml + "[postgres]\nconnect_timeout_ms = 300\n";
    std::fs::write(site.file("doorward.toml"), toml).unwrap();
    let server = site.begin();
    assert_eq!(log_in(&server, &site.token("admin.pat"), PASSWORD).await.0, 201);
}

#[test]
fn where_several_hosts_are_named_one_that_only_reads_is_none_of_them() {
    let primary = Postgres::start(&[]);
    let standby = primary.standby(&[]);
    let url = crate::site::on_either(&standby, &standby, "postgres", true);
    let refused = crate::tools::run(Site::new(Some(&url)).path(), &["user", "list"]);
    assert_eq!(refused.code, Some(5), "{}", refused.errors);
    assert!(refused.errors.contains("does not allow writes"), "{}", refused.errors);
}

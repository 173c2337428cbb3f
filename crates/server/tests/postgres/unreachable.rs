//! A database that is not there, as an operator sees it.

use std::net::TcpListener;

use crate::child::Ended;
use crate::tools::run;

const PASSWORD: &str = "hunter2-of-the-database";

fn away(command: &[&str]) -> Ended {
    let dir = tempfile::tempdir().unwrap();
    // Bound and never listened on again: nobody is there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("database_url = \"postgres://doorward:{PASSWORD}@127.0.0.1:{port}/doorward\"\n");
    std::fs::write(dir.path().join("doorward.toml"), url).unwrap();
    run(dir.path(), command)
}

#[test]
fn a_database_that_is_not_there_is_told_so_without_its_password() {
    let commands: [&[&str]; 6] = [
        &["serve", "--listen", "127.0.0.1:0", "--log", "trace"],
        &["user", "list"],
        &["org", "list"],
        &["token", "list"],
        &["session", "list"],
        &["backup", "copy.db"],
    ];
    for command in commands {
        let refused = away(command);
        assert_eq!((refused.code, refused.output.as_str()), (Some(5), ""), "{command:?}: {}", refused.errors);
        assert!(refused.errors.contains("the store is not available"), "{}", refused.errors);
        assert!(!refused.errors.contains(PASSWORD), "{}", refused.errors);
    }
}

#[test]
fn the_configuration_can_be_checked_and_printed_without_the_database() {
    for command in ["check", "print"] {
        let done = away(&["config", command]);
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(!done.output.contains(PASSWORD) && !done.errors.contains(PASSWORD), "{done:?}");
    }
    assert!(away(&["config", "print"]).output.contains("database_url = \"(redacted)\""));
}

#[test]
fn a_wrong_password_of_the_database_is_told_and_not_shown() {
    let server = doorward_postgres_rig::Server::shared();
    let dir = tempfile::tempdir().unwrap();
    let url = format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/postgres", server.port());
    let set = format!("database_url={url}");
    let refused = run(dir.path(), &["--set", &set, "user", "list"]);
    assert_ne!(refused.code, Some(0));
    assert!(refused.errors.contains("password authentication failed"), "{}", refused.errors);
    assert!(!refused.errors.contains(PASSWORD), "{}", refused.errors);
}

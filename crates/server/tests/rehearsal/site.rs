//! The folder of a node, and what a node that takes over has to show.

use std::path::Path;

use doorward_postgres_rig::Server as Postgres;
use tempfile::TempDir;

use crate::child::{Server, data};
use crate::storm::Acknowledged;
use crate::tools::{add_person, log_in, run};

/// The password of the person who logs in.
pub const PASSWORD: &str = "F1rst!password";

/// A folder with a configuration, and a data folder in it.
pub struct Site(TempDir);

impl Site {
    /// A fresh one, on a database of PostgreSQL or else on the embedded one.
    pub fn new(url: Option<&str>) -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(site.file("data")).unwrap();
        let database = url.map(|url| format!("database_url = \"{url}\"\n")).unwrap_or_default();
        // The tests share the cores, and no hash is refused because another test has them just now.
        let toml = database + "[hashing]\nmax_wait_ms = 29000\n";
        std::fs::write(site.file("doorward.toml"), toml).unwrap();
        site
    }

    /// A fresh one with the master key of another.
    pub fn with_key_of(other: &Self, url: Option<&str>) -> Self {
        let site = Self::new(url);
        std::fs::copy(other.file("data/master.key"), site.file("data/master.key")).unwrap();
        site
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> std::path::PathBuf {
        self.path().join(name)
    }

    /// A token that the first start wrote.
    pub fn token(&self, name: &str) -> String {
        data(self.path(), name)
    }

    /// Starts the first node of a store and adds a person.
    pub fn begin(&self) -> Server {
        self.begin_with(&[])
    }

    /// The same with arguments of its own.
    pub fn begin_with(&self, arguments: &[&str]) -> Server {
        let server = Server::start(self.path(), arguments);
        add_person(self.path(), PASSWORD);
        server
    }

    /// Makes sure that a node with the key of this one has every session, each with its token and no other, and lets
    /// the person log in.
    pub async fn assert_holds(&self, server: &Server, sessions: &[Acknowledged]) {
        let (admin, login) = (self.token("admin.pat"), self.token("login-client.pat"));
        for Acknowledged { id, token, .. } in sessions {
            let path = format!("/v2/sessions/{id}?sessionToken={token}");
            let shown = server.http.rest("GET", &path, Some(&login), "").await;
            assert_eq!(shown.status, 200, "the acknowledged session {id}: {:?}", shown.bytes);
            assert_eq!(shown.json()["session"]["factors"]["user"]["loginName"], "mini@m.co");
        }
        let [first, .., last] = sessions else { panic!("too few sessions") };
        let mixed = format!("/v2/sessions/{}?sessionToken={}", first.id, last.token);
        assert_eq!(server.http.rest("GET", &mixed, Some(&login), "").await.status, 403);
        for (password, status) in [(PASSWORD, 201), ("An0ther!password", 400)] {
            let answer = log_in(server, &admin, password).await;
            assert_eq!(answer.0, status, "{}", answer.1);
        }
    }
}

/// Makes sure that neither a server nor a command takes that store with a master key of its own.
pub fn assert_refused_with_another_key(site: &Site) {
    // Any 32 bytes.
    std::fs::write(site.file("data/master.key"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    for command in [&["serve", "--listen", "127.0.0.1:0"] as &[&str], &["user", "list"]] {
        let refused = run(site.path(), command);
        assert_eq!((refused.code, refused.output.as_str()), (Some(1), ""), "{command:?}");
        let words = "the store was set up with another master key";
        assert!(refused.errors.contains(words), "{}", refused.errors);
    }
}

/// One database on either of two servers, by TCP or by their sockets.
pub fn on_either(first: &Postgres, second: &Postgres, database: &str, tcp: bool) -> String {
    let host = |server: &Postgres| match tcp {
        true => format!("127.0.0.1:{}", server.port()),
        false => format!("{}:{}", server.folder().display().to_string().replace('/', "%2F"), server.port()),
    };
    let (password, hosts) = (first.password(), format!("{},{}", host(first), host(second)));
    format!("postgres://postgres:{password}@{hosts}/{database}")
}

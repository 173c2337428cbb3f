//! PgBouncer between a test and its server.

use std::fs;
use std::os::unix::net::UnixStream;

use crate::access::socket_url;
use crate::database::Database;
use crate::installation::{Installation, program};
use crate::owner::Owner;
use crate::server::Server;
use crate::supervisor::Supervisor;
use crate::{Outcome, must};

/// What is run.
pub const PROGRAM: &str = "pgbouncer";

/// Names the socket in the pooler's folder; nothing listens on it.
const PORT: u16 = 6432;

/// PgBouncer in transaction mode in front of one database: each transaction of a client may meet another connection,
/// so nothing that a session would keep can be relied on. Ends when this is dropped.
pub struct Pooler {
    url: String,
    _keeper: Supervisor,
}

impl Pooler {
    /// Starts one; panics, with its words, if it does not start.
    #[must_use]
    #[track_caller]
    pub fn start(server: &Server, database: &Database) -> Self {
        must(Self::launch(server, database))
    }

    fn launch(server: &Server, database: &Database) -> Outcome<Self> {
        let access = server.access();
        let pgbouncer = program(&access.bin, PROGRAM).ok_or(
            "PgBouncer has to be installed: `cargo xtask test` does so where it may; \
             else, on Debian: apt-get install pgbouncer",
        )?;
        let mut keeper = Supervisor::start(Owner::find()?, &Installation::find()?, "KILL")?;
        let folder = keeper.folder().to_owned();
        let (socket, name, port) = (access.folder.display(), database.name(), access.port);
        let ini = format!(
            "[databases]\n\
             {name} = host={socket} port={port} dbname={name} user=postgres\n\
             [pgbouncer]\n\
             listen_port = {PORT}\n\
             unix_socket_dir = {}\n\
             auth_type = any\n\
             pool_mode = transaction\n\
             max_client_conn = 1000\n\
             default_pool_size = 20\n",
            folder.display()
        );
        let file = folder.join("pgbouncer.ini");
        fs::write(&file, ini).map_err(|error| format!("{}: {error}", file.display()))?;
        let socket = folder.join(format!(".s.PGSQL.{PORT}"));
        let order = format!("pgbouncer {}", pgbouncer.display());
        keeper.run(&order, |_| UnixStream::connect(&socket).is_ok())?;
        Ok(Self { url: socket_url(&folder, PORT, name), _keeper: keeper })
    }

    /// Where the database is found through the pooler.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

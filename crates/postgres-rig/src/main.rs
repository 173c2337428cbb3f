//! `cargo run -p doorward-postgres-rig`: a PostgreSQL to try things out with, until Ctrl-C or the end of the input.

use std::io::Write as _;
use std::process::ExitCode;

use doorward_postgres_rig::{SHARED_ENV, SHARED_SETTINGS, Server};

fn main() -> ExitCode {
    let server = match Server::try_start(SHARED_SETTINGS) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let told = writeln!(
        std::io::stdout(),
        "{SHARED_ENV}={}\n{}\n{}",
        server.folder().display(),
        server.url("postgres"),
        server.tcp_url("postgres")
    );
    if told.is_ok() {
        // Whether the input ends or fails, it is over.
        drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    }
    ExitCode::SUCCESS
}

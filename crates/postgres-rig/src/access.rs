//! How a running server is reached.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::owner::bare;
use crate::{Outcome, installation};

/// The file in a server's folder that says what other processes need to know.
const FILE: &str = "access";

/// All that is needed to use a server.
#[derive(Clone)]
pub struct Access {
    /// Where its socket, its data and its log are.
    pub folder: PathBuf,
    /// Where its programs are.
    pub bin: PathBuf,
    /// Such as 15.
    pub major: u32,
    pub port: u16,
    /// Asked for over TCP.
    pub password: String,
}

impl Access {
    /// Leaves a note for [`Access::read`].
    pub fn write(&self) -> Outcome<()> {
        let file = self.folder.join(FILE);
        let note = format!("{}\n{}\n{}\n{}\n", self.major, self.port, self.password, self.bin.display());
        fs::write(&file, note).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// How the server in a folder is reached.
    pub fn read(folder: &Path) -> Outcome<Self> {
        let file = folder.join(FILE);
        let note = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut lines = note.lines();
        let mut next = || lines.next().ok_or_else(|| format!("{} is too short", file.display()));
        Ok(Self {
            folder: folder.to_owned(),
            major: next()?.parse().map_err(|error| format!("{}: {error}", file.display()))?,
            port: next()?.parse().map_err(|error| format!("{}: {error}", file.display()))?,
            password: next()?.to_owned(),
            bin: next()?.into(),
        })
    }

    /// By the socket.
    pub fn url(&self, database: &str) -> String {
        socket_url(&self.folder, self.port, database)
    }

    /// By TCP.
    pub fn tcp_url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{}", self.password, self.port, encoded(database))
    }

    /// Where a program is, PostgreSQL's own first.
    pub fn bin(&self, program: &str) -> Outcome<PathBuf> {
        installation::program(&self.bin, program).ok_or_else(|| format!("`{program}` is not installed"))
    }

    /// What psql answers, without the last line break.
    pub fn sql(&self, database: &str, sql: &str) -> Outcome<String> {
        let mut psql = bare(self.bin("psql")?);
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-", "-d", &self.url(database)]);
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut psql = psql.spawn().map_err(|error| format!("psql did not start: {error}"))?;
        let (input, errors) = (psql.stdin.take(), psql.stderr.take());
        // All three at once: a full pipe would otherwise hold both sides up.
        let (output, errors) = std::thread::scope(|scope| {
            scope.spawn(move || input.map(|mut input| input.write_all(sql.as_bytes())));
            let errors = scope.spawn(move || {
                let mut text = String::new();
                errors.map(|mut errors| errors.read_to_string(&mut text));
                text
            });
            (psql.wait_with_output(), errors.join().unwrap_or_default())
        });
        let output = output.map_err(|error| format!("psql: {error}"))?;
        if !output.status.success() {
            return Err(format!("{}\nin: {sql}", errors.trim_end()));
        }
        let text = String::from_utf8(output.stdout).map_err(|error| format!("psql: {error}"))?;
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }
}

/// A URL that names the folder of a socket.
pub fn socket_url(folder: &Path, port: u16, database: &str) -> String {
    let folder = encoded(&folder.to_string_lossy());
    format!("postgres://postgres@/{}?host={folder}&port={port}", encoded(database))
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_names_are_encoded_in_urls() {
        let url = socket_url(Path::new("/tmp/a b"), 5, "x/ü");
        assert_eq!(url, "postgres://postgres@/x%2F%C3%BC?host=%2Ftmp%2Fa%20b&port=5");
    }
}

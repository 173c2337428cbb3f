//! A database for one test.

use crate::access::Access;
use crate::{Outcome, must, random};

/// A fresh database, dropped with this value.
pub struct Database {
    access: Access,
    name: String,
    url: String,
}

impl Database {
    /// Made from `template0`, which nobody is ever connected to, so that many tests can do this at once.
    pub(crate) fn make(access: &Access, locale: &str) -> Outcome<Self> {
        let name = format!("test_{:016x}", random());
        let locale = locale.replace('\'', "''");
        let locale = match locale.strip_prefix("icu:") {
            Some(icu) => format!("LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE '{icu}'"),
            None => format!("LOCALE '{locale}'"),
        };
        access.sql(
            "postgres",
            &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {locale}"),
        )?;
        let url = access.url(&name);
        Ok(Self { access: access.clone(), name, url })
    }

    /// Where it is found by the unix socket.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it is found by TCP.
    #[must_use]
    pub fn tcp_url(&self) -> String {
        self.access.tcp_url(&self.name)
    }

    /// Its name in the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What psql prints: a row a line, columns with `|` between them. Panics, with psql's words, when that fails.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        must(self.access.sql(&self.name, sql))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Best effort: the server may be stopped, and it goes away as a whole.
        drop(self.access.sql("postgres", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)));
    }
}

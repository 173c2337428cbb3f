//! What changes of the schema need of an engine, so that those who read and write go on meanwhile.

use super::{Conn, Db, Engine};
use crate::error::{Result, StoreError};

impl Conn {
    /// Whether this transaction is the only one that changes the schema, until its end. If another one is, this does
    /// not wait: whoever waits inside a transaction would hold up the index that the other one builds.
    pub(crate) async fn try_alone(&mut self) -> Result<bool> {
        match &self.engine {
            // One transaction writes at a time.
            Engine::Sqlite(_) => Ok(true),
            Engine::Postgres(_) | Engine::Shared(_) => {
                self.script(
                    "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; \
                     SET LOCAL idle_in_transaction_session_timeout = 0",
                )
                .await?;
                let sql = "SELECT 1 WHERE pg_try_advisory_xact_lock(7305431208391)";
                Ok(self.one(sql, &[]).await?.is_some())
            }
        }
    }

    /// Builds an index, `CREATE INDEX name ON table …`, unless it is there. On PostgreSQL that happens on a connection
    /// of its own and `CONCURRENTLY`, since writers would else wait until a big table was read. This transaction must
    /// have read and written nothing that the index is about.
    pub(crate) async fn build_index(&mut self, beside: &Db, statement: &str) -> Result<()> {
        if let Engine::Sqlite(_) = &self.engine {
            return self.script(statement).await;
        }
        let (Some(name), Some(table)) = (word_after(statement, "INDEX"), word_after(statement, "ON")) else {
            return Err(StoreError::Driver(format!("this builds no index: {statement}")));
        };
        let valid = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND indisvalid";
        if self.one(valid, &[name.into()]).await?.is_some() {
            return Ok(());
        }
        let partitioned = "SELECT 1 FROM pg_class WHERE oid = to_regclass($1) AND relkind = 'p'";
        if self.one(partitioned, &[table.into()]).await?.is_some() {
            // PostgreSQL has nothing concurrent for the whole of a partitioned table.
            return self.script(statement).await;
        }
        // A query that was read to its end keeps its snapshot until the next one on its connection, and the build
        // waits for all who see the table as it was. This lets go of it, and takes no other.
        self.script("SELECT 1").await?;
        // What is there and not valid was left by a build that did not come to its end.
        beside.outside(&format!("DROP INDEX CONCURRENTLY IF EXISTS {name}")).await?;
        beside.outside(&statement.replacen("INDEX", "INDEX CONCURRENTLY", 1)).await
    }
}

fn word_after<'s>(statement: &'s str, word: &str) -> Option<&'s str> {
    let mut words = statement.split_whitespace().skip_while(|found| *found != word);
    words.nth(1)
}

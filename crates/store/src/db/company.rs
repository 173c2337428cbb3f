//! What a move of a whole store needs of an engine.

use tokio::sync::mpsc;

use super::{Conn, Engine};
use crate::error::{Result, StoreError};

impl Conn {
    /// Hands on what a scan has read, and waits until there is room. The embedded engine reads on a thread of its own,
    /// which may wait.
    pub(crate) async fn hand_on<T: Send>(&mut self, to: &mpsc::Sender<T>, value: T) -> Result<()> {
        let handed = match &self.engine {
            Engine::Sqlite(_) => to.blocking_send(value),
            Engine::Postgres(_) | Engine::Shared(_) => to.send(value).await,
        };
        // Whoever was to take it says why he went away.
        handed.map_err(|_| StoreError::Unavailable("nobody takes what is read".to_owned()))
    }

    /// Whether another process of ours is connected to this database, as far as the engine knows.
    pub(crate) async fn has_company(&mut self) -> Result<bool> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(false),
            Engine::Postgres(_) | Engine::Shared(_) => {
                let sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND \
                           application_name = 'doorward' AND pid <> pg_backend_pid()";
                Ok(self.one(sql, &[]).await?.is_some())
            }
        }
    }
}

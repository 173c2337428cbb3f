//! One story on one connection: its transaction, what failed in it, and its end.

use std::time::Duration;

use deadpool_postgres::Object;
use futures_util::future::{BoxFuture, try_join};
use tokio::sync::watch;
use tokio::time::timeout;

use super::super::row::{Param, Row};
use super::super::{Conn, Engine};
use super::closed;
use super::link::{self, Manner, Meaning, fault, meaning};
use crate::error::{Result, StoreError};

/// Tells a story in one transaction. The flag says whether it may come through when it is told again: only if nothing
/// of it can have been committed.
pub async fn tell<T, F>(session: Session, story: F, stir: &watch::Sender<()>) -> (Result<T>, bool)
where
    F: for<'a> FnOnce(&'a mut Conn) -> BoxFuture<'a, Result<T>>,
{
    let mut conn = Conn::new(Engine::Postgres(Box::new(session)), true);
    let outcome = story(&mut conn).await;
    let stirred = conn.stirred;
    let Engine::Postgres(session) = &mut conn.engine else { return (outcome, false) };
    if let Some(Failed { fault, again, broken }) = session.failed.take() {
        // Even if the story made light of it: PostgreSQL commits nothing after a failed statement.
        if !broken {
            drop(session.end("ROLLBACK").await);
        }
        return (outcome.and(Err(fault)), again);
    }
    let ending = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
    match session.end(ending).await {
        Ok(()) => {
            if stirred {
                stir.send_replace(());
            }
            (outcome, false)
        }
        Err(fault) => (outcome.and(Err(fault)), false),
    }
}

/// A connection that one story has for itself. It goes back to the pool only if its transaction was ended.
#[derive(Debug)]
pub struct Session {
    client: Option<Object>,
    manner: Manner,
    patience: Duration,
    /// What begins the transaction, until it was sent.
    begin: Option<&'static str>,
    /// The first statement that failed.
    failed: Option<Failed>,
    ended: bool,
}

/// A statement that failed.
#[derive(Debug)]
struct Failed {
    fault: StoreError,
    /// Whether its story may be told again.
    again: bool,
    /// Whether nothing more can be expected of its connection.
    broken: bool,
}

impl Session {
    /// Nothing is sent before the first statement.
    pub fn new(client: Object, begin: &'static str, manner: Manner, patience: Duration) -> Self {
        Self { client: Some(client), manner, patience, begin: Some(begin), failed: None, ended: false }
    }

    /// Ends a transaction that changed nothing, if anything can be expected of its connection.
    pub async fn leave(&mut self) {
        if self.failed.as_ref().is_none_or(|failed| !failed.broken) {
            drop(self.end("COMMIT").await);
        }
    }

    /// All rows of a query.
    pub async fn query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        let (client, manner, begin, patience) = self.parts(sql).await?;
        let statement = link::query(client, manner, sql, params);
        let answer = timeout(patience, together(client, begin, statement)).await;
        self.noted(answer)
    }

    /// Runs a statement; gives how many rows it changed.
    pub async fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        let (client, manner, begin, patience) = self.parts(sql).await?;
        let statement = link::execute(client, manner, sql, params);
        let answer = timeout(patience, together(client, begin, statement)).await;
        self.noted(answer)
    }

    /// Runs a script of several statements, which may take as long as it needs.
    pub async fn script(&mut self, sql: &str) -> Result<()> {
        let begin = self.begin.take();
        let client = self.client.as_ref().ok_or_else(closed)?;
        let answer = together(client, begin, client.batch_execute(sql)).await;
        self.noted(Ok(answer))
    }

    /// What a statement needs. It is prepared before the transaction begins, so that nothing comes in between.
    async fn parts(&mut self, sql: &str) -> Result<(&Object, Manner, Option<&'static str>, Duration)> {
        let client = self.client.as_ref().ok_or_else(closed)?;
        if self.manner == Manner::Prepared
            && let Err(error) = client.prepare_cached(sql).await
        {
            return self.noted(Ok(Err(error)));
        }
        let begin = self.begin.take();
        let client = self.client.as_ref().ok_or_else(closed)?;
        Ok((client, self.manner, begin, self.patience))
    }

    /// Remembers the first failure.
    fn noted<T>(
        &mut self,
        answer: std::result::Result<
            std::result::Result<T, tokio_postgres::Error>,
            tokio::time::error::Elapsed,
        >,
    ) -> Result<T> {
        let (fault, again, broken) = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => {
                let meaning = meaning(&error);
                (fault(&error), meaning != Meaning::Final, meaning == Meaning::Lost)
            }
            Err(_) => (StoreError::Unavailable("a statement took too long".to_owned()), false, true),
        };
        self.failed.get_or_insert_with(|| Failed { fault: fault.clone(), again, broken });
        Err(fault)
    }

    /// Ends the transaction, if it was begun.
    async fn end(&mut self, how: &'static str) -> Result<()> {
        if self.begin.is_none() {
            let client = self.client.as_ref().ok_or_else(closed)?;
            match timeout(self.patience, client.batch_execute(how)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(unknown_outcome(how, &fault(&error))),
                Err(_) => {
                    return Err(unknown_outcome(
                        how,
                        &StoreError::Unavailable("it took too long".to_owned()),
                    ));
                }
            }
        }
        self.ended = true;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(client) = self.client.take().filter(|_| !self.ended) {
            // Left in the middle: closing the connection rolls back.
            drop(Object::take(client));
        }
    }
}

/// Sends the beginning of the transaction and its first statement one after the other, without waiting in between.
async fn together<T>(
    client: &Object,
    begin: Option<&'static str>,
    statement: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
) -> std::result::Result<T, tokio_postgres::Error> {
    match begin {
        None => statement.await,
        Some(begin) => try_join(client.batch_execute(begin), statement).await.map(|((), value)| value),
    }
}

/// A commit that was sent and not answered may have happened. Whoever asked must look.
fn unknown_outcome(how: &str, fault: &StoreError) -> StoreError {
    StoreError::Unavailable(format!("{how} was not answered, so its outcome is not known: {fault}"))
}

//! Messages as the operator sees them, and the removal of those that ended long ago.

use std::sync::LazyLock;

use doorward_core::base::Timestamp;
use doorward_core::message::Channel;

use crate::db::Conn;
use crate::error::Result;
use crate::outbox::{Entry, State, read, select};
use crate::where_clause::{ForMany, MOST_VALUES};

/// The most ended messages that one transaction removes.
pub const BATCH: u32 = 512;

/// How many messages of a channel wait.
///
/// # Errors
/// When the store cannot be read.
pub async fn waiting(conn: &mut Conn, channel: Channel) -> Result<u64> {
    let sql = "SELECT count(*) FROM outbox WHERE ended IS NULL AND channel = $1";
    let row = conn.one(sql, &[channel.name().into()]).await?;
    row.map_or(Ok(0), |row| row.read("outbox").count("count"))
}

/// Messages, the newest first: all of them, those in a state, or those for a user.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(
    conn: &mut Conn,
    state: Option<State>,
    user: Option<&str>,
    limit: u32,
) -> Result<Vec<Entry>> {
    let sql = select!(
        "WHERE ($1 < 0 OR o.state = $1) AND ($2 = '' OR o.user_id = $2) ORDER BY o.created DESC, o.id DESC LIMIT $3"
    );
    let state = state.map_or(-1, |state| state as i64);
    let rows = conn.all(sql, &[state.into(), user.unwrap_or_default().into(), limit.into()]).await?;
    rows.into_iter().map(|row| read(row.read("outbox"))).collect()
}

/// The message with that id.
///
/// # Errors
/// When the store cannot be read.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<Entry>> {
    let row = conn.one(select!("WHERE o.id = $1"), &[id.into()]).await?;
    row.map(|row| read(row.read("outbox"))).transpose()
}

/// Makes what waits due at once, and its attempts begin anew: the message with an id, or all. Gives how many.
///
/// # Errors
/// When the store cannot be written.
pub async fn retry(conn: &mut Conn, id: Option<&str>, now: Timestamp) -> Result<u64> {
    let sql = "UPDATE outbox SET due = $1, attempts = 0 WHERE ended IS NULL AND ($2 = '' OR id = $2)";
    let retried = conn.run(sql, &[now.into(), id.unwrap_or_default().into()]).await?;
    conn.stir();
    Ok(retried)
}

/// Removes messages that ended before a time, the oldest first, [`BATCH`] at most. Gives how many. What another node is
/// just removing is passed over.
///
/// # Errors
/// When the store cannot be written.
pub async fn remove_ended(conn: &mut Conn, before: Timestamp) -> Result<u64> {
    static DELETES: LazyLock<ForMany> =
        LazyLock::new(|| ForMany::new(|places| format!("DELETE FROM outbox WHERE id IN ({places})")));
    let sql = "SELECT o.id FROM outbox o WHERE o.ended IS NOT NULL AND o.ended < $1 ORDER BY o.ended, o.id LIMIT $2 \
               FOR UPDATE OF o SKIP LOCKED";
    let mut ids = Vec::new();
    for row in conn.all_locked(sql, &[before.into(), BATCH.into()]).await? {
        ids.push(row.read("outbox").text("id")?);
    }
    let mut removed = 0;
    for some in ids.chunks(MOST_VALUES) {
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        let (sql, params) = DELETES.with(&some);
        removed += conn.run(sql, &params).await?;
    }
    Ok(removed)
}

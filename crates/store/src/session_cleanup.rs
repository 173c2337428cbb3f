//! Removes sessions that are over for long.

use std::sync::LazyLock;

use doorward_core::base::Timestamp;

use crate::db::Conn;
use crate::error::Result;
use crate::where_clause::{ForMany, MOST_VALUES};

/// The most sessions that one transaction removes: few enough that nobody notices it.
pub const BATCH: u32 = 512;

/// How a session came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Somebody ended it.
    Ended,
    /// Its time was over.
    Expired,
}

impl End {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ended, Self::Expired];

    const fn oldest_first(self) -> &'static str {
        match self {
            Self::Ended => {
                "SELECT ended, id FROM sessions WHERE ended IS NOT NULL AND ended < $1 AND (ended, id) > ($2, $3) \
                 ORDER BY ended, id LIMIT $4 FOR UPDATE SKIP LOCKED"
            }
            Self::Expired => {
                "SELECT expires, id FROM sessions WHERE expires IS NOT NULL AND expires < $1 AND \
                 (expires, id) > ($2, $3) ORDER BY expires, id LIMIT $4 FOR UPDATE SKIP LOCKED"
            }
        }
    }
}

/// Where a removal stopped, and where the next one begins: what was removed is not looked through again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    at: Timestamp,
    id: String,
}

impl Mark {
    /// Before everything.
    pub const START: Self = Self { at: Timestamp(i64::MIN), id: String::new() };
}

/// Removes sessions that came to such an end before a time, the oldest beyond the mark first, [`BATCH`] at most.
/// Gives how many were removed and where to go on, or nothing if there are no more. A session that somebody else holds
/// is passed over: another node is removing it, or a story will be told about it.
///
/// # Errors
/// When the store cannot be written.
pub async fn remove(
    conn: &mut Conn,
    end: End,
    before: Timestamp,
    after: &Mark,
) -> Result<(u64, Option<Mark>)> {
    static DELETES: LazyLock<ForMany> =
        LazyLock::new(|| ForMany::new(|places| format!("DELETE FROM sessions WHERE id IN ({places})")));
    static CHALLENGES: LazyLock<ForMany> = LazyLock::new(|| {
        ForMany::new(|places| format!("DELETE FROM challenges WHERE session_id IN ({places})"))
    });
    let params = [before.into(), after.at.into(), (&after.id).into(), BATCH.into()];
    let mut found = Vec::new();
    for row in conn.all_locked(end.oldest_first(), &params).await? {
        let mut row = row.read("sessions");
        found.push(Mark { at: row.time("end")?, id: row.text("id")? });
    }
    let mut removed = 0;
    for some in found.chunks(MOST_VALUES) {
        let ids: Vec<&str> = some.iter().map(|mark| mark.id.as_str()).collect();
        let (sql, params) = CHALLENGES.with(&ids);
        conn.run(sql, &params).await?;
        let (sql, params) = DELETES.with(&ids);
        removed += conn.run(sql, &params).await?;
    }
    let full = found.len() >= BATCH as usize;
    Ok((removed, found.pop().filter(|_| full)))
}

//! Messages that wait to be delivered, and what became of others.

use doorward_core::base::Timestamp;
use doorward_core::message::{Channel, Purpose};

use crate::db::{Columns, Conn};
use crate::error::Result;

/// What became of a message. The numbers are those of the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It waits for its first attempt or its next.
    Waiting = 0,
    /// Somebody took it.
    Sent = 1,
    /// Nobody took it, and it is not tried again.
    GivenUp = 2,
    /// Another took its place before it was sent.
    Replaced = 3,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Sent, Self::GivenUp, Self::Replaced];

    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::GivenUp => "given up",
            Self::Replaced => "replaced",
        }
    }
}

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The id.
    pub id: String,
    /// Whom it is for.
    pub user_id: String,
    /// The session that asked for it.
    pub session_id: Option<String>,
    /// The way that it goes.
    pub channel: Channel,
    /// What it is for.
    pub purpose: Purpose,
    /// What became of it.
    pub state: State,
    /// What it says, sealed, as long as it waits.
    pub payload: Option<Vec<u8>>,
    /// How often it was tried, an attempt that runs included.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was asked for.
    pub created: Timestamp,
    /// From then on it is tried.
    pub due: Timestamp,
    /// From then on it is worth nothing.
    pub expires: Timestamp,
    /// When it was sent, given up or replaced.
    pub ended: Option<Timestamp>,
}

/// What is taken, and on which terms.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// What goes this way.
    pub channel: Channel,
    /// What is due at this time.
    pub now: Timestamp,
    /// Nobody else takes it before.
    pub leased: Timestamp,
    /// How many at the most.
    pub most: u32,
    /// How often a message is tried.
    pub attempts: u32,
}

/// What was taken.
#[derive(Debug, Default)]
pub struct Taken {
    /// To be tried now.
    pub entries: Vec<Entry>,
    /// How many were given up instead, because their time or their attempts were over.
    pub given_up: u64,
}

/// A query of whole messages; the argument says which.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT o.id, o.user_id, o.session_id, o.channel, o.purpose, o.state, o.payload, o.attempts, o.error, \
             o.created, o.due, o.expires, o.ended FROM outbox o ",
            $which
        )
    };
}
pub(crate) use select;

/// Adds a message that waits. One that waits for the same session and purpose gives way; without a session, one of the
/// same user and purpose.
///
/// # Errors
/// When the store cannot be written.
pub async fn put(conn: &mut Conn, entry: &Entry) -> Result<()> {
    let replaced = (State::Replaced as i64).into();
    match &entry.session_id {
        Some(session) => {
            let sql = "UPDATE outbox SET state = $1, payload = NULL, ended = $2 WHERE ended IS NULL AND \
                       session_id = $3 AND purpose = $4";
            conn.run(sql, &[replaced, entry.created.into(), session.into(), entry.purpose.name().into()])
                .await?;
        }
        None => {
            let sql = "UPDATE outbox SET state = $1, payload = NULL, ended = $2 WHERE ended IS NULL AND \
                       session_id IS NULL AND user_id = $3 AND purpose = $4";
            let user = (&entry.user_id).into();
            conn.run(sql, &[replaced, entry.created.into(), user, entry.purpose.name().into()]).await?;
        }
    }
    let sql = "INSERT INTO outbox (id, user_id, session_id, channel, purpose, state, payload, attempts, error, \
               created, due, expires, ended) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let params = [
        (&entry.id).into(),
        (&entry.user_id).into(),
        entry.session_id.as_ref().into(),
        entry.channel.name().into(),
        entry.purpose.name().into(),
        (entry.state as i64).into(),
        entry.payload.as_ref().into(),
        entry.attempts.into(),
        entry.error.as_ref().into(),
        entry.created.into(),
        entry.due.into(),
        entry.expires.into(),
        entry.ended.into(),
    ];
    conn.run(sql, &params).await?;
    conn.stir();
    Ok(())
}

/// Whose messages are counted.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    /// Those for a user.
    User(&'a str),
    /// Those that a session asked for.
    Session(&'a str),
}

/// When the `number`th newest message was asked for, if that was after `since`: if there is one, there are so many.
///
/// # Errors
/// When the store cannot be read.
pub async fn nth_newest(
    conn: &mut Conn,
    whose: Whose<'_>,
    since: Timestamp,
    number: u32,
) -> Result<Option<Timestamp>> {
    let of_user = "SELECT created FROM outbox WHERE user_id = $1 AND created > $2 ORDER BY created DESC LIMIT 1 OFFSET $3";
    let of_session = "SELECT created FROM outbox WHERE session_id = $1 AND created > $2 ORDER BY created DESC LIMIT 1 OFFSET $3";
    let (sql, id) = match whose {
        Whose::User(id) => (of_user, id),
        Whose::Session(id) => (of_session, id),
    };
    let params = [id.into(), since.into(), number.saturating_sub(1).into()];
    conn.one(sql, &params).await?.map(|row| row.read("outbox").time("created")).transpose()
}

/// Whether anything is due.
///
/// # Errors
/// When the store cannot be read.
pub async fn is_due(conn: &mut Conn, channel: Channel, now: Timestamp) -> Result<bool> {
    let sql = "SELECT 1 FROM outbox WHERE ended IS NULL AND due <= $1 AND channel = $2 LIMIT 1";
    Ok(conn.one(sql, &[now.into(), channel.name().into()]).await?.is_some())
}

/// Takes what is due, the longest due first, for as long as the terms say. What somebody else is just taking is passed
/// over. Messages whose time or attempts are over are given up.
///
/// # Errors
/// When the store cannot be written.
pub async fn take(conn: &mut Conn, terms: Terms) -> Result<Taken> {
    let sql = select!(
        "WHERE o.ended IS NULL AND o.due <= $1 AND o.channel = $2 ORDER BY o.due, o.id LIMIT $3 FOR UPDATE OF o \
         SKIP LOCKED"
    );
    let mut taken = Taken::default();
    for row in
        conn.all_locked(sql, &[terms.now.into(), terms.channel.name().into(), terms.most.into()]).await?
    {
        let mut entry = read(row.read("outbox"))?;
        let over = if entry.expires <= terms.now {
            Some("its time was over")
        } else if entry.attempts >= terms.attempts {
            Some("its last attempt was broken off")
        } else {
            None
        };
        if let Some(over) = over {
            // Why it failed before tells more.
            let error =
                entry.error.take().map_or(over.to_owned(), |error| format!("{over}; before: {error}"));
            give_up(conn, &entry, &error, terms.now).await?;
            taken.given_up += 1;
            continue;
        }
        entry.attempts += 1;
        entry.due = terms.leased;
        let sql = "UPDATE outbox SET attempts = $2, due = $3 WHERE id = $1";
        conn.run(sql, &[(&entry.id).into(), entry.attempts.into(), entry.due.into()]).await?;
        taken.entries.push(entry);
    }
    Ok(taken)
}

/// Ends a message as sent, whoever else may have taken or replaced it meanwhile. Gives `false` if it was known to be
/// sent, or given up.
///
/// # Errors
/// When the store cannot be written.
pub async fn finish(conn: &mut Conn, entry: &Entry, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE outbox SET state = $2, error = NULL, ended = $3, payload = NULL WHERE id = $1 AND \
               (ended IS NULL OR state = $4)";
    let (sent, replaced) = (State::Sent as i64, State::Replaced as i64);
    let params = [(&entry.id).into(), sent.into(), now.into(), replaced.into()];
    Ok(conn.run(sql, &params).await? == 1)
}

/// Notes that an attempt failed: the message is tried again at a time, or given up. Nothing happens if somebody else
/// has taken it meanwhile, or if it has ended. Gives whether it was noted.
///
/// # Errors
/// When the store cannot be written.
pub async fn fail(
    conn: &mut Conn,
    entry: &Entry,
    error: &str,
    again: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE outbox SET error = $3, due = $4 WHERE id = $1 AND attempts = $2 AND ended IS NULL";
    let due = again.unwrap_or(now);
    let params = [(&entry.id).into(), entry.attempts.into(), error.into(), due.into()];
    let noted = conn.run(sql, &params).await? == 1;
    if noted && again.is_none() {
        return give_up(conn, entry, error, now).await;
    }
    Ok(noted)
}

/// What a message says is removed as soon as nobody needs it any more: it may hold a code.
async fn give_up(conn: &mut Conn, entry: &Entry, error: &str, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE outbox SET state = $2, error = $3, ended = $4, payload = NULL WHERE id = $1 AND ended IS NULL";
    let params = [(&entry.id).into(), (State::GivenUp as i64).into(), error.into(), now.into()];
    Ok(conn.run(sql, &params).await? == 1)
}

pub(crate) fn read(mut row: Columns) -> Result<Entry> {
    let id = row.id()?;
    let (user_id, session_id) = (row.text("user_id")?, row.maybe_text("session_id")?);
    let channel =
        Channel::named(&row.text("channel")?).ok_or_else(|| row.corrupt("channel", "is unknown"))?;
    let purpose =
        Purpose::named(&row.text("purpose")?).ok_or_else(|| row.corrupt("purpose", "is unknown"))?;
    let state = row.int("state")?;
    let state = State::ALL.into_iter().find(|known| *known as i64 == state);
    let state = state.ok_or_else(|| row.corrupt("state", "is unknown"))?;
    let payload = row.maybe_bytes("payload")?;
    let attempts = u32::try_from(row.count("attempts")?).unwrap_or(u32::MAX);
    let error = row.maybe_text("error")?;
    let (created, due, expires) = (row.time("created")?, row.time("due")?, row.time("expires")?);
    let ended = row.maybe_time("ended")?;
    Ok(Entry {
        id,
        user_id,
        session_id,
        channel,
        purpose,
        state,
        payload,
        attempts,
        error,
        created,
        due,
        expires,
        ended,
    })
}

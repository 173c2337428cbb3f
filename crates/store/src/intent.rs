//! Logins at identity providers: each changes its state by compare-and-swap, so that nothing happens to it twice.

use std::sync::LazyLock;

use doorward_core::base::Timestamp;
use doorward_core::intent::{Account, Intent, IntentState};
use doorward_core::token::Digest;

use crate::db::{Conn, Row};
use crate::error::Result;
use crate::where_clause::{ForMany, MOST_VALUES};

/// The most intents that one transaction removes.
pub const BATCH: u32 = 512;

/// What an intent has once it succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Success {
    /// The digest of its token.
    pub token: Digest,
    /// The user who has the account, if there is one.
    pub user_id: Option<String>,
    /// The account at the provider.
    pub account: Account,
    /// What the provider told, sealed.
    pub secrets: Vec<u8>,
    /// Until when it may be used.
    pub expires: Timestamp,
}

macro_rules! select_intents {
    ($rest:literal) => {
        concat!(
            "SELECT i.id, i.idp_id, i.state, i.success_url, i.failure_url, i.token, i.user_id, i.external_id, \
             i.external_name, i.secrets, i.created, i.changed, i.expires FROM intents i ",
            $rest
        )
    };
}

/// Adds an intent.
///
/// # Errors
/// When the store cannot be written.
pub async fn insert(conn: &mut Conn, intent: &Intent) -> Result<()> {
    let sql = "INSERT INTO intents (id, idp_id, state, success_url, failure_url, token, user_id, external_id, \
               external_name, secrets, created, changed, expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
               $11, $12, $13)";
    let account = intent.account.as_ref();
    let params = [
        (&intent.id).into(),
        (&intent.idp_id).into(),
        (intent.state as i64).into(),
        (&intent.success_url).into(),
        (&intent.failure_url).into(),
        intent.token.as_ref().into(),
        intent.user_id.as_ref().into(),
        account.map(|account| &account.id).into(),
        account.map(|account| &account.name).into(),
        intent.secrets.as_ref().into(),
        intent.created.into(),
        intent.changed.into(),
        intent.expires.into(),
    ];
    conn.run(sql, &params).await.map(|_| ())
}

/// The intent with that id.
///
/// # Errors
/// When the store cannot be read.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<Intent>> {
    conn.one(select_intents!("WHERE i.id = $1"), &[id.into()]).await?.map(read).transpose()
}

/// The intent with that id, which nobody can change until the transaction ends.
///
/// # Errors
/// When the store cannot be read, or this is no transaction that writes.
pub async fn lock(conn: &mut Conn, id: &str) -> Result<Option<Intent>> {
    let sql = select_intents!("WHERE i.id = $1 FOR UPDATE OF i");
    conn.locked(sql, &[id.into()]).await?.map(read).transpose()
}

/// Takes an intent from one state to another one, in which nobody needs its secrets any more. Gives `false` if it was
/// not in the first.
///
/// # Errors
/// When the store cannot be written.
pub async fn step(
    conn: &mut Conn,
    id: &str,
    from: IntentState,
    to: IntentState,
    now: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE intents SET state = $3, changed = $4, secrets = NULL WHERE id = $1 AND state = $2";
    Ok(conn.run(sql, &[id.into(), (from as i64).into(), (to as i64).into(), now.into()]).await? == 1)
}

/// Notes that an intent succeeded. Gives `false` if nobody came back with it, or if that was decided already.
///
/// # Errors
/// When the store cannot be written.
pub async fn succeed(conn: &mut Conn, id: &str, success: &Success, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE intents SET state = $3, token = $4, user_id = $5, external_id = $6, external_name = $7, \
               secrets = $8, expires = $9, changed = $10 WHERE id = $1 AND state = $2";
    let params = [
        id.into(),
        (IntentState::Answered as i64).into(),
        (IntentState::Succeeded as i64).into(),
        (&success.token).into(),
        success.user_id.as_ref().into(),
        (&success.account.id).into(),
        (&success.account.name).into(),
        (&success.secrets).into(),
        success.expires.into(),
        now.into(),
    ];
    Ok(conn.run(sql, &params).await? == 1)
}

/// Forgets whose account it was in all intents that could still be used: a link that was removed lets nobody in.
///
/// # Errors
/// When the store cannot be written.
pub async fn forget_user(conn: &mut Conn, idp_id: &str, external_id: &str, now: Timestamp) -> Result<()> {
    let sql = "UPDATE intents SET user_id = NULL WHERE expires > $3 AND idp_id = $1 AND external_id = $2";
    conn.run(sql, &[idp_id.into(), external_id.into(), now.into()]).await.map(|_| ())
}

/// Removes intents that were over before a time, the oldest first, [`BATCH`] at most. Gives how many.
///
/// # Errors
/// When the store cannot be written.
pub async fn remove_expired(conn: &mut Conn, before: Timestamp) -> Result<u64> {
    static DELETES: LazyLock<ForMany> =
        LazyLock::new(|| ForMany::new(|places| format!("DELETE FROM intents WHERE id IN ({places})")));
    let sql =
        "SELECT id FROM intents WHERE expires < $1 ORDER BY expires, id LIMIT $2 FOR UPDATE SKIP LOCKED";
    let rows = conn.all_locked(sql, &[before.into(), BATCH.into()]).await?;
    let ids = rows.into_iter().map(|row| row.read("intents").id()).collect::<Result<Vec<_>>>()?;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut removed = 0;
    for some in ids.chunks(MOST_VALUES) {
        let (sql, params) = DELETES.with(some);
        removed += conn.run(sql, &params).await?;
    }
    Ok(removed)
}

fn read(row: Row) -> Result<Intent> {
    let mut row = row.read("intents");
    let (id, idp_id) = (row.id()?, row.text("idp_id")?);
    let state = IntentState::numbered(row.int("state")?).ok_or_else(|| row.corrupt("state", "is unknown"))?;
    let (success_url, failure_url) = (row.text("success_url")?, row.text("failure_url")?);
    let token = row.maybe_bytes("token")?.map(|bytes| Digest::try_from(bytes.as_slice())).transpose();
    let token = token.map_err(|_| row.corrupt("token", "should be 32 bytes"))?;
    let user_id = row.maybe_text("user_id")?;
    let account = match (row.maybe_text("external_id")?, row.maybe_text("external_name")?) {
        (Some(id), name) => Some(Account { id, name: name.unwrap_or_default() }),
        (None, _) => None,
    };
    let secrets = row.maybe_bytes("secrets")?;
    let (created, changed, expires) = (row.time("created")?, row.time("changed")?, row.time("expires")?);
    Ok(Intent {
        id,
        idp_id,
        state,
        success_url,
        failure_url,
        token,
        user_id,
        account,
        secrets,
        created,
        changed,
        expires,
    })
}

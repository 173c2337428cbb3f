//! Sessions: one row each, read and written whole.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use doorward_core::base::Timestamp;
use doorward_core::session::{Factors, Session, SessionUser, UserAgent};
use serde_json::{Map, Value};

use crate::db::{Columns, Conn, Param};
use crate::error::Result;
use crate::where_clause::{ForMany, MOST_VALUES};

/// A session with what is looked up when it is shown: names as they are now, not as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownSession {
    /// The session.
    pub session: Session,
    /// The login name of its user; empty if the user is gone.
    pub login_name: String,
    /// The display name of its user; empty if the user is gone.
    pub display_name: String,
}

/// A query of whole sessions; the argument says which.
macro_rules! select_shown {
    ($which:expr) => {
        concat!(
            "SELECT ",
            $crate::session::shown_columns!(),
            " FROM sessions s LEFT JOIN users u ON u.id = s.user_id ",
            $which
        )
    };
}

/// The columns of a session `s` and of its user `u`, in the order in which they are read.
macro_rules! shown_columns {
    () => {
        "s.id, s.creator_id, s.created, s.changed, s.sequence, s.expires, s.ended, s.token, s.user_id, \
         s.organisation_id, s.user_verified, s.password, s.web_auth_n, s.web_auth_n_uv, s.intent, s.totp, s.otp_sms, \
         s.otp_email, s.recovery_code, s.metadata, s.fingerprint, s.user_agent, u.username, u.display_name"
    };
}
pub(crate) use select_shown;
pub(crate) use shown_columns;

/// The session with that id, ended or not.
///
/// # Errors
/// When the store cannot be read.
pub async fn load(conn: &mut Conn, id: &str) -> Result<Option<ShownSession>> {
    Ok(load_all(conn, &[id]).await?.remove(id))
}

/// The sessions with those ids, ended or not, by id.
///
/// # Errors
/// When the store cannot be read.
pub async fn load_all(conn: &mut Conn, ids: &[&str]) -> Result<HashMap<String, ShownSession>> {
    let mut sessions = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(MOST_VALUES) {
        let (sql, params) = LOAD.with(ids);
        for row in conn.all(sql, &params).await? {
            let shown = read(row.read("sessions"))?;
            sessions.insert(shown.session.id.clone(), shown);
        }
    }
    Ok(sessions)
}

static LOAD: LazyLock<ForMany> =
    LazyLock::new(|| ForMany::new(|places| format!("{}WHERE s.id IN ({places})", select_shown!(""))));

/// The session with that id, locked until the transaction ends.
///
/// # Errors
/// When the store cannot be read, or this is no transaction that writes.
pub async fn lock(conn: &mut Conn, id: &str) -> Result<Option<ShownSession>> {
    conn.locked(select_shown!("WHERE s.id = $1 FOR UPDATE OF s"), &[id.into()])
        .await?
        .map(|row| read(row.read("sessions")))
        .transpose()
}

/// Adds a new session.
///
/// # Errors
/// When the store cannot be written.
pub async fn insert(conn: &mut Conn, session: &Session) -> Result<()> {
    insert_rows(conn, std::slice::from_ref(session)).await
}

/// Adds sessions, several with one statement. There are statements for powers of two only, so that each of them is
/// prepared once.
pub(crate) async fn insert_rows(conn: &mut Conn, sessions: &[Session]) -> Result<()> {
    let mut rest = sessions;
    while !rest.is_empty() {
        let most = rest.len().min(MOST_ROWS);
        let power = most.ilog2();
        let (now, later) = rest.split_at(1 << power);
        let params: Vec<Param<'_>> = now
            .iter()
            .flat_map(|session| {
                let agent = write_agent(&session.user_agent);
                let fixed = [(&session.id).into(), (&session.creator).into(), session.created.into()];
                let last = [session.user_agent.fingerprint.as_ref().into(), agent.into()];
                fixed.into_iter().chain(changing(session, write_metadata(&session.metadata))).chain(last)
            })
            .collect();
        let sql = INSERTS.get(power as usize).map_or("", String::as_str);
        conn.run(sql, &params).await?;
        rest = later;
    }
    Ok(())
}

/// The most sessions that one statement adds.
const MOST_ROWS: usize = 64;

/// The statements that add 1, 2, 4, … sessions.
static INSERTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    const START: &str = "INSERT INTO sessions (id, creator_id, created, changed, sequence, expires, ended, token, \
         user_id, organisation_id, user_verified, password, web_auth_n, web_auth_n_uv, intent, totp, otp_sms, \
         otp_email, recovery_code, metadata, fingerprint, user_agent) VALUES ";
    const COLUMNS: usize = 22;
    let row = |row: usize| {
        let places: Vec<_> = (1..=COLUMNS).map(|place| format!("${}", row * COLUMNS + place)).collect();
        format!("({})", places.join(", "))
    };
    let statement =
        |power: u32| START.to_owned() + &(0..1_usize << power).map(row).collect::<Vec<_>>().join(", ");
    (0..=MOST_ROWS.ilog2()).map(statement).collect()
});

/// Writes back a session that was [`lock`]ed and changed.
///
/// # Errors
/// When the store cannot be written.
pub async fn save(conn: &mut Conn, session: &Session) -> Result<()> {
    const SQL: &str = "UPDATE sessions SET changed = $2, sequence = $3, expires = $4, ended = $5, token = $6, \
         user_id = $7, organisation_id = $8, user_verified = $9, password = $10, web_auth_n = $11, \
         web_auth_n_uv = $12, intent = $13, totp = $14, otp_sms = $15, otp_email = $16, recovery_code = $17, \
         metadata = $18 WHERE id = $1";
    let mut params: Vec<Param<'_>> = vec![(&session.id).into()];
    params.extend(changing(session, write_metadata(&session.metadata)));
    conn.run(SQL, &params).await.map(|_| ())
}

/// Ends every open session of a user.
///
/// # Errors
/// When the store cannot be written.
pub async fn end_all_of_user(conn: &mut Conn, user_id: &str, now: Timestamp) -> Result<u64> {
    const SQL: &str = "UPDATE sessions SET ended = $2, sequence = sequence + 1, \
         changed = CASE WHEN changed > $2 THEN changed ELSE $2 END WHERE user_id = $1 AND ended IS NULL";
    conn.run(SQL, &[user_id.into(), now.into()]).await
}

/// Takes the password factor from every session of a user. Their sequence and date do not move.
///
/// # Errors
/// When the store cannot be written.
pub async fn clear_password_factor(conn: &mut Conn, user_id: &str) -> Result<u64> {
    let sql = "UPDATE sessions SET password = NULL WHERE user_id = $1 AND password IS NOT NULL";
    conn.run(sql, &[user_id.into()]).await
}

/// The columns that both statements write, in their common order.
fn changing(session: &Session, metadata: Option<String>) -> [Param<'_>; 17] {
    let (user, factors) = (session.user.as_ref(), &session.factors);
    [
        session.changed.into(),
        session.sequence.into(),
        session.expires.into(),
        session.ended.into(),
        (&session.token).into(),
        user.map(|user| &user.id).into(),
        user.map(|user| &user.organisation).into(),
        user.map(|user| user.verified).into(),
        factors.password.into(),
        factors.web_auth_n.map(|(at, _)| at).into(),
        factors.web_auth_n.is_some_and(|(_, user_verified)| user_verified).into(),
        factors.intent.into(),
        factors.totp.into(),
        factors.otp_sms.into(),
        factors.otp_email.into(),
        factors.recovery_code.into(),
        metadata.into(),
    ]
}

pub(crate) fn read(mut row: Columns) -> Result<ShownSession> {
    let id = row.id()?;
    let (creator, created, changed) = (row.text("creator_id")?, row.time("created")?, row.time("changed")?);
    let (sequence, expires, ended) =
        (row.count("sequence")?, row.maybe_time("expires")?, row.maybe_time("ended")?);
    let token = row.digest("token")?;
    let (user_id, organisation) = (row.maybe_text("user_id")?, row.maybe_text("organisation_id")?);
    let verified = row.maybe_time("user_verified")?;
    let user = match (user_id, organisation, verified) {
        (Some(id), Some(organisation), Some(verified)) => Some(SessionUser { id, organisation, verified }),
        (None, None, None) => None,
        _ => return Err(row.corrupt("user_id", "and its companions are only partly set")),
    };
    let password = row.maybe_time("password")?;
    let (web_auth_n, user_verified) = (row.maybe_time("web_auth_n")?, row.flag("web_auth_n_uv")?);
    let factors = Factors {
        password,
        web_auth_n: web_auth_n.map(|at| (at, user_verified)),
        intent: row.maybe_time("intent")?,
        totp: row.maybe_time("totp")?,
        otp_sms: row.maybe_time("otp_sms")?,
        otp_email: row.maybe_time("otp_email")?,
        recovery_code: row.maybe_time("recovery_code")?,
    };
    let metadata = row.maybe_text("metadata")?;
    let metadata =
        read_metadata(metadata.as_deref()).ok_or_else(|| row.corrupt("metadata", "is malformed"))?;
    let (fingerprint, agent) = (row.maybe_text("fingerprint")?, row.maybe_text("user_agent")?);
    let agent = agent.map_or(Ok(UserAgent::default()), |text| serde_json::from_str(&text));
    let agent = agent.map_err(|_| row.corrupt("user_agent", "is malformed"))?;
    let session = Session {
        id,
        creator,
        created,
        changed,
        sequence,
        expires,
        ended,
        token,
        user,
        factors,
        metadata,
        user_agent: UserAgent { fingerprint, ..agent },
    };
    let login_name = row.maybe_text("username")?.unwrap_or_default();
    let display_name = row.maybe_text("display_name")?.unwrap_or_default();
    Ok(ShownSession { session, login_name, display_name })
}

/// Metadata is a JSON object of hexadecimal values: compact, and readable with any tool.
fn write_metadata(metadata: &BTreeMap<String, Vec<u8>>) -> Option<String> {
    if metadata.is_empty() {
        return None;
    }
    let entries: Map<String, Value> =
        metadata.iter().map(|(key, value)| (key.clone(), Value::String(to_hex(value)))).collect();
    Some(Value::Object(entries).to_string())
}

fn read_metadata(text: Option<&str>) -> Option<BTreeMap<String, Vec<u8>>> {
    let Some(text) = text else { return Some(BTreeMap::new()) };
    let entries: BTreeMap<String, String> = serde_json::from_str(text).ok()?;
    entries.into_iter().map(|(key, value)| Some((key, from_hex(&value)?))).collect()
}

/// The fingerprint has a column of its own, since it is searched.
fn write_agent(agent: &UserAgent) -> Option<String> {
    let rest = UserAgent { fingerprint: None, ..agent.clone() };
    if rest == UserAgent::default() { None } else { serde_json::to_string(&rest).ok() }
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| Some(pair.first()? << 4 | pair.last()?)).collect()
}

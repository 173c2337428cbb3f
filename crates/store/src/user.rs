//! Users, what belongs to them alone: metadata, codes, failed attempts.

use std::collections::HashMap;
use std::sync::LazyLock;

use doorward_core::attempt::{Attempts, Counted};
use doorward_core::base::{Secret, Timestamp};
use doorward_core::user::{
    AccessTokenType, CodePurpose, Contact, Human, Machine, Profile, StoredCode, StoredPassword, User,
    UserKind, UserState, username_key,
};

use crate::db::{Columns, Conn, Param};
use crate::error::Result;
use crate::where_clause::{ForMany, MOST_VALUES};

/// A query of whole users; the argument says which.
macro_rules! select_users {
    ($which:expr) => {
        concat!(
            "SELECT u.id, u.organisation_id, u.human, u.state, u.username, u.given_name, u.family_name, \
             u.nick_name, u.display_name, u.preferred_language, u.gender, u.email, u.email_verified, u.phone, \
             u.phone_verified, u.password_hash, u.password_changed, u.password_change_required, u.description, \
             u.created, u.changed, u.sequence, u.mfa_init_skipped, u.access_token_type FROM users u ",
            $which
        )
    };
}
pub(crate) use select_users;

/// Which user is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The one with this id.
    Id(String),
    /// The one who logs in with this name, whatever its case.
    LoginName(String),
}

/// What stands in the way of a new user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The id was given before.
    Id,
    /// Somebody else has the user name.
    Username,
}

/// The user, unless there is none or it was deleted.
///
/// # Errors
/// When the store cannot be read.
pub async fn find(conn: &mut Conn, wanted: &Wanted) -> Result<Option<User>> {
    let (Wanted::Id(text) | Wanted::LoginName(text)) = wanted;
    if text.contains('\0') {
        // No text of a store holds one, so nobody is meant.
        return Ok(None);
    }
    let row = match wanted {
        Wanted::Id(id) => conn.one(select_users!("WHERE u.id = $1 AND u.state <> 3"), &[id.into()]).await?,
        Wanted::LoginName(name) => {
            conn.one(select_users!("WHERE u.username_key = $1"), &[username_key(name).into()]).await?
        }
    };
    row.map(|row| read(row.read("users"))).transpose()
}

/// The users with those ids, unless they were deleted, by id.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn by_id(conn: &mut Conn, ids: &[&str]) -> Result<HashMap<String, User>> {
    static SQL: LazyLock<ForMany> = LazyLock::new(|| {
        ForMany::new(|places| format!("{}WHERE u.state <> 3 AND u.id IN ({places})", select_users!("")))
    });
    find_many(conn, &SQL, ids, |user| user.id.clone()).await
}

/// The users who log in with those names, by the key of the name.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn by_name(conn: &mut Conn, keys: &[&str]) -> Result<HashMap<String, User>> {
    static SQL: LazyLock<ForMany> = LazyLock::new(|| {
        ForMany::new(|places| format!("{}WHERE u.username_key IN ({places})", select_users!("")))
    });
    find_many(conn, &SQL, keys, |user| username_key(&user.username)).await
}

async fn find_many(
    conn: &mut Conn,
    sql: &ForMany,
    keys: &[&str],
    key: fn(&User) -> String,
) -> Result<HashMap<String, User>> {
    let mut users = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(MOST_VALUES) {
        let (sql, params) = sql.with(keys);
        for row in conn.all(sql, &params).await? {
            let user = read(row.read("users"))?;
            users.insert(key(&user), user);
        }
    }
    Ok(users)
}

/// The user, locked until the transaction ends.
///
/// # Errors
/// When the store cannot be read, or this is no transaction that writes.
pub async fn lock(conn: &mut Conn, id: &str) -> Result<Option<User>> {
    conn.locked(select_users!("WHERE u.id = $1 AND u.state <> 3 FOR UPDATE OF u"), &[id.into()])
        .await?
        .map(|row| read(row.read("users")))
        .transpose()
}

/// The state alone.
///
/// # Errors
/// When the store cannot be read.
pub async fn state(conn: &mut Conn, id: &str) -> Result<Option<UserState>> {
    let row = conn.one("SELECT state FROM users WHERE id = $1", &[id.into()]).await?;
    row.map(|row| read_state(&mut row.read("users").about(id))).transpose()
}

/// The states of users, which nobody can change until the transaction ends; others may hold them like this too. Users
/// that are not there are left out.
///
/// # Errors
/// When the store cannot be read, or this is no transaction that writes.
pub async fn hold_states(conn: &mut Conn, ids: &[&str]) -> Result<HashMap<String, UserState>> {
    // In one order everywhere, so that nobody waits in a circle.
    let mut ids: Vec<_> = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut states = HashMap::new();
    for ids in ids.chunks(MOST_VALUES) {
        let (sql, params) = HOLD.with(ids);
        for row in conn.all_locked(sql, &params).await? {
            let mut row = row.read("users");
            states.insert(row.id()?, read_state(&mut row)?);
        }
    }
    Ok(states)
}

static HOLD: LazyLock<ForMany> = LazyLock::new(|| {
    ForMany::new(|places| {
        format!("SELECT u.id, u.state FROM users u WHERE u.id IN ({places}) ORDER BY u.id FOR SHARE OF u")
    })
});

/// Adds a user, or says what stands in the way.
///
/// # Errors
/// When the store cannot be written.
pub async fn insert(conn: &mut Conn, user: &User) -> Result<Option<Taken>> {
    const SQL: &str = "INSERT INTO users (id, organisation_id, human, state, username, username_key, given_name, \
         family_name, nick_name, display_name, preferred_language, gender, email, email_verified, phone, \
         phone_verified, password_hash, password_changed, password_change_required, description, created, changed, \
         sequence, mfa_init_skipped, access_token_type) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
         $17, $18, $19, $20, $21, $22, $23, $24, $25) ON CONFLICT DO NOTHING";
    if conn.run(SQL, &columns(user)).await? == 1 {
        return Ok(None);
    }
    let same_id = conn.one("SELECT 1 FROM users WHERE id = $1", &[(&user.id).into()]).await?;
    Ok(Some(if same_id.is_some() { Taken::Id } else { Taken::Username }))
}

/// Writes back a user that was [`lock`]ed and changed. Gives `false` if the user name is taken.
///
/// # Errors
/// When the store cannot be written.
pub async fn save(conn: &mut Conn, user: &User) -> Result<bool> {
    const SQL: &str = "UPDATE users SET organisation_id = $2, human = $3, state = $4, username = $5, \
         username_key = $6, given_name = $7, family_name = $8, nick_name = $9, display_name = $10, \
         preferred_language = $11, gender = $12, email = $13, email_verified = $14, phone = $15, \
         phone_verified = $16, password_hash = $17, password_changed = $18, password_change_required = $19, \
         description = $20, created = $21, changed = $22, sequence = $23, mfa_init_skipped = $24, \
         access_token_type = $25 WHERE id = $1 \
         AND NOT EXISTS (SELECT 1 FROM users o WHERE o.username_key = $6 AND o.id <> $1)";
    Ok(conn.run(SQL, &columns(user)).await? == 1)
}

/// Takes back a user whom this very transaction has added and given nothing but links: as if there had been none.
///
/// # Errors
/// When the store cannot be written.
pub async fn take_back(conn: &mut Conn, id: &str) -> Result<()> {
    for sql in ["DELETE FROM idp_links WHERE user_id = $1", "DELETE FROM users WHERE id = $1"] {
        conn.run(sql, &[id.into()]).await?;
    }
    Ok(())
}

/// Deletes a user: everything that belongs to it goes, and its row keeps nothing but the id.
///
/// # Errors
/// When the store cannot be written.
pub async fn delete(conn: &mut Conn, id: &str, now: Timestamp) -> Result<()> {
    for sql in [
        "DELETE FROM user_metadata WHERE user_id = $1",
        "DELETE FROM attempts WHERE user_id = $1",
        "DELETE FROM codes WHERE user_id = $1",
        "DELETE FROM grants WHERE user_id = $1",
        "DELETE FROM personal_access_tokens WHERE user_id = $1",
        "DELETE FROM totps WHERE user_id = $1",
        "DELETE FROM otp_factors WHERE user_id = $1",
        "DELETE FROM recovery_codes WHERE user_id = $1",
        "DELETE FROM passkeys WHERE user_id = $1",
        "DELETE FROM passkey_codes WHERE user_id = $1",
        "DELETE FROM idp_links WHERE user_id = $1",
        "DELETE FROM outbox WHERE user_id = $1",
        "DELETE FROM machine_secrets WHERE user_id = $1",
        "DELETE FROM machine_keys WHERE user_id = $1",
        "DELETE FROM access_tokens WHERE user_id = $1",
    ] {
        conn.run(sql, &[id.into()]).await?;
    }
    let sql = "UPDATE users SET state = 3, username = '', username_key = NULL, given_name = '', family_name = '', \
               nick_name = NULL, display_name = '', preferred_language = NULL, gender = NULL, email = NULL, \
               email_verified = FALSE, phone = NULL, phone_verified = FALSE, password_hash = NULL, \
               password_changed = NULL, password_change_required = FALSE, description = '', \
               mfa_init_skipped = NULL, access_token_type = NULL, changed = $2, sequence = sequence + 1 WHERE id = $1";
    conn.run(sql, &[id.into(), now.into()]).await.map(|_| ())
}

/// The failed attempts of a user and factor.
///
/// # Errors
/// When the store cannot be read.
pub async fn attempts(conn: &mut Conn, id: &str, counted: Counted) -> Result<Attempts> {
    let sql = "SELECT failed, blocked_until FROM attempts WHERE user_id = $1 AND factor = $2";
    let Some(row) = conn.one(sql, &[id.into(), counted.name().into()]).await? else {
        return Ok(Attempts::default());
    };
    let mut row = row.read("attempts").about(id);
    let failed = u32::try_from(row.count("failed")?).unwrap_or(u32::MAX);
    Ok(Attempts { failed, blocked_until: row.maybe_time("blocked_until")? })
}

/// Stores the failed attempts of a user and factor.
///
/// # Errors
/// When the store cannot be written.
pub async fn save_attempts(conn: &mut Conn, id: &str, counted: Counted, attempts: Attempts) -> Result<()> {
    let factor = counted.name();
    if attempts == Attempts::default() {
        let sql = "DELETE FROM attempts WHERE user_id = $1 AND factor = $2";
        return conn.run(sql, &[id.into(), factor.into()]).await.map(|_| ());
    }
    let sql = "INSERT INTO attempts (user_id, factor, failed, blocked_until) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (user_id, factor) DO UPDATE SET failed = $3, blocked_until = $4";
    let params = [id.into(), factor.into(), attempts.failed.into(), attempts.blocked_until.into()];
    conn.run(sql, &params).await.map(|_| ())
}

/// Forgets all failed attempts of a user.
///
/// # Errors
/// When the store cannot be written.
pub async fn forget_attempts(conn: &mut Conn, id: &str) -> Result<()> {
    conn.run("DELETE FROM attempts WHERE user_id = $1", &[id.into()]).await.map(|_| ())
}

/// The code of a user for a purpose.
///
/// # Errors
/// When the store cannot be read.
pub async fn code(conn: &mut Conn, id: &str, purpose: CodePurpose) -> Result<Option<StoredCode>> {
    let sql = "SELECT digest, expires, failed FROM codes WHERE user_id = $1 AND purpose = $2";
    let Some(row) = conn.one(sql, &[id.into(), purpose.name().into()]).await? else { return Ok(None) };
    let mut row = row.read("codes").about(id);
    let (digest, expires) = (row.digest("digest")?, row.time("expires")?);
    Ok(Some(StoredCode { digest, expires, failed: u32::try_from(row.count("failed")?).unwrap_or(u32::MAX) }))
}

/// Stores the code of a user for a purpose, or removes it.
///
/// # Errors
/// When the store cannot be written.
pub async fn save_code(
    conn: &mut Conn,
    id: &str,
    purpose: CodePurpose,
    code: Option<&StoredCode>,
) -> Result<()> {
    let Some(code) = code else {
        let sql = "DELETE FROM codes WHERE user_id = $1 AND purpose = $2";
        return conn.run(sql, &[id.into(), purpose.name().into()]).await.map(|_| ());
    };
    let sql = "INSERT INTO codes (user_id, purpose, digest, expires, failed) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (user_id, purpose) DO UPDATE SET digest = $3, expires = $4, failed = $5";
    let params =
        [id.into(), purpose.name().into(), (&code.digest).into(), code.expires.into(), code.failed.into()];
    conn.run(sql, &params).await.map(|_| ())
}

fn columns(user: &User) -> [Param<'_>; 25] {
    let human = user.human();
    let profile = human.map(|human| &human.profile);
    let (email, phone) = (human.map(|human| &human.email), human.and_then(|human| human.phone.as_ref()));
    let password = human.and_then(|human| human.password.as_ref());
    let description = match &user.kind {
        UserKind::Machine(machine) => machine.description.as_str(),
        UserKind::Human(_) => "",
    };
    let access_token = user.machine().map(|machine| machine.access_token);
    [
        (&user.id).into(),
        (&user.organisation).into(),
        human.is_some().into(),
        (user.state as i64).into(),
        (&user.username).into(),
        username_key(&user.username).into(),
        profile.map_or("", |profile| &profile.given_name).into(),
        profile.map_or("", |profile| &profile.family_name).into(),
        profile.and_then(|profile| profile.nick_name.as_ref()).into(),
        user.display_name().into(),
        profile.and_then(|profile| profile.preferred_language.as_ref()).into(),
        profile.and_then(|profile| profile.gender).map(i64::from).into(),
        email.map(|email| &email.address).into(),
        email.is_some_and(|email| email.verified).into(),
        phone.map(|phone| &phone.address).into(),
        phone.is_some_and(|phone| phone.verified).into(),
        password.map(|password| password.hash.expose()).into(),
        password.map(|password| password.changed).into(),
        password.is_some_and(|password| password.change_required).into(),
        description.into(),
        user.created.into(),
        user.changed.into(),
        user.sequence.into(),
        human.and_then(|human| human.mfa_init_skipped).into(),
        access_token.filter(|kind| *kind != AccessTokenType::Opaque).map(|kind| kind as i64).into(),
    ]
}

fn read_state(row: &mut Columns) -> Result<UserState> {
    UserState::numbered(row.int("state")?).ok_or_else(|| row.corrupt("state", "is unknown"))
}

fn read_gender(row: &mut Columns) -> Result<Option<i32>> {
    let number = row.maybe_int("gender")?.map(i32::try_from).transpose();
    number.map_err(|_| row.corrupt("gender", "is out of range"))
}

pub(crate) fn read(mut row: Columns) -> Result<User> {
    let id = row.id()?;
    let (organisation, human) = (row.text("organisation_id")?, row.flag("human")?);
    let state = read_state(&mut row)?;
    let username = row.text("username")?;
    let profile = Profile {
        given_name: row.text("given_name")?,
        family_name: row.text("family_name")?,
        nick_name: row.maybe_text("nick_name")?,
        display_name: row.text("display_name")?,
        preferred_language: row.maybe_text("preferred_language")?,
        gender: read_gender(&mut row)?,
    };
    let (email, email_verified) = (row.maybe_text("email")?, row.flag("email_verified")?);
    let (phone, phone_verified) = (row.maybe_text("phone")?, row.flag("phone_verified")?);
    let (hash, set) = (row.maybe_text("password_hash")?, row.maybe_time("password_changed")?);
    let change_required = row.flag("password_change_required")?;
    let description = row.text("description")?;
    let (created, changed, sequence) = (row.time("created")?, row.time("changed")?, row.count("sequence")?);
    let mfa_init_skipped = row.maybe_time("mfa_init_skipped")?;
    let access_token = AccessTokenType::numbered(row.maybe_int("access_token_type")?.unwrap_or_default());
    let kind = if human {
        let address = email.ok_or_else(|| row.corrupt("email", "is missing"))?;
        let password = match (hash.map(Secret::new), set) {
            (Some(hash), Some(changed)) => Some(StoredPassword { hash, changed, change_required }),
            (Some(_), None) => return Err(row.corrupt("password_changed", "is missing")),
            (None, _) => None,
        };
        UserKind::Human(Box::new(Human {
            profile,
            email: Contact { address, verified: email_verified },
            phone: phone.map(|address| Contact { address, verified: phone_verified }),
            password,
            mfa_init_skipped,
        }))
    } else {
        UserKind::Machine(Machine { name: profile.display_name, description, access_token })
    };
    Ok(User { id, organisation, state, username, kind, created, changed, sequence })
}

//! What many callers ask at the same time, asked together: the things that are needed most often.
//!
//! On the embedded engine each goes its own way, since there the writer commits together what waits and a read costs
//! nothing but work. On PostgreSQL a statement costs a message there and back; there they meet, see [`Gather`].

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use doorward_core::session::Session;
use doorward_core::user::{User, UserState, username_key};
use futures_util::future::BoxFuture;

use crate::db::{Conn, Db, Gather, Turns, Waiting, answered};
use crate::error::{Result, StoreError};
use crate::session::ShownSession;
use crate::token::{self, Bearer};
use crate::user::Wanted;
use crate::{access_token, session, user};

/// Finds what belongs to each of some keys.
type Find<A> = for<'a> fn(&'a mut Conn, &'a [&'a str]) -> BoxFuture<'a, Result<HashMap<String, A>>>;

/// Looks things up by a key.
#[derive(Debug)]
pub struct LookUp<A> {
    db: Db,
    find: Find<A>,
    gather: Option<Gather<String, Option<Arc<A>>>>,
}

/// Looks up who bears a token.
#[derive(Debug)]
pub struct Bearers {
    look_up: LookUp<Bearer>,
    table: &'static str,
    beside_session: String,
}

impl Bearers {
    /// Those of personal access tokens.
    #[must_use]
    pub fn personal(db: &Db) -> Self {
        Self::new(db, token::TABLE, |conn, ids| Box::pin(token::bearers(conn, ids)))
    }

    /// Those of access tokens.
    #[must_use]
    pub fn access(db: &Db) -> Self {
        Self::new(db, access_token::TABLE, |conn, ids| Box::pin(access_token::bearers(conn, ids)))
    }

    fn new(db: &Db, table: &'static str, find: Find<Bearer>) -> Self {
        // Every call asks for one, and many have the same: the more of them share a turn, the better.
        let turns = db.turns().map(|turns| Turns { lanes: 1, ..turns });
        let look_up = LookUp::in_turns(db, turns, find);
        Self { look_up, table, beside_session: token::beside_session_in(table) }
    }

    /// Who bears the token with an id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of(&self, id: &str) -> Result<Option<Bearer>> {
        self.look_up.of(id).await
    }

    /// The same, and the session with another id, which is found or looked for meanwhile.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn beside(
        &self,
        id: &str,
        session_id: &str,
        sessions: &LookUp<ShownSession>,
    ) -> Result<(Option<Bearer>, Begun<ShownSession>)> {
        if self.look_up.gather.is_some() || id.contains('\0') || session_id.contains('\0') {
            let begun = sessions.begin(session_id)?;
            return Ok((self.of(id).await?, begun));
        }
        let mut reading = self.look_up.db.reading().await?;
        let question = (self.table, self.beside_session.as_str());
        let (bearer, shown) = token::beside_session(reading.conn()?, question, (id, session_id)).await?;
        Ok((bearer, Begun::Found(shown.map(Box::new))))
    }
}

impl LookUp<ShownSession> {
    /// The session with an id, ended or not.
    #[must_use]
    pub fn sessions(db: &Db) -> Self {
        Self::new(db, |conn, ids| Box::pin(session::load_all(conn, ids)))
    }
}

/// Looks users up, unless they were deleted.
#[derive(Debug)]
pub struct Users {
    by_id: LookUp<User>,
    by_name: LookUp<User>,
}

impl Users {
    /// Those of that database.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self {
            by_id: LookUp::new(db, |conn, ids| Box::pin(user::by_id(conn, ids))),
            by_name: LookUp::new(db, |conn, names| Box::pin(user::by_name(conn, names))),
        }
    }

    /// The user who is meant, as it is now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(&self, wanted: &Wanted) -> Result<Option<User>> {
        match wanted {
            Wanted::Id(id) => self.by_id.of(id).await,
            Wanted::LoginName(name) => self.by_name.of(&username_key(name)).await,
        }
    }
}

impl<A: Send + Sync + 'static> LookUp<A> {
    fn new(db: &Db, find: Find<A>) -> Self {
        Self::in_turns(db, db.turns(), find)
    }

    fn in_turns(db: &Db, turns: Option<Turns>, find: Find<A>) -> Self {
        let asked = db.clone();
        let gather = turns.map(|turns| {
            Gather::new(turns, move |keys: Vec<String>| {
                let db = asked.clone();
                Box::pin(async move { answers(&keys, find_all(&db, find, &keys).await) })
            })
        });
        Self { db: db.clone(), find, gather }
    }

    /// What belongs to a key, as it is now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of(&self, key: &str) -> Result<Option<A>>
    where
        A: Clone,
    {
        if key.contains('\0') {
            // No text of a store holds one, so nothing belongs to this key.
            return Ok(None);
        }
        match &self.gather {
            Some(gather) => found(answered(gather.begin(key.to_owned())?).await),
            None => Ok((self.find)(self.db.reading().await?.conn()?, &[key]).await?.remove(key)),
        }
    }

    /// Asks for what belongs to a key, for [`end`](Self::end): on PostgreSQL it is looked for meanwhile.
    ///
    /// # Errors
    /// When too many questions wait.
    pub fn begin(&self, key: &str) -> Result<Begun<A>> {
        let key = key.to_owned();
        Ok(match &self.gather {
            Some(gather) if !key.contains('\0') => Begun::Asked(gather.begin(key)?),
            _ => Begun::Later(key),
        })
    }

    /// What belongs to a key that was asked for, as it was at some time since.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn end(&self, begun: Begun<A>) -> Result<Option<A>>
    where
        A: Clone,
    {
        match begun {
            Begun::Asked(waiting) => found(answered(waiting).await),
            Begun::Later(key) => self.of(&key).await,
            Begun::Found(found) => Ok(found.map(|found| *found)),
        }
    }
}

/// A question that was asked, or will be.
#[derive(Debug)]
pub enum Begun<A> {
    /// Its answer is on the way.
    Asked(Waiting<Option<Arc<A>>>),
    /// It is answered at once when it is asked.
    Later(String),
    /// It was answered with another.
    Found(Option<Box<A>>),
}

/// Nobody else has it, unless several asked for it at the same time.
fn found<A: Clone>(answer: Result<Option<Arc<A>>>) -> Result<Option<A>> {
    Ok(answer?.map(Arc::unwrap_or_clone))
}

async fn find_all<A>(db: &Db, find: Find<A>, keys: &[String]) -> Result<HashMap<String, Arc<A>>> {
    let distinct: Vec<&str> = keys.iter().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
    let found = find(db.reading().await?.conn()?, &distinct).await?;
    Ok(found.into_iter().map(|(key, value)| (key, Arc::new(value))).collect())
}

/// The answer to each question; a fault is everybody's.
fn answers<A>(keys: &[String], found: Result<HashMap<String, Arc<A>>>) -> Vec<Result<Option<Arc<A>>>> {
    match found {
        Ok(found) => keys.iter().map(|key| Ok(found.get(key).cloned())).collect(),
        Err(fault) => keys.iter().map(|_| Err(fault.clone())).collect(),
    }
}

/// Adds sessions of which nothing has to be settled but that their user may still log in.
#[derive(Debug)]
pub struct Births {
    db: Db,
    gather: Option<Gather<Session, bool>>,
}

impl Births {
    /// Adds to that database.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        let asked = db.clone();
        let gather = db.turns().map(|turns| {
            Gather::new(turns, move |sessions: Vec<Session>| -> BoxFuture<'static, Vec<Result<bool>>> {
                let db = asked.clone();
                Box::pin(async move { add_or_say(&db, sessions).await })
            })
        });
        Self { db: db.clone(), gather }
    }

    /// Adds a new session, durable when this returns. Gives `false` if its user is not active, and then adds nothing.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn add(&self, session: Session) -> Result<bool> {
        match &self.gather {
            Some(gather) => gather.ask(session).await,
            None => Ok(add_all(&self.db, vec![session]).await?.pop().unwrap_or_default()),
        }
    }
}

/// Adds all in one transaction. If one of them cannot be added, each has to stand for itself.
async fn add_or_say(db: &Db, sessions: Vec<Session>) -> Vec<Result<bool>> {
    if sessions.len() == 1 {
        return vec![add_all(db, sessions).await.map(|added| added.first().copied().unwrap_or_default())];
    }
    match add_all(db, sessions.clone()).await {
        Ok(added) => added.into_iter().map(Ok).collect(),
        Err(StoreError::Driver(_) | StoreError::Unstorable) => {
            let mut outcomes = Vec::new();
            for session in sessions {
                let added = add_all(db, vec![session]).await;
                outcomes.push(added.map(|added| added.first().copied().unwrap_or_default()));
            }
            outcomes
        }
        Err(fault) => sessions.iter().map(|_| Err(fault.clone())).collect(),
    }
}

async fn add_all(db: &Db, sessions: Vec<Session>) -> Result<Vec<bool>> {
    db.write(move |conn| Box::pin(async move { insert_of_active(conn, sessions).await })).await
}

/// Adds the sessions without a user, and those whose user is active now and until they are there.
async fn insert_of_active(conn: &mut Conn, sessions: Vec<Session>) -> Result<Vec<bool>> {
    let users: Vec<&str> =
        sessions.iter().filter_map(|session| session.user.as_ref()).map(|user| user.id.as_str()).collect();
    let states = if users.is_empty() { HashMap::new() } else { user::hold_states(conn, &users).await? };
    let may = |session: &Session| match &session.user {
        None => true,
        Some(user) => states.get(&user.id) == Some(&UserState::Active),
    };
    let added: Vec<bool> = sessions.iter().map(may).collect();
    let mut kept = added.iter();
    let sessions: Vec<_> = sessions.into_iter().filter(|_| kept.next() == Some(&true)).collect();
    session::insert_rows(conn, &sessions).await?;
    Ok(added)
}

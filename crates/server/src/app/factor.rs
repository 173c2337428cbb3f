//! What the checks of a session have in common: the ground on which they are decided, and what a decision comes to.
//!
//! A request may ask for several checks. They are decided one after the other under the locks of user and session, and
//! nothing is written before all of them have passed: whatever the first one that fails has to leave, and nothing of
//! the others, is what remains of a refused request.

use std::pin::Pin;

use doorward_core::attempt::{Attempts, Counted};
use doorward_core::base::Timestamp;
use doorward_core::failure::Failure;
use doorward_core::session::Session;
use doorward_core::user::{User, UserState};
use doorward_store::{Conn, Result as StoreResult, user};

use super::App;

/// The ground on which checks are decided: within the settling transaction, with user and session locked.
pub struct Ground<'a> {
    /// The transaction.
    pub conn: &'a mut Conn,
    /// The app, for its keys and policies.
    pub app: &'a App,
    /// The user of the session, as it is under the lock. Nothing if it was deleted.
    pub user: Option<&'a User>,
    /// The session before the request. Nothing if the request creates it.
    pub session: Option<&'a Session>,
    /// Now.
    pub now: Timestamp,
}

/// Something to be written.
pub type Effect = Box<
    dyn for<'c> FnOnce(&'c mut Conn) -> Pin<Box<dyn Future<Output = StoreResult<()>> + Send + 'c>> + Send,
>;

/// What a check comes to. Nothing of it is written yet.
pub enum Decision {
    /// Passed. The effects are for the case that everything else of the request passes, too.
    Passed(Vec<Effect>),
    /// Not passed, and it leaves no trace.
    Refused(Failure),
    /// Not passed, and that counts: the effects are written although the request is refused.
    Failed(Vec<Effect>, Failure),
    /// What it rests on was replaced since it was verified: the request begins again.
    Stale,
}

/// What ends a request.
pub enum Refusal {
    /// This.
    Failure(Failure),
    /// It has to begin again.
    Stale,
}

/// Boxes what is to be written.
pub fn effect<F>(write: F) -> Effect
where
    F: for<'c> FnOnce(&'c mut Conn) -> Pin<Box<dyn Future<Output = StoreResult<()>> + Send + 'c>>
        + Send
        + 'static,
{
    Box::new(write)
}

impl Ground<'_> {
    /// The failed attempts of the user with a factor.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn attempts(&mut self, counted: Counted) -> StoreResult<Attempts> {
        match self.user {
            Some(user) => user::attempts(self.conn, &user.id, counted).await,
            None => Ok(Attempts::default()),
        }
    }

    /// One failure more of a one-time code.
    #[must_use]
    pub fn failed(&self, counted: Counted, before: Attempts, failure: Failure) -> Decision {
        let (attempts, lock) = before.failed(self.app.policy.code_attempts, self.now);
        Decision::Failed(self.count(counted, attempts, lock).into_iter().collect(), failure)
    }

    /// Failures to be stored, and perhaps the lock of the user that comes with them.
    pub(super) fn count(&self, counted: Counted, attempts: Attempts, lock: bool) -> Option<Effect> {
        let mut user = self.user?.clone();
        if lock {
            user.state = UserState::Locked;
            user.touch(self.now);
        }
        Some(effect(move |conn| {
            Box::pin(async move {
                user::save_attempts(conn, &user.id, counted, attempts).await?;
                if lock {
                    user::save(conn, &user).await?;
                }
                Ok(())
            })
        }))
    }

    /// A success: the failures of this factor are forgotten, those of others stay.
    #[must_use]
    pub fn forget(&self, counted: Counted, before: Attempts) -> Option<Effect> {
        let id = self.user?.id.clone();
        (before != Attempts::default()).then(|| {
            effect(move |conn| {
                Box::pin(async move { user::save_attempts(conn, &id, counted, Attempts::default()).await })
            })
        })
    }
}

impl Decision {
    /// Writes what a check leaves that did not pass. Gives what one leaves that did, for later.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn settle(self, conn: &mut Conn) -> StoreResult<Result<Vec<Effect>, Refusal>> {
        match self {
            Self::Passed(effects) => Ok(Ok(effects)),
            Self::Refused(failure) => Ok(Err(Refusal::Failure(failure))),
            Self::Stale => Ok(Err(Refusal::Stale)),
            Self::Failed(effects, failure) => {
                for effect in effects {
                    effect(conn).await?;
                }
                Ok(Err(Refusal::Failure(failure)))
            }
        }
    }

    /// The same, with something more to be written if it is written.
    #[must_use]
    pub fn and(mut self, more: impl IntoIterator<Item = Effect>) -> Self {
        if let Self::Passed(effects) | Self::Failed(effects, _) = &mut self {
            effects.extend(more);
        }
        self
    }
}

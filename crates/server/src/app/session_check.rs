//! The checks and challenges of a session: gathered and verified before the settling transaction, decided within it.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_core::base::{Secret, Span, Timestamp};
use doorward_core::check::PasswordEvidence;
use doorward_core::failure::{self, Failure};
use doorward_core::otp::Channel;
use doorward_core::session::{Changes, Factors, Session, SessionUser};
use doorward_core::user::{User, UserState};
use doorward_store::user::{self, Wanted};
use doorward_store::{Conn, Result as StoreResult};

use super::challenge::{Handed, Wish, Wishes};
use super::factor::{Effect, Ground, Refusal};
use super::intent_check::{self, IntentCheck};
use super::{Call, otp_check, password, read, recovery_check, store_failure, totp_check, web_authn};

/// What a request asks to be checked and changed.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The user check.
    pub user: Option<UserCheck>,
    /// The password check.
    pub password: Option<Secret>,
    /// The check of a login at an identity provider.
    pub intent: Option<IntentCheck>,
    /// The check of a passkey or U2F key: an assertion.
    pub web_auth_n: Option<serde_json::Value>,
    /// The check of a time-based code.
    pub totp: Option<Secret>,
    /// The check of a code by SMS.
    pub otp_sms: Option<Secret>,
    /// The check of a code by mail.
    pub otp_email: Option<Secret>,
    /// The check of a recovery code.
    pub recovery_code: Option<Secret>,
    /// What the session shall be asked to prove.
    pub challenges: Wishes,
    /// Entries to set; an empty value deletes the key.
    pub metadata: BTreeMap<String, Vec<u8>>,
    /// A new lifetime.
    pub lifetime: Option<Span>,
}

/// Which user is to be checked.
#[derive(Debug, Clone)]
pub enum UserCheck {
    /// This one.
    Wanted(Wanted),
    /// The request did not say.
    Unsaid,
}

/// What a settling transaction comes to. A refusal is committed too: a wrong password counts.
pub(super) enum Verdict {
    /// The session as it is now, whether anything was changed, and what the challenges hand to the caller.
    Granted(Box<Session>, bool, Handed),
    Refused(Failure),
    Stale,
}

impl From<Refusal> for Verdict {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failure(failure) => Self::Refused(failure),
            Refusal::Stale => Self::Stale,
        }
    }
}

/// A check whose slow part was done, in the order in which checks are decided.
enum Check {
    Password(PasswordEvidence),
    Intent(IntentCheck),
    WebAuthN(Box<Result<web_authn::Evidence, Failure>>),
    Totp(Secret),
    Otp(Channel, Secret),
    RecoveryCode(Secret),
}

/// What was found out before the settling transaction.
#[derive(Clone)]
pub(super) struct Evidence {
    pub(super) user: Option<String>,
    pub(super) changes: Changes,
    checks: Arc<Vec<Check>>,
    challenges: Arc<Vec<Wish>>,
}

/// All checks have passed: what that leaves, apart from the session itself.
pub(super) struct Passed {
    effects: Vec<Effect>,
    pub(super) handed: Handed,
}

impl Passed {
    /// Writes it.
    pub(super) async fn apply(self, conn: &mut Conn) -> StoreResult<Handed> {
        for effect in self.effects {
            effect(conn).await?;
        }
        Ok(self.handed)
    }
}

impl Evidence {
    /// Whether it rests on nothing but a user who may log in, if it has one at all.
    pub(super) fn is_plain(&self) -> bool {
        self.checks.is_empty() && self.challenges.is_empty()
    }

    /// Locks the user that it rests on: the user comes before the session, in every transaction.
    pub(super) async fn lock(&self, conn: &mut Conn) -> StoreResult<Option<User>> {
        let Some(user_id) = &self.user else { return Ok(None) };
        if self.is_plain() && self.changes.user.is_none() {
            return Ok(None);
        }
        user::lock(conn, user_id).await
    }

    /// Decides everything, under the locks, in the order of checks and challenges. Whatever the first one leaves that
    /// does not pass is written; of the others nothing is written yet.
    pub(super) async fn decide(
        &self,
        ground: &mut Ground<'_>,
        session_id: &str,
    ) -> StoreResult<Result<Passed, Verdict>> {
        if let Err(failure) = self.stands(ground.user) {
            return Ok(Err(Verdict::Refused(failure)));
        }
        let (mut effects, mut handed) = (Vec::new(), Handed::default());
        for check in self.checks.iter() {
            match check.decide(ground).await?.settle(ground.conn).await? {
                Ok(more) => effects.extend(more),
                Err(refusal) => return Ok(Err(refusal.into())),
            }
        }
        for wish in self.challenges.iter() {
            match wish.grant(ground, session_id, &mut handed).await? {
                Ok(more) => effects.extend(more),
                Err(failure) => return Ok(Err(Verdict::Refused(failure))),
            }
        }
        Ok(Ok(Passed { effects, handed }))
    }

    /// Whether the user may be checked at all. Checks that tell of a locked user themselves are left to do so.
    fn stands(&self, user: Option<&User>) -> Result<(), Failure> {
        let Some(user) = user else {
            return if self.changes.user.is_some() { Err(failure::USER_NOT_ACTIVE) } else { Ok(()) };
        };
        let tells_itself = match (self.checks.first(), self.challenges.first()) {
            (Some(Check::Intent(_)), _) => false,
            (Some(Check::WebAuthN(_)), _) | (None, Some(Wish::WebAuthN(..))) => self.changes.user.is_none(),
            (Some(_), _) => user.state == UserState::Locked,
            (None, _) => false,
        };
        if user.state == UserState::Active || tells_itself {
            return Ok(());
        }
        Err(failure::USER_NOT_ACTIVE)
    }
}

impl Check {
    async fn decide(&self, ground: &mut Ground<'_>) -> StoreResult<super::factor::Decision> {
        match self {
            Self::Password(evidence) => password::decide(ground, evidence).await,
            Self::Intent(check) => intent_check::decide(ground, check).await,
            Self::WebAuthN(evidence) => web_authn::decide(ground, evidence).await,
            Self::Totp(code) => totp_check::decide(ground, code).await,
            Self::Otp(channel, code) => otp_check::decide(ground, *channel, code).await,
            Self::RecoveryCode(code) => recovery_check::decide(ground, code).await,
        }
    }
}

/// Gathers and verifies, in the order of the checks: user, password, then the rest.
pub(super) async fn gather(
    call: &Call,
    request: &Request,
    session: Option<&Session>,
) -> Result<Evidence, Failure> {
    let checked = match &request.user {
        None => None,
        Some(check) => Some(check_user(call, check, request.password.as_ref()).await?),
    };
    if let (Some(user), Some(session)) = (&checked, session) {
        session.require_same_user(&user.id)?;
    }
    let known = session.and_then(|session| session.user.as_ref()).map(|user| user.id.clone());
    let user_id = checked.as_ref().map(|user| user.id.clone()).or(known);
    let mut checks = Vec::new();
    if let Some(text) = &request.password {
        let evidence = check_password(call, user_id.as_deref(), checked.as_ref(), text).await?;
        checks.push(Check::Password(evidence));
    }
    checks.extend(request.intent.clone().map(Check::Intent));
    let mut factors = proven(request, call.now);
    if let Some(assertion) = &request.web_auth_n {
        let found = web_authn::verify(call, session, user_id.as_deref(), assertion.clone()).await?;
        let user_verified = found.as_ref().is_ok_and(web_authn::Evidence::user_verified);
        factors.web_auth_n = Some((call.now, user_verified));
        checks.push(Check::WebAuthN(Box::new(found)));
    }
    checks.extend(request.totp.clone().map(Check::Totp));
    checks.extend(request.otp_sms.clone().map(|code| Check::Otp(Channel::Sms, code)));
    checks.extend(request.otp_email.clone().map(|code| Check::Otp(Channel::Email, code)));
    checks.extend(request.recovery_code.clone().map(Check::RecoveryCode));
    let challenges = request.challenges.prepare(&call.app, call.now);
    let changes = Changes {
        user: checked.map(|user| SessionUser {
            id: user.id,
            organisation: user.organisation,
            verified: call.now,
        }),
        factors,
        challenged: challenges.len() as u64,
        metadata: request.metadata.clone(),
        lifetime: request.lifetime,
    };
    Ok(Evidence { user: user_id, changes, checks: Arc::new(checks), challenges: Arc::new(challenges) })
}

/// What will be proven if every check passes, but for the assertion, which tells more.
fn proven(request: &Request, now: Timestamp) -> Factors {
    Factors {
        password: request.password.as_ref().map(|_| now),
        web_auth_n: None,
        intent: request.intent.as_ref().map(|_| now),
        totp: request.totp.as_ref().map(|_| now),
        otp_sms: request.otp_sms.as_ref().map(|_| now),
        otp_email: request.otp_email.as_ref().map(|_| now),
        recovery_code: request.recovery_code.as_ref().map(|_| now),
    }
}

async fn check_user(call: &Call, check: &UserCheck, password: Option<&Secret>) -> Result<User, Failure> {
    let UserCheck::Wanted(wanted) = check else { return Err(failure::USER_SEARCH_MISSING) };
    let Some(found) = call.app.users.find(wanted).await.map_err(store_failure)? else {
        if let Some(password) = password {
            // An answer that comes early would tell that there is no such user.
            password::burn(&call.app, password).await?;
        }
        return Err(failure::USER_NOT_FOUND);
    };
    if found.state == UserState::Active { Ok(found) } else { Err(failure::USER_NOT_ACTIVE) }
}

async fn check_password(
    call: &Call,
    user_id: Option<&str>,
    checked: Option<&User>,
    password: &Secret,
) -> Result<PasswordEvidence, Failure> {
    let user_id = user_id.ok_or(failure::PASSWORD_NO_USER)?;
    let user = match checked {
        Some(user) => Some(user.clone()),
        None => read!(call.app, user::find(&Wanted::Id(user_id.to_owned())))?,
    };
    password::verify(&call.app, user.as_ref(), password, call.now).await
}

//! The stories: what each operation does, from its gathered facts to its one short transaction.

pub mod caller;
pub mod challenge;
pub mod factor;
pub mod grant;
pub mod hashing;
pub mod idp;
pub mod idp_link;
pub mod intent_check;
pub mod introspection;
pub mod oauth;
pub mod oauth_client;
mod otp_challenge;
mod otp_check;
pub mod outbox;
pub mod passkey;
pub mod passkey_code;
pub mod password;
pub mod recovery_check;
pub mod session;
pub mod session_check;
pub mod session_list;
pub mod signer;
pub mod signing;
pub mod totp_check;
pub mod user;
pub mod user_code;
pub mod user_contact;
mod user_credential;
pub mod user_factor;
mod user_handover;
pub mod user_invite;
pub mod user_list;
pub mod user_machine_key;
pub mod user_machine_secret;
pub mod user_metadata;
pub mod user_otp;
pub mod user_password;
pub mod user_recovery;
pub mod user_resend;
pub mod user_token;
pub mod user_totp;
pub mod user_update;
pub mod web_authn;

use std::sync::Arc;
use std::time::Instant;

use doorward_core::attempt::AttemptPolicy;
use doorward_core::base::{Secret, Span, Timestamp, mint_id};
use doorward_core::caller::Caller;
use doorward_core::failure::{self, Failure};
use doorward_core::intent::IntentPolicy;
use doorward_core::otp::Channel;
use doorward_core::password::{Complexity, Hasher};
use doorward_core::seal::Sealer;
use doorward_core::search::SearchPolicy;
use doorward_core::token::{Keyring, Minted, TokenKind};
use doorward_core::user::{CodePurpose, draw_code};
use doorward_store::organisation::{self, Instance};
use doorward_store::session::ShownSession;
use doorward_store::together::{Bearers, Births, LookUp, Users};
use doorward_store::{Db, StoreError};

use crate::env::Env;
use crate::idp::Idps;
use crate::issuer::Issuers;
use crate::rate::Rates;
use crate::telemetry::Sparse;
use hashing::HashingPool;
use oauth::OauthPolicy;
use outbox::Delivery;
use passkey::KeyPolicy;
use signing::Signing;

/// Reads with one of the store's functions: `read!(app, user::find(&wanted))`.
macro_rules! read {
    ($app:expr, $module:ident :: $function:ident ( $($argument:expr),* )) => {{
        let read = async {
            let mut reading = $app.db.reading().await?;
            $module::$function(reading.conn()?, $($argument),*).await
        };
        read.await.map_err($crate::app::store_failure)
    }};
}
pub(crate) use read;

/// What the operator decides.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What happens after failed attempts with a password.
    pub attempts: AttemptPolicy,
    /// What happens after failed attempts with a one-time code of any kind.
    pub code_attempts: AttemptPolicy,
    /// What a new password must be like.
    pub complexity: Complexity,
    /// How passwords are hashed.
    pub hasher: Hasher,
    /// The bounds of searches.
    pub search: SearchPolicy,
    /// Whether deactivation and deletion of a user end the user's sessions.
    pub end_sessions: bool,
    /// Whether a session must be multi-factor to be a bearer.
    pub force_mfa: ForceMfa,
    /// How long codes are and how long they last.
    pub codes: CodePolicy,
    /// How long logins at identity providers last.
    pub intents: IntentPolicy,
    /// Whose codes authenticator apps say that they show.
    pub totp_issuer: String,
    /// What keys must be like.
    pub keys: KeyPolicy,
    /// The deepest nesting of JSON.
    pub json_depth: u32,
    /// Who this server is in the tokens that it makes: its public URL.
    pub issuer: String,
    /// Machine users that log in before they call.
    pub oauth: OauthPolicy,
}

/// When a session must be multi-factor to be a bearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForceMfa {
    /// Never.
    No,
    /// Unless the user logged in at an identity provider.
    LocalOnly,
    /// Always.
    Always,
}

/// How long codes are and how long they last, by purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodePolicy {
    /// Codes that prove a mail address.
    pub email: CodeShape,
    /// Codes that prove a phone.
    pub phone: CodeShape,
    /// Codes that allow a new password.
    pub reset: CodeShape,
    /// Codes of invitations.
    pub invite: CodeShape,
    /// Codes that let somebody register a passkey.
    pub passkey: CodeShape,
    /// Codes that a session asks for by SMS.
    pub otp_sms: CodeShape,
    /// Codes that a session asks for by mail.
    pub otp_email: CodeShape,
}

/// How long a code is and how long it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeShape {
    /// How many characters.
    pub length: usize,
    /// How long it is accepted.
    pub lasts: Span,
}

impl CodePolicy {
    /// The shape of codes for a purpose.
    #[must_use]
    pub const fn of(&self, purpose: CodePurpose) -> CodeShape {
        match purpose {
            CodePurpose::Email => self.email,
            CodePurpose::Phone => self.phone,
            CodePurpose::PasswordReset => self.reset,
            CodePurpose::Invite => self.invite,
        }
    }

    /// The shape of codes that a session asks for.
    #[must_use]
    pub const fn otp(&self, channel: Channel) -> CodeShape {
        match channel {
            Channel::Sms => self.otp_sms,
            Channel::Email => self.otp_email,
        }
    }
}

/// Everything that stories need.
#[derive(Debug)]
pub struct App {
    /// The store.
    pub db: Db,
    /// Who bears a token.
    pub bearers: Bearers,
    /// Who bears which access token.
    pub accesses: Bearers,
    /// The sessions.
    pub sessions: LookUp<ShownSession>,
    /// The users, for those who check them.
    pub users: Users,
    /// Where new sessions are added that rest on nothing but their user.
    pub births: Births,
    /// The keys of tokens and codes.
    pub keys: Keyring,
    /// The keys of what must be read again.
    pub seals: Sealer,
    /// The instance.
    pub instance: Instance,
    /// What the operator decided.
    pub policy: Policy,
    /// What the operator decided about messages.
    pub delivery: Delivery,
    /// Where passwords are hashed.
    pub hashing: HashingPool,
    /// The identity providers.
    pub idps: Idps,
    /// What signs tokens that others read.
    pub signing: Signing,
    /// The issuers whose tokens are taken.
    pub issuers: Issuers,
    /// How often somebody may call.
    pub rates: Rates,
    /// Time and chance.
    pub env: Env,
}

/// One authenticated call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The app.
    pub app: Arc<App>,
    /// Who calls.
    pub caller: Caller,
    /// When: one time for everything that the call does.
    pub now: Timestamp,
    /// The host name that the request was sent to.
    pub host: Option<String>,
}

impl App {
    /// Whether the store answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn reach_store(&self) -> Result<(), Failure> {
        read!(self, organisation::instance()).map(|_| ())
    }

    /// A new id.
    #[must_use]
    pub fn mint_id(&self, now: Timestamp) -> String {
        mint_id(now, self.env.entropy.number())
    }

    /// A new token for an id.
    #[must_use]
    pub fn mint_token(&self, kind: TokenKind, id: &str) -> Minted {
        self.keys.mint(kind, id, self.chance())
    }

    /// Random bytes.
    #[must_use]
    pub fn chance<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.env.entropy.fill(&mut bytes);
        bytes
    }

    /// Seals a value for one purpose.
    #[must_use]
    pub fn seal(&self, purpose: &str, value: &[u8]) -> Vec<u8> {
        self.seals.seal(purpose, self.chance(), value)
    }

    /// A new code for a purpose.
    #[must_use]
    pub fn draw_code(&self, purpose: CodePurpose) -> Secret {
        draw_code(self.policy.codes.of(purpose).length, || self.env.entropy.number())
    }
}

/// What a fault of the store is to a caller: the operator's text goes to the log, never to the wire.
#[must_use]
pub fn store_failure(error: StoreError) -> Failure {
    match error {
        StoreError::Overloaded => failure::OVERLOADED.with_retry(Span::seconds(1)),
        StoreError::Unavailable(_) => {
            // Every request of an outage comes by here.
            static OUTAGE: Sparse = Sparse::new();
            if let Some(kept_back) = OUTAGE.may_say(Instant::now()) {
                tracing::error!(%error, kept_back, "the store is not available");
            }
            failure::STORE_UNAVAILABLE.with_retry(Span::seconds(1))
        }
        StoreError::Unstorable => failure::TEXT_WITH_NUL,
        StoreError::Corrupt { .. }
        | StoreError::Driver(_)
        | StoreError::Version(_)
        | StoreError::Settings(_) => {
            tracing::error!(%error, "a fault of the store");
            failure::INTERNAL
        }
    }
}

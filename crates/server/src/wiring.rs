//! From the configuration to a running app.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use doorward_core::attempt::{AttemptPolicy, Backoff};
use doorward_core::base::Span;
use doorward_core::intent::IntentPolicy;
use doorward_core::password::{Complexity, Hasher};
use doorward_core::search::SearchPolicy;
use doorward_store::migrate::{check, migrate};
use doorward_store::organisation::{self, Instance};
use doorward_store::together::{Bearers, Births, LookUp, Users};
use doorward_store::{Db, PostgresSettings, Settings, SqliteSettings};
use http::Uri;

use crate::app::hashing::{HashingPool, HashingSettings};
use crate::app::oauth::OauthPolicy;
use crate::app::outbox::Delivery;
use crate::app::passkey::KeyPolicy;
use crate::app::signing::Signing;
use crate::app::{App, CodePolicy, CodeShape, ForceMfa, Policy};
use crate::config::{Config, MailTransport, SmsTransport};
use crate::env::Env;
use crate::first_start::{DataDir, is_set_up, set_up};
use crate::idp::Idps;
use crate::issuer::Issuers;
use crate::master_key::{Keys, unlock};
use crate::rate::Rates;

/// The most writes that may wait for the writer; beyond that the disk cannot keep up.
const WRITE_QUEUE: usize = 4096;

/// An app, and what was done to open it.
#[derive(Debug)]
pub struct Opened {
    /// The app.
    pub app: Arc<App>,
    /// Whether the store was empty and has just been filled.
    pub first_start: bool,
    /// The data folder.
    pub dir: DataDir,
}

/// Opens a store that a server has set up.
///
/// # Errors
/// When there is none, and those of [`open`].
pub async fn open_existing(config: &Config, env: Env) -> anyhow::Result<Opened> {
    refuse_missing(config)?;
    open(config, env).await
}

/// Refuses a folder without a store, before anything is made in it.
///
/// # Errors
/// When there is none.
pub fn refuse_missing(config: &Config) -> anyhow::Result<()> {
    if config.database_url.is_none() && !DataDir::has_store(&config.data_dir) {
        let folder = config.data_dir.display();
        anyhow::bail!(
            "there is no store in {folder}: name the right one with --data-dir, or start `doorward serve`"
        );
    }
    Ok(())
}

/// Opens the data folder and the database, brings the schema up to date, fills an empty store, and starts the hashing
/// threads.
///
/// # Errors
/// When the folder, the database or the configuration do not allow it; the text says which.
pub async fn open(config: &Config, env: Env) -> anyhow::Result<Opened> {
    let policy = policy(config)?;
    let dir = DataDir::open(&config.data_dir)?;
    let db = open_store(config, &dir)?;
    bring_up(&db, config.store.migrate).await?;
    let masters = dir.masters(config.master_keys(), is_set_up(&db).await?, &env)?;
    let (instance, first_start) = set_up(&db, &dir, &masters, &env, &config.grant).await?;
    let Keys { tokens: keys, seals } = unlock(&db, &masters).await?;
    let settings = HashingSettings {
        threads: whole_or_cores(config.hashing.threads),
        queue: config.hashing.max_queue as usize,
        longest_wait: millis(config.hashing.max_wait_ms),
    };
    let hashing = HashingPool::start(settings, &policy.hasher).context("starting the hashing threads")?;
    let delivery = delivery(config);
    let idps = Idps::new(config).context("the identity providers of the configuration")?;
    let issuers = issuers(config, &db, &instance).await?;
    let (bearers, sessions) = (Bearers::personal(&db), LookUp::sessions(&db));
    let accesses = Bearers::access(&db);
    let (users, births) = (Users::new(&db), Births::new(&db));
    let app = Arc::new(App {
        db,
        bearers,
        accesses,
        sessions,
        users,
        births,
        keys,
        seals,
        instance,
        policy,
        hashing,
        env,
        delivery,
        idps,
        signing: Signing::default(),
        issuers,
        rates: Rates::new(&config.rate),
    });
    Ok(Opened { app, first_start, dir })
}

/// The issuers whose tokens are taken. An organisation that is not there is no reason not to start, since it may be
/// added later; but roles on it let nobody do anything.
async fn issuers(config: &Config, db: &Db, instance: &Instance) -> anyhow::Result<Issuers> {
    let issuers = Issuers::new(config, &instance.default_organisation)
        .context("the trusted issuers of the configuration")?;
    for (issuer, organisation) in issuers.organisations() {
        if !organisation::exists(db.reading().await?.conn()?, organisation).await? {
            tracing::warn!(
                issuer,
                organisation,
                "a trusted issuer belongs to an organisation that is not there"
            );
        }
    }
    Ok(issuers)
}

/// Brings the schema up to date, or refuses one that is behind if that is somebody else's to do.
///
/// # Errors
/// When it is behind, or cannot be brought up to date.
pub async fn bring_up(db: &Db, may: bool) -> anyhow::Result<()> {
    if may {
        let ran = migrate(db).await.context("the schema of the database was not brought up to date")?;
        for migration in ran {
            tracing::info!(migration, "the schema was brought up to date");
        }
        return Ok(());
    }
    let pending = check(db).await.context("the schema of the database cannot be used")?;
    if !pending.is_empty() {
        let pending = pending.join(", ");
        anyhow::bail!(
            "the store lacks {pending}, and store.migrate is false: run `doorward migrate up` as the owner of the \
             tables, then start again"
        );
    }
    Ok(())
}

/// Opens the database that the configuration names, without bringing its schema up to date.
///
/// # Errors
/// When it cannot be opened.
pub fn open_store(config: &Config, dir: &DataDir) -> anyhow::Result<Db> {
    let Some(url) = &config.database_url else {
        let path = dir.database()?;
        let settings = SqliteSettings {
            path: path.clone(),
            readers: whole_or_cores(config.store.readers),
            batch: config.store.batch as usize,
            queue: WRITE_QUEUE,
            busy: millis(config.store.busy_timeout_ms),
        };
        let opened = Db::open(Settings::Sqlite(settings));
        return opened.with_context(|| format!("the database {} cannot be opened", path.display()));
    };
    let postgres = &config.postgres;
    Ok(Db::open(Settings::Postgres(PostgresSettings {
        url: url.expose().to_owned(),
        connections: postgres.connections as usize,
        readers: postgres.readers as usize,
        queue: WRITE_QUEUE,
        connect: millis(postgres.connect_timeout_ms),
        wait: millis(postgres.wait_timeout_ms),
        statement: millis(postgres.statement_timeout_ms),
        pooler: postgres.pooler,
    }))?)
}

fn millis(number: u32) -> Duration {
    Duration::from_millis(u64::from(number))
}

fn whole_or_cores(number: u32) -> usize {
    match number {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        number => number as usize,
    }
}

fn delivery(config: &Config) -> Delivery {
    Delivery {
        mail: config.mail.transport != MailTransport::Off,
        sms: config.sms.transport != SmsTransport::Off,
        most_per_session: config.delivery.max_per_session,
        most_per_user: config.delivery.max_per_user,
        login_url: config.login_url(),
    }
}

fn keys(config: &Config) -> KeyPolicy {
    let host = |url: &String| Some(url.parse::<Uri>().ok()?.host()?.to_owned());
    KeyPolicy {
        rp_name: config.webauthn.rp_name.clone(),
        host: config.public_url.as_ref().and_then(host),
        android_origins: config.webauthn.android_origins.clone(),
        refuse_backward_counter: config.webauthn.refuse_backward_counter,
    }
}

fn oauth(config: &Config) -> OauthPolicy {
    let oauth = &config.oauth;
    OauthPolicy {
        lasts: Span::minutes(i64::from(oauth.access_token_minutes)),
        most: oauth.max_tokens_per_user,
        algorithm: oauth.algorithm,
        key_lasts: Span::minutes(i64::from(oauth.key_days) * 24 * 60),
    }
}

fn policy(config: &Config) -> anyhow::Result<Policy> {
    let span = |number: u32| Span::millis(i64::from(number));
    let hasher =
        Hasher::new(config.hash_config()).map_err(|problem| anyhow::anyhow!("[hashing] {problem}"))?;
    let (password, backoff, login) = (&config.policy.password, &config.policy.backoff, &config.policy.login);
    let code = |length: u32, minutes: u32| CodeShape {
        length: length as usize,
        lasts: Span::minutes(i64::from(minutes)),
    };
    let codes = &config.codes;
    let lockout = &config.policy.lockout;
    let backoff = backoff.enabled.then(|| Backoff {
        free: backoff.free_attempts,
        first: span(backoff.first_ms),
        longest: span(backoff.longest_ms),
    });
    Ok(Policy {
        attempts: AttemptPolicy { lock_at: lockout.max_password_attempts, backoff },
        code_attempts: AttemptPolicy { lock_at: lockout.max_otp_attempts, backoff },
        complexity: Complexity {
            min_length: password.min_length,
            lower: password.lower,
            upper: password.upper,
            number: password.number,
            symbol: password.symbol,
        },
        hasher,
        search: SearchPolicy { default_limit: config.search.default_limit, most: config.search.max_limit },
        end_sessions: config.policy.session.end_on_deactivate,
        force_mfa: match (login.force_mfa, login.force_mfa_local_only) {
            (true, _) => ForceMfa::Always,
            (false, true) => ForceMfa::LocalOnly,
            (false, false) => ForceMfa::No,
        },
        codes: CodePolicy {
            email: code(codes.email_length, codes.email_lifetime_minutes),
            phone: code(codes.phone_length, codes.phone_lifetime_minutes),
            reset: code(codes.reset_length, codes.reset_lifetime_minutes),
            invite: code(codes.invite_length, codes.invite_lifetime_minutes),
            passkey: code(codes.passkey_length, codes.passkey_lifetime_minutes),
            otp_sms: code(codes.otp_sms_length, codes.otp_sms_lifetime_minutes),
            otp_email: code(codes.otp_email_length, codes.otp_email_lifetime_minutes),
        },
        intents: IntentPolicy {
            answer_within: Span::minutes(i64::from(config.intents.answer_minutes)),
            lasts: Span::minutes(i64::from(config.intents.lifetime_minutes)),
        },
        totp_issuer: config.totp.issuer.clone(),
        keys: keys(config),
        json_depth: config.limits.json_depth,
        issuer: config.public_url(),
        oauth: oauth(config),
    })
}

//! The configuration: one tree, filled from defaults, a TOML file, the environment and flags, in this order.

mod delivery;
mod error;
mod grant;
mod idp;
mod layer;
mod many;
mod nearest;
mod oauth;
mod print;
mod rate;
mod rule;
mod secret;
mod shape;
mod tree;
mod trusted_issuer;
mod verify;
mod web_authn;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use doorward_core::master::MasterKey;
use doorward_core::password::HashConfig;
use toml::{Table, Value};

pub use delivery::{
    Delivery, Mail, MailSecurity, MailTransport, OutboxPolicy, Sms, SmsHook, SmsTransport, Twilio,
};
pub use error::{ConfigError, Origin, Problem};
pub use grant::Grant;
pub use idp::{ClientAuth, Idp, IdpKind, Intents, ResponseMode, is_endpoint, is_loopback};
pub use oauth::{Oauth, SigningAlgorithm};
pub use rate::Rate;
pub use secret::{REDACTED, SecretText};
pub use tree::{
    BackoffPolicy, Codes, Config, Cors, HashAlgorithm, Hashing, Limits, LockoutPolicy, LogFormat,
    LoginPolicy, PasswordPolicy, Policy, Postgres, Search, SessionPolicy, Store, Tls,
};
pub use trusted_issuer::TrustedIssuer;
pub use web_authn::WebAuthn;

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--config FILE`
    pub config: Option<PathBuf>,
    /// `--set key=value`, any number of times; the last one of a key counts.
    pub set: Vec<String>,
    /// `--data-dir DIR`
    pub data_dir: Option<String>,
    /// `--listen HOST:PORT`
    pub listen: Option<String>,
    /// `--log FILTER`
    pub log: Option<String>,
}

/// A value and the place it came from.
struct Entry {
    value: Value,
    origin: Origin,
}

/// The values that were given, by dotted path.
type Entries = BTreeMap<String, Entry>;

impl Config {
    /// Loads the configuration of this process.
    pub fn load(overrides: &Overrides) -> Result<Self, ConfigError> {
        Self::load_from(overrides, std::env::vars_os(), Path::new(""))
    }

    /// As `load`, with the environment and the working directory as values, so that tests need not change theirs.
    pub fn load_from(
        overrides: &Overrides,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        working_dir: &Path,
    ) -> Result<Self, ConfigError> {
        let environment = layer::ours(environment);
        let mut layers = layer::Layers::new();
        if let Some(path) = layer::file_path(overrides, &environment, working_dir)? {
            layers.add_file(&path)?;
        }
        layers.add_environment(environment);
        layers.add_flags(overrides);
        let (entries, mut problems) = layers.finish();
        let config = Self::build(&entries)?;
        if problems.is_empty() {
            problems = verify::verify(&config, &entries);
            problems.extend(idp::verify(&config, &entries));
            problems.extend(trusted_issuer::verify(&config, &entries));
            problems.extend(grant::verify(&config, &entries));
        }
        if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }
    }

    fn build(entries: &Entries) -> Result<Self, ConfigError> {
        let mut table = Table::new();
        for (path, entry) in entries {
            put(&mut table, path, entry.value.clone());
        }
        many::into_lists(&mut table);
        // Every value has passed its rule, so this fails only where a rule and the type of its field disagree. The
        // message of the deserializer may quote a value, and is therefore left out.
        table.try_into().map_err(|_| {
            ConfigError::from(Problem::new("a value passed its check but does not fit its field", None))
        })
    }

    /// The URL under which clients reach the server, without a slash at the end.
    pub fn public_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if self.tls_files().is_some() => format!("https://{}", reachable(&self.listen)),
            None => format!("http://{}", reachable(&self.listen)),
        }
    }

    /// The URL of the login page, without a slash at the end.
    pub fn login_url(&self) -> String {
        match &self.login_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("{}/ui/v2/login", self.public_url()),
        }
    }

    /// Certificate and key when TLS is on.
    pub fn tls_files(&self) -> Option<(&Path, &Path)> {
        Some((self.tls.cert_file.as_deref()?, self.tls.key_file.as_deref()?))
    }

    /// The configured master keys.
    pub fn master_keys(&self) -> Option<Vec<MasterKey>> {
        MasterKey::parse_all(self.master_key.as_ref()?.expose())
    }

    /// How new passwords are hashed.
    pub fn hash_config(&self) -> HashConfig {
        let hashing = &self.hashing;
        match hashing.algorithm {
            HashAlgorithm::Bcrypt => HashConfig::Bcrypt { cost: hashing.bcrypt_cost },
            HashAlgorithm::Argon2id => HashConfig::Argon2id {
                memory_kib: hashing.memory_kib,
                iterations: hashing.iterations,
                parallelism: hashing.parallelism,
            },
        }
    }

    /// Every key as its dotted path and the environment variable that sets it.
    pub fn keys() -> Vec<(String, String)> {
        let leaves = Self::SECTION.leaves();
        leaves
            .into_iter()
            .map(|leaf| (rule::env_name(&leaf.path), leaf.path))
            .map(|(env, key)| (key, env))
            .collect()
    }
}

/// Writes a value into nested tables, following the dots of its path.
fn put(table: &mut Table, path: &str, value: Value) {
    let Some((section, rest)) = path.split_once('.') else {
        table.insert(path.to_owned(), value);
        return;
    };
    let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(inner) = inner {
        put(inner, rest, value);
    }
}

/// Reads a value out of nested tables, following the dots of its path.
fn pick<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        None => table.get(path),
        Some((section, rest)) => pick(table.get(section)?.as_table()?, rest),
    }
}

/// How an address that is listened on is reached from this machine: one that stands for all of them is none.
pub(crate) fn reachable(listen: &str) -> String {
    match listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() => format!("localhost:{}", address.port()),
        _ => listen.to_owned(),
    }
}

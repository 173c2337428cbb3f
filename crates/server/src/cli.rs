//! The command line: what it takes, and what its exit codes mean.

mod backup;
mod config;
mod grant;
mod key;
mod keys;
mod migrate;
mod move_store;
mod org;
mod outbox;
pub mod output;
mod secret;
mod session;
mod signing_keys;
mod token;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use doorward_core::caller::Caller;
use doorward_core::failure::{self, Failure, Kind};
use doorward_store::StoreError;
use doorward_store::user::{self as users, Wanted};

use crate::app::{Call, read};
use crate::config::{Config, ConfigError, Overrides};
use crate::env::Env;
use crate::wiring::open_existing;
use output::Output;

/// The session server for teams that build their own login.
///
/// Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 wrong configuration, 4 not found, 5 the store is not
/// available.
#[derive(Debug, Parser)]
#[command(name = "doorward", version, disable_help_subcommand = true, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// Configuration file. Without it, doorward.toml in the working directory is read if it is there.
    #[arg(long, global = true, value_name = "FILE", env = "DOORWARD_CONFIG")]
    config: Option<PathBuf>,
    /// Directory of the database and of generated keys.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// Which log lines are written: error, warn, info, debug, trace, or a list such as info,doorward=debug.
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// Sets any configuration key, for example --set policy.lockout.max_password_attempts=10. Can be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Writes results as JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts the server. On an empty data directory it sets up everything first.
    Serve {
        /// Address to listen on, for example 127.0.0.1:8080 or [::]:443.
        #[arg(long, value_name = "HOST:PORT")]
        listen: Option<String>,
    },
    /// Adds, lists, shows, locks and deletes users, and sets their passwords.
    #[command(subcommand)]
    User(user::Command),
    /// Adds and lists organisations.
    #[command(subcommand)]
    Org(org::Command),
    /// Creates, lists and revokes personal access tokens of machine users.
    #[command(subcommand)]
    Token(token::Command),
    /// Adds, lists and removes keys by which machine users log in.
    #[command(subcommand)]
    Key(key::Command),
    /// Gives machine users a secret to log in with, and takes it away.
    #[command(subcommand)]
    Secret(secret::Command),
    /// Grants roles to users, lists them and takes them away.
    #[command(subcommand)]
    Grant(grant::Command),
    /// Lists, shows, ends and removes sessions.
    #[command(subcommand)]
    Session(session::Command),
    /// Lists messages to users, and tries those again that wait.
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Shows or checks the configuration.
    #[command(subcommand)]
    Config(config::Command),
    /// Copies the database into a new file while the server runs. Keep the file master.key of the data directory
    /// with it: without that key no token of the copy is valid.
    Backup {
        /// The file to make. It must not be there yet.
        file: PathBuf,
    },
    /// Shows or runs the migrations of the store's schema.
    #[command(subcommand)]
    Migrate(migrate::Command),
    /// Copies a whole store into an empty one, on the same engine or the other, and compares the two. Stop the servers
    /// of both before. A move that was broken off goes on where it stopped when the same command is run again.
    Move(move_store::Move),
    /// Shows or replaces the master keys, and the keys that sign tokens.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Shows the version.
    Version,
}

/// What a command fails with.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("{0}")]
    Refused(#[from] Failure),
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
    #[error("{0}")]
    Usage(String),
}

impl CliError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(failure) => match failure.kind {
                Kind::NotFound => 4,
                Kind::Unavailable => 5,
                _ => 1,
            },
            Self::Config(_) => 3,
            Self::Usage(_) => 2,
            Self::Other(error) if error.chain().any(is_unavailable) => 5,
            Self::Other(_) => 1,
        }
    }
}

/// Whether the store is what a command failed for, and may be there again the next time.
fn is_unavailable(cause: &(dyn std::error::Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(StoreError::Unavailable(_)))
}

type CliResult = Result<(), CliError>;

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("doorward: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn execute(cli: Cli) -> CliResult {
    let listen = match &cli.command {
        Command::Serve { listen } => listen.clone(),
        _ => None,
    };
    let Global { config, data_dir, log, set, json } = cli.global;
    let overrides = Overrides { config, set, data_dir, listen, log };
    let output = Output { json };
    match cli.command {
        Command::Version => {
            output.version();
            return Ok(());
        }
        Command::Config(command) => return config::run(&command, &overrides, output),
        _ => {}
    }
    let config = Config::load(&overrides)?;
    let serving = matches!(cli.command, Command::Serve { .. });
    // A command of an operator says what it did; the log is for what goes wrong.
    let filter = if serving || overrides.log.is_some() { config.log.as_str() } else { "warn" };
    crate::telemetry::install(filter, config.log_format).map_err(anyhow::Error::from)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(anyhow::Error::from)?;
    runtime.block_on(async move {
        match cli.command {
            Command::Serve { .. } => Ok(crate::serve::serve(&config).await?),
            Command::Backup { file } => backup::run(&config, &file, output).await,
            Command::User(command) => user::run(&operator(&config).await?, command, output).await,
            Command::Org(command) => org::run(&operator(&config).await?, command, output).await,
            Command::Token(command) => token::run(&operator(&config).await?, command, output).await,
            Command::Key(command) => key::run(&operator(&config).await?, command, output).await,
            Command::Secret(command) => secret::run(&operator(&config).await?, command, output).await,
            Command::Grant(command) => grant::run(&operator(&config).await?, command, output).await,
            Command::Session(command) => {
                let keep = config.policy.session.keep_ended_days;
                session::run(&operator(&config).await?, command, keep, output).await
            }
            Command::Outbox(command) => outbox::run(&operator(&config).await?, command, output).await,
            Command::Move(asked) => move_store::run(&config, &asked, output).await,
            Command::Keys(keys::Command::Signing(command)) => {
                signing_keys::run(&operator(&config).await?, &command, output).await
            }
            Command::Keys(command) => keys::run(&config, &command, output).await,
            Command::Migrate(command) => migrate::run(&config, &command, output).await,
            Command::Config(_) | Command::Version => Ok(()),
        }
    })
}

/// A call by the operator, who may do everything.
async fn operator(config: &Config) -> Result<Call, CliError> {
    let app = open_existing(config, Env::system()).await?.app;
    let caller = Caller::operator(app.instance.default_organisation.clone());
    let now = app.env.clock.now();
    Ok(Call { app: Arc::clone(&app), caller, now, host: None })
}

/// The id of the user with that id or login name.
async fn user_id(call: &Call, name: &str) -> Result<String, Failure> {
    for wanted in [Wanted::LoginName(name.to_owned()), Wanted::Id(name.to_owned())] {
        if let Some(user) = read!(call.app, users::find(&wanted))? {
            return Ok(user.id);
        }
    }
    Err(failure::USER_NOT_FOUND)
}

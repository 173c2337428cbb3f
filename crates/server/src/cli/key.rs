//! `doorward key`: keys by which machine users log in.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use doorward_core::base::{Span, Timestamp};
use doorward_core::failure;
use doorward_core::search::Page;
use doorward_store::credential::{Credential, CredentialFilter, CredentialOrder};
use zeroize::Zeroizing;

use super::output::{Output, say, time};
use super::{CliError, CliResult, user_id};
use crate::app::{Call, user_machine_key};
use crate::private_file;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Adds a key to a machine user. Prints the key file that client libraries load, this once: the private half is kept
    /// nowhere else.
    Add(Add),
    /// Lists the keys of machine users.
    List {
        /// Only those of this machine user: id or login name.
        user: Option<String>,
    },
    /// Removes a key. The next call with an access token that was given for it is refused.
    Remove {
        /// The id of the key, as the list shows it.
        key: String,
    },
}

#[derive(Debug, Args)]
pub struct Add {
    /// The machine user: id or login name.
    user: String,
    /// How many days it is valid. Without it, it does not expire.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
    /// Writes the key file there, for its owner alone to read, and prints the ids instead. It must not be there yet.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Adds this public key, in PEM or DER, instead of making a key.
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    public_key: Option<PathBuf>,
}

pub async fn run(call: &Call, command: Command, output: Output) -> CliResult {
    match command {
        Command::Add(add) => return self::add(call, add, output).await,
        Command::List { user } => {
            let mut filters = Vec::new();
            if let Some(user) = user {
                filters.push(CredentialFilter::User(user_id(call, &user).await?));
            }
            let row = |key: Credential| {
                vec![key.id.into(), key.user_id.into(), time(key.created), time(key.expires)]
            };
            let rows: Vec<_> = keys(call, filters).await?.into_iter().map(row).collect();
            output.many(&["id", "user", "created", "expires"], &rows);
        }
        Command::Remove { key } => {
            let found = keys(call, vec![CredentialFilter::Id(key.clone())]).await?;
            let owner = found.into_iter().next().ok_or(failure::KEY_NOT_FOUND)?;
            user_machine_key::remove(call, owner.user_id, key.clone()).await?;
            output.one(&[("removed", key.into())]);
        }
    }
    Ok(())
}

async fn add(call: &Call, add: Add, output: Output) -> CliResult {
    if let Some(path) = add.out.as_deref().filter(|path| path.exists()) {
        return Err(CliError::Usage(format!("{} is there already", path.display())));
    }
    let user = user_id(call, &add.user).await?;
    let lasts = add.days.map(|days| Span::minutes(i64::from(days) * 24 * 60));
    let expires = lasts.map_or(Timestamp::LATEST, |lasts| call.now.plus(lasts));
    let public = add.public_key.as_deref().map(read).transpose()?.unwrap_or_default();
    let (key, file) = user_machine_key::add(call, user, expires, &public).await?;
    let mut fields = vec![
        ("id", key.id.clone().into()),
        ("user", key.user_id.clone().into()),
        ("expires", time(key.expires)),
    ];
    match (file, add.out) {
        (Some(file), Some(path)) => {
            let text = Zeroizing::new(format!("{}\n", file.expose()));
            if let Err(error) = private_file::replace(&path, &text) {
                // Nobody could log in by a key whose private half is nowhere.
                user_machine_key::remove(call, key.user_id, key.id).await?;
                return Err(error.into());
            }
            fields.push(("file", path.display().to_string().into()));
        }
        // It is JSON, and names the key and the user.
        (Some(file), None) => {
            say(file.expose());
            return Ok(());
        }
        (None, _) => {}
    }
    output.one(&fields);
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    anyhow::ensure!(!read.is_empty(), "{} is empty", path.display());
    Ok(read)
}

async fn keys(call: &Call, filters: Vec<CredentialFilter>) -> Result<Vec<Credential>, CliError> {
    let page = Page { offset: 0, limit: u32::MAX, ascending: true };
    Ok(user_machine_key::list(call, filters, CredentialOrder::Id, page).await?.entries)
}

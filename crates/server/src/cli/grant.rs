//! `doorward grant`: who holds which role.

use clap::{Args, Subcommand};
use doorward_core::caller::Role;
use doorward_core::failure::{Failure, Kind};
use doorward_store::grant::Grant;

use super::output::Output;
use super::{CliError, CliResult, user_id};
use crate::app::{Call, grant};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Grants a role. It counts with the user's very next call.
    Add(Held),
    /// Lists roles, of one user or of all.
    List {
        /// Only those of this user: id or login name.
        user: Option<String>,
    },
    /// Takes a role away. The user's very next call is made without it.
    Remove(Held),
}

#[derive(Debug, Args)]
pub struct Held {
    /// The user, a person or a machine: id or login name.
    user: String,
    /// The role, such as IAM_LOGIN_CLIENT, or ORG_OWNER on an organisation.
    role: String,
    /// The id of the organisation that it is held on. Without it, it is held on the instance.
    #[arg(long, visible_alias = "org", value_name = "ID")]
    organisation: Option<String>,
}

pub async fn run(call: &Call, command: Command, output: Output) -> CliResult {
    match command {
        Command::Add(held) => {
            let membership = grant::membership(role(&held.role)?, held.organisation)?;
            let user = user_id(call, &held.user).await?;
            let shown = Grant {
                user_id: user.clone(),
                organisation: membership.organisation.clone(),
                role: membership.role.name().to_owned(),
            };
            grant::add(call, user, membership).await?;
            show("granted", shown, output);
        }
        Command::List { user } => {
            let user = match user {
                Some(user) => Some(user_id(call, &user).await?),
                None => None,
            };
            let held = grant::list(call, user.as_deref()).await?;
            let rows: Vec<_> = held
                .into_iter()
                .map(|held| vec![held.user_id.into(), held.role.into(), held.organisation.into()])
                .collect();
            output.many(&["user", "role", "organisation"], &rows);
        }
        Command::Remove(held) => {
            // Whatever is stored can be taken away, be it a role that this version does not know.
            let user_id = user_id(call, &held.user).await?;
            let held = Grant { user_id, organisation: held.organisation, role: held.role };
            if !grant::remove(call, held.clone()).await? {
                return Err(Failure::bare(Kind::NotFound, "the user does not hold this role there").into());
            }
            show("removed", held, output);
        }
    }
    Ok(())
}

/// The role of that name, which is refused with all that there are.
pub(super) fn role(name: &str) -> Result<Role, CliError> {
    Role::named(name).ok_or_else(|| {
        let known: Vec<_> = Role::ALL.iter().map(|role| role.name()).collect();
        CliError::Usage(format!("there is no role {name}; there are {}", known.join(", ")))
    })
}

fn show(what: &'static str, held: Grant, output: Output) {
    output.one(&[
        (what, held.role.into()),
        ("user", held.user_id.into()),
        ("organisation", held.organisation.into()),
    ]);
}

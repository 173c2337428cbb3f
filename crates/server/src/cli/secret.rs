//! `doorward secret`: the secrets by which machine users log in.

use clap::Subcommand;

use super::output::Output;
use super::{CliResult, user_id};
use crate::app::{Call, user, user_machine_secret};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Gives a machine user a secret in place of the one before, and prints it, this once.
    Add {
        /// The machine user: id or login name.
        user: String,
    },
    /// Takes the secret of a machine user away. The next call with an access token that was given for it is refused.
    Remove {
        /// The machine user: id or login name.
        user: String,
    },
}

pub async fn run(call: &Call, command: Command, output: Output) -> CliResult {
    match command {
        Command::Add { user } => {
            let user = user::get(call, &user_id(call, &user).await?).await?;
            let secret = user_machine_secret::add(call, user.id.clone()).await?;
            output.one(&[
                ("user", user.id.into()),
                ("client_id", user.username.into()),
                ("client_secret", secret.expose().into()),
            ]);
        }
        Command::Remove { user } => {
            let user = user_id(call, &user).await?;
            user_machine_secret::remove(call, user.clone()).await?;
            output.one(&[("user", user.into()), ("removed", true.into())]);
        }
    }
    Ok(())
}

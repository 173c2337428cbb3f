//! `doorward org`: organisations.

use clap::Subcommand;
use doorward_core::failure::{Failure, Kind};
use doorward_store::organisation::{self, Organisation};

use super::CliResult;
use super::output::{Output, time};
use crate::app::{Call, read, store_failure};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Adds an organisation.
    Add {
        /// Its name, which no other one has.
        name: String,
    },
    /// Lists the organisations. New users belong to the first one unless told otherwise.
    List,
}

pub async fn run(call: &Call, command: Command, output: Output) -> CliResult {
    match command {
        Command::Add { name } => {
            if name.trim().is_empty() || name.chars().count() > 200 {
                let text = "the name of an organisation has 1 to 200 characters";
                return Err(Failure::bare(Kind::InvalidArgument, text).into());
            }
            let organisation = Organisation { id: call.app.mint_id(call.now), name, created: call.now };
            let made = organisation.clone();
            let added = call
                .app
                .db
                .write(move |conn| Box::pin(async move { organisation::insert(conn, &made).await }));
            if !added.await.map_err(store_failure)? {
                return Err(Failure::bare(Kind::AlreadyExists, "an organisation of that name exists").into());
            }
            output.one(&[("id", organisation.id.into()), ("name", organisation.name.into())]);
        }
        Command::List => {
            let rows: Vec<_> = read!(call.app, organisation::list())?
                .into_iter()
                .map(|entry| vec![entry.id.into(), entry.name.into(), time(entry.created)])
                .collect();
            output.many(&["id", "name", "created"], &rows);
        }
    }
    Ok(())
}

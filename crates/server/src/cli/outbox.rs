//! `doorward outbox`: the messages to users, and what became of them.

use clap::{Args, Subcommand, ValueEnum};
use doorward_core::failure;
use doorward_store::outbox::{Entry, State};
use doorward_store::outbox_list;
use serde_json::{Value, json};

use super::output::{Output, time};
use super::{CliError, CliResult, user_id};
use crate::app::{Call, read, store_failure};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists messages, newest first. What they say is not shown.
    List {
        /// Only those in this state.
        #[arg(long)]
        state: Option<Wanted>,
        /// Only those for this user: id or login name.
        #[arg(long)]
        user: Option<String>,
        /// How many at the most.
        #[arg(long, default_value_t = 50, value_name = "NUMBER")]
        limit: u32,
    },
    /// Tries messages that wait at once, and as often as new ones. One that was given up is gone: its user asks for
    /// another code.
    Retry(Retry),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Retry {
    /// The id.
    message: Option<String>,
    /// All that wait.
    #[arg(long)]
    all: bool,
}

/// The states, as they are said on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Wanted {
    Waiting,
    Sent,
    GivenUp,
    Replaced,
}

impl Wanted {
    const fn state(self) -> State {
        match self {
            Self::Waiting => State::Waiting,
            Self::Sent => State::Sent,
            Self::GivenUp => State::GivenUp,
            Self::Replaced => State::Replaced,
        }
    }
}

pub async fn run(call: &Call, command: Command, output: Output) -> CliResult {
    match command {
        Command::List { state, user, limit } => {
            let user = match user {
                Some(user) => Some(user_id(call, &user).await?),
                None => None,
            };
            let state = state.map(Wanted::state);
            let entries = read!(call.app, outbox_list::list(state, user.as_deref(), limit))?;
            let rows: Vec<_> = entries.iter().map(row).collect();
            let columns =
                ["id", "user", "channel", "purpose", "state", "attempts", "created", "due", "ended", "error"];
            output.many(&columns, &rows);
        }
        Command::Retry(Retry { message, .. }) => {
            if let Some(id) = &message {
                let entry = read!(call.app, outbox_list::find(id))?.ok_or(failure::MESSAGE_NOT_FOUND)?;
                if entry.ended.is_some() {
                    let state = entry.state.name();
                    let text =
                        format!("the message was {state}, and what it said is gone: ask for a new code");
                    return Err(CliError::Usage(text));
                }
            }
            let now = call.now;
            let retried = call.app.db.write(move |conn| {
                Box::pin(async move { outbox_list::retry(conn, message.as_deref(), now).await })
            });
            output.one(&[("retried", retried.await.map_err(store_failure)?.into())]);
        }
    }
    Ok(())
}

fn row(entry: &Entry) -> Vec<Value> {
    vec![
        json!(entry.id),
        json!(entry.user_id),
        json!(entry.channel.name()),
        json!(entry.purpose.name()),
        json!(entry.state.name()),
        json!(entry.attempts),
        time(entry.created),
        entry.ended.map_or(time(entry.due), |_| Value::Null),
        entry.ended.map_or(Value::Null, time),
        json!(entry.error),
    ]
}

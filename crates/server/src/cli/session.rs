//! `doorward session`: what an operator can see and end.

use clap::Subcommand;
use doorward_core::base::Timestamp;
use doorward_core::failure;
use doorward_core::search::{Page, SessionFilter};
use doorward_core::session::Factors;
use doorward_store::session::ShownSession;
use serde_json::{Value, json};

use super::output::{Output, time};
use super::{CliError, CliResult, user_id};
use crate::app::{Call, session, session_list, store_failure};
use crate::cleanup;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists sessions, newest first.
    List {
        /// Only those of this user: id or login name.
        #[arg(long)]
        user: Option<String>,
        /// How many at the most.
        #[arg(long, default_value_t = 50, value_name = "NUMBER")]
        limit: u32,
    },
    /// Shows a session with its factors.
    Show {
        /// The id.
        session: String,
    },
    /// Ends a session, or all of a user.
    End {
        /// The id.
        #[arg(required_unless_present = "user")]
        session: Option<String>,
        /// All sessions of this user instead: id or login name.
        #[arg(long, conflicts_with = "session")]
        user: Option<String>,
    },
    /// Removes sessions that ended or expired long ago, as the server does by itself every ten minutes.
    Prune {
        /// Those that did so more than so many days ago, instead of policy.session.keep_ended_days.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: Option<u32>,
    },
}

/// `keep` is how many days the configuration keeps what is over.
pub async fn run(call: &Call, command: Command, keep: u32, output: Output) -> CliResult {
    match command {
        Command::Prune { days } => {
            let Some(keep) = cleanup::kept(days.unwrap_or(keep)) else {
                let text =
                    "policy.session.keep_ended_days is 0, which keeps sessions for ever: say --days DAYS";
                return Err(CliError::Usage(text.to_owned()));
            };
            // Nobody tells it to stop; it ends with the process.
            let (_go_on, mut stop) = tokio::sync::watch::channel(false);
            let removed = cleanup::sweep(&call.app, keep, &mut stop, &|_| ()).await.map_err(store_failure)?;
            output.one(&[("removed", removed.into())]);
        }
        Command::List { user, limit } => {
            let mut asked = Vec::new();
            if let Some(user) = user {
                let id = user_id(call, &user).await?;
                asked.push(session_list::Asked::Plain(SessionFilter::User(id)));
            }
            let page = Page { offset: 0, limit, ascending: false };
            let found = session_list::list(call, asked, page).await?;
            let rows: Vec<_> = found.entries.into_iter().map(|shown| row(&shown)).collect();
            output.many(&["id", "login_name", "factors", "created", "changed", "expires"], &rows);
        }
        Command::Show { session } => {
            let begun = session::look(call, &session)?;
            show(&session::get(call, begun, "").await?, output);
        }
        Command::End { session: Some(id), .. } => {
            let ended = session::delete(call, id.clone(), "").await?.ok_or(failure::SESSION_NOT_FOUND)?;
            output.one(&[("ended", ended.id.into())]);
        }
        Command::End { user, .. } => {
            let id = user_id(call, &user.unwrap_or_default()).await?;
            let filter = session_list::Asked::Plain(SessionFilter::User(id));
            let page = Page { offset: 0, limit: u32::MAX, ascending: true };
            let found = session_list::list(call, vec![filter], page).await?.entries;
            for shown in &found {
                session::delete(call, shown.session.id.clone(), "").await?;
            }
            output.one(&[("ended", found.len().into())]);
        }
    }
    Ok(())
}

fn row(shown: &ShownSession) -> Vec<Value> {
    let session = &shown.session;
    vec![
        json!(session.id),
        json!(shown.login_name),
        json!(factors(&session.factors).join(",")),
        time(session.created),
        time(session.changed),
        session.expires.map_or(Value::Null, time),
    ]
}

fn show(shown: &ShownSession, output: Output) {
    let session = &shown.session;
    output.one(&[
        ("id", json!(session.id)),
        ("created", time(session.created)),
        ("changed", time(session.changed)),
        ("expires", session.expires.map_or(Value::Null, time)),
        ("sequence", json!(session.sequence)),
        ("creator", json!(session.creator)),
        ("user", session.user.as_ref().map_or(Value::Null, |user| json!(user.id))),
        ("login_name", json!(shown.login_name)),
        ("factors", json!(factors(&session.factors).join(","))),
        ("metadata_keys", json!(session.metadata.keys().cloned().collect::<Vec<_>>().join(","))),
        ("user_agent", session.known_user_agent().map_or(Value::Null, |agent| json!(agent))),
    ]);
}

fn factors(factors: &Factors) -> Vec<&'static str> {
    let held: [(&'static str, Option<Timestamp>); 7] = [
        ("password", factors.password),
        ("web_auth_n", factors.web_auth_n.map(|(at, _)| at)),
        ("intent", factors.intent),
        ("totp", factors.totp),
        ("otp_sms", factors.otp_sms),
        ("otp_email", factors.otp_email),
        ("recovery_code", factors.recovery_code),
    ];
    held.into_iter().filter(|(_, at)| at.is_some()).map(|(name, _)| name).collect()
}

//! `doorward token`: personal access tokens of machine users.

use clap::Subcommand;
use doorward_core::base::{Span, Timestamp};
use doorward_core::search::Page;
use doorward_store::token::{TokenFilter, TokenOrder};

use super::output::{Output, time};
use super::{CliError, CliResult, user_id};
use crate::app::{Call, user_token};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Creates a token for a machine user and prints it, this once.
    Create {
        /// The machine user: id or login name.
        user: String,
        /// How many days it is valid. Without it, it does not expire.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: Option<u32>,
    },
    /// Lists tokens, without their texts.
    List {
        /// Only those of this machine user: id or login name.
        user: Option<String>,
    },
    /// Revokes a token. The next call with it is refused.
    Revoke {
        /// The id of the token, as the list shows it.
        token: String,
    },
}

pub async fn run(call: &Call, command: Command, output: Output) -> CliResult {
    match command {
        Command::Create { user, days } => {
            let user = user_id(call, &user).await?;
            let lasts = days.map(|days| Span::minutes(i64::from(days) * 24 * 60));
            let expires = lasts.map_or(Timestamp::LATEST, |lasts| call.now.plus(lasts));
            let (token, text) = user_token::add(call, user, expires).await?;
            output.one(&[
                ("id", token.id.into()),
                ("expires", time(token.expires)),
                ("token", text.expose().into()),
            ]);
        }
        Command::List { user } => {
            let mut filters = Vec::new();
            if let Some(user) = user {
                filters.push(TokenFilter::User(user_id(call, &user).await?));
            }
            let rows: Vec<_> = tokens(call, filters)
                .await?
                .into_iter()
                .map(|token| {
                    vec![token.id.into(), token.user_id.into(), time(token.created), time(token.expires)]
                })
                .collect();
            output.many(&["id", "user", "created", "expires"], &rows);
        }
        Command::Revoke { token } => {
            let found = tokens(call, vec![TokenFilter::Id(token.clone())]).await?;
            let owner = found.into_iter().next().ok_or(doorward_core::failure::TOKEN_NOT_FOUND)?;
            user_token::remove(call, owner.user_id, token.clone()).await?;
            output.one(&[("revoked", token.into())]);
        }
    }
    Ok(())
}

async fn tokens(
    call: &Call,
    filters: Vec<TokenFilter>,
) -> Result<Vec<doorward_store::token::AccessToken>, CliError> {
    let page = Page { offset: 0, limit: u32::MAX, ascending: true };
    Ok(user_token::list(call, filters, TokenOrder::Id, page).await?.entries)
}

//! `doorward user`: people and machines.

use std::io::{BufRead, IsTerminal};

use clap::{Args, Subcommand, ValueEnum};
use doorward_core::base::Secret;
use doorward_core::caller::{Membership, Role};
use doorward_core::search::{Page, UserFilter, UserOrder};
use doorward_core::user::{AccessTokenType, Machine, Profile, Transition, User, UserKind};
use doorward_store::grant;
use serde_json::{Value, json};

use super::grant::role;
use super::output::{Output, time};
use super::{CliError, CliResult, user_id};
use crate::app::password::NewPassword;
use crate::app::user::{NewHuman, NewKind, NewUser, Verification};
use crate::app::{Call, read, store_failure, user, user_list, user_password, user_update};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Adds a person, or with --machine a machine user.
    Add(Box<Add>),
    /// Lists users.
    List {
        /// How many at the most.
        #[arg(long, default_value_t = 100, value_name = "NUMBER")]
        limit: u32,
    },
    /// Shows a user with its roles.
    Show {
        /// Id or login name.
        user: String,
    },
    /// Sets the password of a person, read from standard input. Their sessions forget the password factor.
    SetPassword {
        /// Id or login name.
        user: String,
        /// Whether the person shall choose another one.
        #[arg(long)]
        change_required: bool,
    },
    /// Sets what access tokens of a machine user look like from the next one on.
    SetAccessToken {
        /// Id or login name.
        user: String,
        /// What they look like.
        kind: AccessToken,
    },
    /// Locks a user: no check passes until unlocked.
    Lock {
        /// Id or login name.
        user: String,
    },
    /// Unlocks a user and forgets failed attempts.
    Unlock {
        /// Id or login name.
        user: String,
    },
    /// Deletes a user and ends their sessions. The id is never given again.
    Delete {
        /// Id or login name.
        user: String,
    },
}

/// What access tokens look like.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum AccessToken {
    /// Only this server can read them.
    Opaque,
    /// Others can read and verify them too.
    Jwt,
}

impl From<AccessToken> for AccessTokenType {
    fn from(kind: AccessToken) -> Self {
        match kind {
            AccessToken::Opaque => Self::Opaque,
            AccessToken::Jwt => Self::Jwt,
        }
    }
}

#[derive(Debug, Args)]
pub struct Add {
    /// Adds a machine user of this name instead of a person.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["email", "email_verified", "given_name", "family_name", "password_stdin"]
    )]
    machine: Option<String>,
    /// What access tokens of the machine user look like.
    #[arg(long, value_name = "KIND", requires = "machine")]
    access_token: Option<AccessToken>,
    /// The mail address, which is also the login name unless --username is given.
    #[arg(long, required_unless_present = "machine")]
    email: Option<String>,
    /// Whether the mail address counts as verified.
    #[arg(long)]
    email_verified: bool,
    /// The given name.
    #[arg(long, required_unless_present = "machine")]
    given_name: Option<String>,
    /// The family name.
    #[arg(long, required_unless_present = "machine")]
    family_name: Option<String>,
    /// The login name.
    #[arg(long)]
    username: Option<String>,
    /// Reads the password from the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
    /// The id of the organisation; without it the first one.
    #[arg(long, visible_alias = "organisation", value_name = "ID")]
    org: Option<String>,
    /// Grants a role, such as IAM_LOGIN_CLIENT, or ORG_OWNER on the user's organisation. Can be repeated.
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
}

pub async fn run(call: &Call, command: Command, output: Output) -> CliResult {
    match command {
        Command::Add(add) => return self::add(call, *add, output).await,
        Command::List { limit } => {
            let page = Page { offset: 0, limit, ascending: true };
            let found = user_list::list(call, UserFilter::All(Vec::new()), UserOrder::Id, page).await?;
            let rows: Vec<_> = found.entries.iter().map(row).collect();
            output.many(&["id", "login_name", "display_name", "kind", "state", "created"], &rows);
        }
        Command::Show { user } => {
            let user = user::get(call, &user_id(call, &user).await?).await?;
            let roles = read!(call.app, grant::of_user(&user.id))?;
            let roles: Vec<_> = roles.iter().map(|held| held.role.name()).collect();
            show(&user, &roles, output);
        }
        Command::SetPassword { user, change_required } => {
            let password = NewPassword::Plain(read_password()?);
            let (id, proof) = (user_id(call, &user).await?, user_password::Proof::Permission);
            let user = user_password::set(call, id, password, change_required, proof).await?;
            output.one(&[("id", user.id.into()), ("password", "set".into())]);
        }
        Command::SetAccessToken { user, kind } => {
            let user = user_update::access_token(call, user_id(call, &user).await?, kind.into()).await?;
            let kind = user.machine().map(|machine| machine.access_token.name());
            output.one(&[("id", user.id.into()), ("access_token", kind.into())]);
        }
        Command::Lock { user } => move_to(call, &user, Transition::Lock, output).await?,
        Command::Unlock { user } => move_to(call, &user, Transition::Unlock, output).await?,
        Command::Delete { user } => move_to(call, &user, Transition::Delete, output).await?,
    }
    Ok(())
}

async fn add(call: &Call, add: Add, output: Output) -> CliResult {
    let roles: Vec<Role> = add.role.iter().map(|name| role(name)).collect::<Result<_, _>>()?;
    let organisation = add.org.unwrap_or_else(|| call.caller.organisation.clone());
    let kind = match add.machine {
        Some(name) => {
            let access_token = add.access_token.map(Into::into).unwrap_or_default();
            NewKind::Machine(Machine { name, access_token, ..Machine::default() })
        }
        None => {
            let password = if add.password_stdin { Some(read_password()?) } else { None };
            let verification = if add.email_verified { Verification::Verified } else { Verification::Unsaid };
            NewKind::Human(Box::new(NewHuman {
                profile: Profile {
                    given_name: add.given_name.unwrap_or_default(),
                    family_name: add.family_name.unwrap_or_default(),
                    ..Profile::default()
                },
                email: (add.email.unwrap_or_default(), verification),
                phone: None,
                password: password.map(|password| (NewPassword::Plain(password), false)),
                metadata: Vec::new(),
                idp_links: Vec::new(),
                totp: None,
            }))
        }
    };
    let new = NewUser { organisation, id: None, username: add.username, kind };
    let user = user::add(call, new).await?.user;
    let (id, organisation) = (user.id.clone(), user.organisation.clone());
    let granted = roles.clone();
    let grants = call.app.db.write(move |conn| {
        Box::pin(async move {
            for role in granted {
                let organisation = (!role.is_for_instance()).then(|| organisation.clone());
                grant::insert(conn, &id, &Membership { organisation, role }).await?;
            }
            Ok(())
        })
    });
    grants.await.map_err(store_failure)?;
    let roles: Vec<_> = roles.into_iter().map(Role::name).collect();
    show(&user, &roles, output);
    Ok(())
}

async fn move_to(call: &Call, name: &str, transition: Transition, output: Output) -> CliResult {
    let id = user_id(call, name).await?;
    let user = user::transition(call, id, transition).await?;
    output.one(&[("id", user.id.into()), ("state", user.state.name().into())]);
    Ok(())
}

/// The first line of standard input. A password on the command line would be seen by every user of the machine.
fn read_password() -> Result<Secret, CliError> {
    if std::io::stdin().is_terminal() {
        let typed = rpassword::prompt_password("Password: ").map_err(anyhow::Error::from)?;
        return if typed.is_empty() { Err(no_password()) } else { Ok(Secret::new(typed)) };
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(anyhow::Error::from)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        return Err(no_password());
    }
    Ok(Secret::new(password))
}

fn no_password() -> CliError {
    CliError::Usage("no password came in on standard input".to_owned())
}

fn kind(user: &User) -> &'static str {
    match user.kind {
        UserKind::Human(_) => "human",
        UserKind::Machine(_) => "machine",
    }
}

fn row(user: &User) -> Vec<Value> {
    vec![
        json!(user.id),
        json!(user.username),
        json!(user.display_name()),
        json!(kind(user)),
        json!(user.state.name()),
        time(user.created),
    ]
}

fn show(user: &User, roles: &[&str], output: Output) {
    let human = user.human();
    output.one(&[
        ("id", json!(user.id)),
        ("login_name", json!(user.username)),
        ("display_name", json!(user.display_name())),
        ("kind", json!(kind(user))),
        ("state", json!(user.state.name())),
        ("organisation", json!(user.organisation)),
        ("email", human.map_or(Value::Null, |human| json!(human.email.address))),
        ("email_verified", human.map_or(Value::Null, |human| json!(human.email.verified))),
        ("password", human.map_or(Value::Null, |human| json!(human.password.is_some()))),
        (
            "password_change_required",
            human
                .and_then(|human| human.password.as_ref())
                .map_or(Value::Null, |password| json!(password.change_required)),
        ),
        ("access_token", user.machine().map_or(Value::Null, |machine| json!(machine.access_token.name()))),
        ("roles", json!(roles.join(","))),
        ("created", time(user.created)),
    ]);
}

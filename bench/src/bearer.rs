//! Callers with every kind of token, each of whom may do the same: what a login page may.

use std::ffi::OsString;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use doorward::app::{App, Call, caller, grant, oauth, oauth_client, user, user_machine_secret, user_token};
use doorward::config::{Config, Overrides};
use doorward::env::Env;
use doorward::wiring::open_existing;
use doorward_core::base::Timestamp;
use doorward_core::caller::{Caller, Role};
use doorward_core::scope::Scope;
use doorward_core::user::{AccessTokenType, Machine};
use serde_json::json;

use crate::call::{self, Wire};
use crate::client::Client;
use crate::factor::{Admin, text};
use crate::issuer::Issuer;
use crate::server::{Doorward, Home, PASSWORD, created, human};

/// A kind of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer {
    Personal,
    Opaque,
    Jwt,
    Foreign,
    Session,
}

impl Bearer {
    /// All kinds, in the order in which they are measured.
    pub const ALL: [Self; 5] = [Self::Personal, Self::Opaque, Self::Jwt, Self::Foreign, Self::Session];

    /// As it stands in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Personal => "personal access token",
            Self::Opaque => "access token",
            Self::Jwt => "access token, JWT",
            Self::Foreign => "JWT of a trusted issuer",
            Self::Session => "session token",
        }
    }
}

/// What server and measurement have to agree on, for a home that is still empty.
pub fn configure(home: &Home, issuer: &Issuer) -> Result<()> {
    // The name in the server's own JWTs, which would otherwise be that of a port.
    let config = format!("public_url = \"http://localhost\"\n{}", issuer.trust());
    Ok(std::fs::write(home.path.join("doorward.toml"), config)?)
}

/// An app on the rows of a server that runs, as the server has one.
pub async fn app(home: &Home) -> Result<Arc<App>> {
    let data = home.path.join("data").to_str().context("a path in UTF-8")?.to_owned();
    let overrides = Overrides { data_dir: Some(data), ..Overrides::default() };
    let url = home.postgres.as_ref().map(|(_, url, _)| url);
    let environment = url.map(|url| (OsString::from("DOORWARD_DATABASE_URL"), OsString::from(url)));
    let config = Config::load_from(&overrides, environment, &home.path)?;
    Ok(open_existing(&config, Env::system()).await?.app)
}

/// A token of each kind, every one of somebody else.
pub async fn tokens(doorward: &Doorward, app: &Arc<App>, issuer: &Issuer) -> Result<Vec<(Bearer, String)>> {
    let now = app.env.clock.now();
    let operator = Caller::operator(app.instance.default_organisation.clone());
    let call = Call { app: Arc::clone(app), caller: operator, now, host: None };
    let mut tokens = Vec::new();
    for bearer in Bearer::ALL {
        let token = match bearer {
            Bearer::Personal => {
                let id = machine(&call, "personal", AccessTokenType::default()).await?;
                let (_, text) = user_token::add(&call, id, Timestamp::LATEST).await?;
                text.expose().to_owned()
            }
            Bearer::Opaque => access_token(&call, "opaque", AccessTokenType::Opaque).await?,
            Bearer::Jwt => access_token(&call, "jwt", AccessTokenType::Jwt).await?,
            Bearer::Foreign => issuer.token(now)?,
            Bearer::Session => session(doorward, &call).await?,
        };
        let caller = caller::authenticate(app, &token, None, now).await?;
        ensure!(caller.memberships.len() == 1, "the bearer of a {} has no role", bearer.name());
        tokens.push((bearer, token));
    }
    Ok(tokens)
}

/// A machine user; gives its id.
async fn machine(call: &Call, name: &str, kind: AccessTokenType) -> Result<String> {
    let machine = Machine { name: name.to_owned(), access_token: kind, ..Machine::default() };
    let new = user::NewUser {
        organisation: call.caller.organisation.clone(),
        id: None,
        username: None,
        kind: user::NewKind::Machine(machine),
    };
    let id = user::add(call, new).await?.user.id;
    let role = grant::membership(Role::IamLoginClient, None)?;
    grant::add(call, id.clone(), role).await?;
    Ok(id)
}

/// What a machine user gets for its secret.
async fn access_token(call: &Call, name: &str, kind: AccessTokenType) -> Result<String> {
    let id = machine(call, name, kind).await?;
    let secret = user_machine_secret::add(call, id.clone()).await?;
    let refused = |refused| anyhow!("no access token: {refused:?}");
    let client = oauth_client::by_secret(&call.app, &[id], secret.expose()).await.map_err(refused)?;
    let granted = oauth::grant(&call.app, client, Scope::default(), call.now).await.map_err(refused)?;
    Ok(granted.text.expose().to_owned())
}

/// The session of a person with a password.
async fn session(doorward: &Doorward, call: &Call) -> Result<String> {
    const NAME: &str = "caller@example.com";
    let mut person = human(NAME);
    if let Some(person) = person.as_object_mut() {
        person.insert("password".to_owned(), json!({ "password": PASSWORD }));
    }
    let added = Admin::of(doorward).await?.post("/v2/users/human", &person).await?;
    let user = text(&added, "userId")?.to_owned();
    let mut clients = Client::connect(Wire::Rest, &doorward.process.address, 1).await?;
    let login = call::create(Wire::Rest, &doorward.home.login_token()?, NAME, Some(PASSWORD))?;
    let answer = clients.first_mut().context("a client")?.must(&login).await?;
    let role = grant::membership(Role::IamLoginClient, None)?;
    grant::add(call, user, role).await?;
    Ok(created(&answer)?.token)
}

//! Logins in two steps: a session whose user is challenged, then the check that answers the challenge.

use std::sync::Arc;

use anyhow::{Context, Result};
use http::Method;
use serde_json::Value;

use crate::call::{self, Call, Wire};
use crate::client::{Client, Outcome};
use crate::load::Trip;
use crate::server::{Doorward, human};
use crate::tool::{Bench, Target};

/// What a user proves who it is with.
pub trait Factor: Send + Sync + 'static {
    /// The checks that answer the challenges.
    fn checks(&self, challenges: &Value) -> Result<Value>;
}

/// Whoever sets up users, and their factors.
pub struct Admin {
    client: Client,
    token: String,
}

impl Admin {
    /// One of that server.
    pub async fn of(doorward: &Doorward) -> Result<Self> {
        let mut clients = Client::connect(Wire::Rest, &doorward.process.address, 1).await?;
        Ok(Self { client: clients.pop().context("a client")?, token: doorward.home.admin_token()? })
    }

    /// Adds a user with a login name; gives its id.
    pub async fn add(&mut self, name: &str) -> Result<String> {
        let answer = self.post("/v2/users/human", &human(name)).await?;
        text(&answer, "userId").map(str::to_owned)
    }

    /// Asks for something that must succeed.
    pub async fn post(&mut self, path: &str, request: &Value) -> Result<Value> {
        let call = call::rest(Method::POST, &self.token, path, Some(request))?;
        Ok(serde_json::from_slice(&self.client.must(&call).await?)?)
    }
}

/// A text in an answer.
pub fn text<'a>(answer: &'a Value, name: &'static str) -> Result<&'a str> {
    answer.get(name).and_then(Value::as_str).context(name)
}

/// The login name of the user of a client: each has one of its own.
pub fn login_name(number: usize) -> String {
    format!("user-{number}@example.com")
}

/// The rows of a factor: both wires, many callers and one.
pub struct Logins<F> {
    bearer: String,
    challenges: Value,
    factors: Vec<Arc<F>>,
    targets: Vec<Target>,
}

impl<F: Factor> Logins<F> {
    /// A user for each of these factors; as many callers as there are users, and one.
    pub fn new(doorward: &Doorward, work: &str, challenges: Value, factors: Vec<Arc<F>>) -> Result<Self> {
        let mut targets = Vec::new();
        for wire in [Wire::Grpc, Wire::Rest] {
            for (caller, clients) in [("", factors.len()), (", one caller", 1)] {
                let row = format!("{work}, {}{caller}", wire.name());
                // Later calls follow from earlier answers, so there are none to prepare.
                targets.push(Target::to(doorward, row, (wire, clients), &Arc::new(Vec::new())));
            }
        }
        Ok(Self { bearer: doorward.home.login_token()?, challenges, factors, targets })
    }

    /// Measures all rows once.
    pub async fn measure(&self, bench: &mut Bench, round: u32) -> Result<()> {
        for target in &self.targets {
            let mut trips = Vec::new();
            for (number, client) in target.connect().await?.into_iter().enumerate() {
                let (wire, bearer) = (target.wire, self.bearer.clone());
                let begin = call::challenge(wire, &bearer, &login_name(number), &self.challenges)?;
                let factor = Arc::clone(self.factors.get(number).context("a user for each client")?);
                trips.push(Login { client, wire, bearer, begin, factor });
            }
            bench.trips(round, target, trips).await?;
        }
        Ok(())
    }
}

/// One user who logs in again and again.
struct Login<F> {
    client: Client,
    wire: Wire,
    bearer: String,
    begin: Call,
    factor: Arc<F>,
}

impl<F: Factor> Trip for Login<F> {
    async fn go(&mut self) -> Result<Outcome> {
        let answer = match self.client.call(&self.begin).await? {
            Outcome::Done(answer) => answer,
            refused => return Ok(refused),
        };
        let (session_id, challenges) = call::challenged(self.wire, &answer)?;
        let checks = self.factor.checks(&challenges)?;
        self.client.call(&call::set(self.wire, &self.bearer, &session_id, &checks)?).await
    }
}

//! One client: it sends each call to the next node, and writes down what was asked and answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::history::{Act, Call, Filter, Op, Outcome, Parts};
use crate::wire::{Answer, Line, change, number, state};
use crate::world::{Known, PASSWORD, Token, World};

/// How long a client waits after an error that says that the call is worth repeating.
const PAUSE: Duration = Duration::from_millis(100);
/// How long it waits before it looks again for a node that can be reached.
const LOOK: Duration = Duration::from_millis(5);

/// One client.
pub struct Client {
    pub world: Arc<World>,
    name: u16,
    lines: Vec<Option<Line>>,
    next: usize,
    made: u32,
    pause: Duration,
    pub calls: Vec<Call>,
}

/// A request over REST.
struct Request<'a> {
    verb: &'a str,
    path: String,
    bearer: &'a str,
    body: Value,
}

impl Client {
    /// `next` is the node that its first call goes to.
    pub fn new(world: &Arc<World>, name: u16, next: usize) -> Self {
        let lines = (0..world.nodes()).map(|_| None).collect();
        Self { world: Arc::clone(world), name, lines, next, made: 0, pause: PAUSE, calls: Vec::new() }
    }

    /// Makes sessions on that node until one is made; gives how long that took.
    pub async fn until_made(&mut self, node: usize) -> Duration {
        let begun = Instant::now();
        self.pause = LOOK;
        loop {
            self.stay(node);
            if self.create(0, Parts::default()).await.is_some() {
                return begun.elapsed();
            }
        }
    }

    /// Sends the next call to this node.
    pub fn stay(&mut self, node: usize) {
        self.next = node;
    }

    /// A name for the next change.
    fn op(&mut self) -> Op {
        self.made += 1;
        Op { client: self.name, number: self.made }
    }

    /// A connection to the next node that can be reached.
    async fn line(&mut self) -> usize {
        loop {
            for _ in 0..self.lines.len() {
                let node = self.next % self.lines.len();
                self.next += 1;
                let address = self.world.address(node);
                if self.lines[node].as_ref().is_none_or(|line| line.is_closed() || line.address != address) {
                    self.lines[node] = Line::connect(&address).await;
                }
                if self.lines[node].is_some() {
                    return node;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn send(
        &mut self,
        act: Act,
        request: Request<'_>,
        read: impl FnOnce(&World, &Value) -> Option<Outcome>,
    ) -> (Outcome, Value) {
        let node = self.line().await;
        let mut line = self.lines[node].take().unwrap();
        let Request { verb, path, bearer, body } = request;
        let invoked = self.world.now();
        let answer = line.call(verb, &path, bearer, body).await;
        let returned = self.world.now();
        let (outcome, body) = match answer {
            Ok(answer) => {
                self.lines[node] = Some(line);
                let Answer { status, retry, body } = answer;
                let outcome = Answer { status, retry, body: body.clone() };
                (outcome.outcome(|body| read(&self.world, body)), body)
            }
            Err(outcome) => (outcome, Value::Null),
        };
        let call = Call {
            client: self.name,
            node: u8::try_from(node).unwrap(),
            invoked,
            returned,
            act,
            outcome: outcome.clone(),
        };
        self.calls.push(call);
        if matches!(outcome, Outcome::Unknown(_)) && self.lines[node].is_some() {
            tokio::time::sleep(self.pause).await;
        }
        (outcome, body)
    }

    /// Makes a session.
    pub async fn create(&mut self, user: u8, parts: Parts) -> Option<Known> {
        let (op, world) = (self.op(), Arc::clone(&self.world));
        let body = change(op, true, parts, &world.names[usize::from(user)], PASSWORD);
        let request = Request { verb: "POST", path: "/v2/sessions".to_owned(), bearer: &world.login, body };
        let read = |_: &World, body: &Value| {
            let id = body["sessionId"].as_str()?.parse().ok()?;
            body["sessionToken"].as_str()?;
            Some(Outcome::Written { id, sequence: number(&body["details"]["sequence"])? })
        };
        let (outcome, body) = self.send(Act::Create { op, parts }, request, read).await;
        let Outcome::Written { sequence, .. } = outcome else { return None };
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let tokens = vec![Token { sequence, op, text: text("sessionToken") }];
        Some(Known { session: op, id: text("sessionId"), user, password: parts.password, tokens })
    }

    /// Changes a session, with a token or as one who may; gives the new token.
    pub async fn set(
        &mut self,
        known: &Known,
        token: Option<&Token>,
        parts: Parts,
    ) -> (Outcome, Option<Token>) {
        let (op, world) = (self.op(), Arc::clone(&self.world));
        let mut body = change(op, false, parts, &world.names[usize::from(known.user)], PASSWORD);
        if let Some(token) = token {
            body["sessionToken"] = json!(token.text);
        }
        let path = format!("/v2/sessions/{}", known.id);
        let id = known.id.parse().unwrap();
        let read = |_: &World, body: &Value| {
            body["sessionToken"].as_str()?;
            Some(Outcome::Written { id, sequence: number(&body["details"]["sequence"])? })
        };
        let act = Act::Set { op, session: known.session, token: token.map(|token| token.op), parts };
        let request = Request { verb: "PATCH", path, bearer: &world.login, body };
        let (outcome, body) = self.send(act, request, read).await;
        let token = match outcome {
            Outcome::Written { sequence, .. } => {
                Some(Token { sequence, op, text: body["sessionToken"].as_str().unwrap().to_owned() })
            }
            _ => None,
        };
        (outcome, token)
    }

    /// Reads a session, with a token or as one who may.
    pub async fn get(&mut self, known: &Known, token: Option<&Token>) -> Outcome {
        let world = Arc::clone(&self.world);
        let proof = token.map_or_else(String::new, |token| format!("?sessionToken={}", token.text));
        let path = format!("/v2/sessions/{}{proof}", known.id);
        let act = Act::Get { session: known.session, token: token.map(|token| token.op) };
        let request = Request { verb: "GET", path, bearer: &world.login, body: Value::Null };
        self.send(act, request, read_session).await.0
    }

    /// Reads a session as the bearer of its token.
    pub async fn get_as_bearer(&mut self, known: &Known, token: &Token) -> Outcome {
        let path = format!("/v2/sessions/{}", known.id);
        let act = Act::Bearer { session: known.session, token: token.op };
        let request = Request { verb: "GET", path, bearer: &token.text, body: Value::Null };
        self.send(act, request, read_session).await.0
    }

    /// Lists sessions, the newest first.
    pub async fn list(&mut self, filter: Filter, ids: &[String], (offset, limit): (usize, usize)) -> Outcome {
        let world = Arc::clone(&self.world);
        let query = match &filter {
            Filter::Ids(_) => json!({ "idsQuery": { "ids": ids } }),
            Filter::User(number) => {
                let id = world.users.iter().find(|(_, user)| *user == number).unwrap().0;
                json!({ "userIdQuery": { "id": id } })
            }
            Filter::Creator => json!({ "creatorQuery": {} }),
        };
        let page = json!({ "offset": offset.to_string(), "limit": limit });
        let body = json!({ "query": page, "queries": [query] });
        let path = "/v2/sessions/search".to_owned();
        let request = Request { verb: "POST", path, bearer: &world.login, body };
        let read = |world: &World, body: &Value| {
            let sessions = body["sessions"].as_array().map(Vec::as_slice).unwrap_or_default();
            let states = sessions.iter().map(|shown| state(shown, |id| world.users.get(id).copied()));
            Some(Outcome::Listed(states.collect::<Option<_>>()?))
        };
        let limit = (offset == 0).then_some(limit);
        self.send(Act::List { filter, limit }, request, read).await.0
    }

    /// Ends a session, with a token or as one who may.
    pub async fn delete(&mut self, known: &Known, token: Option<&Token>) -> Outcome {
        let world = Arc::clone(&self.world);
        let body = token.map_or_else(|| json!({}), |token| json!({ "sessionToken": token.text }));
        let path = format!("/v2/sessions/{}", known.id);
        let act = Act::Delete { session: known.session, token: token.map(|token| token.op) };
        let request = Request { verb: "DELETE", path, bearer: &world.login, body };
        let read = |_: &World, body: &Value| {
            let sequence = body["details"].get("sequence").map_or(Some(0), number)?;
            Some(Outcome::Ended { sequence })
        };
        self.send(act, request, read).await.0
    }
}

fn read_session(world: &World, body: &Value) -> Option<Outcome> {
    state(&body["session"], |id| world.users.get(id).copied()).map(Box::new).map(Outcome::Shown)
}

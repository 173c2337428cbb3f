//! A token that one node revoked is refused by every call that starts later, on every node, however many of its bearers
//! are being looked up at that moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use doorward_core::base::Span;
use doorward_postgres_rig::Server as Postgres;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::near::Near;
use crate::process::read_token;
use crate::wire::{Answer, Line};
use crate::world::World;

const ROUNDS: usize = 20;
/// Those who use the token at the same time, on both nodes.
const BEARERS: usize = 24;
/// Successes before the token is revoked.
const USES: usize = 100;

/// A success that must come.
async fn ok(line: &mut Line, path: &str, token: &str, body: Value) -> Value {
    let verb = if body.is_null() { "DELETE" } else { "POST" };
    let Answer { status, body, .. } = line.call(verb, path, token, body).await.unwrap();
    assert!(status.is_success(), "{path}: {body}");
    body
}

/// Uses the token until it is refused; gives when its last success was asked for, and when the
/// refusal had come.
async fn bear(world: Arc<World>, node: usize, token: String, uses: Arc<(AtomicUsize, Notify)>) -> (i64, i64) {
    let mut line = Line::connect(&world.address(node)).await.unwrap();
    let mut last = 0;
    loop {
        let asked = world.now();
        let request = json!({ "query": { "limit": 1 } });
        let answer = line.call("POST", "/v2/sessions/search", &token, request).await.unwrap();
        if answer.status.is_success() {
            last = asked;
            if uses.0.fetch_add(1, Ordering::Relaxed) >= USES {
                uses.1.notify_one();
            }
        } else {
            assert_eq!(answer.body["message"], "Errors.Token.Invalid (AUTH-7fs1e)");
            return (last, world.now());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_is_refused_by_every_later_call_on_every_node() {
    let database = Postgres::shared().database();
    let (mut one, mut other) =
        (Near::open(database.url(), Span(0)).await, Near::open(database.url(), Span(0)).await);
    let (admin, login) =
        (read_token(one.dir.path(), "admin.pat"), read_token(one.dir.path(), "login-client.pat"));
    let addresses = [one.listen().await, other.listen().await];
    let world = Arc::new(World::set_up(&[&addresses[0], &addresses[1]], &admin, &login).await);
    let mut line = Line::connect(&addresses[0]).await.unwrap();
    let wanted = json!({ "queries": [{ "userNameQuery": { "userName": "login-client" } }] });
    let users = ok(&mut line, "/v2/users", &admin, wanted).await;
    let user = users["result"][0]["userId"].as_str().unwrap();
    for round in 0..ROUNDS {
        let request = json!({ "expirationDate": "2099-01-01T00:00:00Z" });
        let made = ok(&mut line, &format!("/v2/users/{user}/pats"), &admin, request).await;
        let (id, token) = (made["tokenId"].as_str().unwrap(), made["token"].as_str().unwrap());
        let uses = Arc::new((AtomicUsize::new(0), Notify::new()));
        let mut bearers = JoinSet::new();
        for number in 0..BEARERS {
            bearers.spawn(bear(Arc::clone(&world), number % 2, token.to_owned(), Arc::clone(&uses)));
        }
        uses.1.notified().await;
        let mut revoker = Line::connect(&addresses[round % 2]).await.unwrap();
        let asked = world.now();
        ok(&mut revoker, &format!("/v2/users/{user}/pats/{id}"), &admin, Value::Null).await;
        let revoked = world.now();
        for (last, refused) in bearers.join_all().await {
            assert!(last <= revoked, "accepted {} us after it was revoked", last - revoked);
            assert!(refused > asked, "refused {} us before anybody asked for that", asked - refused);
        }
    }
}

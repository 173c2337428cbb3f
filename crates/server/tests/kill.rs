//! Killed at any moment under load, the server keeps every write that it acknowledged, whole, and is back at once.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

#[path = "kill/chance.rs"]
mod chance;
#[path = "kill/process.rs"]
mod process;
#[path = "kill/rig.rs"]
mod rig;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chance::Chance;
use http::StatusCode;
use process::{Server, read_token};
use rig::{Client, Place, moment};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// How often a server is killed, on each of the engines.
const ROUNDS: u64 = 50;
const CLIENTS: u64 = 64;
const USERS: u64 = 4;
/// A created session counts its birth, its user, its metadata and its token; every change a value and a token.
const BORN: u64 = 4;
const CHANGE: u64 = 2;

fn seed() -> u64 {
    chance::seed("DOORWARD_KILL_SEED")
}

/// A session whose creation was answered with success.
#[derive(Clone)]
struct Acknowledged {
    id: String,
    token: String,
    marker: String,
}

/// Round, client and number of a session; the client also decides the user.
fn marker(round: u64, client: u64, number: u64) -> String {
    format!("{round}-{client}-{number}")
}

fn login_name(client: u64) -> String {
    format!("user-{}@example.com", client % USERS)
}

/// A session that lacks any part of what its one request asked for is half a session.
fn assert_whole(session: &Value, marker: &str, sequence: u64) {
    let client: u64 = marker.split('-').nth(1).unwrap().parse().unwrap();
    let user = &session["factors"]["user"];
    assert_eq!(user["loginName"], login_name(client), "{session}");
    assert!(user["verifiedAt"].is_string() && session["creationDate"].is_string(), "{session}");
    assert_eq!(session["metadata"]["marker"], STANDARD.encode(marker), "{session}");
    assert_eq!(session["sequence"], sequence.to_string(), "{session}");
}

async fn add_users(address: &str, token: &str) {
    let mut admin = Client::connect(address, token).await.unwrap();
    for number in 0..USERS {
        let request = json!({
            "profile": { "givenName": "Mini", "familyName": "Mouse" },
            "email": { "email": login_name(number), "isVerified": true },
        });
        let (status, answer) = admin.call("POST", "/v2/users/human", request).await.unwrap();
        assert!(status.is_success(), "{answer}");
    }
}

async fn create(client: &mut Client, round: u64, number: (u64, u64)) -> Option<Acknowledged> {
    let marker = marker(round, number.0, number.1);
    let request = json!({
        "checks": { "user": { "loginName": login_name(number.0) } },
        "metadata": { "marker": STANDARD.encode(&marker) },
    });
    let (status, answer) = client.call("POST", "/v2/sessions", request).await?;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    Some(Acknowledged { id: text("sessionId"), token: text("sessionToken"), marker })
}

/// Creates sessions from all clients, and kills the server in the middle; gives what was acknowledged to each client.
async fn storm(
    server: &mut Server,
    token: &str,
    round: u64,
    moment: Duration,
) -> Vec<(u64, Vec<Acknowledged>)> {
    let first = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let mut client = Client::connect(&server.address, token).await.unwrap();
        let first = Arc::clone(&first);
        clients.spawn(async move {
            let mut acknowledged = Vec::new();
            while let Some(session) = create(&mut client, round, (number, acknowledged.len() as u64)).await {
                first.store(true, Ordering::Relaxed);
                acknowledged.push(session);
            }
            (number, acknowledged)
        });
    }
    while !first.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(moment).await;
    server.kill();
    clients.join_all().await
}

/// Reads every session with its own token, on many connections.
async fn verify(address: &str, token: &str, sessions: Vec<Acknowledged>) {
    let share = sessions.len().div_ceil(16).max(1);
    let mut readers = JoinSet::new();
    for sessions in sessions.chunks(share) {
        let (sessions, mut client) = (sessions.to_vec(), Client::connect(address, token).await.unwrap());
        readers.spawn(async move {
            for Acknowledged { id, token, marker } in sessions {
                let (status, session) = client.get(&id, &token).await;
                assert_eq!(status, StatusCode::OK, "the acknowledged session {marker} is missing");
                assert_eq!(session["id"], id);
                assert_whole(&session, &marker, BORN);
            }
        });
    }
    readers.join_all().await;
}

/// Everything the store holds, by marker, each whole.
async fn list_all(client: &mut Client) -> HashMap<String, String> {
    let mut found = HashMap::new();
    loop {
        let query = json!({ "offset": found.len().to_string(), "limit": 1000, "asc": true });
        let request = json!({ "query": query, "queries": [{ "creatorQuery": {} }] });
        let (status, answer) = client.call("POST", "/v2/sessions/search", request).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
        let Some(page) = answer["sessions"].as_array().filter(|page| !page.is_empty()) else { return found };
        for session in page {
            let bytes = STANDARD.decode(session["metadata"]["marker"].as_str().unwrap()).unwrap();
            let marker = String::from_utf8(bytes).unwrap();
            assert_whole(session, &marker, BORN);
            let id = session["id"].as_str().unwrap().to_owned();
            assert_eq!(found.insert(marker, id), None, "one request made two sessions");
        }
    }
}

/// Killed again and again under load, the server keeps every acknowledged session whole.
async fn kill_while_sessions_are_made(place: Place) {
    let (mut chance, start, dir) = (Chance(seed()), place.start(), place.dir());
    let (mut server, _) = Server::start(&start).await;
    let token = read_token(dir, "login-client.pat");
    add_users(&server.address, &read_token(dir, "admin.pat")).await;
    let (mut all, mut in_flight, mut slowest) = (Vec::new(), Vec::new(), Duration::ZERO);
    for round in 0..ROUNDS {
        let by_client = storm(&mut server, &token, round, moment(&mut chance)).await;
        for (client, sessions) in &by_client {
            in_flight.push(marker(round, *client, sessions.len() as u64));
        }
        let took;
        (server, took) = Server::start(&start).await;
        assert!(took < Duration::from_secs(1), "ready after {took:?} in round {round}");
        slowest = slowest.max(took);
        let acknowledged: Vec<_> = by_client.into_iter().flat_map(|(_, sessions)| sessions).collect();
        verify(&server.address, &token, acknowledged.clone()).await;
        all.extend(acknowledged);
    }
    verify(&server.address, &token, all.clone()).await;
    let mut stored = list_all(&mut Client::connect(&server.address, &token).await.unwrap()).await;
    for session in &all {
        assert_eq!(stored.remove(&session.marker).as_ref(), Some(&session.id), "{}", session.marker);
    }
    // What is left was committed, and its answer was on the way when the server died.
    println!("{} acknowledged, {} more committed; slowest restart {slowest:?}", all.len(), stored.len());
    for marker in stored.keys() {
        assert!(in_flight.contains(marker), "{marker} was never asked for");
    }
}

/// A session, how often its change was acknowledged, and its tokens, the newest last.
struct Turned {
    session: Acknowledged,
    tokens: Vec<String>,
    /// Its client stopped by itself, so no change was on the way.
    settled: bool,
}

/// Changes a session again and again, until the server is gone or `most` changes are acknowledged.
async fn turn(client: &mut Client, session: Acknowledged, most: usize) -> Turned {
    let mut tokens = vec![session.token.clone()];
    while tokens.len() <= most {
        let count = STANDARD.encode(tokens.len().to_string());
        let request = json!({ "sessionToken": tokens.last(), "metadata": { "count": count } });
        let path = format!("/v2/sessions/{}", session.id);
        let Some((status, answer)) = client.call("PATCH", &path, request).await else { break };
        assert_eq!(status, StatusCode::OK, "{answer}");
        tokens.push(answer["sessionToken"].as_str().unwrap().to_owned());
    }
    let settled = tokens.len() > most;
    Turned { session, tokens, settled }
}

/// After the restart the newest acknowledged token opens the session and no older one does, unless one more change
/// was committed whose answer never came; then none of them does.
async fn assert_turned(client: &mut Client, turned: &Turned) {
    let changes = turned.tokens.len() - 1;
    let (_, session) = client.get(&turned.session.id, "").await;
    let count = session["metadata"]["count"].as_str().map(|text| STANDARD.decode(text).unwrap());
    let count: usize = count.map_or(0, |bytes| String::from_utf8(bytes).unwrap().parse().unwrap());
    let one_more = !turned.settled && count == changes + 1;
    assert!(count == changes || one_more, "{changes} changes were acknowledged, {count} are there");
    assert_whole(&session, &turned.session.marker, BORN + CHANGE * count as u64);
    for (at, token) in turned.tokens.iter().enumerate() {
        let opens = at == changes && !one_more;
        let wanted = if opens { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(client.get(&turned.session.id, token).await.0, wanted);
    }
}

/// An acknowledged change of the token survives a kill, and the old token stays dead.
async fn kill_while_tokens_change(place: Place) {
    let (mut chance, start, dir) = (Chance(seed()), place.start(), place.dir());
    let (mut server, _) = Server::start(&start).await;
    let token = read_token(dir, "login-client.pat");
    add_users(&server.address, &read_token(dir, "admin.pat")).await;
    let (mut brief, mut endless) = (JoinSet::new(), JoinSet::new());
    for number in 0..CLIENTS {
        let mut client = Client::connect(&server.address, &token).await.unwrap();
        let session = create(&mut client, 0, (number, 0)).await.unwrap();
        let (clients, most) = if number % 2 == 0 { (&mut brief, 5) } else { (&mut endless, usize::MAX - 1) };
        clients.spawn(async move { turn(&mut client, session, most).await });
    }
    let mut turned = brief.join_all().await;
    tokio::time::sleep(moment(&mut chance)).await;
    server.kill();
    turned.extend(endless.join_all().await);
    let (server, _) = Server::start(&start).await;
    let mut client = Client::connect(&server.address, &token).await.unwrap();
    for one in &turned {
        assert_turned(&mut client, one).await;
    }
    println!("{} changes acknowledged", turned.iter().map(|one| one.tokens.len() - 1).sum::<usize>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_on_sqlite_the_server_keeps_every_acknowledged_session_whole() {
    kill_while_sessions_are_made(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_on_postgresql_the_server_keeps_every_acknowledged_session_whole() {
    kill_while_sessions_are_made(Place::postgresql()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_an_acknowledged_change_of_the_token_survives_a_kill_and_the_old_token_stays_dead() {
    kill_while_tokens_change(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_an_acknowledged_change_of_the_token_survives_a_kill_and_the_old_token_stays_dead() {
    kill_while_tokens_change(Place::postgresql()).await;
}

//! A database that goes away and comes back: clear refusals in bounded time, and no restart.

use std::time::Duration;

use doorward_postgres_rig::Server;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::rig::{PASSWORD, Rig};

/// A call of every kind: short reads, searches, writes that go together, and writes that lock.
fn calls(session: &str, token: &str, user: &str) -> Vec<(&'static str, Value)> {
    let checks = json!({ "user": { "userId": user }, "password": { "password": PASSWORD } });
    vec![
        ("session.GetSession", json!({ "sessionId": session, "sessionToken": token })),
        ("session.ListSessions", json!({})),
        ("session.CreateSession", json!({})),
        ("session.CreateSession", json!({ "checks": checks })),
        ("session.SetSession", json!({ "sessionId": session, "lifetime": "300s" })),
        ("session.DeleteSession", json!({ "sessionId": session })),
        ("user.GetUserByID", json!({ "userId": user })),
        ("user.LockUser", json!({ "userId": user })),
    ]
}

async fn ready(rig: &Rig) -> (u16, u16) {
    let (ready, healthy) = tokio::join!(
        rig.http.rest("GET", "/debug/ready", None, ""),
        rig.http.rest("GET", "/debug/healthz", None, "")
    );
    (ready.status.as_u16(), healthy.status.as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_crashes_is_unavailable_until_it_is_back_and_loses_nothing() {
    let mut server = Server::start(&[]);
    let rig = Rig::start_on(Some(server.database()), &[], "").await;
    let user = rig.add_human("mini@mouse.com").await;
    let (session, token) = rig.log_in("mini@mouse.com").await;
    let before = rig.shown(&session).await;
    assert_eq!(ready(&rig).await, (200, 200));

    server.crash();
    for (method, request) in calls(&session, &token, &user) {
        let call = tokio::time::timeout(Duration::from_secs(5), rig.call(method, &rig.admin, request));
        let refusal = call.await.unwrap().unwrap_err();
        assert_eq!((refusal.code, refusal.id().as_str()), (14, "DOORWARD-St0re"), "{method}");
        assert_eq!(refusal.details[1]["retryDelay"], "1s", "{method}");
    }
    let answer = rig.rest("POST", "/v2/sessions", &rig.login, json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.headers["retry-after"].to_str().unwrap()), (503, "1"));
    assert_eq!(ready(&rig).await, (503, 200));

    server.resume();
    assert_eq!(rig.shown(&session).await, before, "what was acknowledged is there");
    assert_eq!(ready(&rig).await, (200, 200));
    for (method, request) in calls(&session, &token, &user) {
        rig.ok(method, &rig.admin, request).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_started_anew_between_two_calls_is_not_noticed() {
    let mut server = Server::start(&[("fsync", "off")]);
    let rig = Rig::start_on(Some(server.database()), &[], "").await;
    let user = rig.add_human("mini@mouse.com").await;
    let (session, token) = rig.log_in("mini@mouse.com").await;
    for _ in 0..2 {
        // As many connections as there are callers.
        join_all((0..8).map(|_| rig.session(json!({ "lifetime": "300s" })))).await;
        server.restart();
        let calls = calls(&session, &token, &user).into_iter().take(4);
        join_all(calls.map(|(method, request)| rig.ok(method, &rig.admin, request))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_an_operator_ends_are_made_anew() {
    let server = Server::shared();
    let database = server.database();
    let name = database.name().to_owned();
    let rig = Rig::start_on(Some(database), &[], "").await;
    let user = rig.add_human("mini@mouse.com").await;
    let (session, token) = rig.log_in("mini@mouse.com").await;
    for (method, request) in calls(&session, &token, &user) {
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = ";
        let ended = server.sql("postgres", &format!("{end}'{name}'"));
        assert_ne!(ended, "0");
        rig.ok(method, &rig.admin, request).await;
    }
}

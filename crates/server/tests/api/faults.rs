//! What a caller sees when the store or the server cannot: a clear error in bounded time, and recovery by itself.

use std::sync::{Arc, Mutex, mpsc};

use doorward_store::{Db, StoreError};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::rig::{PASSWORD, Rig, on_postgres};

/// Holds up all that write, until it is told to let go.
async fn hold(other: Db) -> (mpsc::Sender<()>, JoinHandle<Result<(), StoreError>>) {
    let (release, held) = mpsc::channel::<()>();
    let (began, begun) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let holding = tokio::spawn(async move {
        let story = other.write(move |conn| {
            Box::pin(async move {
                // The embedded engine has one transaction that writes at a time; here it takes a lock.
                if on_postgres() {
                    conn.script("LOCK TABLE sessions IN EXCLUSIVE MODE").await?;
                }
                began.send(()).unwrap();
                tokio::task::block_in_place(|| held.lock().unwrap().recv()).unwrap();
                Ok(())
            })
        });
        story.await
    });
    tokio::task::spawn_blocking(move || begun.recv().unwrap()).await.unwrap();
    (release, holding)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_another_process_holds_is_unavailable_until_it_is_free() {
    let rig = Rig::start_with(&["store.busy_timeout_ms=50", "postgres.statement_timeout_ms=1000"]).await;
    let (release, holding) = hold(rig.neighbour()).await;
    let refusal = rig.call("session.CreateSession", &rig.login, json!({})).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (14, "DOORWARD-St0re"));
    assert_eq!(refusal.details[1]["retryDelay"], "1s");
    let answer = rig.rest("POST", "/v2/sessions", &rig.login, json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.headers["retry-after"].to_str().unwrap()), (503, "1"));
    let listed = rig.ok("session.ListSessions", &rig.login, json!({})).await;
    assert!(listed.get("sessions").is_none(), "readers never wait for a writer, and nothing was kept");
    release.send(()).unwrap();
    holding.await.unwrap().unwrap();
    rig.ok("session.CreateSession", &rig.login, json!({})).await;
}

#[tokio::test]
async fn a_corrupt_row_is_our_fault_and_tells_the_caller_nothing_of_it() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let id = user.clone();
    let spoilt = rig.app.db.write(move |conn| {
        Box::pin(async move { conn.run("UPDATE users SET state = 99 WHERE id = $1", &[(&id).into()]).await })
    });
    spoilt.await.unwrap();
    let refusal = rig.call("user.GetUserByID", &rig.admin, json!({ "userId": user })).await.unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (13, "An internal error occurred (DOORWARD-1nter)"));
}

#[tokio::test]
async fn a_storm_of_logins_is_shed_at_once_and_reads_go_on() {
    let rig = Rig::start_with(&["hashing.threads=1", "hashing.max_queue=2"]).await;
    rig.add_human("mini@mouse.com").await;
    let (id, _) = rig.session(json!({})).await;
    let checks = json!({ "user": { "loginName": "mini@mouse.com" }, "password": { "password": PASSWORD } });
    let request = json!({ "checks": checks });
    let storm = (0..20).map(|_| rig.call("session.CreateSession", &rig.login, request.clone()));
    let (outcomes, shown) = tokio::join!(futures_util::future::join_all(storm), rig.shown(&id));
    assert_eq!(shown["id"], json!(id));
    let (done, shed): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert!(!done.is_empty() && !shed.is_empty(), "{} done, {} shed", done.len(), shed.len());
    for refusal in shed.into_iter().filter_map(Result::err) {
        assert_eq!((refusal.code, refusal.id().as_str()), (8, "DOORWARD-0verl"));
        assert_eq!(refusal.details[1]["@type"], "type.googleapis.com/google.rpc.RetryInfo");
    }
    let answer = rig.ok("session.CreateSession", &rig.login, request).await;
    assert!(answer["sessionToken"].is_string(), "when the storm is over, logins go on");
}

//! What another transaction holds in the same database.

use std::sync::Arc;

use doorward_store::Conn;
use serde_json::json;
use tokio::sync::{Notify, oneshot};

use crate::authenticator::{Key, PASSKEYS, Says, register};
use crate::rig::{PASSWORD, Rig};

#[tokio::test]
async fn a_user_whom_another_transaction_holds_is_unavailable_and_everybody_else_goes_on() {
    let rig = Rig::start_with(&["postgres.statement_timeout_ms=1000"]).await;
    let held = rig.add_human("mini@mouse.com").await;
    rig.add_human("max@mouse.com").await;
    let (session, token) = rig.log_in("mini@mouse.com").await;
    let (release, began) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (neighbour, sql) = (rig.neighbour(), format!("SELECT 1 FROM users WHERE id = '{held}' FOR UPDATE"));
    let (until, begin) = (Arc::clone(&release), Arc::clone(&began));
    let holding = tokio::spawn(async move {
        let story = neighbour.write(move |conn| {
            Box::pin(async move {
                conn.script(&sql).await?;
                begin.notify_one();
                until.notified().await;
                Ok(())
            })
        });
        story.await
    });
    began.notified().await;
    let checks = json!({ "user": { "userId": held }, "password": { "password": PASSWORD } });
    let log_in = json!({ "checks": checks });
    let refusal = rig.call("session.CreateSession", &rig.login, log_in.clone()).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (14, "DOORWARD-St0re"));
    assert_eq!(refusal.details[1]["retryDelay"], "1s");
    let lock = rig.call("user.LockUser", &rig.admin, json!({ "userId": held })).await.unwrap_err();
    assert_eq!((lock.code, lock.id().as_str()), (14, "DOORWARD-St0re"));

    rig.log_in("max@mouse.com").await;
    rig.ok("user.GetUserByID", &rig.admin, json!({ "userId": held })).await;
    rig.ok("session.GetSession", &rig.login, json!({ "sessionId": session, "sessionToken": token })).await;
    let set = json!({ "sessionId": session, "sessionToken": token, "metadata": { "a": "YQ==" } });
    rig.ok("session.SetSession", &rig.login, set).await;

    release.notify_one();
    holding.await.unwrap().unwrap();
    rig.ok("session.CreateSession", &rig.login, log_in).await;
}

#[tokio::test]
async fn a_call_that_waits_for_a_lock_goes_on_as_soon_as_it_is_free() {
    let rig = Rig::start().await;
    let held = rig.add_human("mini@mouse.com").await;
    let sql = format!("SELECT 1 FROM users WHERE id = '{held}' FOR UPDATE");
    let (release, until) = oneshot::channel::<()>();
    let until = Arc::new(tokio::sync::Mutex::new(until));
    let (began, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (neighbour, begin, waiting) = (rig.neighbour(), Arc::clone(&began), Arc::clone(&begun));
    let holding = tokio::spawn(async move {
        let story = neighbour.write(move |conn| {
            Box::pin(async move {
                conn.script(&sql).await?;
                begin.notify_one();
                until_somebody_waits(conn).await?;
                waiting.notify_one();
                drop((&mut *until.lock().await).await);
                Ok(())
            })
        });
        story.await
    });
    began.notified().await;
    let (answer, ()) =
        tokio::join!(rig.call("user.LockUser", &rig.admin, json!({ "userId": held })), async {
            begun.notified().await;
            release.send(()).unwrap();
        });
    assert!(answer.is_ok(), "{answer:?}");
    holding.await.unwrap().unwrap();
    assert_eq!(
        rig.ok("user.GetUserByID", &rig.admin, json!({ "userId": held })).await["user"]["state"],
        "USER_STATE_LOCKED"
    );
}

#[tokio::test]
async fn a_key_that_is_removed_while_its_assertion_is_verified_proves_nothing() {
    let rig = Rig::start().await;
    let user = rig.add_human("mini@mouse.com").await;
    let key = Key::new("a key");
    register(&rig, &user, PASSKEYS, &key).await;
    let wish = json!({ "domain": "example.com", "userVerificationRequirement": 1 });
    let asked = json!({ "checks": { "user": { "userId": user } }, "challenges": { "webAuthN": wish } });
    let asked = rig.ok("session.CreateSession", &rig.login, asked).await;
    let options = &asked["challenges"]["webAuthN"]["publicKeyCredentialRequestOptions"];
    let assertion = key.get(options, &Says::default());
    let checks = json!({ "webAuthN": { "credentialAssertionData": assertion } });
    let present = json!({ "sessionId": asked["sessionId"], "checks": checks });

    let began = Arc::new(Notify::new());
    let (neighbour, begin) = (rig.neighbour(), Arc::clone(&began));
    let holding = tokio::spawn(async move {
        let story = neighbour.write(move |conn| {
            Box::pin(async move {
                conn.script(&format!("SELECT 1 FROM users WHERE id = '{user}' FOR UPDATE")).await?;
                begin.notify_one();
                // Whoever waits for the user has found the key, and the assertion good.
                until_somebody_waits(conn).await?;
                conn.script(&format!("DELETE FROM passkeys WHERE user_id = '{user}'")).await
            })
        });
        story.await
    });
    began.notified().await;
    assert_eq!(rig.id("session.SetSession", &rig.login, present).await, "COMMAND-Aej7i");
    holding.await.unwrap().unwrap();
}

/// Until another transaction waits for a lock of this one.
async fn until_somebody_waits(conn: &mut Conn) -> doorward_store::Result<()> {
    let blocked =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while conn.all(blocked, &[]).await?.is_empty() {
        // The figures of a transaction are those of its first look, unless it looks anew.
        conn.script("SELECT pg_stat_clear_snapshot()").await?;
    }
    Ok(())
}

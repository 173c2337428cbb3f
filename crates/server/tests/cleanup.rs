//! Sessions that are over for long are removed, when the clock says so and not before.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails loudly")]

#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "api/client.rs"]
mod client;
#[expect(dead_code, reason = "the tests of the api use the rest of it")]
#[path = "api/rig.rs"]
mod rig;

use doorward::cleanup::{kept, sweep};
use doorward_core::base::Span;
use rig::Rig;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

const DAY: Span = Span::minutes(24 * 60);

/// How many are removed, and how many of them were told of.
async fn swept(rig: &Rig, days: u32) -> (u64, u64) {
    let (_go_on, mut stop) = watch::channel(false);
    let told = AtomicU64::new(0);
    let hear = |count| {
        told.fetch_add(count, Ordering::SeqCst);
    };
    let removed = sweep(&rig.app, kept(days).unwrap(), &mut stop, &hear).await.unwrap();
    (removed, told.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_session_goes_when_it_is_over_for_longer_than_it_is_kept() {
    let rig = Rig::start().await;
    let (open, _) = rig.session(json!({})).await;
    let (ended, _) = rig.session(json!({})).await;
    let (expired, _) = rig.session(json!({ "lifetime": "60s" })).await;
    rig.ok("session.DeleteSession", &rig.login, json!({ "sessionId": ended })).await;
    for _ in 0..30 {
        assert_eq!(swept(&rig, 30).await, (0, 0));
        rig.clock.advance(DAY);
    }
    assert_eq!(swept(&rig, 30).await, (0, 0), "30 days and not a moment more");
    rig.clock.advance(Span::seconds(1));
    assert_eq!(swept(&rig, 30).await, (1, 1), "the one that ended");
    rig.clock.advance(Span::seconds(60));
    assert_eq!(swept(&rig, 30).await, (1, 1), "the one that expired a minute later");
    assert_eq!(rig.shown(&open).await["id"], open);
    rig.id("session.GetSession", &rig.login, json!({ "sessionId": expired })).await;
    assert_eq!(swept(&rig, 1).await, (0, 0));
}

#[tokio::test]
async fn it_stops_between_two_batches_when_it_is_told_to() {
    let rig = Rig::start().await;
    let many = doorward_store::session_cleanup::BATCH + 1;
    let filled = rig.app.db.write(move |conn| {
        Box::pin(async move {
            let sql = format!(
                "INSERT INTO sessions (id, creator_id, created, changed, sequence, ended, token, web_auth_n_uv) WITH \
                 RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many}) SELECT 's' || i, 'c', \
                 0, 0, 1, i, x'00', FALSE FROM n"
            );
            conn.run(&sql, &[]).await
        })
    });
    assert_eq!(filled.await.unwrap(), u64::from(many));
    let (stop, mut stopped) = watch::channel(true);
    let removed = sweep(&rig.app, kept(1).unwrap(), &mut stopped, &|_| ()).await.unwrap();
    assert_eq!(removed, u64::from(many) - 1);
    stop.send_replace(false);
    assert_eq!(sweep(&rig.app, kept(1).unwrap(), &mut stopped, &|_| ()).await.unwrap(), 1);
}

#[test]
fn nothing_is_removed_if_sessions_are_kept_for_ever() {
    assert_eq!(kept(0), None);
    assert_eq!(kept(2), Some(Span::minutes(2 * 24 * 60)));
}

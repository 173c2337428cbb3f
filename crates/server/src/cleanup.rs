//! Removes sessions, logins at identity providers and access tokens that are over, a few at a time, so that no request
//! has to wait for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_core::base::{Span, Timestamp};
use doorward_store::session_cleanup::{self, End, Mark};
use doorward_store::{StoreError, access_token, intent, signing_key};
use tokio::sync::watch;

use crate::app::{App, signing};
use crate::telemetry::Metrics;

/// How long after the start the server looks for the first time: then it has more important things to do.
pub(crate) const FIRST: Duration = Duration::from_secs(60);

/// How often it looks.
pub(crate) const EVERY: Duration = Duration::from_secs(600);

/// The shortest pause between two batches.
pub(crate) const BREATH: Duration = Duration::from_millis(20);

/// The pause after a batch is so many times as long as the batch took: the work is at most a fifth of the time.
const RESTS: u32 = 4;

/// How long a login at an identity provider is kept after it is over: its token is still known for what it was.
const KEPT_INTENTS: Span = Span::minutes(24 * 60);

/// Removes again and again what is over, until it is told to stop: sessions that ended more than `keep` ago, none if
/// `keep` is nothing, and logins at identity providers.
pub async fn work(app: &Arc<App>, metrics: &Metrics, keep: Option<Span>, mut stop: watch::Receiver<bool>) {
    let mut wait = FIRST;
    while !rest(wait, &mut stop).await {
        if let Some(keep) = keep {
            match sweep(app, keep, &mut stop, &|removed| metrics.sessions_removed(removed)).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "sessions that were over for long were removed"),
                Err(error) => tracing::warn!(%error, "sessions that are over for long could not be removed"),
            }
        }
        if let Err(error) = sweep_intents(app, &mut stop).await {
            tracing::warn!(%error, "logins at identity providers that are over could not be removed");
        }
        if let Err(error) = sweep_access(app, &mut stop).await {
            tracing::warn!(%error, "access tokens that are over could not be removed");
        }
        // A fault is in the log already.
        drop(signing::tend(app, app.env.clock.now()).await);
        wait = EVERY;
    }
}

/// How long sessions are kept that are over, by the number of days; nothing for ever.
#[must_use]
pub fn kept(days: u32) -> Option<Span> {
    (days > 0).then(|| Span::minutes(i64::from(days) * 24 * 60))
}

/// Removes all that ended more than `keep` before now, until there is no more or it is told to stop; `removed` hears
/// of each batch. Gives how many were removed.
///
/// # Errors
/// When the store cannot be written. What was removed before stays removed.
pub async fn sweep(
    app: &App,
    keep: Span,
    stop: &mut watch::Receiver<bool>,
    removed: &(dyn Fn(u64) + Sync),
) -> Result<u64, StoreError> {
    let now = app.env.clock.now();
    let before = Timestamp(now.0.saturating_sub(keep.0));
    let mut all = 0;
    for end in End::ALL {
        let mut mark = Some(Mark::START);
        while let Some(after) = mark {
            let started = Instant::now();
            let batch = app.db.write(move |conn| {
                Box::pin(async move { session_cleanup::remove(conn, end, before, &after).await })
            });
            let (count, next) = batch.await?;
            removed(count);
            all += count;
            mark = next;
            if mark.is_some() && rest(BREATH.max(started.elapsed() * RESTS), stop).await {
                return Ok(all);
            }
        }
    }
    Ok(all)
}

/// Removes all logins at identity providers that are over for a day, until there is no more or it is told to stop. Gives
/// how many were removed.
///
/// # Errors
/// When the store cannot be written. What was removed before stays removed.
pub async fn sweep_intents(app: &App, stop: &mut watch::Receiver<bool>) -> Result<u64, StoreError> {
    let before = Timestamp(app.env.clock.now().0.saturating_sub(KEPT_INTENTS.0));
    let mut all = 0;
    loop {
        let started = Instant::now();
        let batch =
            app.db.write(move |conn| Box::pin(async move { intent::remove_expired(conn, before).await }));
        let removed = batch.await?;
        all += removed;
        let full = removed >= u64::from(intent::BATCH);
        if !full || rest(BREATH.max(started.elapsed() * RESTS), stop).await {
            return Ok(all);
        }
    }
}

/// Removes all access tokens that have expired, until there is no more or it is told to stop, and the keys that are
/// published no more. Gives how many tokens were removed.
///
/// # Errors
/// When the store cannot be written. What was removed before stays removed.
pub async fn sweep_access(app: &App, stop: &mut watch::Receiver<bool>) -> Result<u64, StoreError> {
    let now = app.env.clock.now();
    app.db.write(move |conn| Box::pin(async move { signing_key::remove_retired(conn, now).await })).await?;
    let mut all = 0;
    loop {
        let started = Instant::now();
        let batch =
            app.db.write(move |conn| Box::pin(async move { access_token::remove_expired(conn, now).await }));
        let removed = batch.await?;
        all += removed;
        let full = removed >= u64::from(access_token::BATCH);
        if !full || rest(BREATH.max(started.elapsed() * RESTS), stop).await {
            return Ok(all);
        }
    }
}

/// Waits; gives whether it is to stop.
pub async fn rest(pause: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        // Nobody is left who could say so: then it is time, too.
        _ = stop.wait_for(|stopped| *stopped) => true,
        () = tokio::time::sleep(pause) => false,
    }
}

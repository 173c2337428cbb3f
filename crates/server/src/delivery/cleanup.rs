//! Removes what is known of messages that were sent or given up long ago, a few at a time.

use doorward_core::base::{Span, Timestamp};
use doorward_store::StoreError;
use doorward_store::outbox_list::{self, BATCH};
use tokio::sync::watch;

use crate::app::App;
use crate::cleanup::{BREATH, EVERY, FIRST, rest};

/// Removes again and again what ended more than `keep` ago, until it is told to stop. Nothing is to be done if `keep`
/// is nothing.
pub async fn work(app: &App, keep: Option<Span>, mut stop: watch::Receiver<bool>) {
    let Some(keep) = keep else { return };
    let mut wait = FIRST;
    while !rest(wait, &mut stop).await {
        match sweep(app, keep, &mut stop).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "messages that ended long ago were removed"),
            Err(error) => tracing::warn!(%error, "messages that ended long ago could not be removed"),
        }
        wait = EVERY;
    }
}

/// Removes all that ended more than `keep` before now, until there is no more or it is told to stop. Gives how many.
///
/// # Errors
/// When the store cannot be written. What was removed before stays removed.
pub async fn sweep(app: &App, keep: Span, stop: &mut watch::Receiver<bool>) -> Result<u64, StoreError> {
    let now = app.env.clock.now();
    let before = Timestamp(now.0.saturating_sub(keep.0));
    let mut all = 0;
    loop {
        let batch =
            app.db.write(move |conn| Box::pin(async move { outbox_list::remove_ended(conn, before).await }));
        let removed = batch.await?;
        all += removed;
        if removed < u64::from(BATCH) || rest(BREATH, stop).await {
            return Ok(all);
        }
    }
}

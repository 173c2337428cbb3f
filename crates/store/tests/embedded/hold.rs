//! Ways to hold the writer up.

use std::sync::mpsc;

use doorward_store::{Db, Result};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, JoinAll, join_all};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::rig::Once;

/// Hands over all writes, so that they wait in the queue, before anybody waits for them.
pub fn queued<T>(writes: impl IntoIterator<Item = BoxFuture<'static, T>>) -> JoinAll<BoxFuture<'static, T>>
where
    T: Send,
{
    let mut all = join_all(writes);
    assert!((&mut all).now_or_never().is_none(), "nothing may be answered yet");
    all
}

/// A write that is under way until it is let go.
pub struct Held {
    go: mpsc::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Held {
    /// Occupies the writer of a store.
    pub async fn start(db: &Db) -> Self {
        let (go, wait) = mpsc::channel();
        let (entered, inside) = oneshot::channel();
        let (db, ends) = (db.clone(), Once::new((entered, wait)));
        let task = tokio::spawn(async move {
            db.write(move |_| {
                Box::pin(async move {
                    let (entered, wait) = ends.take();
                    let _ = entered.send(());
                    let _ = wait.recv();
                    Ok(())
                })
            })
            .await
        });
        inside.await.unwrap();
        Self { go, task }
    }

    /// Lets the writer go on.
    pub async fn release(self) {
        self.go.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

//! Questions that come at the same time are asked together.
//!
//! A question joins those that wait, never one that is under way: its answer is found after it was asked, so that it
//! sees every write that was acknowledged before. The slower the database, the more questions share the next turn.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::error::{Result, StoreError};

/// Answers questions in the order in which they were given, one answer for each.
type Ask<Q, A> = dyn Fn(Vec<Q>) -> BoxFuture<'static, Vec<Result<A>>> + Send + Sync;

/// A place where questions of one kind meet.
pub struct Gather<Q, A> {
    shared: Arc<Shared<Q, A>>,
}

struct Shared<Q, A> {
    state: Mutex<State<Q, A>>,
    /// The most questions that are asked together.
    most: usize,
    /// How many turns may be under way at a time.
    lanes: usize,
    /// The most questions that may wait.
    queue: usize,
    ask: Box<Ask<Q, A>>,
}

struct State<Q, A> {
    waiting: Vec<(Q, oneshot::Sender<Result<A>>)>,
    running: usize,
}

/// How a [`Gather`] is set up.
#[derive(Clone, Copy, Debug)]
pub struct Turns {
    /// The most questions that are asked together.
    pub most: usize,
    /// How many turns may be under way at a time.
    pub lanes: usize,
    /// The most questions that may wait.
    pub queue: usize,
}

impl<Q: Send + 'static, A: Send + 'static> Gather<Q, A> {
    /// A meeting place, and how its questions are answered.
    pub fn new(
        turns: Turns,
        ask: impl Fn(Vec<Q>) -> BoxFuture<'static, Vec<Result<A>>> + Send + Sync + 'static,
    ) -> Self {
        let state = Mutex::new(State { waiting: Vec::new(), running: 0 });
        let Turns { most, lanes, queue } = turns;
        Self { shared: Arc::new(Shared { state, most, lanes, queue, ask: Box::new(ask) }) }
    }

    /// Asks one question.
    pub async fn ask(&self, question: Q) -> Result<A> {
        let (reply, answer) = oneshot::channel();
        let start = {
            let mut state = self.shared.state.lock();
            if state.waiting.len() >= self.shared.queue {
                return Err(StoreError::Overloaded);
            }
            state.waiting.push((question, reply));
            let start = state.running < self.shared.lanes;
            state.running += usize::from(start);
            start
        };
        if start {
            let lane = Lane { shared: Arc::clone(&self.shared), left: false };
            tokio::spawn(async move { lane.work().await });
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::Driver("a question got no answer".to_owned())))
    }
}

impl<Q, A> std::fmt::Debug for Gather<Q, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gather")
    }
}

/// One of the turns that may be under way. If it panics, whoever waits is told, and there is room for another.
struct Lane<Q, A> {
    shared: Arc<Shared<Q, A>>,
    left: bool,
}

impl<Q, A> Lane<Q, A> {
    /// Takes turns until nobody waits.
    async fn work(mut self) {
        while let Some((questions, replies)) = self.next() {
            let answers = (self.shared.ask)(questions).await;
            for (reply, answer) in replies.into_iter().zip(answers) {
                drop(reply.send(answer));
            }
        }
    }

    /// What waits, or nothing: then the lane is left under the same lock, so that no question can come in between.
    fn next(&mut self) -> Option<Taken<Q, A>> {
        let mut state = self.shared.state.lock();
        while !state.waiting.is_empty() {
            let take = state.waiting.len().min(self.shared.most);
            // Whoever has gone away needs no answer, and nothing written that nobody would be told of.
            let taken: Taken<Q, A> =
                state.waiting.drain(..take).filter(|(_, reply)| !reply.is_closed()).unzip();
            if !taken.0.is_empty() {
                return Some(taken);
            }
        }
        state.running -= 1;
        self.left = true;
        None
    }
}

/// Questions, and where their answers go.
type Taken<Q, A> = (Vec<Q>, Vec<oneshot::Sender<Result<A>>>);

impl<Q, A> Drop for Lane<Q, A> {
    fn drop(&mut self) {
        if !self.left {
            let mut state = self.shared.state.lock();
            state.running -= 1;
            state.waiting.clear();
        }
    }
}

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
        answered(self.begin(question)?).await
    }

    /// Asks one question, to be [`answered`] while whoever asks does something else.
    pub fn begin(&self, question: Q) -> Result<Waiting<A>> {
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
        Ok(answer)
    }
}

/// Where the answer to a question will be.
pub type Waiting<A> = oneshot::Receiver<Result<A>>;

/// The answer to a question that was begun.
pub async fn answered<A>(waiting: Waiting<A>) -> Result<A> {
    waiting.await.unwrap_or_else(|_| Err(StoreError::Driver("a question got no answer".to_owned())))
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use tokio::sync::{Semaphore, mpsc};

    use super::*;

    /// A gather with one lane that reports its turns and waits for leave; a question is answered by its double.
    fn watched(queue: usize) -> (Gather<u32, u32>, mpsc::UnboundedReceiver<Vec<u32>>, Arc<Semaphore>) {
        let (report, turns) = mpsc::unbounded_channel();
        let leave = Arc::new(Semaphore::new(0));
        let given = Arc::clone(&leave);
        let gather = Gather::new(Turns { most: 4, lanes: 1, queue }, move |questions: Vec<u32>| {
            report.send(questions.clone()).unwrap();
            let given = Arc::clone(&given);
            Box::pin(async move {
                given.acquire().await.unwrap().forget();
                questions.into_iter().map(|question| Ok(question * 2)).collect()
            })
        });
        (gather, turns, leave)
    }

    #[tokio::test]
    async fn a_question_joins_those_that_wait_and_never_one_that_is_under_way() {
        let (gather, mut turns, leave) = watched(100);
        let mut first = Box::pin(gather.ask(1));
        assert!((&mut first).now_or_never().is_none());
        assert_eq!(turns.recv().await.unwrap(), [1]);
        let mut later = Box::pin(join_all((2..8).map(|question| gather.ask(question))));
        assert!((&mut later).now_or_never().is_none());
        leave.add_permits(3);
        assert_eq!(first.await.unwrap(), 2);
        let answers: Vec<_> = later.await.into_iter().map(|answer| answer.unwrap()).collect();
        assert_eq!(answers, [4, 6, 8, 10, 12, 14]);
        assert_eq!(turns.recv().await.unwrap(), [2, 3, 4, 5]);
        assert_eq!(turns.recv().await.unwrap(), [6, 7]);
    }

    #[tokio::test]
    async fn who_has_gone_away_is_not_asked_for_and_too_many_are_refused() {
        let (gather, mut turns, leave) = watched(2);
        let mut first = Box::pin(gather.ask(1));
        assert!((&mut first).now_or_never().is_none());
        assert_eq!(turns.recv().await.unwrap(), [1]);
        let (mut gone, mut stays) = (Box::pin(gather.ask(2)), Box::pin(gather.ask(3)));
        assert!((&mut gone).now_or_never().is_none() && (&mut stays).now_or_never().is_none());
        assert!(matches!(gather.ask(4).await, Err(StoreError::Overloaded)));
        drop(gone);
        leave.add_permits(2);
        assert_eq!((first.await.unwrap(), stays.await.unwrap()), (2, 6));
        assert_eq!(turns.recv().await.unwrap(), [3]);
    }

    #[tokio::test]
    async fn a_turn_that_panics_answers_everybody_and_the_next_goes_on() {
        let told = AtomicUsize::new(0);
        let gather = Gather::new(Turns { most: 4, lanes: 1, queue: 9 }, move |questions: Vec<u32>| {
            let first = told.fetch_add(1, Ordering::SeqCst) == 0;
            Box::pin(async move {
                if first {
                    std::panic::resume_unwind(Box::new("on purpose"));
                }
                questions.into_iter().map(Ok).collect()
            })
        });
        let answers = join_all((0..6).map(|question| gather.ask(question))).await;
        assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Driver(_)))), "{answers:?}");
        assert_eq!(gather.ask(7).await.unwrap(), 7);
    }
}

//! Mixed work on sessions of everybody's and of one's own, chosen from a seed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::chance::Chance;
use crate::client::Client;
use crate::history::{Call, Entry, Filter, Outcome, Parts};
use crate::story::OVER;
use crate::world::{BEARERS, HOT, Known, Token, World};

/// Sessions that a client has for itself.
const OWN: usize = 6;
/// Entries of a page.
const PAGE: usize = 10;

/// What a client does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Create,
    /// Changes with the newest token.
    Set,
    /// Changes as one who may.
    SetWithout,
    SetWithOld,
    Get,
    GetWith,
    GetWithOld,
    Bearer,
    ListIds,
    ListUser,
    ListCreator,
    Delete,
    DeleteWith,
}

/// Every step with its share in a hundred.
const SHARES: [(Step, u64); 13] = [
    (Step::Create, 6),
    (Step::Set, 18),
    (Step::SetWithout, 8),
    (Step::SetWithOld, 3),
    (Step::Get, 19),
    (Step::GetWith, 16),
    (Step::GetWithOld, 4),
    (Step::Bearer, 9),
    (Step::ListIds, 5),
    (Step::ListUser, 4),
    (Step::ListCreator, 4),
    (Step::Delete, 2),
    (Step::DeleteWith, 2),
];

/// One client at work.
struct Worker {
    client: Client,
    chance: Chance,
    own: Vec<Known>,
    /// The session that everybody works on, if the step is about one.
    slot: Option<usize>,
}

/// Works until the world is stopped; gives what was asked and answered, and the sessions that it still works on.
pub async fn work(world: Arc<World>, name: u16, seed: u64) -> (Vec<Call>, Vec<Known>) {
    let client = Client::new(&world, name, usize::from(name));
    let chance = Chance(seed ^ (u64::from(name) + 1).wrapping_mul(0xd134_2543_de82_ef95));
    let mut worker = Worker { client, chance, own: Vec::new(), slot: None };
    while !world.is_stopped() {
        worker.step().await;
    }
    (worker.client.calls, worker.own)
}

impl Worker {
    async fn step(&mut self) {
        let mut left = self.chance.below(100);
        let step = SHARES.iter().find(|(_, share)| {
            let here = left < *share;
            left = left.wrapping_sub(*share);
            here
        });
        let step = step.map_or(Step::Get, |(step, _)| *step);
        // A bearer needs a password, which only some sessions of everybody's have.
        let hot = step == Step::Bearer || self.chance.below(100) < 45;
        self.slot = hot.then(|| {
            let slots = if step == Step::Bearer { BEARERS } else { HOT };
            usize::try_from(self.chance.below(slots as u64)).unwrap()
        });
        if step == Step::Create || (!hot && self.own.is_empty()) {
            self.slot = None;
            return self.create().await;
        }
        let known = match self.slot {
            Some(slot) => self.client.world.hot[slot].lock().unwrap().clone(),
            None => {
                Some(self.own[usize::try_from(self.chance.below(self.own.len() as u64)).unwrap()].clone())
            }
        };
        match (known, self.slot) {
            (Some(known), _) => self.act(step, &known).await,
            (None, Some(slot)) if !self.client.world.making[slot].swap(true, Ordering::Relaxed) => {
                self.create().await;
                self.client.world.making[slot].store(false, Ordering::Relaxed);
            }
            (None, _) => {
                self.slot = None;
                self.create().await;
            }
        }
    }

    async fn create(&mut self) {
        let password = self.slot.is_some_and(|slot| slot < BEARERS);
        let user = u8::try_from(self.chance.below(self.client.world.names.len() as u64)).unwrap();
        let checked = password || self.chance.below(4) > 0;
        let parts = Parts { user: checked.then_some(user), password, ..self.parts() };
        let Some(known) = self.client.create(user, parts).await else { return };
        if let Some(slot) = self.slot {
            *self.client.world.hot[slot].lock().unwrap() = Some(known);
            return;
        }
        self.own.push(known);
        if self.own.len() > OWN {
            let oldest = self.own.remove(0);
            self.client.delete(&oldest, None).await;
        }
    }

    async fn act(&mut self, step: Step, known: &Known) {
        let newest = known.tokens.last().unwrap();
        let oldest = known.tokens.first().unwrap();
        let outcome = match step {
            Step::Set => self.set(known, Some(newest)).await,
            Step::SetWithout => self.set(known, None).await,
            Step::SetWithOld => self.set(known, Some(oldest)).await,
            Step::Get | Step::Create => self.client.get(known, None).await,
            Step::GetWith => self.client.get(known, Some(newest)).await,
            Step::GetWithOld => self.client.get(known, Some(oldest)).await,
            Step::Bearer if !known.password => self.client.get(known, Some(newest)).await,
            Step::Bearer => self.client.get_as_bearer(known, newest).await,
            Step::ListIds => self.list(known).await,
            Step::ListUser => {
                let user = known.user;
                self.client.list(Filter::User(user), &[], (0, PAGE)).await
            }
            Step::ListCreator => self.client.list(Filter::Creator, &[], (0, PAGE)).await,
            Step::Delete => self.client.delete(known, None).await,
            Step::DeleteWith => self.client.delete(known, Some(newest)).await,
        };
        let over = match &outcome {
            Outcome::Ended { .. } => true,
            Outcome::Refused(id) => OVER.contains(&id.as_str()),
            // Whether it is over is not known: somebody else will find out.
            _ => false,
        };
        if over {
            self.forget(known);
        }
    }

    async fn set(&mut self, known: &Known, token: Option<&Token>) -> Outcome {
        let password = known.password && self.chance.below(20) == 0;
        let checked = self.chance.below(6) == 0;
        let parts = Parts { user: checked.then_some(known.user), password, ..self.parts() };
        let (outcome, token) = self.client.set(known, token, parts).await;
        if let Some(token) = token {
            if let Some(slot) = self.slot {
                let mut slot = self.client.world.hot[slot].lock().unwrap();
                let same = slot.as_mut().filter(|held| held.session == known.session);
                same.into_iter().for_each(|held| held.learn(token.clone()));
            }
            let own = self.own.iter_mut().filter(|held| held.session == known.session);
            own.for_each(|held| held.learn(token.clone()));
        }
        outcome
    }

    /// Lists the session with a few others.
    async fn list(&mut self, known: &Known) -> Outcome {
        let mut named: Vec<Known> = vec![known.clone()];
        named.extend(self.client.world.hot.iter().filter_map(|slot| slot.lock().unwrap().clone()));
        named.extend(self.own.iter().cloned());
        let ids: Vec<String> = named.iter().map(|known| known.id.clone()).collect();
        let names = named.iter().map(|known| known.session).collect();
        self.client.list(Filter::Ids(names), &ids, (0, 100)).await
    }

    fn forget(&mut self, known: &Known) {
        self.own.retain(|held| held.session != known.session);
        if let Some(slot) = self.slot {
            let mut slot = self.client.world.hot[slot].lock().unwrap();
            if slot.as_ref().is_some_and(|held| held.session == known.session) {
                *slot = None;
            }
        }
    }

    /// Metadata and lifetime of a change.
    fn parts(&mut self) -> Parts {
        let mut entry = || match self.chance.below(4) {
            0 | 1 => Entry::Keep,
            2 => Entry::Put,
            _ => Entry::Remove,
        };
        let (left, right) = (entry(), entry());
        Parts { left, right, lifetime: self.chance.below(4) == 0, user: None, password: false }
    }
}

//! One run: clients work while something happens to the nodes, then everything is read, and the history is checked.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::chance::seed;
use crate::checker::check;
use crate::client::Client;
use crate::history::{Act, Call, Filter, Outcome};
use crate::load::work;
use crate::rules::{Rule, Terms, Violation};
use crate::world::{Known, World};

const CLIENTS: u16 = 64;
/// Sessions that are asked for at once when everything is read.
const CHUNK: usize = 400;
/// Violations of each rule that are shown.
const SHOWN: usize = 5;

/// How long clients work.
pub fn length() -> Duration {
    let given = std::env::var("DOORWARD_NODES_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(given.unwrap_or(15))
}

/// Nothing happens for as long as clients work.
pub async fn nothing() -> ((), Vec<Call>) {
    tokio::time::sleep(length()).await;
    ((), Vec::new())
}

/// The seed of a scene.
pub fn scene_seed() -> u64 {
    seed("DOORWARD_NODES_SEED")
}

/// Lets clients work until `happens` comes to its end, reads everything, and finds what was not kept. What happens may
/// add calls of its own.
pub async fn play<T>(
    name: &str,
    world: Arc<World>,
    (terms, seed): (Terms, u64),
    happens: impl Future<Output = (T, Vec<Call>)>,
) -> T {
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(work(Arc::clone(&world), number, seed));
    }
    let (told, mut calls) = happens.await;
    world.stop();
    let mut known = Vec::new();
    for (more, own) in clients.join_all().await {
        calls.extend(more);
        known.extend(own);
    }
    known.extend(world.hot.iter().filter_map(|slot| slot.lock().unwrap().take()));
    calls.extend(sweep(&world, &calls, known).await);
    let begun = Instant::now();
    let violations = check(&calls, terms);
    println!("{}", summary(name, &calls, &violations, seed));
    unknown(&calls).into_iter().for_each(|(text, count)| println!("{count} times: {text}"));
    println!("{name}: checked in {:?}", begun.elapsed());
    let mut rules: BTreeMap<Rule, Vec<&Violation>> = BTreeMap::new();
    for violation in &violations {
        rules.entry(violation.rule).or_default().push(violation);
    }
    for (rule, broken) in rules {
        println!("{name}: {} times {rule:?}, such as", broken.len());
        broken.iter().take(SHOWN).for_each(|violation| println!("  {violation}"));
    }
    assert!(violations.is_empty(), "{name}: {} violations", violations.len());
    told
}

/// Asks every node for every session that was acknowledged, for all that there are, and for some with their tokens.
async fn sweep(world: &Arc<World>, calls: &[Call], known: Vec<Known>) -> Vec<Call> {
    let made = calls.iter().filter_map(|call| match (&call.act, &call.outcome) {
        (Act::Create { op, .. }, Outcome::Written { id, .. }) => Some((*op, format!("{id:036}"))),
        _ => None,
    });
    let made: Vec<_> = made.collect();
    let mut readers = JoinSet::new();
    for node in 0..world.nodes() {
        let mut client = Client::new(world, CLIENTS + u16::try_from(node).unwrap(), node);
        let (made, known) = (made.clone(), known.clone());
        readers.spawn(async move {
            for chunk in made.chunks(CHUNK) {
                let (names, ids): (Vec<_>, Vec<_>) = chunk.iter().cloned().unzip();
                client.stay(node);
                client.list(Filter::Ids(names), &ids, (0, CHUNK)).await;
            }
            for session in &known {
                client.stay(node);
                client.get(session, session.tokens.last()).await;
            }
            let mut offset = 0;
            loop {
                client.stay(node);
                let outcome = client.list(Filter::Creator, &[], (offset, CHUNK)).await;
                match outcome {
                    Outcome::Listed(states) if !states.is_empty() => offset += states.len(),
                    _ => return client.calls,
                }
            }
        });
    }
    readers.join_all().await.into_iter().flatten().collect()
}

/// What was answered instead of an outcome, and how often.
fn unknown(calls: &[Call]) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    for call in calls {
        if let Outcome::Unknown(text) = &call.outcome {
            *counts.entry(text.as_str()).or_insert(0) += 1;
        }
    }
    counts
}

/// What was done, in one line.
fn summary(name: &str, calls: &[Call], violations: &[Violation], seed: u64) -> String {
    let (mut counts, mut sessions) = (BTreeMap::new(), 0);
    for call in calls {
        *counts.entry((call.act.kind(), call.outcome.kind())).or_insert(0_u64) += 1;
        let made = matches!(call.act, Act::Create { .. }) && matches!(call.outcome, Outcome::Written { .. });
        sessions += u64::from(made);
    }
    let mut text = format!("{name}: {} calls:", calls.len());
    for ((act, outcome), count) in counts {
        write!(text, " {act}/{outcome} {count},").unwrap();
    }
    write!(text, " sessions {sessions}, violations {}, seed {seed}", violations.len()).unwrap();
    text
}

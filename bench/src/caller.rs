//! What letting a caller in adds to reading a session: both are measured in turn, with every kind of token.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use doorward::app::App;
use doorward::app::caller::authenticate;
use tokio::task::JoinSet;

use crate::bearer::{Bearer, app, configure, tokens};
use crate::call::{self, Call, Created, Wire};
use crate::engine::Store;
use crate::figures::{Figures, Place};
use crate::issuer::Issuer;
use crate::load::{Tally, Window};
use crate::process::Meter;
use crate::server::Doorward;
use crate::tool::{Bench, Target};

/// So many sessions are read in turn.
const SESSIONS: usize = 1024;
/// So many times a caller is let in before others get the thread: clock and queue shall not be measured.
const AT_A_TIME: usize = 16;

/// Measures all rounds.
pub async fn measure(bench: &mut Bench, store: Store) -> Result<()> {
    let issuer = Issuer::start().await?;
    let home = bench.home(store, "caller")?;
    configure(&home, &issuer)?;
    let doorward = Doorward::start(&bench.program, home).await?;
    let app = app(&doorward.home).await?;
    let tokens = tokens(&doorward, &app, &issuer).await?;
    let users = doorward.add_users(64, false).await?;
    let names: Vec<&String> = users.iter().cycle().take(SESSIONS).collect();
    let sessions = doorward.add_sessions(&names).await?;
    // Readers share a lock of the last state that their own process has committed, see the store: here as in the server
    // it has to be the newest one. Nothing is written.
    app.db.write(|_| Box::pin(async { Ok(()) })).await?;
    let mut pairs = Vec::new();
    for (bearer, token) in tokens {
        let target = reading(bench, &doorward, (bearer, &token), &sessions)?;
        pairs.push((bearer, Arc::<str>::from(token), target));
    }
    for round in 0..bench.rounds {
        for (bearer, token, target) in &pairs {
            bench.load(round, target).await?;
            entering(bench, round, (*bearer, &app, token), &doorward).await?;
        }
    }
    goals(bench)
}

/// The whole: GetSession over REST, which has the least beside authentication.
fn reading(
    bench: &Bench,
    doorward: &Doorward,
    (bearer, token): (Bearer, &str),
    sessions: &[Created],
) -> Result<Target> {
    let calls: Result<Vec<Call>> = sessions.iter().map(|one| call::get(Wire::Rest, token, one)).collect();
    Ok(Target::to(doorward, whole(bearer), (Wire::Rest, bench.clients), &Arc::new(calls?)))
}

/// The part: the server's own authentication, in this process, by as many callers at a time.
async fn entering(
    bench: &mut Bench,
    round: u32,
    (bearer, app, token): (Bearer, &Arc<App>, &Arc<str>),
    doorward: &Doorward,
) -> Result<()> {
    let meter = Meter::of(std::process::id(), doorward.meter().database);
    let window = Window::soon(bench.seconds);
    let mut running = JoinSet::new();
    for _ in 0..bench.clients {
        running.spawn(again_and_again(Arc::clone(app), Arc::clone(token), window));
    }
    let cpu = window.cpu_of(&meter).await?;
    let mut all = Tally::default();
    for tally in running.join_all().await {
        all.merge(tally);
    }
    let row = part(bearer);
    let place = Place { row: &row, round, clients: bench.clients, seconds: bench.seconds as f64 };
    bench.report.add(Figures::of(place, all, &meter)?.with_cpu(cpu))
}

async fn again_and_again(app: Arc<App>, token: Arc<str>, window: Window) -> Tally {
    let mut tally = Tally::default();
    loop {
        let (asked, now) = (Instant::now(), app.env.clock.now());
        if asked >= window.end {
            return tally;
        }
        for _ in 0..AT_A_TIME {
            if authenticate(&app, &token, None, now).await.is_err() {
                tally.errors += 1;
            }
        }
        let took = asked.elapsed().as_micros() / AT_A_TIME as u128;
        if asked >= window.start {
            let each = u64::try_from(took).unwrap_or(u64::MAX);
            tally.answered.extend(std::iter::repeat_n(each, AT_A_TIME));
        }
        // Nothing of this waits on the embedded engine; the others want the thread, too.
        tokio::task::yield_now().await;
    }
}

fn whole(bearer: Bearer) -> String {
    format!("Get, {}", bearer.name())
}

fn part(bearer: Bearer) -> String {
    format!("authentication, {}", bearer.name())
}

fn goals(bench: &mut Bench) -> Result<()> {
    let report = &mut bench.report;
    // It asks no store, so what it takes alone is what it takes within the whole.
    let light = (part(Bearer::Foreign), whole(Bearer::Foreign));
    for bearer in Bearer::ALL {
        let goal = match bearer {
            Bearer::Personal | Bearer::Opaque => Some(0.15),
            Bearer::Jwt | Bearer::Foreign => Some(0.3),
            Bearer::Session => None,
        };
        let work = format!("authentication: {}", bearer.name());
        report.added_cpu(&work, (&part(bearer), &whole(bearer)), (&light.0, &light.1), goal)?;
    }
    // Whoever comes with whatever token: what is left must be the same, or a part is not what it is within the whole.
    let rests = Bearer::ALL.map(|bearer| {
        let rest = |row: &str| report.median(row, Figures::cpu_total);
        format!("{:.1} us ({})", rest(&whole(bearer)) - rest(&part(bearer)), bearer.name())
    });
    report.note(format!(
        "GetSession without authentication, as each kind of token tells it: {}",
        rests.join(", ")
    ))
}

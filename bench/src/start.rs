//! How fast the server is ready, and how much memory it takes while nobody calls.

use std::time::Duration;

use anyhow::Result;

use crate::engine::Store;
use crate::figures::{Figures, Place};
use crate::load::Tally;
use crate::server::Doorward;
use crate::tool::Bench;

/// Starts the server on an empty store once a round.
pub async fn measure(bench: &mut Bench, store: Store) -> Result<()> {
    const ROW: &str = "start, empty store";
    for round in 0..bench.rounds {
        let doorward = bench.doorward(store, "start").await?;
        keep(bench, ROW, round, &doorward).await?;
    }
    let slowest = bench.report.most(ROW, |figures| figures.max as f64) / 1000.0;
    let memory = bench.report.median(ROW, |figures| figures.rss_kib as f64) / 1024.0;
    bench.report.at_most("start on an empty store, slowest", slowest, (300.0, "ms"))?;
    bench.report.at_most("memory of an idle server", memory, (30.0, "MiB"))
}

/// Keeps how long a start took.
pub async fn keep(bench: &mut Bench, row: &str, round: u32, doorward: &Doorward) -> Result<()> {
    // What the start needed may go back to the system first.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let took = u64::try_from(doorward.ready_after.as_micros())?;
    let tally = Tally { answered: vec![took], ..Tally::default() };
    let place = Place { row, round, clients: 1, seconds: doorward.ready_after.as_secs_f64() };
    bench.report.add(Figures::of(place, tally, &doorward.meter())?)
}

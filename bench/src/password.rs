//! Logins with a password, beside the hasher alone.

use std::sync::Arc;

use anyhow::Result;
use doorward_core::password::{HashConfig, Hasher, verify};

use crate::call::{self, Call, Wire};
use crate::engine::Store;
use crate::load::{Tally, Window, busy};
use crate::server::PASSWORD;
use crate::tool::{Bench, Target};

const ALONE: &str = "hasher alone";

/// Algorithm and cost of every hash that is measured.
pub fn hash_name() -> String {
    match Hasher::default().config() {
        HashConfig::Argon2id { memory_kib, iterations, parallelism } => {
            format!("argon2id m={memory_kib} KiB t={iterations} p={parallelism}")
        }
        HashConfig::Bcrypt { cost } => format!("bcrypt cost {cost}"),
    }
}

/// Measures all rounds.
pub async fn measure(bench: &mut Bench, store: Store) -> Result<()> {
    let doorward = bench.doorward(store, "password").await?;
    let users = doorward.add_users(bench.clients, true).await?;
    let token = doorward.home.login_token()?;
    let logins: Result<Vec<Call>> =
        users.iter().map(|name| call::create(Wire::Grpc, &token, name, Some(PASSWORD))).collect();
    let login = (Wire::Grpc, bench.clients);
    let login = Target::to(&doorward, "login, gRPC".to_owned(), login, &Arc::new(logins?));
    let threads = std::thread::available_parallelism()?.get();
    for round in 0..bench.rounds {
        bench.limit(ALONE, (round, threads), move |window| alone(threads, window)).await?;
        bench.load(round, &login).await?;
    }
    bench.report.share(&format!("login, {}", hash_name()), ("login, gRPC", ALONE), 0.95)
}

/// Verifies as often as possible on so many threads.
fn alone(threads: usize, window: Window) -> Result<Tally> {
    let hasher = Hasher::default();
    let hash = hasher.hash(PASSWORD, *b"doorward's bench", &mut hasher.work_memory());
    busy(threads, window, || {
        let mut memory = hasher.work_memory();
        let hash = hash.as_str();
        move || verify(hash, PASSWORD, &mut memory) == Ok(true)
    })
}

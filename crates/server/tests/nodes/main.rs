//! Several nodes on one store are one server: whatever one of them acknowledged, all of them show, under load, when
//! one of them is killed, and when the database goes away and comes back.
//!
//! `DOORWARD_NODES_SECONDS` says how long the clients of each scene work, `DOORWARD_NODES_SEED` repeats their choices:
//! `DOORWARD_NODES_SECONDS=300 cargo nextest run -p doorward --test nodes --success-output final`.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

mod chain;
#[path = "../kill/chance.rs"]
mod chance;
mod checker;
#[cfg(test)]
mod checker_tests;
mod client;
mod cutter;
mod history;
mod load;
mod near;
mod near_scenes;
mod pair;
#[path = "../kill/process.rs"]
mod process;
mod revoked;
mod rules;
mod scene;
mod scenes;
mod story;
mod tape;
mod wire;
mod world;

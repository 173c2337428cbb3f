//! Whole exchanges with a running server: what a client of each protocol sees.

mod client;
mod matrix;
mod rig;

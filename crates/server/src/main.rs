//! The `doorward` command.

use std::process::ExitCode;

/// What one thread allocates another often frees: a request is read by one and answered by another. The allocator of
/// the C library takes locks for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    doorward::cli::run()
}

//! `cargo xtask rolling`: the version before and this one, side by side under load.

use std::process::{Command, ExitCode};

use crate::run::{Steps, must_do, root, to_the_end};

/// The scene that replaces the nodes of the version before.
const SCENE: &str = "binary(nodes) and test(replaced_by_a_new_version)";

/// Builds the server of a revision in a checkout of its own, and lets this one replace it.
pub fn run(revision: &str, seconds: &str) -> anyhow::Result<ExitCode> {
    let mut steps = Steps::new(2);
    let folder = root().join("target").join("previous");
    steps.step(&format!("build: the server of {revision}"), || {
        let mut git = Command::new("git");
        git.current_dir(root());
        if folder.exists() {
            must_do(git.arg("-C").arg(&folder).args(["checkout", "--quiet", "--detach", revision]))?;
        } else {
            must_do(git.args(["worktree", "add", "--quiet", "--detach"]).arg(&folder).arg(revision))?;
        }
        let mut build = Command::new("cargo");
        build.current_dir(&folder).args(["build", "--locked", "-p", "doorward"]);
        must_do(build.env("CARGO_TARGET_DIR", folder.join("target")))
    })?;
    steps.begin("the scene");
    let mut nextest = Command::new("cargo");
    nextest.args([
        "nextest",
        "run",
        "--locked",
        "-p",
        "doorward",
        "--test",
        "nodes",
        "--no-capture",
        "-E",
        SCENE,
    ]);
    nextest.env("DOORWARD_PREVIOUS", folder.join("target/debug/doorward"));
    to_the_end(nextest.env("DOORWARD_NODES_SECONDS", seconds))
}

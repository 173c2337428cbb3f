//! The browser in which a test registers a passkey.

use anyhow::Context as _;

use crate::packages;
use crate::run::printed;

/// What it may be called; `tests-sdk/browser/chromium.mjs` tries the same names.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Installs Chromium where there is none.
pub fn install() -> anyhow::Result<()> {
    if version().is_none() {
        packages::install(&["chromium"], "install Chromium")?;
    }
    eprintln!("    {}", version().context("Chromium was installed, but does not tell its version")?);
    Ok(())
}

fn version() -> Option<String> {
    NAMES.iter().find_map(|name| printed(name, &["--version"]))
}

//! `doorward backup`.

use std::path::Path;

use anyhow::Context;

use super::CliResult;
use super::output::Output;
use crate::config::Config;
use crate::env::Env;
use crate::wiring::open_existing;

pub async fn run(config: &Config, file: &Path, output: Output) -> CliResult {
    let db = open_existing(config, Env::system()).await?.app.db.clone();
    let target = file.to_owned();
    if file.exists() {
        let text = format!("{} exists already; choose another name for the backup", file.display());
        return Err(anyhow::anyhow!(text).into());
    }
    tokio::task::spawn_blocking(move || db.backup(&target))
        .await
        .map_err(anyhow::Error::from)?
        .with_context(|| format!("the backup {} cannot be written", file.display()))?;
    let bytes = std::fs::metadata(file).map_err(anyhow::Error::from)?.len();
    output.one(&[("file", file.display().to_string().into()), ("bytes", bytes.into())]);
    Ok(())
}

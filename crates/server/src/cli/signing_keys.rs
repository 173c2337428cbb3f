//! `doorward keys signing`: the keys that sign access tokens which others read.

use clap::Subcommand;
use doorward_core::base::Timestamp;
use doorward_core::spki::PublicKey;
use doorward_store::signing_key::{self, SigningKey};
use serde_json::Value;

use super::CliResult;
use super::output::{Output, time};
use crate::app::signer::algorithm;
use crate::app::signing::{Why, add};
use crate::app::{Call, read};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the keys, and from when until when each signs and is published.
    List,
    /// Makes the next key. It is published at once and signs ten minutes later, when all who keep the published keys
    /// have read them again. Tokens stay valid.
    Rotate {
        /// The present key is in wrong hands: the new one signs at once, and the others are published no more. Whoever
        /// verifies tokens by the published keys refuses all older ones after five minutes at the latest.
        #[arg(long)]
        lost: bool,
    },
}

pub async fn run(call: &Call, command: &Command, output: Output) -> CliResult {
    if let Command::Rotate { lost } = command {
        let why = if *lost { Why::Lost } else { Why::Asked };
        add(&call.app, why, call.now).await?;
    }
    let keys = read!(call.app, signing_key::all())?;
    let present = keys.iter().find(|key| key.signs <= call.now).map(|key| key.id.clone());
    let rows: Vec<_> = keys.iter().map(|key| row(key, present.as_deref(), call.now)).collect();
    output.many(&["id", "algorithm", "state", "created", "signs", "published_until"], &rows);
    Ok(())
}

fn row(key: &SigningKey, present: Option<&str>, now: Timestamp) -> Vec<Value> {
    let state = if key.retires.is_some_and(|retires| retires <= now) {
        "retired"
    } else if present == Some(key.id.as_str()) {
        "signs"
    } else if key.signs > now {
        "next"
    } else {
        "published"
    };
    vec![
        key.id.clone().into(),
        PublicKey::read(&key.public_key).as_ref().map(algorithm).into(),
        state.into(),
        time(key.created),
        time(key.signs),
        key.retires.map_or(Value::Null, time),
    ]
}

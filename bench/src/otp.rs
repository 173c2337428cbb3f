//! Logins with a code by mail. The code is returned instead of sent, so that no mail server is measured.

use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};

use crate::engine::Store;
use crate::factor::{Admin, Factor, Logins, login_name, text};
use crate::tool::Bench;

/// Round trips in a second that it should come to, on either engine.
const GOAL: f64 = 1000.0;

/// Whoever reads the code, which is in the challenge.
struct Reader;

impl Factor for Reader {
    fn checks(&self, challenges: &Value) -> Result<Value> {
        Ok(json!({ "otpEmail": { "code": text(challenges, "otpEmail")? } }))
    }
}

/// Measures all rounds.
pub async fn measure(bench: &mut Bench, store: Store) -> Result<()> {
    let doorward = bench.doorward(store, "otp").await?;
    let mut admin = Admin::of(&doorward).await?;
    let mut readers = Vec::new();
    for number in 0..bench.clients {
        let user = admin.add(&login_name(number)).await?;
        admin.post(&format!("/v2/users/{user}/otp_email"), &json!({})).await?;
        readers.push(Arc::new(Reader));
    }
    let challenges = json!({ "otpEmail": { "returnCode": {} } });
    let logins = Logins::new(&doorward, "code", challenges, readers)?;
    for round in 0..bench.rounds {
        logins.measure(bench, round).await?;
    }
    for row in ["code, gRPC", "code, REST"] {
        let rate = bench.report.median(row, |figures| figures.per_second);
        let work = format!("login with a {row}");
        bench.report.at_least(&work, rate, (GOAL, "round trips a second"))?;
    }
    Ok(())
}

//! Logins with a passkey, beside verifying its assertion alone. The load generator plays browser and key, so it signs
//! on the cores that the server verifies on.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use doorward_core::failure::Failure;
use doorward_core::passkey::{
    Asked, Candidate, Creation, Expected, KeyList, Origins, Owner, Requirement, creation_options,
    request_options, verify_assertion, verify_registration,
};
use serde_json::{Value, json};

use crate::engine::Store;
use crate::factor::{Admin, Factor, Logins, login_name, text};
use crate::key::{Key, RP_ID};
use crate::load::{Tally, Window, busy};
use crate::tool::Bench;

const ALONE: &str = "verifying alone";
/// Round trips in a second that it should come to, on either engine: as many as with a code.
const GOAL: f64 = 1000.0;
/// So many signatures tell what one takes.
const SIGNATURES: u32 = 2000;

impl Factor for Key {
    fn checks(&self, challenges: &Value) -> Result<Value> {
        let options = challenges.pointer("/webAuthN/publicKeyCredentialRequestOptions").context("options")?;
        Ok(json!({ "webAuthN": { "credentialAssertionData": self.get(options)? } }))
    }
}

/// Measures all rounds.
pub async fn measure(bench: &mut Bench, store: Store) -> Result<()> {
    let doorward = bench.doorward(store, "webauthn").await?;
    let mut admin = Admin::of(&doorward).await?;
    let mut keys = Vec::new();
    for number in 0..bench.clients {
        let key = Key::generate(number)?;
        register(&mut admin, &login_name(number), &key).await?;
        keys.push(Arc::new(key));
    }
    let requirement = "USER_VERIFICATION_REQUIREMENT_REQUIRED";
    let challenges = json!({ "webAuthN": { "domain": RP_ID, "userVerificationRequirement": requirement } });
    let logins = Logins::new(&doorward, "passkey", challenges, keys)?;
    let threads = std::thread::available_parallelism()?.get();
    for round in 0..bench.rounds {
        bench.limit(ALONE, (round, threads), move |window| alone(threads, window)).await?;
        logins.measure(bench, round).await?;
    }
    let signing = signing()?;
    for row in ["passkey, gRPC", "passkey, REST"] {
        let rate = bench.report.median(row, |figures| figures.per_second);
        let work = format!("login with a {row}");
        bench.report.at_least(&work, rate, (GOAL, "round trips a second"))?;
    }
    bench.report.note(format!("the load generator signs on the same cores, {signing:.0} us an assertion"))
}

async fn register(admin: &mut Admin, name: &str, key: &Key) -> Result<()> {
    let user = admin.add(name).await?;
    let keys = format!("/v2/users/{user}/passkeys");
    let begun = admin.post(&keys, &json!({ "domain": RP_ID })).await?;
    let options = begun.get("publicKeyCredentialCreationOptions").context("options")?;
    let made = json!({ "passkeyName": "bench", "publicKeyCredential": key.create(options)? });
    admin.post(&format!("{keys}/{}", text(&begun, "passkeyId")?), &made).await.map(drop)
}

/// Verifies the same assertion as often as possible on so many threads.
fn alone(threads: usize, window: Window) -> Result<Tally> {
    let key = Key::generate(0)?;
    let (options, state) = creation_options(&Creation {
        rp_name: "bench",
        rp_id: RP_ID,
        user: ("1", "mini", "Mini Mouse"),
        attachment: None,
        exclude: &[],
        challenge: [1; 32],
    });
    let origins = Origins { rp_id: RP_ID, android: &[] };
    let expected = Expected { state: &state, list: KeyList::Passkeys, origins };
    let registered = verify_registration(&expected, &key.create(&options)?).map_err(refused)?;
    let ids = [registered.credential_id.clone()];
    let (options, remembered) = request_options(RP_ID, Requirement::Required, &ids, [2; 32]);
    let asked = Asked::read(&remembered).context("a challenge")?;
    let assertion = key.get(&options)?;
    let owner = Owner { user_id: "1", android: &[], refuse_backward_counter: true };
    let candidates = [Candidate {
        credential_id: &registered.credential_id,
        credential: &registered.credential,
        sign_count: registered.sign_count,
    }];
    busy(threads, window, || || verify_assertion(&asked, &owner, &candidates, &assertion).is_ok())
}

fn refused(failure: Failure) -> anyhow::Error {
    anyhow!("the key is refused: {failure:?}")
}

/// What making one assertion takes, in microseconds.
fn signing() -> Result<f64> {
    let (key, options) = (Key::generate(0)?, json!({ "publicKey": { "challenge": "AAAA" } }));
    let began = Instant::now();
    for _ in 0..SIGNATURES {
        key.get(&options)?;
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(SIGNATURES))
}

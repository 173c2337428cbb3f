//! Replacing the master key: the new one is put before the old ones, the store is told, what is sealed is sealed anew,
//! and the old ones are dropped.
//!
//! Each step leaves a state from which the same call goes on, and in which every value can be opened. What the next
//! step is follows from the order of the keys and from what the store notes, so nothing else has to be remembered.

use std::time::Duration;

use anyhow::{Context, bail};
use doorward_core::master::{KeyId, MasterKey, Part};
use doorward_core::seal::Sealer;
use doorward_store::Db;
use doorward_store::sealed::{self, KEY, ROOT, SEALED, Sealed};
use zeroize::Zeroizing;

use crate::env::Env;
use crate::master_key::{Masters, standing};

/// How many values are sealed anew in one transaction.
const BATCH: u32 = 64;

/// How often everything is looked through before it is clear that somebody goes on with an old key.
const ROUNDS: usize = 10;

/// What is asked for beside the rotation itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// The old keys stay in the file.
    pub keep_old: bool,
    /// A new root too, which makes every token and code void.
    pub new_root: bool,
}

/// Where it happens.
#[derive(Debug)]
pub struct Site<'a> {
    /// The store.
    pub db: &'a Db,
    /// Time and chance.
    pub env: &'a Env,
    /// How long running nodes may need until they seal with the key that the store names.
    pub pause: Duration,
    /// Whether nobody else needs the new key, so that it may be made here.
    pub alone: bool,
}

/// What has been done, and is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A new key was put before the others.
    Made(KeyId),
    /// The store names this key as its present one.
    Named(KeyId),
    /// The root is a new one.
    NewRoot,
    /// So many values of a table were sealed anew by now.
    Renewed(&'static str, u64),
    /// Running nodes are given time to notice that another key is the present one.
    Waiting(Duration),
    /// The old keys are gone from the file.
    Dropped(Vec<KeyId>),
}

/// Hears of each step, and may end the rotation by failing.
pub type Told<'a> = &'a mut (dyn FnMut(Step) -> anyhow::Result<()> + Send);

/// Brings a rotation to its end, or begins one. Gives the keys that are left.
///
/// # Errors
/// Before anything is written: when the present key or another one that is needed is not there, or when it is not
/// clear what the new key should be. Later: when the store or the file cannot be written, or a value cannot be opened.
pub async fn rotate(
    site: &Site<'_>,
    masters: Masters,
    asked: Asked,
    told: Told<'_>,
) -> anyhow::Result<Masters> {
    let masters = choose(site, masters, told).await?;
    name_present(site, &masters, asked.new_root, told).await?;
    renew_all(site, &masters, told).await?;
    if asked.keep_old || masters.file().is_none() || !masters.has_others() {
        return Ok(masters);
    }
    let left = masters.without_others()?;
    told(Step::Dropped(masters.all().skip(1).map(MasterKey::id).collect()))?;
    Ok(left)
}

/// Makes sure that the first key is the one to rotate to, and that nothing will be missing.
async fn choose(site: &Site<'_>, masters: Masters, told: Told<'_>) -> anyhow::Result<Masters> {
    let standing = standing(site.db, &masters).await?;
    masters.root(&standing)?;
    refuse_unknown(site.db, &masters).await?;
    let noted = standing.mark.as_ref().and_then(|mark| masters.noted(mark));
    let (present, part) = noted.context("the store names no present key")?;
    if present != masters.first() || (masters.has_others() && part == Part::Seal) {
        return Ok(masters);
    }
    if masters.has_others() {
        bail!("the first master key is the present one already: put the new one before it");
    }
    if masters.file().is_none() {
        bail!(
            "the configured master key is the present one already: put a new one before it, with a comma in between, \
             on all nodes (`openssl rand -base64 32` makes one), restart them, and run this again"
        );
    }
    if !site.alone {
        bail!(
            "other nodes may be running, and need the new key before the store does: put it as a line before the \
             others into the file master.key of each node (`openssl rand -base64 32` makes one), restart them, and \
             run this again; or stop all nodes first"
        );
    }
    let masters = masters.with_new(site.env)?;
    told(Step::Made(masters.first().id()))?;
    Ok(masters)
}

/// Refuses a store with values that none of the keys opens: they would be left behind.
async fn refuse_unknown(db: &Db, masters: &Masters) -> anyhow::Result<()> {
    for column in SEALED {
        let counts = sealed::count(db.reading().await?.conn()?, column).await?;
        for (id, many) in counts {
            let table = column.table;
            match id {
                Some(id) if masters.all().any(|key| key.id() == id) => {}
                Some(id) => bail!(
                    "{many} values in the table {table} are sealed under the master key {id}, which is not here: put \
                     it behind the others. Nothing was changed"
                ),
                None => {
                    bail!("{many} values in the table {table} are broken: remove them. Nothing was changed")
                }
            }
        }
    }
    Ok(())
}

/// Makes the first key the present one of the store, with the root sealed under it.
async fn name_present(
    site: &Site<'_>,
    masters: &Masters,
    new_root: bool,
    told: Told<'_>,
) -> anyhow::Result<()> {
    let before = standing(site.db, masters).await?;
    let (target, mark) = (masters.first(), masters.first().mark(Part::Seal));
    if before.mark == Some(mark) && !new_root {
        return Ok(());
    }
    let mut root = masters.root(&before)?;
    if new_root {
        root = Zeroizing::new([0; 32]);
        site.env.entropy.fill(root.as_mut_slice());
    }
    let sealer = Sealer::derive([target.bytes()]);
    let sealed = sealer.seal(&KEY.purpose(ROOT), chance(site.env), root.as_slice());
    let now = site.env.clock.now();
    let switched = site
        .db
        .write(move |conn| Box::pin(async move { sealed::switch(conn, &before, &mark, &sealed, now).await }));
    if !switched.await? {
        bail!("another rotation runs at the same time");
    }
    told(Step::Named(target.id()))?;
    if new_root { told(Step::NewRoot) } else { Ok(()) }
}

/// Seals everything with the first key, until nothing was sealed with another one for as long as a node may need to
/// notice.
async fn renew_all(site: &Site<'_>, masters: &Masters, told: Told<'_>) -> anyhow::Result<()> {
    let mut waited = false;
    for _ in 0..ROUNDS {
        if standing(site.db, masters).await?.mark != Some(masters.first().mark(Part::Seal)) {
            bail!("another rotation runs at the same time");
        }
        let mut tried = 0;
        for column in SEALED {
            tried += renew(site, masters, column, told).await?;
        }
        if tried == 0 && (waited || site.pause.is_zero()) {
            return Ok(());
        }
        if !site.pause.is_zero() {
            // A node that has not noticed yet goes on with the old key until then.
            told(Step::Waiting(site.pause))?;
            tokio::time::sleep(site.pause).await;
            waited = true;
        }
    }
    bail!("somebody goes on sealing with an older key: is there a node that lacks the new one?")
}

/// Seals one column anew. Gives how many values were under other keys.
async fn renew(
    site: &Site<'_>,
    masters: &Masters,
    column: &'static Sealed,
    told: Told<'_>,
) -> anyhow::Result<u64> {
    let (sealer, present) = (masters.sealer(), masters.first().id());
    let (mut after, mut tried, mut lost) = (String::new(), 0, Vec::new());
    loop {
        let stale = sealed::stale(site.db.reading().await?.conn()?, column, present, &after, BATCH).await?;
        let Some((last, _)) = stale.last() else { break };
        after.clone_from(last);
        let mut batch = Vec::new();
        for (id, old) in stale {
            match sealer.renew(&column.purpose(&id), chance(site.env), &old) {
                Some(new) => batch.push((id, old, new)),
                None => lost.push(id),
            }
        }
        tried += batch.len() as u64;
        swap_all(site.db, column, batch).await?;
        told(Step::Renewed(column.table, tried))?;
    }
    if let Some(first) = lost.first() {
        bail!(
            "{} values in the table {} cannot be opened, such as the one of {first}: they were changed by other hands. \
             The old keys were kept; remove those values and run this again",
            lost.len(),
            column.table
        );
    }
    Ok(tried)
}

/// Puts new values in the place of the old ones, but for those that somebody has replaced meanwhile.
async fn swap_all(
    db: &Db,
    column: &'static Sealed,
    batch: Vec<(String, Vec<u8>, Vec<u8>)>,
) -> anyhow::Result<()> {
    let swapped = db.write(move |conn| {
        Box::pin(async move {
            for (id, old, new) in &batch {
                sealed::swap(conn, column, id, old, new).await?;
            }
            Ok(())
        })
    });
    Ok(swapped.await?)
}

fn chance<const N: usize>(env: &Env) -> [u8; N] {
    let mut bytes = [0; N];
    env.entropy.fill(&mut bytes);
    bytes
}

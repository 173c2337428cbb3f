//! The master keys of this node: where they come from, which of them is the one of the store, and what they open.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use doorward_core::master::{KeyId, MasterKey, Part};
use doorward_core::seal::{Followed, Sealer};
use doorward_core::token::{Digest, Keyring};
use doorward_store::sealed::{self, KEY, ROOT, Standing};
use doorward_store::{Db, organisation};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::app::App;
use crate::cleanup::rest;
use crate::env::Env;
use crate::private_file::{self, replace};
use crate::telemetry::Sparse;

/// The name of the file with the master keys.
pub const FILE: &str = "master.key";

/// How often a node asks which key is the present one. `doorward keys rotate` waits for several of these.
pub const FOLLOWED_EVERY: Duration = Duration::from_secs(1);

/// What follows from the keys of a node and what the store notes.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The keys of tokens and codes.
    pub tokens: Keyring,
    /// The keys of what must be read again.
    pub seals: Sealer,
}

/// The master keys of this node, at least one. The first one is the one that shall be the present one.
#[derive(Debug, Clone)]
pub struct Masters {
    first: MasterKey,
    others: Vec<MasterKey>,
    /// Where they stand; nothing if the configuration names them.
    file: Option<PathBuf>,
}

impl Masters {
    /// The keys that the configuration names, or those of the file in the folder. If there is no such file, it is made
    /// with a new key, unless the store is set up already: another node may have done so, and a key of one's own would
    /// be worth nothing there.
    ///
    /// # Errors
    /// When the file holds no keys, or can be neither read nor made.
    pub fn find(
        configured: Option<Vec<MasterKey>>,
        folder: &Path,
        is_set_up: bool,
        env: &Env,
    ) -> anyhow::Result<Self> {
        if let Some(keys) = configured {
            return Self::of(keys, None);
        }
        let path = folder.join(FILE);
        if let Some(found) = Self::read(&path)? {
            return Ok(found);
        }
        if is_set_up {
            bail!(
                "{} is missing: put the key there that this store was set up with, or set DOORWARD_MASTER_KEY",
                path.display()
            );
        }
        // Of nodes that share the folder and start together, one makes the key.
        let _turn = private_file::turn(folder)?;
        if let Some(found) = Self::read(&path)? {
            return Ok(found);
        }
        let made = Self::of(vec![fresh(env)], Some(path))?;
        made.write()?;
        Ok(made)
    }

    fn of(keys: Vec<MasterKey>, file: Option<PathBuf>) -> anyhow::Result<Self> {
        let mut keys = keys.into_iter();
        let first = keys.next().context("there is no master key")?;
        Ok(Self { first, others: keys.collect(), file })
    }

    fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        match fs::read_to_string(path).map(Zeroizing::new) {
            Ok(text) => {
                let keys = MasterKey::parse_all(&text);
                let keys = keys.with_context(|| {
                    format!("{} holds no master key: each line has 32 bytes in base64", path.display())
                })?;
                Self::of(keys, Some(path.to_owned())).map(Some)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    fn write(&self) -> anyhow::Result<()> {
        let Some(file) = &self.file else { bail!("keys of the configuration are not written") };
        let lines: Vec<_> = self.all().map(|key| key.text()).collect();
        let text =
            Zeroizing::new(lines.iter().map(|line| format!("{}\n", line.as_str())).collect::<String>());
        replace(file, &text)
    }

    /// The first one.
    #[must_use]
    pub fn first(&self) -> &MasterKey {
        &self.first
    }

    /// All of them, the first one first.
    pub fn all(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Whether there are others than the first.
    #[must_use]
    pub fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    /// The file that they stand in, if the configuration does not name them.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The one that a store has noted, and its part there.
    #[must_use]
    pub fn noted(&self, mark: &Digest) -> Option<(&MasterKey, Part)> {
        self.all().find_map(|key| Some((key, key.part(mark)?)))
    }

    /// Puts a new key before the others, in the file too.
    ///
    /// # Errors
    /// When there is no file, or it cannot be written; then nothing has changed.
    pub fn with_new(&self, env: &Env) -> anyhow::Result<Self> {
        let made = Self { first: fresh(env), others: self.all().cloned().collect(), file: self.file.clone() };
        made.write()?;
        Ok(made)
    }

    /// Leaves nothing but the first key, in the file too.
    ///
    /// # Errors
    /// When there is no file, or it cannot be written; then nothing has changed.
    pub fn without_others(&self) -> anyhow::Result<Self> {
        let left = Self { first: self.first.clone(), others: Vec::new(), file: self.file.clone() };
        left.write()?;
        Ok(left)
    }

    /// What seals and opens with these keys.
    #[must_use]
    pub fn sealer(&self) -> Sealer {
        Sealer::derive(self.all().map(MasterKey::bytes))
    }

    /// The root of tokens and codes in a store with that standing.
    ///
    /// # Errors
    /// When none of the keys is the one of the store, or the root cannot be opened.
    pub fn root(&self, standing: &Standing) -> anyhow::Result<Zeroizing<[u8; 32]>> {
        let noted = standing.mark.as_ref().and_then(|mark| self.noted(mark));
        let Some((present, part)) = noted else {
            bail!(
                "the store was set up with another master key: put its own master.key back, or set DOORWARD_MASTER_KEY"
            );
        };
        match (part, &standing.root) {
            (Part::Root, _) => Ok(Zeroizing::new(*present.bytes())),
            (Part::Seal, Some(sealed)) => {
                let root = self.sealer().open(&KEY.purpose(ROOT), sealed);
                let root = root.and_then(|root| <[u8; 32]>::try_from(root.as_slice()).ok());
                root.map(Zeroizing::new)
                    .context("the root of all tokens cannot be opened with the master key")
            }
            (Part::Seal, None) => bail!("the root of all tokens is missing from the table sealed_keys"),
        }
    }
}

fn fresh(env: &Env) -> MasterKey {
    let mut bytes = Zeroizing::new([0; 32]);
    env.entropy.fill(bytes.as_mut_slice());
    MasterKey::new(*bytes)
}

/// What a store tells about its keys. One that has noted none, since its mark was taken away, notes the first key.
///
/// # Errors
/// When the store cannot be read or written, or holds a root that none of the keys opens.
pub async fn standing(db: &Db, masters: &Masters) -> anyhow::Result<Standing> {
    let found = sealed::standing(db.reading().await?.conn()?).await?;
    if found.mark.is_some() {
        return Ok(found);
    }
    let mark = match found.root.as_deref().map(KeyId::of) {
        None => masters.first().mark(Part::Root),
        Some(id) => {
            let key = masters.all().find(|key| Some(key.id()) == id);
            key.context("the root of all tokens is sealed under another master key")?.mark(Part::Seal)
        }
    };
    db.write(move |conn| Box::pin(async move { sealed::adopt(conn, &mark).await })).await?;
    Ok(sealed::standing(db.reading().await?.conn()?).await?)
}

/// The keys of a store that is set up.
///
/// # Errors
/// When none of the master keys is the one of the store, and those of [`standing`].
pub async fn unlock(db: &Db, masters: &Masters) -> anyhow::Result<Keys> {
    let standing = standing(db, masters).await?;
    let tokens = Keyring::derive(&*masters.root(&standing)?);
    let seals = masters.sealer();
    if let Some(mark) = &standing.mark {
        seals.follow(mark);
    }
    Ok(Keys { tokens, seals })
}

/// Seals with whatever key the store names as the present one, until it is told to stop: the key may be replaced while
/// this node runs.
pub async fn follow(app: &App, mut stop: watch::Receiver<bool>) {
    let lost = Sparse::new();
    while !rest(FOLLOWED_EVERY, &mut stop).await {
        // A store that does not answer is complained about by those who need it.
        let Ok(Some(mark)) = noted(&app.db).await else { continue };
        match app.seals.follow(&mark) {
            Followed::Same => {}
            Followed::Changed => tracing::info!("another master key is the present one from now on"),
            Followed::Unknown => {
                if let Some(kept_back) = lost.may_say(Instant::now()) {
                    tracing::error!(
                        kept_back,
                        "the present master key of the store is not among those of this node: give it to this node, \
                         which cannot open what is sealed under it"
                    );
                }
            }
        }
    }
}

async fn noted(db: &Db) -> doorward_store::Result<Option<Digest>> {
    organisation::key_check(db.reading().await?.conn()?).await
}

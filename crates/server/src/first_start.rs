//! Opening the data folder, and filling it on the first start.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_core::base::{Timestamp, mint_id};
use doorward_core::caller::{Membership, Role};
use doorward_core::seal::Sealer;
use doorward_core::token::{Keyring, Minted, TokenKind};
use doorward_core::user::{Machine, User, UserKind, UserState};
use doorward_store::organisation::{self, Instance, Organisation};
use doorward_store::token::AccessToken;
use doorward_store::{Conn, Db, grant, token, user};

use crate::env::Env;

/// The machine users of the first start: name, role, file of the token.
const MACHINES: [(&str, Role, &str); 2] =
    [("admin", Role::IamOwner, "admin.pat"), ("login-client", Role::IamLoginClient, "login-client.pat")];

/// The name of the database file.
pub const DATABASE: &str = "doorward.db";

/// What a data folder holds.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

/// What is derived from the master key.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The keys of tokens and codes.
    pub tokens: Keyring,
    /// The keys of what must be read again.
    pub seals: Sealer,
}

impl Keys {
    fn derive(master: &[u8; 32]) -> Self {
        Self { tokens: Keyring::derive(master), seals: Sealer::derive([master]) }
    }
}

impl DataDir {
    /// Opens the folder, making it if it is not there. Only its owner may look into it.
    ///
    /// # Errors
    /// When the folder can be neither made nor written.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .recursive(true)
            .create(path)
            .with_context(|| format!("the data folder {} cannot be made", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    /// The folder as it is, or is not: nothing is made.
    #[must_use]
    pub fn unopened(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Whether there is a database in that folder.
    #[must_use]
    pub fn has_store(path: &Path) -> bool {
        path.join(DATABASE).exists()
    }

    /// The database file, made empty if it is not there: SQLite would make it readable for everybody.
    ///
    /// # Errors
    /// When it can be neither opened nor made.
    pub fn database(&self) -> anyhow::Result<PathBuf> {
        let path = self.0.join(DATABASE);
        private_file(&path)?;
        Ok(path)
    }

    /// Keeps the folder for this process: two servers on one folder would each believe to be alone.
    ///
    /// # Errors
    /// When another server has it.
    pub fn lock(&self) -> anyhow::Result<fs::File> {
        let path = self.0.join("serve.lock");
        let file = fs::File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(_) => bail!("another server runs on the data folder {}", self.0.display()),
        }
    }

    /// The files that the first start writes tokens to.
    #[must_use]
    pub fn token_files(&self) -> Vec<PathBuf> {
        MACHINES.iter().map(|(_, _, file)| self.0.join(file)).collect()
    }

    /// The keys, from the configured master key or from the file that the first start makes.
    ///
    /// # Errors
    /// When the key is malformed, or the file cannot be read or written.
    pub fn keys(&self, configured: Option<&[u8; 32]>, is_set_up: bool, env: &Env) -> anyhow::Result<Keys> {
        if let Some(key) = configured {
            return Ok(Keys::derive(key));
        }
        let path = self.0.join("master.key");
        match fs::read_to_string(&path) {
            Ok(text) => {
                parse_key(text.trim()).with_context(|| format!("{} holds no master key", path.display()))
            }
            // Another node may have set it up, and a key of one's own would be worth nothing there.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && is_set_up => bail!(
                "{} is missing: put the key there that this store was set up with, or set DOORWARD_MASTER_KEY",
                path.display()
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut key = [0; 32];
                env.entropy.fill(&mut key);
                write_private(&path, &format!("{}\n", STANDARD.encode(key)))?;
                Ok(Keys::derive(&key))
            }
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }
}

/// Makes a file that only its owner may read, unless it is there.
///
/// # Errors
/// When it can be neither opened nor made.
pub fn private_file(path: &Path) -> anyhow::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).with_context(|| format!("the database {} cannot be opened", path.display()))?;
    Ok(())
}

fn parse_key(text: &str) -> anyhow::Result<Keys> {
    let bytes = STANDARD.decode(text).context("it is not base64")?;
    let Ok(key) = <[u8; 32]>::try_from(bytes.as_slice()) else {
        bail!("it has {} bytes instead of 32", bytes.len());
    };
    Ok(Keys::derive(&key))
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let fresh = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// Whether the store was set up, by this node or another.
///
/// # Errors
/// When the store cannot be read.
pub async fn is_set_up(db: &Db) -> anyhow::Result<bool> {
    Ok(organisation::instance(db.reading().await?.conn()?).await?.is_some())
}

/// The instance of the store. On an empty store makes it: a default organisation, two machine users, and the files
/// with their tokens. The flag tells whether that was done just now, by this node.
///
/// # Errors
/// When the store or the files cannot be written.
pub async fn set_up(db: &Db, dir: &DataDir, keys: &Keyring, env: &Env) -> anyhow::Result<(Instance, bool)> {
    if let Some(instance) = organisation::instance(db.reading().await?.conn()?).await? {
        check_key(db, keys).await?;
        return Ok((instance, false));
    }
    let now = env.clock.now();
    let id = || mint_id(now, env.entropy.number());
    let organisation = Organisation { id: id(), name: "Default".to_owned(), created: now };
    let instance = Instance { id: id(), default_organisation: organisation.id.clone() };
    let mut machines = Vec::new();
    for ((name, role, _), path) in MACHINES.iter().zip(dir.token_files()) {
        let mut chance = [0; 32];
        env.entropy.fill(&mut chance);
        let token_id = id();
        let minted = keys.mint(TokenKind::PersonalAccess, &token_id, chance);
        machines.push((machine(id(), name, &organisation, now), *role, token_id, minted, path));
    }
    let (made, key_check) = (instance.clone(), keys.check_value());
    let story = db.write(move |conn| {
        Box::pin(async move {
            // Of several nodes that start together, one sets up and the others find it done.
            organisation::set_up_alone(conn).await?;
            if let Some(present) = organisation::instance(conn).await? {
                return Ok(Ok((present, false)));
            }
            for (.., minted, path) in &machines {
                // The file comes first: a crash in between leaves a token that nobody knows, not a store that nobody
                // can enter.
                if let Err(error) = write_private(path, &format!("{}\n", minted.text.expose())) {
                    return Ok(Err(format!("{error:#}")));
                }
            }
            organisation::insert_instance(conn, &made.id, now).await?;
            organisation::save_key_check(conn, &key_check).await?;
            organisation::insert(conn, &organisation).await?;
            for (machine, role, token_id, minted, _) in machines {
                add_machine(conn, &machine, role, (token_id, minted)).await?;
            }
            Ok(Ok((made, true)))
        })
    });
    let (instance, first_start) = story.await?.map_err(anyhow::Error::msg)?;
    check_key(db, keys).await?;
    Ok((instance, first_start))
}

/// Refuses a master key that is not the one of the store: with another one no token would be valid.
async fn check_key(db: &Db, keys: &Keyring) -> anyhow::Result<()> {
    let stored = organisation::key_check(db.reading().await?.conn()?).await?;
    if stored.is_some_and(|stored| stored != keys.check_value()) {
        bail!(
            "the store was set up with another master key: put its own master.key back, or set DOORWARD_MASTER_KEY"
        );
    }
    Ok(())
}

fn machine(id: String, name: &str, organisation: &Organisation, now: Timestamp) -> User {
    let description = "Made on the first start".to_owned();
    User {
        id,
        organisation: organisation.id.clone(),
        state: UserState::Active,
        username: name.to_owned(),
        kind: UserKind::Machine(Machine { name: name.to_owned(), description }),
        created: now,
        changed: now,
        sequence: 1,
    }
}

async fn add_machine(
    conn: &mut Conn,
    machine: &User,
    role: Role,
    (id, minted): (String, Minted),
) -> doorward_store::Result<()> {
    user::insert(conn, machine).await?;
    grant::insert(conn, &machine.id, &Membership { organisation: None, role }).await?;
    let token = AccessToken {
        id,
        user_id: machine.id.clone(),
        organisation: machine.organisation.clone(),
        created: machine.created,
        expires: Timestamp::LATEST,
    };
    token::insert(conn, &token, &minted.digest).await
}

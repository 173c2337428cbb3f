//! Opening the data folder, and filling it on the first start.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use doorward_core::base::{Timestamp, mint_id};
use doorward_core::caller::{Membership, Role};
use doorward_core::master::{MasterKey, Part};
use doorward_core::token::{Keyring, Minted, TokenKind};
use doorward_core::user::{Machine, User, UserKind, UserState};
use doorward_store::organisation::{self, Instance, Organisation};
use doorward_store::token::AccessToken;
use doorward_store::{Conn, Db, grant, token, user};

use crate::config::Grant;
use crate::env::Env;
use crate::master_key::Masters;
use crate::private_file;

/// The machine users of the first start: name, role, file of the token.
const MACHINES: [(&str, Role, &str); 2] =
    [("admin", Role::IamOwner, "admin.pat"), ("login-client", Role::IamLoginClient, "login-client.pat")];

/// The name of the database file.
pub const DATABASE: &str = "doorward.db";

/// What a data folder holds.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

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
        private_file::make(&path)?;
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

    /// The master keys: those that the configuration names, or those of the file that the first start makes.
    ///
    /// # Errors
    /// When the file holds no keys, or cannot be read or written.
    pub fn masters(
        &self,
        configured: Option<Vec<MasterKey>>,
        is_set_up: bool,
        env: &Env,
    ) -> anyhow::Result<Masters> {
        Masters::find(configured, &self.0, is_set_up, env)
    }

    /// Waits until nobody else changes the keys in this folder, and keeps others waiting until the file is dropped.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn keys_turn(&self) -> anyhow::Result<fs::File> {
        private_file::turn(&self.0)
    }
}

/// Whether the store was set up, by this node or another.
///
/// # Errors
/// When the store cannot be read.
pub async fn is_set_up(db: &Db) -> anyhow::Result<bool> {
    Ok(organisation::instance(db.reading().await?.conn()?).await?.is_some())
}

/// The instance of the store. On an empty store makes it: a default organisation, two machine users, the files with
/// their tokens, and the roles that the configuration grants. The flag tells whether that was done just now, by this
/// node.
///
/// # Errors
/// When the store or the files cannot be written.
pub async fn set_up(
    db: &Db,
    dir: &DataDir,
    masters: &Masters,
    env: &Env,
    grants: &[Grant],
) -> anyhow::Result<(Instance, bool)> {
    if let Some(instance) = organisation::instance(db.reading().await?.conn()?).await? {
        return Ok((instance, false));
    }
    let keys = Keyring::derive(masters.first().bytes());
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
    let names = machines.iter().map(|(machine, ..)| (machine.username.clone(), machine.id.clone())).collect();
    let (robots, granted) = granted(grants, names, &organisation, id);
    let (made, key_check) = (instance.clone(), masters.first().mark(Part::Root));
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
                if let Err(error) = private_file::replace(path, &format!("{}\n", minted.text.expose())) {
                    return Ok(Err(format!("{error:#}")));
                }
            }
            organisation::insert_instance(conn, &made.id, now).await?;
            organisation::save_key_check(conn, &key_check).await?;
            organisation::insert(conn, &organisation).await?;
            for (machine, role, token_id, minted, _) in machines {
                add_machine(conn, &machine, role, (token_id, minted)).await?;
            }
            for robot in &robots {
                user::insert(conn, robot).await?;
            }
            for (user_id, membership) in &granted {
                grant::insert(conn, user_id, membership).await?;
            }
            Ok(Ok((made, true)))
        })
    });
    story.await?.map_err(anyhow::Error::msg)
}

/// Machine users that are made for grants of the configuration, and what each user is granted. `known` are the names
/// and ids of the users that are made anyway.
fn granted(
    grants: &[Grant],
    mut known: Vec<(String, String)>,
    organisation: &Organisation,
    id: impl Fn() -> String,
) -> (Vec<User>, Vec<(String, Membership)>) {
    let (mut robots, mut granted) = (Vec::new(), Vec::new());
    for grant in grants {
        // The configuration has been verified: every role is one.
        let Some(role) = Role::named(&grant.role) else { continue };
        let name = grant.user.to_lowercase();
        let found = known.iter().find(|(known, _)| known.to_lowercase() == name);
        let user_id = match found {
            Some((_, id)) => id.clone(),
            None => {
                let robot = machine(id(), &grant.user, organisation, organisation.created);
                let made = robot.id.clone();
                known.push((grant.user.clone(), made.clone()));
                robots.push(robot);
                made
            }
        };
        let organisation = (!role.is_for_instance()).then(|| organisation.id.clone());
        granted.push((user_id, Membership { organisation, role }));
    }
    (robots, granted)
}

fn machine(id: String, name: &str, organisation: &Organisation, now: Timestamp) -> User {
    let description = "Made on the first start".to_owned();
    User {
        id,
        organisation: organisation.id.clone(),
        state: UserState::Active,
        username: name.to_owned(),
        kind: UserKind::Machine(Machine { name: name.to_owned(), description, ..Machine::default() }),
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

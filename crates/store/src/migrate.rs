//! Numbered migrations, each run once, and the rule which store a binary takes.
//!
//! The table `migrations` holds those that a binary has to know, the table `expansions` those that one that does not
//! know them can live with. So a node of the version before can be started again while others run a newer one, until
//! a migration takes away what the old ones need: that one names the oldest schema that it bears, and all up to that
//! pass from `expansions` to `migrations`. See docs/decisions/0010-schema-changes.md.

use std::time::Duration;

use crate::db::{Conn, Db};
use crate::error::{Result, StoreError};
use crate::transfer;

/// A step of the schema. A released one is never edited.
#[derive(Debug)]
struct Migration {
    number: i64,
    name: &'static str,
    script: &'static str,
    /// The number of the oldest schema whose binaries work with the store after this step; its own number if none
    /// that is older does.
    bears: i64,
    /// Whether the script only builds indexes: then they are built while others write.
    indexes: bool,
}

/// The migrations, in order.
const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "0001_initial",
        script: include_str!("../migrations/0001_initial.sql"),
        bears: 1,
        indexes: false,
    },
    Migration {
        number: 2,
        name: "0002_session_end",
        script: include_str!("../migrations/0002_session_end.sql"),
        bears: 1,
        indexes: true,
    },
    Migration {
        number: 3,
        name: "0003_factors",
        script: include_str!("../migrations/0003_factors.sql"),
        bears: 1,
        indexes: false,
    },
    Migration {
        number: 4,
        name: "0004_callers",
        script: include_str!("../migrations/0004_callers.sql"),
        bears: 1,
        indexes: false,
    },
];

/// How often a node looks whether another one is done with the schema.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A migration, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its place in the order.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub state: State,
}

/// What became of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The store has it.
    Applied,
    /// The store lacks it.
    Pending,
    /// The store has it from a newer version, and this one can live with that.
    Newer,
    /// The store has it from a newer version, and this one cannot live with that.
    TooNew,
}

/// Brings the schema up to date. Gives the names of the migrations that were run. Of several nodes that start
/// together, one migrates and the others wait for it.
///
/// # Errors
/// When a migration fails, when the store was written by a newer version that this one cannot live with, or when it
/// is the target of a move that is not finished.
pub async fn migrate(db: &Db) -> Result<Vec<&'static str>> {
    check(db).await?;
    bring_up(db).await
}

/// As [`migrate`], for the target of a move too.
pub(crate) async fn bring_up(db: &Db) -> Result<Vec<&'static str>> {
    let mut ran = Vec::new();
    for migration in MIGRATIONS {
        if !applied(db.reading().await?.conn()?, migration.number).await? && run(db, migration).await? {
            ran.push(migration.name);
        }
    }
    refuse_newer(&steps(db).await?)?;
    Ok(ran)
}

/// The names of the migrations that the store lacks.
///
/// # Errors
/// As [`migrate`], but for the migrations themselves.
pub async fn check(db: &Db) -> Result<Vec<&'static str>> {
    transfer::refuse_unfinished(db).await?;
    let steps = steps(db).await?;
    refuse_newer(&steps)?;
    let pending = |migration: &&Migration| {
        steps.iter().any(|step| step.number == migration.number && step.state == State::Pending)
    };
    Ok(MIGRATIONS.iter().filter(pending).map(|migration| migration.name).collect())
}

/// Every migration that this version or the store knows, in order. The store may be empty.
///
/// # Errors
/// When the store cannot be read.
pub async fn steps(db: &Db) -> Result<Vec<Step>> {
    let mut reading = db.reading().await?;
    let (must, may) = (recorded(reading.conn()?, false).await?, recorded(reading.conn()?, true).await?);
    let applied = |number: i64| must.iter().chain(&may).any(|(recorded, _)| *recorded == number);
    let mut steps: Vec<Step> = unapplied()
        .into_iter()
        .map(|step| if applied(step.number) { Step { state: State::Applied, ..step } } else { step })
        .collect();
    let known = newest();
    for (recorded, state) in [(may, State::Newer), (must, State::TooNew)] {
        let newer = recorded.into_iter().filter(|(number, _)| *number > known);
        steps.extend(newer.map(|(number, name)| Step { number, name, state }));
    }
    steps.sort_by_key(|step| step.number);
    Ok(steps)
}

/// The migrations of a store that is not there yet.
#[must_use]
pub fn unapplied() -> Vec<Step> {
    let pending = |migration: &Migration| Step {
        number: migration.number,
        name: migration.name.to_owned(),
        state: State::Pending,
    };
    MIGRATIONS.iter().map(pending).collect()
}

fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.number)
}

fn refuse_newer(steps: &[Step]) -> Result<()> {
    let newest = steps.iter().filter(|step| step.state == State::TooNew).map(|step| step.number).max();
    newest.map_or(Ok(()), |newest| {
        Err(StoreError::Version(format!(
            "the store was written by a newer Doorward: it takes one that knows schema {newest}, and this one knows \
             schema {}",
            self::newest()
        )))
    })
}

/// Runs a migration in a transaction of its own, unless another node did meanwhile.
async fn run(db: &Db, migration: &'static Migration) -> Result<bool> {
    let mut told = false;
    loop {
        let beside = db.clone();
        let turn = db.write(move |conn| {
            Box::pin(async move {
                if !conn.try_alone().await? {
                    return Ok(None);
                }
                if applied(conn, migration.number).await? {
                    return Ok(Some(false));
                }
                migration.apply(conn, &beside).await?;
                record(conn, migration).await?;
                Ok(Some(true))
            })
        });
        if let Some(ran) = turn.await? {
            return Ok(ran);
        }
        if !std::mem::replace(&mut told, true) {
            tracing::info!(migration = migration.name, "another node changes the schema; waiting for it");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

impl Migration {
    async fn apply(&self, conn: &mut Conn, beside: &Db) -> Result<()> {
        if !self.indexes {
            return conn.migration(self.script).await;
        }
        let lines: Vec<_> = self.script.lines().filter(|line| !line.starts_with("--")).collect();
        for statement in lines.join("\n").split(';').map(str::trim).filter(|statement| !statement.is_empty())
        {
            conn.build_index(beside, statement).await?;
        }
        Ok(())
    }
}

/// Notes that a migration was run, and what a binary has to know from now on.
async fn record(conn: &mut Conn, migration: &Migration) -> Result<()> {
    for table in ["migrations", "expansions"] {
        if !conn.has_table(table).await? {
            let sql = format!("CREATE TABLE {table} (number BIGINT PRIMARY KEY, name TEXT NOT NULL)");
            conn.migration(&sql).await?;
        }
    }
    let note = "INSERT INTO expansions (number, name) VALUES ($1, $2)";
    conn.run(note, &[migration.number.into(), migration.name.into()]).await?;
    let bears = [migration.bears.into()];
    let pass = "INSERT INTO migrations (number, name) SELECT number, name FROM expansions WHERE number <= $1";
    conn.run(pass, &bears).await?;
    conn.run("DELETE FROM expansions WHERE number <= $1", &bears).await.map(|_| ())
}

/// Whether a migration was run, on a store that may be empty.
async fn applied(conn: &mut Conn, number: i64) -> Result<bool> {
    for table in ["migrations", "expansions"] {
        let sql = format!("SELECT 1 FROM {table} WHERE number = $1");
        if conn.has_table(table).await? && conn.one(&sql, &[number.into()]).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The migrations that the store was brought up with: those that a binary may not know, or those that it must.
async fn recorded(conn: &mut Conn, may_be_unknown: bool) -> Result<Vec<(i64, String)>> {
    let table = if may_be_unknown { "expansions" } else { "migrations" };
    if !conn.has_table(table).await? {
        return Ok(Vec::new());
    }
    let rows = conn.all(&format!("SELECT number, name FROM {table} ORDER BY number"), &[]).await?;
    let read = |row: crate::db::Row| {
        let mut row = row.read("migrations");
        Ok((row.int("number")?, row.text("name")?))
    };
    rows.into_iter().map(read).collect()
}

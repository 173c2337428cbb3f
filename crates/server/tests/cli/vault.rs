//! Sealed values of a store: put there under a master key, and opened again under another.

use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward_core::master::MasterKey;
use doorward_core::seal::Sealer;
use doorward_store::sealed::{self, ROOT, SEALED, Sealed, Standing};
use doorward_store::{Db, PostgresSettings, Settings, SqliteSettings};

/// The store of a folder, as another process sees it.
pub struct Vault {
    pub db: Db,
    file: PathBuf,
}

/// What every sealed value begins with before it is sealed.
pub const SECRET: &str = "secret of ";

/// What is sealed in a row.
fn secret(column: &Sealed, id: &str) -> Vec<u8> {
    format!("{SECRET}{} {id}", column.table).into_bytes()
}

/// How a row with nothing but a sealed value is added. Its times are far away, so that nobody thinks it is due.
fn insert(column: &Sealed) -> String {
    const LATE: &str = "4102444800000000";
    let (columns, values) = match column.table {
        "totps" => ("ready, created", format!("TRUE, {LATE}")),
        "intents" => (
            "idp_id, state, success_url, failure_url, created, changed, expires",
            format!("'', 0, '', '', {LATE}, {LATE}, {LATE}"),
        ),
        "outbox" => (
            "user_id, channel, purpose, state, attempts, created, due, expires, ended",
            format!("'', '', '', 0, 0, {LATE}, {LATE}, {LATE}, {LATE}"),
        ),
        // Some bytes that are there: the engines write them differently.
        "signing_keys" => {
            let bytes = "(SELECT key_check FROM instance LIMIT 1)";
            ("public_key, created, signs", format!("{bytes}, {LATE}, {LATE}"))
        }
        _ => ("created", LATE.to_owned()),
    };
    let Sealed { table, key, column, .. } = column;
    format!("INSERT INTO {table} ({key}, {column}, {columns}) VALUES ($1, $2, {values})")
}

impl Vault {
    /// Of the folder `data` in `dir`, or of the PostgreSQL that the configuration there names.
    pub fn of(dir: &Path) -> Self {
        let toml = std::fs::read_to_string(dir.join("doorward.toml")).unwrap_or_default();
        let url = toml.lines().find_map(|line| line.strip_prefix("database_url = "));
        let settings = match url {
            Some(url) => Settings::Postgres(PostgresSettings {
                url: url.trim_matches('"').to_owned(),
                connections: 2,
                readers: 1,
                queue: 64,
                connect: Duration::from_secs(5),
                wait: Duration::from_secs(20),
                statement: Duration::from_secs(20),
                pooler: false,
            }),
            None => Settings::Sqlite(SqliteSettings {
                path: dir.join("data/doorward.db"),
                readers: 1,
                batch: 1,
                queue: 64,
                busy: Duration::from_secs(20),
            }),
        };
        Self { db: Db::open(settings).unwrap(), file: dir.join("data/master.key") }
    }

    /// The keys in the file, and how it may be read.
    pub fn keys(&self) -> Vec<MasterKey> {
        MasterKey::parse_all(&std::fs::read_to_string(&self.file).unwrap()).unwrap()
    }

    pub fn write_keys(&self, keys: &[&MasterKey]) {
        let lines: Vec<_> = keys.iter().map(|key| key.text().to_string() + "\n").collect();
        std::fs::write(&self.file, lines.concat()).unwrap();
    }

    /// Puts so many values into every sealed column, but of codes only one for each user who has none.
    pub async fn fill(&self, key: &MasterKey, many: usize) {
        let users = self.texts("SELECT id FROM users WHERE id NOT IN (SELECT user_id FROM totps)").await;
        let named: Vec<_> = (0..many).map(|number| format!("{number:06}")).collect();
        let sealer = Sealer::derive([key.bytes()]);
        for column in SEALED {
            let ids = if column.table == "totps" { &users } else { &named };
            let seal =
                |id: &String| (id.clone(), sealer.seal(&column.purpose(id), [7; 24], &secret(column, id)));
            let rows: Vec<_> = ids.iter().map(seal).collect();
            let sql = insert(column);
            let added = self.db.write(move |conn| {
                Box::pin(async move {
                    for (id, value) in &rows {
                        conn.run(&sql, &[id.into(), value.into()]).await?;
                    }
                    Ok(())
                })
            });
            added.await.unwrap();
        }
    }

    /// Makes sure that every value is sealed under that key alone, and that so many of those of `fill` are as they were.
    pub async fn assert_opens(&self, key: &MasterKey, many: usize) {
        let sealer = Sealer::derive([key.bytes()]);
        let other = MasterKey::new([0; 32]).id();
        for column in SEALED {
            let mut reading = self.db.reading().await.unwrap();
            let rows = sealed::stale(reading.conn().unwrap(), column, other, "", u32::MAX).await.unwrap();
            let rows: Vec<_> = rows.into_iter().filter(|(id, _)| id != ROOT).collect();
            assert!(rows.len() >= many || column.table == "totps", "{}", column.table);
            for (id, value) in rows {
                let opened = sealer.open(&column.purpose(&id), &value);
                assert_eq!(*opened.unwrap(), secret(column, &id), "{} {id}", column.table);
            }
        }
    }

    pub async fn standing(&self) -> Standing {
        sealed::standing(self.db.reading().await.unwrap().conn().unwrap()).await.unwrap()
    }

    /// How many values of a column are sealed under a key.
    pub async fn count(&self, column: &Sealed, key: &MasterKey) -> u64 {
        let mut reading = self.db.reading().await.unwrap();
        let counts = sealed::count(reading.conn().unwrap(), column).await.unwrap();
        counts.get(&Some(key.id())).copied().unwrap_or(0)
    }

    pub async fn sql(&self, sql: &'static str) {
        self.db.write(move |conn| Box::pin(async move { conn.script(sql).await })).await.unwrap();
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        let rows = self.db.reading().await.unwrap().conn().unwrap().all(sql, &[]).await.unwrap();
        rows.into_iter().map(|row| row.read("texts").text("text").unwrap()).collect()
    }
}

//! Stores with settings of their own, and disks that are full without a disk.

use std::path::PathBuf;

use doorward_store::{Db, Settings, SqliteSettings, migrate};

use crate::rig::{Rig, sqlite_settings};

/// An empty store with other settings.
pub async fn tuned(tune: impl FnOnce(&mut SqliteSettings)) -> Rig {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = sqlite_settings(dir.path().join("store.db"));
    tune(&mut settings);
    let settings = Settings::Sqlite(settings);
    let db = Db::open(settings.clone()).unwrap();
    migrate(&db).await.unwrap();
    Rig { db, settings, _dir: dir, _database: None }
}

/// A path in the folder of a store.
pub fn path(rig: &Rig, name: &str) -> PathBuf {
    let Settings::Sqlite(settings) = &rig.settings else { panic!("a store without a file") };
    settings.path.with_file_name(name)
}

/// Lets the database grow no more.
pub async fn fill_disk(rig: &Rig) {
    // The engine never sets the limit below the size that the database has.
    rig.sql("PRAGMA max_page_count = 1").await;
}

/// Makes room again.
pub async fn free_disk(rig: &Rig) {
    rig.sql("PRAGMA max_page_count = 4000000000").await;
}

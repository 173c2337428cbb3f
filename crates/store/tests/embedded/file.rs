//! The file of the store.

use doorward_store::{Db, Settings, StoreError};

use crate::rig::{Rig, sqlite_settings};
use crate::tuned::path;

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_with_a_clear_text() {
    let rig = Rig::empty().await;
    let letter = path(&rig, "letter.txt");
    std::fs::write(&letter, "Dear reader, this is no database at all. ".repeat(100)).unwrap();
    let refused = Db::open(Settings::Sqlite(sqlite_settings(letter.clone()))).unwrap_err();
    assert!(refused.to_string().contains("not a database"), "{refused}");
    assert!(std::fs::read_to_string(&letter).unwrap().starts_with("Dear reader"));
    let nowhere = Settings::Sqlite(sqlite_settings(path(&rig, "no/such/folder/store.db")));
    let refused = Db::open(nowhere).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
}

//! A whole store is copied to the other engine and back, is equal, and survives being broken off at any moment.

use std::collections::BTreeMap;

use doorward_core::attempt::{Attempts, Counted};
use doorward_core::base::Timestamp;
use doorward_core::caller::{Membership, Role};
use doorward_core::user::{CodePurpose, StoredCode};
use doorward_store::migrate::migrate;
use doorward_store::tables::{Kind, OWN, TABLES, Table};
use doorward_store::token::{self, AccessToken};
use doorward_store::transfer::{copy, finish, sums};
use doorward_store::{Db, Settings, StoreError, grant, organisation, session, user, user_search};
use tempfile::TempDir;

use crate::rig::{Rig, on_postgres, sqlite_settings};
use crate::sample::{
    self, NOW, add_session, add_user, complete_human, complete_session, human, later, machine,
};

/// A store on the embedded engine, which is the other one where PostgreSQL is tested.
fn other() -> (TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(Settings::Sqlite(sqlite_settings(dir.path().join("other.db")))).unwrap();
    (dir, db)
}

/// A store with something in every column of every table, and with values at the edge.
async fn filled() -> Rig {
    let rig = Rig::fresh().await;
    let check = [0xff; 32];
    writing!(rig, [] organisation::save_key_check(&check)).unwrap();
    for (number, user) in (0..).zip([
        human("1", "mini"),
        complete_human("zoë", "🐭 ZOË"),
        machine("3", "robot"),
        human("4", "gone"),
    ]) {
        add_user(&rig, &user).await;
        let id = user.id.clone();
        let attempts = Attempts { failed: number, blocked_until: Some(Timestamp(i64::MAX)) };
        writing!(rig, [id] user::save_attempts(&id, Counted::Password, attempts)).unwrap();
        let code = StoredCode { digest: [7; 32], expires: Timestamp(i64::MIN), failed: u32::MAX };
        writing!(rig, [id] user::save_code(&id, CodePurpose::Email, Some(&code))).unwrap();
        let held = Membership { organisation: None, role: Role::IamOwner };
        writing!(rig, [id] grant::insert(&id, &held)).unwrap();
        let held = Membership { organisation: Some("away".to_owned()), role: Role::OrgOwner };
        writing!(rig, [id] grant::insert(&id, &held)).unwrap();
        let every_byte: Vec<u8> = (0..=255).collect();
        let entries: Vec<(String, Vec<u8>)> =
            [("empty", Vec::new()), ("\u{1}'\"\\ 🐭", every_byte), ("big", vec![0; 300_000])]
                .map(|(key, value)| (key.to_owned(), value))
                .to_vec();
        writing!(rig, [id, entries] user_search::save_metadata(&id, &entries, NOW)).unwrap();
        let token = AccessToken {
            id: format!("token of {id}"),
            user_id: id.clone(),
            organisation: "home".to_owned(),
            created: NOW,
            expires: Timestamp::LATEST,
        };
        writing!(rig, [] token::insert(&token, &[0x80; 32])).unwrap();
    }
    writing!(rig, [] user::delete("4", later(5))).unwrap();
    add_session(&rig, &complete_session(1)).await;
    for age in 2..700 {
        add_session(&rig, &sample::session(age)).await;
    }
    for table in TABLES {
        if rig.count(table.name).await == 0 {
            fill(&rig, table).await;
        }
    }
    rig
}

/// Two rows with something in every column.
async fn fill(rig: &Rig, table: &Table) {
    let columns: Vec<_> = table.columns.iter().map(|(column, _)| *column).collect();
    for (number, user) in [(1, "1"), (2, "zoë")] {
        let value = |(column, kind): &(&str, Kind)| match kind {
            Kind::Text if *column == "user_id" => format!("'{user}'"),
            Kind::Text => format!("'🐭 {column} {number}'"),
            Kind::Int => (i64::MAX - number).to_string(),
            Kind::Flag => (number == 1).to_string(),
            Kind::Bytes if on_postgres() => format!("'\\x00ff{number:02x}'::bytea"),
            Kind::Bytes => format!("x'00ff{number:02x}'"),
        };
        let values: Vec<_> = table.columns.iter().map(value).collect();
        let (columns, values) = (columns.join(", "), values.join(", "));
        rig.sql(format!("INSERT INTO {} ({columns}) VALUES ({values})", table.name)).await;
    }
}

async fn moved(from: &Db, to: &Db) {
    copy(from, to, |_| Ok(())).await.unwrap();
    assert_eq!(sums(from).await.unwrap(), sums(to).await.unwrap());
    finish(to).await.unwrap();
    assert!(migrate(to).await.unwrap().is_empty(), "a whole store is taken by a server");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_goes_over_and_comes_back_equal() {
    let rig = filled().await;
    let before = sums(&rig.db).await.unwrap();
    for sum in &before {
        assert!(sum.rows > 0, "nothing is known about {} if it is empty", sum.table);
    }
    let (_dir, there) = other();
    moved(&rig.db, &there).await;
    let back = Rig::bare();
    moved(&there, &back.db).await;
    assert_eq!(sums(&back.db).await.unwrap(), before);
    let (id, mini) = (complete_session(1).id, human("1", "mini"));
    let session = reading!(back, session::load(&id)).unwrap().unwrap();
    assert_eq!((session.session, session.display_name.as_str()), (complete_session(1), "Zoë 🐭"));
    let found = reading!(back, user::find(&user::Wanted::LoginName("MINI".to_owned()))).unwrap();
    assert_eq!(found, Some(mini));
    let zoe = reading!(back, user::find(&user::Wanted::Id("zoë".to_owned()))).unwrap();
    assert_eq!(zoe, Some(complete_human("zoë", "🐭 ZOË")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_off_after_any_batch_it_goes_on_where_it_stopped() {
    let rig = filled().await;
    let (_dir, there) = other();
    let mut copied = 0;
    let mut rounds = 0;
    loop {
        let mut batches = 0;
        let outcome = copy(&rig.db, &there, |progress| {
            (copied, batches) = (copied + 1, batches + 1);
            assert!(progress.done <= progress.total && progress.copied <= progress.done, "{progress:?}");
            if batches > rounds % 3 { Err(StoreError::Overloaded) } else { Ok(()) }
        });
        match outcome.await {
            Ok(()) => break,
            Err(error) => assert!(matches!(error, StoreError::Overloaded), "{error:?}"),
        }
        let refused = migrate(&there).await.unwrap_err();
        assert!(refused.to_string().contains("doorward move"), "no server takes a part: {refused}");
        rounds += 1;
        assert!(rounds < 1000);
    }
    assert!(rounds > 5, "{rounds}");
    assert_eq!(sums(&there).await.unwrap(), sums(&rig.db).await.unwrap());
    let mut again = 0;
    copy(&rig.db, &there, |_| {
        again += 1;
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(again, 0, "nothing is copied twice");
    finish(&there).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_holds_something_else_is_refused_and_left_alone() {
    let rig = filled().await;
    let inhabited = Rig::fresh().await;
    let refused = copy(&rig.db, &inhabited.db, |_| Ok(())).await.unwrap_err();
    assert!(refused.to_string().contains("holds a store already"), "{refused}");
    assert_eq!(inhabited.count("users").await, 0);
    assert!(migrate(&inhabited.db).await.unwrap().is_empty());

    let (_dir, there) = other();
    copy(&rig.db, &there, |_| Err(StoreError::Overloaded)).await.unwrap_err();
    let stranger = Rig::empty().await;
    writing!(stranger, [] organisation::insert_instance("stranger", NOW)).unwrap();
    let refused = copy(&stranger.db, &there, |_| Ok(())).await.unwrap_err();
    assert!(refused.to_string().contains("a part of another store"), "{refused}");
}

#[tokio::test]
async fn a_source_that_is_empty_behind_or_unfinished_is_refused() {
    let (_dir, there) = other();
    let bare = Rig::bare();
    let refused = copy(&bare.db, &there, |_| Ok(())).await.unwrap_err();
    assert!(refused.to_string().contains("migrate up"), "{refused}");
    let empty = Rig::empty().await;
    let refused = copy(&empty.db, &there, |_| Ok(())).await.unwrap_err();
    assert!(refused.to_string().contains("never set up"), "{refused}");
    let part = Rig::fresh().await;
    part.sql("CREATE TABLE unfinished_move (id TEXT PRIMARY KEY)").await;
    let refused = copy(&part.db, &there, |_| Ok(())).await.unwrap_err();
    assert!(refused.to_string().contains("not finished"), "{refused}");
}

/// Columns whose values must be there elsewhere.
const REFERENCES: [(&str, &str); 7] = [
    ("users", "organisation_id"),
    ("personal_access_tokens", "user_id"),
    ("passkeys", "user_id"),
    ("passkey_codes", "user_id"),
    ("idp_links", "user_id"),
    ("machine_keys", "user_id"),
    ("access_tokens", "user_id"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_tampered_value_and_any_lost_or_added_row_is_found() {
    let rig = filled().await;
    let truth: BTreeMap<_, _> =
        sums(&rig.db).await.unwrap().into_iter().map(|sum| (sum.table, sum)).collect();
    for table in TABLES {
        for (column, kind) in table.columns.iter().skip(table.key) {
            // What these refer to must be there.
            if REFERENCES.contains(&(table.name, *column)) {
                continue;
            }
            let other = match kind {
                Kind::Text => format!("COALESCE({column}, '') || 'x'"),
                Kind::Int => format!("CASE WHEN COALESCE({column}, 0) = 5 THEN 6 ELSE 5 END"),
                Kind::Flag => format!("NOT {column}"),
                Kind::Bytes if on_postgres() => format!("COALESCE({column}, ''::bytea) || '\\x00'::bytea"),
                Kind::Bytes => format!("CAST(COALESCE({column}, x'') || x'01' AS BLOB)"),
            };
            let key = table.columns[0].0;
            let one = format!("{key} = (SELECT {key} FROM {} ORDER BY {key} LIMIT 1)", table.name);
            let sql = format!("UPDATE {} SET {column} = {other} WHERE {one}", table.name);
            let seen = sums_after(&rig, &sql).await;
            assert_ne!(seen[table.name], truth[table.name], "{}.{column}", table.name);
            assert_eq!(seen.iter().filter(|(name, sum)| truth[*name] != **sum).count(), 1, "{column}");
        }
    }
    let seen = sums_after(&rig, "DELETE FROM grants WHERE user_id = '1'").await;
    assert_ne!(seen["grants"].rows, truth["grants"].rows);
    let unchanged = sums_after(&rig, "DELETE FROM grants WHERE user_id = 'nobody'").await;
    assert_eq!(unchanged, truth);
}

type Sums = BTreeMap<&'static str, doorward_store::transfer::Sum>;

/// The sums that would be there after a statement, on a copy that goes away.
async fn sums_after(rig: &Rig, sql: &str) -> Sums {
    // The statement is undone by swapping the values back: the row is kept in a table beside.
    let about = |name: &&str| {
        ["UPDATE", "DELETE FROM"].iter().any(|verb| sql.starts_with(&format!("{verb} {name} ")))
    };
    let name = TABLES.iter().map(|table| table.name).find(about).unwrap();
    rig.sql(format!("CREATE TABLE kept AS SELECT * FROM {name}")).await;
    rig.sql(sql).await;
    let seen = sums(&rig.db).await.unwrap().into_iter().map(|sum| (sum.table, sum)).collect();
    let columns: Vec<_> = TABLES.iter().find(|table| table.name == name).unwrap().columns.to_vec();
    let undo = if sql.starts_with("DELETE") {
        format!("DELETE FROM {name}; INSERT INTO {name} SELECT * FROM kept")
    } else {
        let column =
            columns.iter().map(|(column, _)| *column).find(|column| sql.contains(&format!("SET {column} =")));
        let column = column.unwrap();
        let table = TABLES.iter().find(|table| table.name == name).unwrap();
        let same: Vec<_> =
            columns[..table.key].iter().map(|(key, _)| format!("kept.{key} = {name}.{key}")).collect();
        format!("UPDATE {name} SET {column} = (SELECT {column} FROM kept WHERE {})", same.join(" AND "))
    };
    rig.sql(format!("{undo}; DROP TABLE kept")).await;
    seen
}

#[tokio::test]
async fn a_value_that_is_not_of_its_kind_stops_the_move_by_the_name_of_its_column() {
    if on_postgres() {
        // There no column holds anything else.
        return;
    }
    let rig = filled().await;
    rig.sql("UPDATE sessions SET sequence = 'many' WHERE id = (SELECT MAX(id) FROM sessions)").await;
    let (_dir, there) = other();
    let refused = copy(&rig.db, &there, |_| Ok(())).await.unwrap_err();
    assert!(refused.to_string().contains("sessions.sequence"), "{refused}");
}

#[tokio::test]
async fn every_table_and_column_of_the_schema_is_described() {
    let rig = Rig::empty().await;
    let sql = if on_postgres() {
        "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns WHERE \
         table_schema = 'public' ORDER BY 1, 2"
    } else {
        "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' \
         ORDER BY 1, 2"
    };
    let mut reading = rig.db.reading().await.unwrap();
    let mut present = Vec::new();
    for row in reading.conn().unwrap().all(sql, &[]).await.unwrap() {
        let mut row = row.read("columns");
        let (table, column) = (row.text("table").unwrap(), row.text("column").unwrap());
        let kind = row.text("kind").unwrap().to_uppercase();
        if !OWN.contains(&table.as_str()) {
            present.push(format!("{table}.{column} {kind}"));
        }
    }
    let word = |kind: Kind| match kind {
        Kind::Text => "TEXT",
        Kind::Int => "BIGINT",
        Kind::Flag => "BOOLEAN",
        Kind::Bytes => "BYTEA",
    };
    let mut described: Vec<_> = TABLES
        .iter()
        .flat_map(|table| {
            table.columns.iter().map(|(column, kind)| format!("{}.{column} {}", table.name, word(*kind)))
        })
        .collect();
    described.sort();
    present.sort();
    assert_eq!(described, present, "crates/store/src/tables.rs must name every table and column");
}

//! Sealed columns: none is forgotten, and values are sealed anew without losing what is written meanwhile.

use doorward_core::master::{KeyId, MasterKey, Part};
use doorward_core::seal::Sealer;
use doorward_store::organisation;
use doorward_store::sealed::{self, INTENT, KEY, OUTBOX, ROOT, SEALED, Standing, TOTP, UNSEALED};
use doorward_store::tables::{Kind, TABLES};

use crate::rig::Rig;
use crate::sample::NOW;

const OLD: [u8; 32] = [1; 32];
const NEW: [u8; 32] = [2; 32];

fn id_of(key: [u8; 32]) -> KeyId {
    MasterKey::new(key).id()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A value of a row, sealed under a key.
fn sealed_under(key: [u8; 32], column: &sealed::Sealed, id: &str) -> Vec<u8> {
    Sealer::derive([&key]).seal(&column.purpose(id), [7; 24], b"value")
}

/// Keys in their table, so many and all under one master key.
async fn keys(rig: &Rig, key: [u8; 32], ids: &[&str]) {
    for id in ids {
        let value = sealed_under(key, &KEY, id);
        let id = (*id).to_owned();
        let sql = "INSERT INTO sealed_keys (id, sealed, created) VALUES ($1, $2, 0)";
        let added = rig.db.write(move |conn| {
            Box::pin(async move { conn.run(sql, &[id.as_str().into(), (&value).into()]).await })
        });
        added.await.unwrap();
    }
}

#[test]
fn of_every_column_of_bytes_it_is_said_whether_it_is_sealed() {
    let mut there = Vec::new();
    for table in TABLES {
        let bytes = table.columns.iter().filter(|(_, kind)| *kind == Kind::Bytes);
        there.extend(bytes.map(|(column, _)| (table.name, *column)));
    }
    let mut told: Vec<_> = SEALED.iter().map(|sealed| (sealed.table, sealed.column)).collect();
    told.extend(UNSEALED);
    there.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, there, "crates/store/src/sealed.rs must say of every column of bytes what it holds");
}

#[test]
fn every_sealed_column_has_the_key_of_its_table_and_a_purpose_of_its_own() {
    for column in SEALED {
        let table = TABLES.iter().find(|table| table.name == column.table).unwrap();
        assert_eq!((table.key, table.columns[0]), (1, (column.key, Kind::Text)), "{}", column.table);
    }
    let purposes: Vec<_> = SEALED.iter().map(|column| column.purpose("1")).collect();
    assert_eq!(purposes, ["totp 1", "intent 1", "outbox 1", "key 1", "signing key 1"]);
}

#[tokio::test]
async fn values_are_counted_by_the_key_that_they_are_sealed_under() {
    let rig = Rig::empty().await;
    for column in [&TOTP, &INTENT, &OUTBOX, &KEY] {
        assert!(reading!(rig, sealed::count(column)).unwrap().is_empty(), "{}", column.table);
    }
    keys(&rig, OLD, &["a", "b"]).await;
    keys(&rig, NEW, &["c"]).await;
    let empty = "'', '', 0, 0, ";
    let short = "INSERT INTO sealed_keys (id, sealed, created) SELECT 'd', key_check, 0 FROM instance";
    assert!(writing!(rig, [] organisation::insert_instance("i", NOW)).unwrap());
    let mark = if crate::rig::on_postgres() { "'\\x00'" } else { "x'00'" };
    rig.sql(format!("UPDATE instance SET key_check = {mark}")).await;
    rig.sql(short).await;
    rig.sql(format!(
        "INSERT INTO outbox (id, user_id, channel, purpose, state, attempts, created, due, expires) \
         VALUES ('gone', '', {empty} 0, 0, 0)"
    ))
    .await;
    let counts = reading!(rig, sealed::count(&KEY)).unwrap();
    let told: Vec<_> = counts.into_iter().collect();
    let mut wanted = vec![(None, 1), (Some(id_of(OLD)), 2), (Some(id_of(NEW)), 1)];
    wanted.sort_unstable();
    assert_eq!(told, wanted);
    assert!(reading!(rig, sealed::count(&OUTBOX)).unwrap().is_empty(), "what is gone is not counted");
}

#[tokio::test]
async fn what_is_sealed_under_another_key_is_found_page_by_page() {
    let rig = Rig::empty().await;
    keys(&rig, OLD, &["a", "c", "e"]).await;
    keys(&rig, NEW, &["b", "d"]).await;
    let page = reading!(rig, sealed::stale(&KEY, id_of(NEW), "", 2)).unwrap();
    assert_eq!(page, [("a", &KEY), ("c", &KEY)].map(|(id, key)| (id.to_owned(), sealed_under(OLD, key, id))));
    let page = reading!(rig, sealed::stale(&KEY, id_of(NEW), "c", 2)).unwrap();
    assert_eq!(page.iter().map(|(id, _)| id.as_str()).collect::<String>(), "e");
    assert!(reading!(rig, sealed::stale(&KEY, id_of(NEW), "e", 2)).unwrap().is_empty());
    assert_eq!(reading!(rig, sealed::stale(&KEY, id_of(OLD), "", 9)).unwrap().len(), 2);
}

#[tokio::test]
async fn a_value_is_replaced_only_where_it_is_still_the_one_that_was_read() {
    let rig = Rig::empty().await;
    keys(&rig, OLD, &["a"]).await;
    let (old, new) = (sealed_under(OLD, &KEY, "a"), sealed_under(NEW, &KEY, "a"));
    let swapped = writing!(rig, [old, new] sealed::swap(&KEY, "a", &old, &new)).unwrap();
    assert!(swapped);
    let swapped = writing!(rig, [old, new] sealed::swap(&KEY, "a", &old, &new)).unwrap();
    assert!(!swapped, "somebody wrote another one meanwhile");
    let swapped = writing!(rig, [old, new] sealed::swap(&KEY, "b", &new, &old)).unwrap();
    assert!(!swapped, "there is no such row");
    assert_eq!(
        reading!(rig, sealed::count(&KEY)).unwrap().into_iter().collect::<Vec<_>>(),
        [(Some(id_of(NEW)), 1)]
    );
}

#[tokio::test]
async fn the_present_key_changes_together_with_the_root_and_only_from_what_was_seen() {
    let rig = Rig::empty().await;
    let nothing = Standing { mark: None, root: None };
    assert!(reading!(rig, sealed::standing()).unwrap() == nothing);
    assert!(writing!(rig, [] organisation::insert_instance("i", NOW)).unwrap());
    let (first, second) = (MasterKey::new(OLD).mark(Part::Root), MasterKey::new(NEW).mark(Part::Seal));
    writing!(rig, [] sealed::adopt(&first)).unwrap();
    writing!(rig, [] sealed::adopt(&second)).unwrap();
    let before = reading!(rig, sealed::standing()).unwrap();
    assert!(before == Standing { mark: Some(first), root: None }, "what is noted is not adopted again");

    let root = sealed_under(NEW, &KEY, ROOT);
    for (wrong, why) in [
        (nothing, "another key"),
        (Standing { root: Some(root.clone()), ..before.clone() }, "a root that is not there"),
    ] {
        let switched = writing!(rig, [wrong, root] sealed::switch(&wrong, &second, &root, NOW)).unwrap();
        assert!(!switched, "{why}");
        assert!(reading!(rig, sealed::standing()).unwrap() == before, "{why}");
    }
    assert!(writing!(rig, [before, root] sealed::switch(&before, &second, &root, NOW)).unwrap());
    let after = reading!(rig, sealed::standing()).unwrap();
    assert!(after == Standing { mark: Some(second), root: Some(root.clone()) });
    assert!(!writing!(rig, [before, root] sealed::switch(&before, &second, &root, NOW)).unwrap());
    let again = sealed_under(OLD, &KEY, ROOT);
    assert!(writing!(rig, [after, again] sealed::switch(&after, &first, &again, NOW)).unwrap());
    assert_eq!(rig.count("sealed_keys").await, 1);
}

#[tokio::test]
async fn a_mark_that_is_none_is_a_complaint_that_does_not_tell_it() {
    let rig = Rig::empty().await;
    assert!(writing!(rig, [] organisation::insert_instance("i", NOW)).unwrap());
    rig.sql("UPDATE instance SET key_check = 'hunter2'").await;
    let refused = reading!(rig, sealed::standing()).err().unwrap().to_string();
    assert!(refused.starts_with("instance.key_check") && !refused.contains(&hex(b"hunter2")), "{refused}");
}

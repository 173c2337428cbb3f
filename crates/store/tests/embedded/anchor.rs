//! The lock that all readers share: it is there, and in nobody's way.

use std::os::unix::fs::MetadataExt;

use crate::hold::Held;
use crate::rig::{Rig, note};
use crate::tuned::path;

/// Whether a state of the log is locked for reading, by any connection of any process. SQLite has a byte of this file
/// for each of the five states that can be read at a time.
fn is_being_read(rig: &Rig) -> bool {
    let file = path(rig, "store.db-shm").metadata().unwrap().ino();
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    locks.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let of_this = fields[5].ends_with(&format!(":{file}"));
        of_this && fields[3] == "READ" && (123..128).contains(&fields[6].parse::<u64>().unwrap())
    })
}

#[tokio::test]
async fn the_newest_state_is_locked_while_nobody_reads_and_nothing_is_committed() {
    let rig = Rig::empty().await;
    for id in ["a", "b", "c"] {
        note(&rig.db, id).await.unwrap();
        // The writer is busy with the next write: it is done with the lock, and has not come to the commit.
        let held = Held::start(&rig.db).await;
        assert!(is_being_read(&rig));
        assert!(rig.has_note(id).await);
        held.release().await;
    }
}

#[tokio::test]
async fn what_another_process_has_written_is_read_at_once() {
    let rig = Rig::empty().await;
    let (ours, theirs) = (&rig.db, &rig.neighbour());
    for (db, id) in [(ours, "a"), (theirs, "b"), (theirs, "c"), (ours, "d"), (theirs, "e")] {
        note(db, id).await.unwrap();
        assert!(rig.has_note(id).await, "{id}");
    }
}

#[tokio::test]
async fn the_log_begins_anew_however_much_is_written() {
    let rig = Rig::empty().await;
    rig.sql("CREATE TABLE weights (weight BLOB)").await;
    let mut longest = 0;
    for _ in 0..60 {
        rig.sql("INSERT INTO weights VALUES (zeroblob(2097152))").await;
        assert!(!rig.has_note("a").await);
        longest = longest.max(path(&rig, "store.db-wal").metadata().unwrap().len());
    }
    // It is copied into the database once it has 32 MiB.
    assert!(longest < 48 * 1024 * 1024, "{longest}");
}

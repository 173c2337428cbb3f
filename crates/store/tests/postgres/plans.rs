//! Plans: a statement is prepared once, and has to stay good while its tables grow.

use doorward_store::{Conn, session, token};

use crate::rig::Rig;
use crate::sample::{add_session, session as plain};

/// So often that the server no longer plans anew each time.
const OFTEN: usize = 10;

/// As many as are asked for at once.
const MANY: i64 = 64;

/// How often a table was read whole by what this connection did, as far as it has not reported that yet.
async fn whole_reads(conn: &mut Conn, table: &str) -> i64 {
    let sql = "SELECT COALESCE(SUM(seq_scan), 0)::bigint FROM pg_stat_xact_user_tables WHERE relname = $1";
    conn.one(sql, &[table.into()]).await.unwrap().unwrap().read("sessions").int("seq_scan").unwrap()
}

/// Whether the server plans as if indexes were all there is.
async fn goes_by_indexes(conn: &mut Conn) -> bool {
    let sql = "SELECT 1 FROM pg_settings WHERE name = 'enable_seqscan' AND setting = 'off'";
    conn.one(sql, &[]).await.unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_for_by_id_is_found_by_an_index_even_in_a_table_that_is_known_to_be_small() {
    let rig = Rig::fresh().await;
    for number in 0..3 * MANY {
        add_session(&rig, &plain(number)).await;
    }
    // Now the server knows that to read all of it costs less than to look for so many.
    rig.sql("ANALYZE").await;
    let ids: Vec<String> = (0..MANY).map(|number| plain(number).id).collect();
    let story = rig.db.write(move |conn| {
        Box::pin(async move {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let tables = ["sessions", "personal_access_tokens"];
            let before = [whole_reads(conn, tables[0]).await, whole_reads(conn, tables[1]).await];
            for _ in 0..OFTEN {
                assert_eq!(session::load_all(conn, &ids).await?.len(), ids.len());
                token::bearers(conn, &ids).await?;
            }
            let after = [whole_reads(conn, tables[0]).await, whole_reads(conn, tables[1]).await];
            assert_eq!(after, before, "{tables:?}");
            Ok(())
        })
    });
    story.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_statements_that_are_kept_go_by_indexes_and_searches_choose() {
    let rig = Rig::fresh().await;
    assert!(goes_by_indexes(rig.db.reading().await.unwrap().conn().unwrap()).await);
    let written = rig.db.write(|conn| Box::pin(async move { Ok(goes_by_indexes(conn).await) }));
    assert!(written.await.unwrap());
    let scanned = rig.db.scan(|conn| Box::pin(async move { Ok(goes_by_indexes(conn).await) }));
    assert!(!scanned.await.unwrap());
    // Only for as long as that search lasted.
    let written = rig.db.write(|conn| Box::pin(async move { Ok(goes_by_indexes(conn).await) }));
    assert!(written.await.unwrap());
}

//! The schema: brought up to date once, and never taken from a newer version that this one cannot live with.

use doorward_store::StoreError;
use doorward_store::migrate::{State, check, migrate, steps, unapplied};
use futures_util::future::join_all;

use crate::rig::{Rig, on_postgres};
use crate::sample;

const ALL: [&str; 4] = ["0001_initial", "0002_session_end", "0003_factors", "0004_callers"];

/// What the first version made, word for word: it knew neither the second table nor any later step.
const FIRST: &str = "CREATE TABLE migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL); \
                     INSERT INTO migrations (number, name) VALUES (1, '0001_initial');";

/// Takes the fourth step back.
const WITHOUT_FOURTH: &str = "DROP TABLE machine_secrets; DROP TABLE machine_keys; DROP TABLE access_tokens; \
                              DROP TABLE signing_keys; ALTER TABLE users DROP COLUMN access_token_type;";

/// Takes the third step back.
const WITHOUT_THIRD: &str = "DROP TABLE totps; DROP TABLE otp_factors; DROP TABLE recovery_codes; DROP TABLE passkeys; \
                             DROP TABLE passkey_codes; DROP TABLE challenges; DROP TABLE idp_links; DROP TABLE intents; \
                             DROP TABLE outbox; DROP TABLE sealed_keys; ALTER TABLE users DROP COLUMN mfa_init_skipped;";

#[tokio::test]
async fn a_migration_runs_once_and_keeps_what_is_there() {
    let rig = Rig::fresh().await;
    assert!(migrate(&rig.db).await.unwrap().is_empty());
    assert_eq!(rig.count("organisations").await, 2);
    rig.db.close();
    let again = Rig { db: rig.neighbour(), ..rig };
    assert!(migrate(&again.db).await.unwrap().is_empty());
    assert_eq!(again.count("organisations").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_together_migrate_once() {
    let rig = Rig::bare();
    let nodes = [rig.neighbour(), rig.neighbour(), rig.neighbour()];
    let ran = join_all(nodes.iter().map(migrate)).await;
    let mut names: Vec<_> = ran.into_iter().flat_map(Result::unwrap).collect();
    names.sort_unstable();
    assert_eq!(names, ALL);
}

#[tokio::test]
async fn a_store_that_a_newer_version_wrote_is_refused_by_name_and_left_alone() {
    let rig = Rig::fresh().await;
    rig.sql("INSERT INTO migrations (number, name) VALUES (9999, '9999_from_tomorrow')").await;
    for refused in [migrate(&rig.db).await.unwrap_err(), check(&rig.db).await.unwrap_err()] {
        assert!(matches!(refused, StoreError::Version(_)), "{refused:?}");
        let text = refused.to_string();
        assert!(text.contains("newer") && text.contains("9999"), "{text}");
    }
    assert_eq!(steps(&rig.db).await.unwrap().pop().unwrap().state, State::TooNew);
    assert_eq!(rig.count("migrations").await, 2);
    sample::add_user(&rig, &sample::human("1", "mini")).await;
}

#[tokio::test]
async fn a_store_that_a_newer_version_only_expanded_is_taken() {
    let rig = Rig::fresh().await;
    rig.sql("INSERT INTO expansions (number, name) VALUES (9999, '9999_from_tomorrow')").await;
    assert!(migrate(&rig.db).await.unwrap().is_empty());
    assert!(check(&rig.db).await.unwrap().is_empty());
    let newest = steps(&rig.db).await.unwrap().pop().unwrap();
    assert_eq!(
        (newest.number, newest.name.as_str(), newest.state),
        (9999, "9999_from_tomorrow", State::Newer)
    );
}

#[tokio::test]
async fn the_first_version_finds_in_the_store_nothing_that_it_would_have_to_know() {
    let rig = Rig::fresh().await;
    // That version looks at nothing but this.
    let mut reading = rig.db.reading().await.unwrap();
    let newer = reading.conn().unwrap().one("SELECT 1 FROM migrations WHERE number > 1", &[]).await.unwrap();
    assert!(newer.is_none());
    assert_eq!((rig.count("migrations").await, rig.count("expansions").await), (1, 3));
}

#[tokio::test]
async fn a_store_of_the_first_version_is_brought_up_with_what_it_holds() {
    let rig = Rig::fresh().await;
    sample::add_session(&rig, &sample::complete_session(1)).await;
    let undo = "DROP INDEX sessions_by_end; DROP TABLE expansions; DROP TABLE migrations;";
    rig.sql(format!("{WITHOUT_FOURTH} {WITHOUT_THIRD} {undo} {FIRST}")).await;
    let rig = Rig { db: rig.neighbour(), ..rig };
    let states =
        |steps: Vec<doorward_store::migrate::Step>| steps.into_iter().map(|step| step.state).collect();
    let before: Vec<_> = states(steps(&rig.db).await.unwrap());
    assert_eq!(before, [State::Applied, State::Pending, State::Pending, State::Pending]);
    assert_eq!(check(&rig.db).await.unwrap(), ALL[1..]);
    assert_eq!(migrate(&rig.db).await.unwrap(), ALL[1..]);
    let after: Vec<_> = states(steps(&rig.db).await.unwrap());
    assert_eq!(after, [State::Applied; 4]);
    assert_eq!(rig.count("sessions").await, 1);
}

#[tokio::test]
async fn an_empty_store_lacks_everything_and_is_not_touched_by_the_question() {
    let rig = Rig::bare();
    assert_eq!(steps(&rig.db).await.unwrap(), unapplied());
    assert_eq!(check(&rig.db).await.unwrap(), ALL);
    assert_eq!(steps(&rig.db).await.unwrap(), unapplied());
}

#[tokio::test]
async fn an_index_is_built_while_somebody_writes_and_one_that_was_left_half_built_is_replaced() {
    if !on_postgres() {
        // There one transaction writes at a time, and nothing is left half built.
        return;
    }
    let rig = Rig::fresh().await;
    rig.sql("DROP INDEX sessions_by_end; DELETE FROM expansions WHERE number = 2").await;
    // As a build leaves it that was broken off.
    rig.sql("CREATE INDEX sessions_by_end ON sessions (ended)").await;
    let invalid = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'sessions_by_end'::regclass";
    rig.sql(invalid).await;
    assert_eq!(migrate(&rig.db).await.unwrap(), ["0002_session_end"]);
    let mut reading = rig.db.reading().await.unwrap();
    let sql = "SELECT 1 FROM pg_index WHERE indexrelid = 'sessions_by_end'::regclass AND indisvalid AND indnatts = 2";
    assert!(reading.conn().unwrap().one(sql, &[]).await.unwrap().is_some());
}

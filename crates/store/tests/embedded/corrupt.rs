//! A value that is not what the schema promises is named by its place, and never shown.

use doorward_core::attempt::{Attempts, Counted};
use doorward_core::user::{CodePurpose, StoredCode};
use doorward_store::token::AccessToken;
use doorward_store::user::Wanted;
use doorward_store::{Result, StoreError, organisation, session, session_search, token, user, user_search};

use crate::rig::Rig;
use crate::sample::{ALL, everything};
use crate::sample::{NOW, add_session, add_user, complete_human, complete_session};

/// What must never be seen; as bytes, it is no text where a text should be.
const SECRET: &str = "hunter2";
const BYTES: &str = "x'68756e74657232'";
const TEXT: &str = "'hunter2'";

/// Checks that the complaint names the place and keeps the secret.
fn complains<T: std::fmt::Debug>(outcome: Result<T>, wanted: (&str, &str, &str)) {
    let error = outcome.expect_err(&format!("{wanted:?} is corrupt"));
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("68756e74"), "{shown}");
    assert!(!shown.contains("104, 117"), "not even as numbers: {shown}");
    match error {
        StoreError::Corrupt { table, column, id, problem } => {
            assert_eq!((table, column, id.as_str()), wanted);
            assert!(!problem.is_empty());
        }
        other => panic!("{wanted:?}: {other:?}"),
    }
}

/// Sets one column of all rows, looks, and puts everything back.
async fn spoil<T: std::fmt::Debug>(
    rig: &Rig,
    (table, column, id): (&str, &str, &str),
    value: &str,
    look: impl AsyncFnOnce() -> Result<T>,
) {
    rig.sql(format!("CREATE TABLE kept AS SELECT rowid AS row, {column} AS value FROM {table}")).await;
    rig.sql(format!("UPDATE {table} SET {column} = {value}")).await;
    let outcome = look().await;
    let back = format!("(SELECT value FROM kept WHERE kept.row = {table}.rowid)");
    rig.sql(format!("UPDATE {table} SET {column} = {back}; DROP TABLE kept")).await;
    complains(outcome, (table, column, id));
}

async fn one_of_each() -> (Rig, String) {
    let rig = Rig::fresh().await;
    add_user(&rig, &complete_human("zoë", "zoë")).await;
    let session = doorward_core::session::Session { ended: None, ..complete_session(0) };
    add_session(&rig, &session).await;
    (rig, session.id)
}

const SESSION: [(&str, &str); 29] = [
    ("creator_id", BYTES),
    ("created", TEXT),
    ("changed", BYTES),
    ("sequence", "-1"),
    ("sequence", "1.5"),
    ("expires", TEXT),
    ("token", TEXT),
    ("token", BYTES),
    ("token", "x''"),
    ("user_id", BYTES),
    ("user_id", "NULL"),
    ("organisation_id", BYTES),
    ("user_verified", TEXT),
    ("password", TEXT),
    ("web_auth_n", TEXT),
    ("web_auth_n_uv", TEXT),
    ("web_auth_n_uv", "7"),
    ("intent", TEXT),
    ("totp", TEXT),
    ("otp_sms", TEXT),
    ("otp_email", TEXT),
    ("recovery_code", "0.5"),
    ("metadata", TEXT),
    ("metadata", "'{\"key\":\"hunter2\"}'"),
    ("metadata", "'{\"key\":\"abc\"}'"),
    ("metadata", "CAST(x'ff68756e74657232' AS TEXT)"),
    ("fingerprint", BYTES),
    ("user_agent", TEXT),
    ("user_agent", "'{\"ip\":[\"hunter2\"]}'"),
];

#[tokio::test]
async fn each_spoiled_column_of_a_session_is_named() {
    let (rig, id) = one_of_each().await;
    for (column, value) in SESSION {
        spoil(&rig, ("sessions", column, &id), value, async || reading!(rig, session::load(&id))).await;
        let look = async || writing!(rig, [id] session::lock(&id));
        spoil(&rig, ("sessions", column, &id), value, look).await;
        let look = async || reading!(rig, session_search::search(&[], &everything(), ALL));
        spoil(&rig, ("sessions", column, &id), value, look).await;
    }
    let found = reading!(rig, session::load(&id)).unwrap().unwrap().session;
    assert_eq!(found.metadata, complete_session(0).metadata, "all was put back");
}

#[tokio::test]
async fn a_spoiled_end_of_a_session_is_named() {
    let (rig, id) = one_of_each().await;
    spoil(&rig, ("sessions", "ended", &id), TEXT, async || reading!(rig, session::load(&id))).await;
}

const USER: [(&str, &str); 25] = [
    ("human", TEXT),
    ("human", "2"),
    ("state", "0"),
    ("state", "17"),
    ("state", TEXT),
    ("username", BYTES),
    ("given_name", BYTES),
    ("family_name", BYTES),
    ("nick_name", BYTES),
    ("display_name", BYTES),
    ("preferred_language", BYTES),
    ("gender", TEXT),
    ("gender", "4294967296"),
    ("email", BYTES),
    ("email", "NULL"),
    ("email_verified", "-1"),
    ("phone", BYTES),
    ("phone_verified", TEXT),
    ("password_hash", BYTES),
    ("password_changed", TEXT),
    ("password_changed", "NULL"),
    ("password_change_required", TEXT),
    ("description", BYTES),
    ("changed", TEXT),
    ("sequence", "-5"),
];

#[tokio::test]
async fn each_spoiled_column_of_a_user_is_named() {
    let (rig, _) = one_of_each().await;
    let id = "zoë";
    for (column, value) in USER {
        let wanted = Wanted::Id(id.to_owned());
        spoil(&rig, ("users", column, id), value, async || reading!(rig, user::find(&wanted))).await;
        spoil(&rig, ("users", column, id), value, async || writing!(rig, [] user::lock(id))).await;
    }
}

#[tokio::test]
async fn a_spoiled_state_is_no_state() {
    let (rig, _) = one_of_each().await;
    for value in ["0", "17", TEXT] {
        spoil(&rig, ("users", "state", "zoë"), value, async || reading!(rig, user::state("zoë"))).await;
    }
}

#[tokio::test]
async fn spoiled_attempts_and_codes_are_named() {
    let (rig, _) = one_of_each().await;
    let failed = Attempts { failed: 1, blocked_until: Some(NOW) };
    writing!(rig, [] user::save_attempts("zoë", Counted::Code, failed)).unwrap();
    let code = StoredCode { digest: [1; 32], expires: NOW, failed: 0 };
    writing!(rig, [code] user::save_code("zoë", CodePurpose::Email, Some(&code))).unwrap();
    for (column, value) in [("failed", "-1"), ("failed", TEXT), ("blocked_until", TEXT)] {
        let look = async || reading!(rig, user::attempts("zoë", Counted::Code));
        spoil(&rig, ("attempts", column, "zoë"), value, look).await;
    }
    for (column, value) in [("digest", BYTES), ("digest", TEXT), ("expires", TEXT), ("failed", "-1")] {
        let look = async || reading!(rig, user::code("zoë", CodePurpose::Email));
        spoil(&rig, ("codes", column, "zoë"), value, look).await;
    }
}

#[tokio::test]
async fn spoiled_tokens_metadata_and_organisations_are_named() {
    let (rig, _) = one_of_each().await;
    let access = AccessToken {
        id: "t".to_owned(),
        user_id: "zoë".to_owned(),
        organisation: "home".to_owned(),
        created: NOW,
        expires: NOW,
    };
    writing!(rig, [access] token::insert(&access, &[1; 32])).unwrap();
    for (column, value) in [("digest", BYTES), ("digest", TEXT), ("expires", TEXT)] {
        let look = async || reading!(rig, token::bearer("t"));
        spoil(&rig, ("personal_access_tokens", column, "t"), value, look).await;
    }
    let entries = vec![("key".to_owned(), Vec::new())];
    writing!(rig, [entries] user_search::save_metadata("zoë", &entries, NOW)).unwrap();
    for (column, value) in [("key", BYTES), ("value", TEXT), ("created", TEXT), ("changed", TEXT)] {
        let look = async || reading!(rig, user_search::list_metadata("zoë", &[], ALL));
        spoil(&rig, ("user_metadata", column, "zoë"), value, look).await;
    }
    rig.sql("UPDATE organisations SET created = 'hunter2' WHERE id = 'away'").await;
    complains(reading!(rig, organisation::list()), ("organisations", "created", "away"));
}

//! A row in every table that is about factors, with something in every column.

use doorward_store::{Conn, Result};

use crate::rig::Rig;

/// What each table gets. `$1` is bytes.
const ROWS: &[&str] = &[
    "INSERT INTO totps (user_id, secret, ready, last_step, created) VALUES ('1', $1, TRUE, 7, 1)",
    "INSERT INTO otp_factors (user_id, channel, created) VALUES ('1', 'sms', 1)",
    "INSERT INTO recovery_codes (user_id, place, digest, created) VALUES ('1', '01', $1, 1)",
    "INSERT INTO passkeys (id, user_id, second_factor, ready, rp_id, name, registration, expires, credential_id, \
     credential, sign_count, created, changed) VALUES ('p', '1', TRUE, TRUE, 'mouse.example', '🐭', '{}', 5, $1, \
     '{\"a\":1}', 9, 1, 2)",
    "INSERT INTO passkey_codes (id, user_id, digest, expires, failed) VALUES ('c', '1', $1, 5, 3)",
    "INSERT INTO challenges (session_id, kind, digest, detail, failed, created, expires) \
     VALUES ('s', 'otp_sms', $1, '{}', 1, 2, 3)",
    "INSERT INTO idp_links (idp_id, external_id, user_id, username, created) VALUES ('i', 'x', '1', 'O''Møller', 1)",
    "INSERT INTO intents (id, idp_id, state, success_url, failure_url, token, user_id, external_id, external_name, \
     secrets, created, changed, expires) VALUES ('n', 'i', 3, 'https://a.example/', 'https://a.example/no', $1, '1', \
     'x', '🐭', $1, 1, 2, 3)",
    "INSERT INTO outbox (id, user_id, session_id, channel, purpose, state, payload, attempts, error, created, due, \
     expires, ended) VALUES ('o', '1', 's', 'mail', 'code', 1, $1, 2, 'refused', 1, 2, 3, 4)",
    "INSERT INTO sealed_keys (id, sealed, created) VALUES ('k', $1, 1)",
];

/// Adds them for the user `1`.
pub async fn add_factors(rig: &Rig) {
    rig.db.write(|conn| Box::pin(fill(conn))).await.unwrap();
}

async fn fill(conn: &mut Conn) -> Result<()> {
    let bytes: &[u8] = &[0, 255, 39];
    for sql in ROWS {
        let params = [bytes.into()];
        conn.run(sql, if sql.contains("$1") { &params } else { &[] }).await?;
    }
    Ok(())
}

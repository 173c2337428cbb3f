//! Every table that holds something of the operator's, with its columns: what a move copies and compares. A test holds
//! this against the schema, so that a later migration cannot forget it.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TEXT.
    Text,
    /// BIGINT.
    Int,
    /// BOOLEAN.
    Flag,
    /// BYTEA.
    Bytes,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, those of the primary key first; those are texts.
    pub columns: &'static [(&'static str, Kind)],
    /// How many columns the primary key has.
    pub key: usize,
    /// The most rows that are read at once, by how large one may be.
    pub most: u32,
}

macro_rules! tables {
    ($($name:ident ($most:literal: $key:literal) { $($column:ident $kind:ident),+ $(,)? })+) => {
        &[$(Table {
            name: stringify!($name),
            columns: &[$((stringify!($column), Kind::$kind)),+],
            key: $key,
            most: $most,
        }),+]
    };
}

/// The tables, each after those that its rows refer to.
pub const TABLES: &[Table] = tables! {
    instance (1024: 1) { id Text, created Int, key_check Bytes }
    organisations (1024: 1) { id Text, name Text, name_key Text, created Int }
    users (1024: 1) {
        id Text, organisation_id Text, human Flag, state Int, username Text, username_key Text, given_name Text,
        family_name Text, nick_name Text, display_name Text, preferred_language Text, gender Int, email Text,
        email_verified Flag, phone Text, phone_verified Flag, password_hash Text, password_changed Int,
        password_change_required Flag, description Text, created Int, changed Int, sequence Int,
        mfa_init_skipped Int, access_token_type Int,
    }
    user_metadata (64: 2) { user_id Text, key Text, value Bytes, created Int, changed Int }
    attempts (1024: 2) { user_id Text, factor Text, failed Int, blocked_until Int }
    codes (1024: 2) { user_id Text, purpose Text, digest Bytes, expires Int, failed Int }
    grants (1024: 3) { user_id Text, organisation_id Text, role Text }
    personal_access_tokens (1024: 1) { id Text, user_id Text, digest Bytes, created Int, expires Int }
    sessions (1024: 1) {
        id Text, creator_id Text, created Int, changed Int, sequence Int, expires Int, ended Int, token Bytes,
        user_id Text, organisation_id Text, user_verified Int, password Int, web_auth_n Int, web_auth_n_uv Flag,
        intent Int, totp Int, otp_sms Int, otp_email Int, recovery_code Int, metadata Text, fingerprint Text,
        user_agent Text,
    }
    totps (1024: 1) { user_id Text, secret Bytes, ready Flag, last_step Int, created Int }
    otp_factors (1024: 2) { user_id Text, channel Text, created Int }
    recovery_codes (1024: 2) { user_id Text, place Text, digest Bytes, created Int }
    passkeys (256: 1) {
        id Text, user_id Text, second_factor Flag, ready Flag, rp_id Text, name Text, registration Text, expires Int,
        credential_id Bytes, credential Text, sign_count Int, created Int, changed Int,
    }
    passkey_codes (1024: 1) { id Text, user_id Text, digest Bytes, expires Int, failed Int }
    challenges (256: 2) {
        session_id Text, kind Text, digest Bytes, detail Text, failed Int, created Int, expires Int,
    }
    idp_links (1024: 2) { idp_id Text, external_id Text, user_id Text, username Text, created Int }
    intents (64: 1) {
        id Text, idp_id Text, state Int, success_url Text, failure_url Text, token Bytes, user_id Text,
        external_id Text, external_name Text, secrets Bytes, created Int, changed Int, expires Int,
    }
    outbox (64: 1) {
        id Text, user_id Text, session_id Text, channel Text, purpose Text, state Int, payload Bytes, attempts Int,
        error Text, created Int, due Int, expires Int, ended Int,
    }
    sealed_keys (1024: 1) { id Text, sealed Bytes, created Int }
    machine_secrets (1024: 1) { user_id Text, digest Bytes, created Int }
    machine_keys (1024: 1) { id Text, user_id Text, public_key Bytes, created Int, expires Int }
    access_tokens (1024: 1) {
        id Text, user_id Text, source Text, scope Text, digest Bytes, created Int, expires Int,
    }
    signing_keys (64: 1) { id Text, public_key Bytes, sealed Bytes, created Int, signs Int, retires Int }
};

/// Tables about the store itself, which each store has for its own.
pub const OWN: &[&str] = &["migrations", "expansions", "unfinished_move"];

impl Table {
    /// The rows after a key, or from the beginning, in the order of the key. The last value is how many.
    pub(crate) fn select(&self, from_start: bool) -> String {
        let columns: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        let key: Vec<_> = columns.iter().copied().take(self.key).collect();
        let places: Vec<_> = (1..=self.key).map(|place| format!("${place}")).collect();
        let (columns, key) = (columns.join(", "), key.join(", "));
        let (after, limit) = if from_start {
            (String::new(), 1)
        } else {
            (format!("WHERE ({key}) > ({}) ", places.join(", ")), self.key + 1)
        };
        format!("SELECT {columns} FROM {} {after}ORDER BY {key} LIMIT ${limit}", self.name)
    }

    /// The last key.
    pub(crate) fn select_last(&self) -> String {
        let key = || self.columns.iter().take(self.key).map(|(name, _)| *name);
        let (columns, order) = (key().collect::<Vec<_>>(), key().map(|name| format!("{name} DESC")));
        let order: Vec<_> = order.collect();
        format!("SELECT {} FROM {} ORDER BY {} LIMIT 1", columns.join(", "), self.name, order.join(", "))
    }

    /// Adds so many rows.
    pub(crate) fn insert(&self, rows: usize) -> String {
        let columns: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        let width = columns.len();
        let row = |row: usize| {
            let places: Vec<_> = (1..=width).map(|place| format!("${}", row * width + place)).collect();
            format!("({})", places.join(", "))
        };
        let rows: Vec<_> = (0..rows).map(row).collect();
        format!("INSERT INTO {} ({}) VALUES {}", self.name, columns.join(", "), rows.join(", "))
    }
}

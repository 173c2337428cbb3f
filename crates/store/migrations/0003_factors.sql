-- Everything besides the password: time-based codes, codes by SMS and mail, recovery codes, passkeys, logins at identity
-- providers, and what waits to be delivered. Only new tables and a column that may be empty: versions that do not know
-- of them go on beside it. Sealed columns can be read only with the key whose id they begin with.

ALTER TABLE users ADD COLUMN mfa_init_skipped BIGINT;

-- The sealed secret of time-based codes: ready once a code has shown that the user has it, too. A code counts only if
-- its step lies after the last one that was accepted.
CREATE TABLE totps (
    user_id   TEXT PRIMARY KEY REFERENCES users (id),
    secret    BYTEA NOT NULL,
    ready     BOOLEAN NOT NULL,
    last_step BIGINT,
    created   BIGINT NOT NULL
);

-- Users who take codes by SMS or mail; where to is what their phone or mail address is at the time.
CREATE TABLE otp_factors (
    user_id TEXT NOT NULL REFERENCES users (id),
    channel TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (user_id, channel)
);

-- A used code has no row any more.
CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id),
    place   TEXT NOT NULL,
    digest  BYTEA NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (user_id, place)
);

-- Keys of a user: passkeys, and second factors (U2F). Before it is ready, a key has what its registration waits for.
CREATE TABLE passkeys (
    id            TEXT PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES users (id),
    second_factor BOOLEAN NOT NULL,
    ready         BOOLEAN NOT NULL,
    rp_id         TEXT NOT NULL,
    name          TEXT NOT NULL,
    registration  TEXT,
    expires       BIGINT,
    credential_id BYTEA,
    credential    TEXT,
    sign_count    BIGINT NOT NULL,
    created       BIGINT NOT NULL,
    changed       BIGINT NOT NULL
);
CREATE INDEX passkeys_by_user ON passkeys (user_id, id);

-- Codes that let somebody register a passkey for a user.
CREATE TABLE passkey_codes (
    id      TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    digest  BYTEA NOT NULL,
    expires BIGINT NOT NULL,
    failed  BIGINT NOT NULL
);
CREATE INDEX passkey_codes_by_user ON passkey_codes (user_id, id);

-- What a session was asked to prove and has not proven yet: one of a kind. Without a reference, so that sessions can be
-- kept in partitions.
CREATE TABLE challenges (
    session_id TEXT NOT NULL,
    kind       TEXT NOT NULL,
    digest     BYTEA,
    detail     TEXT,
    failed     BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    PRIMARY KEY (session_id, kind)
);

-- Accounts at identity providers, each of one user at most.
CREATE TABLE idp_links (
    idp_id      TEXT NOT NULL,
    external_id TEXT NOT NULL,
    user_id     TEXT NOT NULL REFERENCES users (id),
    username    TEXT NOT NULL,
    created     BIGINT NOT NULL,
    PRIMARY KEY (idp_id, external_id)
);
CREATE INDEX idp_links_by_user ON idp_links (user_id, idp_id, external_id);

-- Logins at identity providers. Sealed: first what the answer of the provider is held against, then what it told.
CREATE TABLE intents (
    id            TEXT PRIMARY KEY,
    idp_id        TEXT NOT NULL,
    state         BIGINT NOT NULL,
    success_url   TEXT NOT NULL,
    failure_url   TEXT NOT NULL,
    token         BYTEA,
    user_id       TEXT,
    external_id   TEXT,
    external_name TEXT,
    secrets       BYTEA,
    created       BIGINT NOT NULL,
    changed       BIGINT NOT NULL,
    expires       BIGINT NOT NULL
);
CREATE INDEX intents_by_expiry ON intents (expires, id);

-- Mails and SMS to be delivered. The id is also the key by which a receiver knows a repeated one. The payload is sealed,
-- and gone once it was sent or given up.
CREATE TABLE outbox (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    session_id TEXT,
    channel    TEXT NOT NULL,
    purpose    TEXT NOT NULL,
    state      BIGINT NOT NULL,
    payload    BYTEA,
    attempts   BIGINT NOT NULL,
    error      TEXT,
    created    BIGINT NOT NULL,
    due        BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    ended      BIGINT
);
CREATE INDEX outbox_by_due ON outbox (due, id) WHERE ended IS NULL;
CREATE INDEX outbox_by_end ON outbox (ended, id) WHERE ended IS NOT NULL;
CREATE INDEX outbox_by_user ON outbox (user_id, created);
CREATE INDEX outbox_by_session ON outbox (session_id, created) WHERE session_id IS NOT NULL;

-- Keys that are themselves sealed with the master key.
CREATE TABLE sealed_keys (
    id      TEXT PRIMARY KEY,
    sealed  BYTEA NOT NULL,
    created BIGINT NOT NULL
);

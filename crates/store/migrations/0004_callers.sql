-- Callers that log in before they call: secrets and keys of machine users, the access tokens they get for them, and the
-- keys that sign those tokens which others read. Only new tables and a column that may be empty: versions that do not
-- know of them go on beside it.

-- What access tokens of a machine user look like: 1 is a JWT, anything else is opaque.
ALTER TABLE users ADD COLUMN access_token_type BIGINT;

-- The client secret of a machine user, as a keyed hash. A new one replaces the old one.
CREATE TABLE machine_secrets (
    user_id TEXT PRIMARY KEY REFERENCES users (id),
    digest  BYTEA NOT NULL,
    created BIGINT NOT NULL
);

-- Public keys by which machine users sign their log-in, as SubjectPublicKeyInfo in DER. The private half is nowhere here.
CREATE TABLE machine_keys (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    public_key BYTEA NOT NULL,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL
);
CREATE INDEX machine_keys_by_user ON machine_keys (user_id, id);

-- Tokens that were given for a secret or a key, as keyed hashes of their whole text, JWTs too. The source is the id of
-- the key, or empty for the secret: with it go the tokens that were given for it.
CREATE TABLE access_tokens (
    id      TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    source  TEXT NOT NULL,
    scope   TEXT NOT NULL,
    digest  BYTEA NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX access_tokens_by_user ON access_tokens (user_id, source);
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires, id);

-- Keys that sign JWTs: published before they sign and until what they signed is over. The private half is sealed.
CREATE TABLE signing_keys (
    id         TEXT PRIMARY KEY,
    public_key BYTEA NOT NULL,
    sealed     BYTEA NOT NULL,
    created    BIGINT NOT NULL,
    signs      BIGINT NOT NULL,
    retires    BIGINT
);

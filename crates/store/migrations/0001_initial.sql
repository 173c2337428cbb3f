-- The first shape of the store. One text for every engine: times are microseconds since 1970 in BIGINT, flags are
-- BOOLEAN, hashes are BYTEA, everything else is TEXT. Released migrations are never edited.

CREATE TABLE instance (
    id        TEXT PRIMARY KEY,
    created   BIGINT NOT NULL,
    key_check BYTEA
);

CREATE TABLE organisations (
    id       TEXT PRIMARY KEY,
    name     TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    created  BIGINT NOT NULL
);

-- A deleted user keeps its row with nothing but the id, so that an id is never given twice.
CREATE TABLE users (
    id                       TEXT PRIMARY KEY,
    organisation_id          TEXT NOT NULL REFERENCES organisations (id),
    human                    BOOLEAN NOT NULL,
    state                    BIGINT NOT NULL,
    username                 TEXT NOT NULL,
    username_key             TEXT UNIQUE,
    given_name               TEXT NOT NULL,
    family_name              TEXT NOT NULL,
    nick_name                TEXT,
    display_name             TEXT NOT NULL,
    preferred_language       TEXT,
    gender                   BIGINT,
    email                    TEXT,
    email_verified           BOOLEAN NOT NULL,
    phone                    TEXT,
    phone_verified           BOOLEAN NOT NULL,
    password_hash            TEXT,
    password_changed         BIGINT,
    password_change_required BOOLEAN NOT NULL,
    description              TEXT NOT NULL,
    created                  BIGINT NOT NULL,
    changed                  BIGINT NOT NULL,
    sequence                 BIGINT NOT NULL
);
CREATE INDEX users_by_organisation ON users (organisation_id, id);
CREATE INDEX users_by_email ON users (email) WHERE email IS NOT NULL;

CREATE TABLE user_metadata (
    user_id  TEXT NOT NULL REFERENCES users (id),
    key      TEXT NOT NULL,
    value    BYTEA NOT NULL,
    created  BIGINT NOT NULL,
    changed  BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);

-- Failed attempts in a row, one counter a user and factor. No row means none.
CREATE TABLE attempts (
    user_id       TEXT NOT NULL REFERENCES users (id),
    factor        TEXT NOT NULL,
    failed        BIGINT NOT NULL,
    blocked_until BIGINT,
    PRIMARY KEY (user_id, factor)
);

-- One-time codes that prove an address or allow a new password. A new code of a purpose replaces the old one.
CREATE TABLE codes (
    user_id  TEXT NOT NULL REFERENCES users (id),
    purpose  TEXT NOT NULL,
    digest   BYTEA NOT NULL,
    expires  BIGINT NOT NULL,
    failed   BIGINT NOT NULL,
    PRIMARY KEY (user_id, purpose)
);

-- Roles held; the empty organisation is the instance.
CREATE TABLE grants (
    user_id         TEXT NOT NULL REFERENCES users (id),
    organisation_id TEXT NOT NULL,
    role            TEXT NOT NULL,
    PRIMARY KEY (user_id, organisation_id, role)
);

CREATE TABLE personal_access_tokens (
    id       TEXT PRIMARY KEY,
    user_id  TEXT NOT NULL REFERENCES users (id),
    digest   BYTEA NOT NULL,
    created  BIGINT NOT NULL,
    expires  BIGINT NOT NULL
);
CREATE INDEX personal_access_tokens_by_user ON personal_access_tokens (user_id, id);

-- Ids begin with the time of creation, so the primary key also sorts by it and new rows land at its end.
CREATE TABLE sessions (
    id              TEXT PRIMARY KEY,
    creator_id      TEXT NOT NULL,
    created         BIGINT NOT NULL,
    changed         BIGINT NOT NULL,
    sequence        BIGINT NOT NULL,
    expires         BIGINT,
    ended           BIGINT,
    token           BYTEA NOT NULL,
    user_id         TEXT,
    organisation_id TEXT,
    user_verified   BIGINT,
    password        BIGINT,
    web_auth_n      BIGINT,
    web_auth_n_uv   BOOLEAN NOT NULL,
    intent          BIGINT,
    totp            BIGINT,
    otp_sms         BIGINT,
    otp_email       BIGINT,
    recovery_code   BIGINT,
    metadata        TEXT,
    fingerprint     TEXT,
    user_agent      TEXT
);
CREATE INDEX sessions_by_user ON sessions (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX sessions_by_creator ON sessions (creator_id, id);
CREATE INDEX sessions_by_fingerprint ON sessions (fingerprint, id) WHERE fingerprint IS NOT NULL;
CREATE INDEX sessions_by_organisation ON sessions (organisation_id, id) WHERE organisation_id IS NOT NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires, id) WHERE expires IS NOT NULL;

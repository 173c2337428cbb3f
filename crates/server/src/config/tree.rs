//! Every key of the configuration, with its default and what it takes. A new key is one entry here.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::delivery::{Delivery, Mail, OutboxPolicy, Sms};
use super::grant::Grant;
use super::idp::{Idp, Intents};
use super::oauth::Oauth;
use super::rate::Rate;
use super::rule::section;
use super::secret::SecretText;
use super::shape::{
    ADDRESS, ALGORITHM, DATABASE, DIRECTORY, FILE, FILTER, ISSUER, KEY, LOG_FORMAT, ORIGINS, SWITCH, URL,
    whole,
};
use super::trusted_issuer::TrustedIssuer;
use super::web_authn::WebAuthn;

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Human,
    Json,
}

/// How new passwords are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HashAlgorithm {
    Argon2id,
    Bcrypt,
}

section! {
    /// Configuration of doorward.
    Config("") {
        /// Directory of the database and of generated keys. A relative path starts at the working directory.
        data_dir: PathBuf = "./data".into(), DIRECTORY;
        /// URL of a PostgreSQL database, for several nodes: `postgres://user:password@host/database`. Another machine is
        /// spoken to with TLS and a verified certificate (`?sslrootcert=FILE` names its root) unless the URL says
        /// `?sslmode=disable`. Not set: the embedded database in the data directory.
        database_url: Option<SecretText> = None, DATABASE;
        /// Address that the server listens on.
        listen: String = "127.0.0.1:8080".to_owned(), ADDRESS;
        /// URL under which clients reach the server. Not set: http (with TLS: https) and the listen address, or localhost
        /// where that stands for all addresses.
        public_url: Option<String> = None, URL;
        /// URL of your login page, where the links of mails begin. Not set: `/ui/v2/login` below `public_url`.
        login_url: Option<String> = None, URL;
        /// Which log lines are written.
        log: String = "info".to_owned(), FILTER;
        /// Form of the log lines on standard error.
        log_format: LogFormat = LogFormat::Human, LOG_FORMAT;
        /// Key that secrets in the database are encrypted under; `openssl rand -base64 32` makes one.
        /// Not set: a key is generated in the data directory at the first start. Of several keys all open, and
        /// `doorward keys rotate` makes the first one the key that seals.
        master_key: Option<SecretText> = None, KEY;
        in tls: Tls;
        in limits: Limits;
        in rate: Rate;
        in cors: Cors;
        in hashing: Hashing;
        in policy: Policy;
        in search: Search;
        in codes: Codes;
        in totp: Totp;
        in mail: Mail;
        in sms: Sms;
        in delivery: Delivery;
        in webauthn: WebAuthn;
        in store: Store;
        in postgres: Postgres;
        in intents: Intents;
        in oauth: Oauth;
        many idp: Idp;
        many trusted_issuer: TrustedIssuer;
        many grant: Grant;
    }
}

section! {
    /// TLS. It is on when both files are set; else the server speaks plain HTTP/1.1 and HTTP/2.
    Tls("tls") {
        /// Certificate chain, the server's own certificate first.
        cert_file: Option<PathBuf> = None, FILE;
        /// Private key of the certificate.
        key_file: Option<PathBuf> = None, FILE;
        /// How often the two files are looked at for a renewed certificate. SIGHUP loads them at once.
        reload_interval_s: u32 = 30, whole(1, 86_400, "seconds");
        /// Time that a client has for the TLS handshake.
        handshake_timeout_ms: u32 = 10_000, whole(10, 600_000, "milliseconds");
    }
}

section! {
    /// Limits against too large, too slow and too many.
    Limits("limits") {
        /// Largest request body, after decompression.
        body_bytes: u32 = 1 << 20, whole(1_024, 1 << 30, "bytes");
        /// Largest request body of the user service, whose metadata entries may be up to 500 kB each.
        user_body_bytes: u32 = 4 << 20, whole(1_024, 1 << 30, "bytes");
        /// Largest head of a request: request line and all headers.
        header_bytes: u32 = 32 << 10, whole(8_192, 1 << 20, "bytes");
        /// Time from the opening of a connection to its first byte.
        first_byte_timeout_ms: u32 = 5_000, whole(10, 600_000, "milliseconds");
        /// Time from the first byte of a request to the end of its head.
        header_timeout_ms: u32 = 10_000, whole(10, 600_000, "milliseconds");
        /// Longest pause between two parts of a request body.
        body_timeout_ms: u32 = 10_000, whole(10, 600_000, "milliseconds");
        /// Time from the end of the head to the beginning of the answer.
        request_timeout_ms: u32 = 30_000, whole(10, 3_600_000, "milliseconds");
        /// Time that a client may take no byte of an answer that is ready.
        write_timeout_ms: u32 = 20_000, whole(10, 600_000, "milliseconds");
        /// A connection without a request is closed after this time.
        /// Keep it above the idle time of a load balancer in front, which else meets closed connections.
        idle_timeout_s: u32 = 120, whole(1, 86_400, "seconds");
        /// Time that running requests have to finish when the server stops.
        drain_timeout_ms: u32 = 20_000, whole(0, 3_600_000, "milliseconds");
        /// Time between readiness turning off and the port closing when the server stops, so that a load balancer
        /// notices before connections are refused.
        stop_delay_ms: u32 = 0, whole(0, 600_000, "milliseconds");
        /// Connections at a time. One too many is closed at once.
        max_connections: u32 = 4_096, whole(1, 1_000_000, "");
        /// Requests at a time on one HTTP/2 connection.
        max_streams_per_connection: u32 = 128, whole(1, 10_000, "");
        /// Deepest nesting of JSON and of google.protobuf.Struct.
        json_depth: u32 = 64, whole(8, 512, "levels");
    }
}

section! {
    /// Which web pages may call the server.
    Cors("cors") {
        /// Origins that may call, also with credentials. Empty: every origin may.
        allowed_origins: Vec<String> = Vec::new(), ORIGINS;
    }
}

section! {
    /// How new passwords are hashed, and how much of that happens at a time.
    Hashing("hashing") {
        /// Hash of new passwords. Hashes of other kinds are verified, and renewed at the next success.
        algorithm: HashAlgorithm = HashAlgorithm::Argon2id, ALGORITHM;
        /// Memory of one argon2id hash.
        memory_kib: u32 = 19_456, whole(7_168, 262_144, "KiB");
        /// Passes of argon2id over its memory.
        iterations: u32 = 2, whole(1, 64, "");
        /// Lanes of argon2id.
        parallelism: u32 = 1, whole(1, 16, "");
        /// Cost of bcrypt; one more doubles the time.
        bcrypt_cost: u32 = 12, whole(10, 15, "");
        /// Threads that hash; 0 for one on each core. Each needs the memory of a hash.
        threads: u32 = 0, whole(0, 1_024, "");
        /// Passwords that may wait for a thread. One too many is refused at once.
        max_queue: u32 = 128, whole(1, 100_000, "");
        /// Longest wait for a thread; then the request is refused.
        max_wait_ms: u32 = 2_000, whole(10, 600_000, "milliseconds");
    }
}

section! {
    /// Rules for users and their sessions.
    Policy("policy") {
        in password: PasswordPolicy;
        in lockout: LockoutPolicy;
        in backoff: BackoffPolicy;
        in login: LoginPolicy;
        in session: SessionPolicy;
        in outbox: OutboxPolicy;
    }
}

section! {
    /// What a new password must have.
    PasswordPolicy("policy.password") {
        /// Shortest password.
        min_length: u32 = 8, whole(1, 200, "characters");
        /// Needs a lower-case letter.
        lower: bool = true, SWITCH;
        /// Needs an upper-case letter.
        upper: bool = true, SWITCH;
        /// Needs a digit.
        number: bool = true, SWITCH;
        /// Needs a symbol.
        symbol: bool = true, SWITCH;
    }
}

section! {
    /// When failures lock a user until an administrator unlocks it.
    LockoutPolicy("policy.lockout") {
        /// Wrong passwords in a row that lock the user; 0 for never.
        max_password_attempts: u32 = 0, whole(0, 1_000_000, "");
        /// Wrong one-time codes in a row that lock the user; 0 for never.
        max_otp_attempts: u32 = 0, whole(0, 1_000_000, "");
    }
}

section! {
    /// How long a user must wait after failures in a row of one factor.
    BackoffPolicy("policy.backoff") {
        /// Whether there is a wait at all.
        enabled: bool = true, SWITCH;
        /// Failures before the first wait.
        free_attempts: u32 = 5, whole(1, 1_000, "");
        /// First wait; each further failure doubles it.
        first_ms: u32 = 1_000, whole(1, 86_400_000, "milliseconds");
        /// Longest wait.
        longest_ms: u32 = 900_000, whole(1, 86_400_000, "milliseconds");
    }
}

section! {
    /// What a login needs.
    LoginPolicy("policy.login") {
        /// Every user needs a second factor.
        force_mfa: bool = false, SWITCH;
        /// Users who log in with a password or a passkey of this server need a second factor.
        force_mfa_local_only: bool = false, SWITCH;
    }
}

section! {
    /// What becomes of sessions.
    SessionPolicy("policy.session") {
        /// Sessions of a user end when the user is deactivated or deleted.
        end_on_deactivate: bool = true, SWITCH;
        /// How long the store keeps sessions that ended or expired; then they are removed. 0 for ever.
        keep_ended_days: u32 = 30, whole(0, 36_500, "days");
    }
}

section! {
    /// Lists.
    Search("search") {
        /// Entries of a list when the request names no limit.
        default_limit: u32 = 1_000, whole(1, 100_000, "entries");
        /// Largest limit that a request may name.
        max_limit: u32 = 1_000, whole(1, 100_000, "entries");
    }
}

section! {
    /// Codes that are sent to users.
    Codes("codes") {
        /// Length of a code that verifies an email address.
        email_length: u32 = 6, whole(6, 32, "characters");
        /// Lifetime of a code that verifies an email address.
        email_lifetime_minutes: u32 = 60, whole(1, 43_200, "minutes");
        /// Length of a code that verifies a phone number.
        phone_length: u32 = 6, whole(6, 32, "characters");
        /// Lifetime of a code that verifies a phone number.
        phone_lifetime_minutes: u32 = 60, whole(1, 43_200, "minutes");
        /// Length of a code that resets a password.
        reset_length: u32 = 6, whole(6, 32, "characters");
        /// Lifetime of a code that resets a password.
        reset_lifetime_minutes: u32 = 60, whole(1, 43_200, "minutes");
        /// Length of the code of an invitation.
        invite_length: u32 = 6, whole(6, 32, "characters");
        /// Lifetime of the code of an invitation.
        invite_lifetime_minutes: u32 = 4_320, whole(1, 43_200, "minutes");
        /// Length of a code that lets somebody register a passkey.
        passkey_length: u32 = 12, whole(8, 32, "characters");
        /// Lifetime of a code that lets somebody register a passkey.
        passkey_lifetime_minutes: u32 = 60, whole(1, 43_200, "minutes");
        /// Length of a code that a session asks for by SMS, in digits.
        otp_sms_length: u32 = 8, whole(6, 32, "digits");
        /// Lifetime of a code that a session asks for by SMS.
        otp_sms_lifetime_minutes: u32 = 5, whole(1, 60, "minutes");
        /// Length of a code that a session asks for by mail, in digits.
        otp_email_length: u32 = 8, whole(6, 32, "digits");
        /// Lifetime of a code that a session asks for by mail.
        otp_email_lifetime_minutes: u32 = 5, whole(1, 60, "minutes");
    }
}

section! {
    /// Time-based codes.
    Totp("totp") {
        /// Name that authenticator apps show beside the codes.
        issuer: String = "Doorward".to_owned(), ISSUER;
    }
}

section! {
    /// The database; all but `migrate` is about the embedded one.
    Store("store") {
        /// `serve` brings the schema up to date. If not, it refuses to start on a schema that is behind, until
        /// `doorward migrate up` was run: the role that serves then needs no right to change the schema.
        migrate: bool = true, SWITCH;
        /// Connections that read; 0 for one on each core.
        readers: u32 = 0, whole(0, 256, "");
        /// Writes that are committed together at most.
        batch: u32 = 64, whole(1, 10_000, "");
        /// Longest wait for a lock of another process, such as a backup.
        busy_timeout_ms: u32 = 5_000, whole(0, 600_000, "milliseconds");
    }
}

section! {
    /// PostgreSQL, where `database_url` names one.
    Postgres("postgres") {
        /// Connections of this node that write or search. 8 to 16 are enough; more only queue in the server.
        connections: u32 = 16, whole(1, 1_000, "");
        /// Connections of this node that short reads share.
        readers: u32 = 2, whole(1, 256, "");
        /// Longest wait for a new connection to be made.
        connect_timeout_ms: u32 = 3_000, whole(10, 600_000, "milliseconds");
        /// Longest wait for a connection; then the request is refused as too much.
        wait_timeout_ms: u32 = 2_000, whole(10, 600_000, "milliseconds");
        /// Longest time of a statement, and of its wait for a lock.
        statement_timeout_ms: u32 = 10_000, whole(10, 3_600_000, "milliseconds");
        /// A pooler such as PgBouncer in transaction mode is in between: nothing is prepared, and nothing set, for
        /// longer than a transaction.
        pooler: bool = false, SWITCH;
    }
}

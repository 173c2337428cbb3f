//! The configuration: layers, names, messages, secrets, and the example file.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failing test panics")]

#[path = "config/callers.rs"]
mod callers;
#[path = "config/delivery.rs"]
mod delivery;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use doorward::config::{Config, ConfigError, HashAlgorithm, LogFormat, Overrides};
use toml::{Table, Value};

const KEY: &str = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTAxMjM=";

/// Loads from a file with this text, an environment and flags of the form `--set`.
fn load(file: &str, environment: &[(&str, &str)], set: &[&str]) -> Result<Config, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("doorward.toml"), file).unwrap();
    let overrides =
        Overrides { set: set.iter().map(|text| (*text).to_owned()).collect(), ..Overrides::default() };
    Config::load_from(&overrides, variables(environment), directory.path())
}

fn variables(environment: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    environment.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn refusal(file: &str, environment: &[(&str, &str)], set: &[&str]) -> String {
    load(file, environment, set).unwrap_err().to_string()
}

fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn without_anything_the_defaults_count() {
    let config = Config::load_from(&Overrides::default(), [], Path::new("/nonexistent")).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.data_dir, PathBuf::from("./data"));
    assert_eq!(config.public_url(), "http://127.0.0.1:8080");
    assert_eq!(config.limits.body_bytes, 1 << 20);
    assert_eq!(config.tls_files(), None);
    assert!(config.master_keys().is_none());
}

#[test]
fn a_higher_layer_wins() {
    let file = "listen = \"a:1\"\nlog = \"warn\"\n[search]\ndefault_limit = 10\nmax_limit = 20\n";
    let environment = [("DOORWARD_LOG", "debug"), ("DOORWARD_SEARCH_MAX_LIMIT", "30")];
    let config = load(file, &environment, &["search.max_limit=40"]).unwrap();
    assert_eq!((config.listen.as_str(), config.log.as_str()), ("a:1", "debug"));
    assert_eq!((config.search.default_limit, config.search.max_limit), (10, 40));
    assert_eq!(config.codes, Config::default().codes);

    let overrides =
        Overrides { listen: Some("b:2".into()), set: vec!["listen=c:3".into()], ..Overrides::default() };
    let config = Config::load_from(&overrides, [], Path::new("/nonexistent")).unwrap();
    assert_eq!(config.listen, "b:2", "a flag of its own is more explicit than --set");
}

#[test]
fn the_file_is_named_by_flag_then_by_variable() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["one", "two", "doorward.toml"] {
        std::fs::write(directory.path().join(name), format!("data_dir = \"{name}\"")).unwrap();
    }
    let load = |flag: Option<&str>, variable: &[(&str, &str)]| {
        let overrides = Overrides { config: flag.map(PathBuf::from), ..Overrides::default() };
        Config::load_from(&overrides, variables(variable), directory.path())
    };
    let variable = [("DOORWARD_CONFIG", "two")];
    assert_eq!(load(Some("one"), &variable).unwrap().data_dir, PathBuf::from("one"));
    assert_eq!(load(None, &variable).unwrap().data_dir, PathBuf::from("two"));
    assert_eq!(load(None, &[]).unwrap().data_dir, PathBuf::from("doorward.toml"));
    assert_has(
        &load(Some("none"), &[]).unwrap_err().to_string(),
        &["none: there is no such file", "flag --config"],
    );
}

/// A value that the key takes and that is not its default.
fn another(path: &str, default: Option<&Value>) -> String {
    match (path, default) {
        ("listen", _) => "[::1]:9".into(),
        ("public_url", _) => "https://login.example.com/base".into(),
        ("login_url" | "sms.hook.url" | "sms.twilio.url", _) => "https://other.example.com".into(),
        ("mail.transport", _) => "smtp".into(),
        ("mail.security", _) => "tls".into(),
        ("mail.host", _) => "mail.example".into(),
        ("mail.from" | "mail.reply_to", _) => "Door <door@ward.example>".into(),
        ("sms.transport", _) => "hook".into(),
        ("sms.hook.secret", _) => "a text that is long enough".into(),
        ("log", _) => "doorward=trace,warn".into(),
        ("log_format", _) => "json".into(),
        ("master_key", _) => KEY.into(),
        ("database_url", _) => "postgresql://u:c2Vj@db.example/d".into(),
        ("cors.allowed_origins", _) => "https://a.example, https://b.example".into(),
        ("rate.trusted_proxies", _) => "127.0.0.1, 10.0.0.0/8".into(),
        ("webauthn.android_origins", _) => "android:apk-key-hash:AbC".into(),
        ("hashing.algorithm", _) => "bcrypt".into(),
        ("oauth.algorithm", _) => "es256".into(),
        // The largest limit of a list has to stay above the limit that counts without one.
        ("search.default_limit", _) => "999".into(),
        (_, Some(Value::Integer(number))) => (number + 1).to_string(),
        (_, Some(Value::Boolean(on))) => (!on).to_string(),
        (_, None | Some(Value::String(_))) => "/some/where".into(),
        other => panic!("no other value for {other:?}"),
    }
}

fn leaves(prefix: &str, table: &Table) -> Vec<(String, Value)> {
    let below = |(name, value): (&String, &Value)| {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => leaves(&path, inner),
            leaf => vec![(path, leaf.clone())],
        }
    };
    table.iter().flat_map(below).collect()
}

#[test]
fn every_leaf_is_set_by_its_environment_variable() {
    let defaults = leaves("", &Table::try_from(Config::default()).unwrap());
    let default = |path: &str| defaults.iter().find(|(name, _)| name == path).map(|(_, value)| value);
    let keys = Config::keys();
    for (path, _) in &defaults {
        assert!(keys.iter().any(|(key, _)| key == path), "{path} has no description");
    }
    let environment: Vec<(String, String)> =
        keys.iter().map(|(path, name)| (name.clone(), another(path, default(path)))).collect();
    let borrowed: Vec<(&str, &str)> = environment.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let loaded = load("", &borrowed, &[]).unwrap();
    let values = leaves("", &Table::try_from(&loaded).unwrap());
    assert_eq!(values.len(), keys.len());
    for (path, value) in &values {
        assert_ne!(Some(value), default(path), "{path} kept its default");
    }
    assert_eq!(loaded.cors.allowed_origins, ["https://a.example", "https://b.example"]);
    assert_eq!((loaded.log_format, loaded.hashing.algorithm), (LogFormat::Json, HashAlgorithm::Bcrypt));
    assert_eq!(loaded.policy.lockout.max_password_attempts, 1);
    assert_eq!(loaded.tls.cert_file, Some("/some/where".into()));

    let mut names: Vec<&str> = keys.iter().map(|(_, name)| name.as_str()).collect();
    assert!(names.contains(&"DOORWARD_POLICY_LOCKOUT_MAX_PASSWORD_ATTEMPTS"));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), keys.len(), "two keys share a variable");
}

#[test]
fn a_wrong_value_is_told_with_key_value_range_and_place() {
    let text = refusal("\n[limits]\n  body_bytes = 12\nheader_bytes = \"big\"\n", &[], &[]);
    assert_has(
        &text,
        &[
            "limits.body_bytes: 12 is not allowed",
            "bytes from 1024 to 1073741824",
            "doorward.toml, line 3, column 16",
        ],
    );
    assert_has(&text, &["limits.header_bytes: \"big\" is not allowed", "line 4, column 16"]);
    let text =
        refusal("", &[("DOORWARD_POLICY_LOGIN_FORCE_MFA", "yes")], &["search.max_limit=-1", "log=inof"]);
    assert_has(
        &text,
        &["policy.login.force_mfa: \"yes\"", "true or false", "variable DOORWARD_POLICY_LOGIN_FORCE_MFA"],
    );
    assert_has(&text, &["search.max_limit: -1 is not allowed", "flag --set", "log: \"inof\" is not allowed"]);
    let text = refusal("log_format = \"xml\"\ncors = 1\nlisten = [\n", &[], &[]);
    assert_has(&text, &["unclosed array", "line 3, column 11"]);
    let text = refusal("cors = 1\n[hashing]\nalgorithm = \"md5\"\n", &[], &[]);
    assert_has(&text, &["cors is a section", "hashing.algorithm: \"md5\"", "\"argon2id\" or \"bcrypt\""]);
}

#[test]
fn an_unknown_name_suggests_the_nearest() {
    let text = refusal(
        "lisen = \"a:1\"\n[limit]\nbody_bytes = 1\n",
        &[("DOORWARD_LIMITS_BODY_BYTE", "1"), ("DOORWARD_ZZ", "hush")],
        &["searchmax_limit=hush", "nothing-at-all"],
    );
    assert_has(&text, &["unknown key lisen; did you mean listen?", "line 1, column 1"]);
    assert_has(&text, &["DOORWARD_LIMITS_BODY_BYTE; did you mean DOORWARD_LIMITS_BODY_BYTES?"]);
    assert_has(
        &text,
        &["searchmax_limit; did you mean search.max_limit?", "--set is written --set key=value"],
    );
    assert_has(&text, &["unknown key limit", "unknown environment variable DOORWARD_ZZ"]);
    assert!(!text.contains("hush") && !text.contains("nothing-at-all"), "{text}");
}

#[test]
fn variables_that_kubernetes_makes_for_a_service_are_ignored() {
    let links =
        ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_GRPC", "PORT", "PORT_8080_TCP", "PORT_8080_TCP_ADDR"];
    let names: Vec<String> = links.iter().map(|link| format!("DOORWARD_{link}")).collect();
    let environment: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    assert_eq!(load("", &environment, &[]).unwrap(), Config::default());
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    let text = refusal(
        "[search]\ndefault_limit = 500\nmax_limit = 400\n[tls]\ncert_file = \"a.pem\"\n[hashing]\nmax_wait_ms = 30000\n",
        &[("DOORWARD_POLICY_BACKOFF_LONGEST_MS", "999")],
        &["hashing.iterations=1", "hashing.memory_kib=7168"],
    );
    assert_has(&text, &["search.default_limit: 500", "which is 400", "line 2", "TLS needs both files"]);
    assert_has(
        &text,
        &[
            "policy.backoff.first_ms: 1000",
            "BACKOFF_LONGEST_MS",
            "7168 times 1 is 7168",
            "hashing.max_wait_ms: 30000",
        ],
    );
}

#[test]
fn a_secret_is_never_printed() {
    let config = load("", &[("DOORWARD_MASTER_KEY", KEY)], &[]).unwrap();
    let [key] = config.master_keys().unwrap().try_into().unwrap();
    assert_eq!(key.bytes(), b"secret-secret-secret-secret-0123");
    let shown = [config.print_toml(), format!("{config:?} {config:#?}"), toml::to_string(&config).unwrap()];
    assert!(shown.iter().all(|text| text.contains("(redacted)") && !text.contains("c2Vj")), "{shown:?}");

    let refusals = [
        refusal("master_key = \"c2VjcmV0\"", &[], &[]),
        refusal("master_key = \"c2VjcmV0\" junk", &[], &[]),
        refusal("master_key = \"c2VjcmV0\nlog = 1", &[], &[]),
        refusal("master_key = [\"c2VjcmV0\"]", &[], &[]),
        refusal("", &[("DOORWARD_MASTER_KEY", "c2VjcmV0")], &[]),
        refusal("", &[("DOORWARD_MASTER_KEY", &format!("{KEY},c2VjcmV0"))], &[]),
        refusal("", &[("DOORWARD_MASTERKEY", "c2VjcmV0")], &["master_key=c2VjcmV0", "masterkey=c2VjcmV0"]),
    ];
    for text in refusals {
        assert!(!text.contains("c2Vj"), "{text}");
    }
}

#[test]
fn the_url_of_a_database_is_never_printed() {
    let url = "postgres://doorward:hunter2@db.example/doorward?sslmode=disable";
    let config = load("", &[("DOORWARD_DATABASE_URL", url)], &[]).unwrap();
    assert_eq!(config.database_url.as_ref().unwrap().expose(), url);
    let shown = [config.print_toml(), format!("{config:?} {config:#?}"), toml::to_string(&config).unwrap()];
    for text in shown {
        assert!(
            text.contains("(redacted)") && !text.contains("hunter2") && !text.contains("db.example"),
            "{text}"
        );
    }
    // What is no such URL may still be one that was meant to be, with its password.
    let wrong = "mysql://doorward:hunter2@db.example/doorward";
    let refusals = [
        refusal(&format!("database_url = \"{wrong}\""), &[], &[]),
        refusal(&format!("database_url = \"{url}\" junk"), &[], &[]),
        refusal(&format!("database_url = [\"{url}\"]"), &[], &[]),
        refusal(&format!("[database]\nurl = \"{url}\""), &[], &[]),
        refusal("", &[("DOORWARD_DATABASE_URL", wrong)], &[]),
        refusal("", &[("DOORWARD_DATABASEURL", url)], &[]),
        refusal("", &[], &[&format!("database_url={wrong}"), &format!("databaseurl={url}"), url]),
    ];
    for text in refusals {
        assert!(!text.contains("hunter2") && !text.contains("db.example"), "{text}");
    }
}

#[test]
fn an_empty_text_unsets_a_key() {
    let file = "public_url = \"https://a.example/\"\n";
    assert_eq!(load(file, &[], &[]).unwrap().public_url(), "https://a.example");
    let config = load(file, &[("DOORWARD_PUBLIC_URL", ""), ("DOORWARD_MASTER_KEY", "")], &[]).unwrap();
    assert_eq!(config, Config::default());
    let tls = load("listen = \"a:443\"\n[tls]\ncert_file = \"c\"\nkey_file = \"k\"\n", &[], &[]).unwrap();
    assert_eq!(tls.public_url(), "https://a:443");
    for (listen, url) in [
        ("0.0.0.0:8080", "http://localhost:8080"),
        ("[::]:8081", "http://localhost:8081"),
        ("192.0.2.1:80", "http://192.0.2.1:80"),
    ] {
        assert_eq!(load(&format!("listen = \"{listen}\""), &[], &[]).unwrap().public_url(), url);
    }
}

#[test]
fn the_printed_configuration_loads_to_the_same() {
    let set = ["limits.json_depth=17", "cors.allowed_origins=https://a.example", "data_dir=/d\"q"];
    let config = load("", &[], &set).unwrap();
    assert_eq!(load(&config.print_toml(), &[], &[]).unwrap(), config);
}

#[test]
fn the_example_file_is_the_generated_one_and_loads() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config.example.toml");
    let generated = Config::example_toml();
    if std::env::var_os("UPDATE_EXAMPLE").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let checked_in = std::fs::read_to_string(path).unwrap();
    assert!(checked_in == generated, "config.example.toml is old: run this test with UPDATE_EXAMPLE=1");
    assert_eq!(load(&generated, &[], &[]).unwrap(), Config::default());
    let active: Vec<&str> = generated
        .lines()
        .map(|line| if line.starts_with("# ") { "" } else { line.strip_prefix('#').unwrap_or(line) })
        .collect();
    assert_eq!(load(&active.join("\n"), &[], &[]).unwrap(), Config::default());
    let keys = Config::keys();
    assert_eq!(active.iter().filter(|line| line.contains(" = ")).count(), keys.len());
    assert!(keys.iter().all(|(_, name)| generated.contains(&format!("# Environment: {name}\n"))));
}

const PROVIDERS: &str = r#"
public_url = "https://login.example.com"
[[idp]]
id = "big-one"
issuer = "https://id.example"
client_id = "doorward"
client_secret = "hunter2"
scopes = ["openid", "email"]
[[idp]]
id = "hub"
kind = "oauth2"
client_id = "abc"
authorization_url = "https://hub.example/authorize"
token_url = "https://hub.example/token"
user_url = "http://localhost:9/user"
username_claim = "login"
"#;

#[test]
fn identity_providers_are_a_list_of_tables() {
    let config = load(PROVIDERS, &[("DOORWARD_IDP_HUB_CLIENT_SECRET", "hunter3")], &[]).unwrap();
    let [big, hub] = config.idp.as_slice() else { panic!("two providers") };
    assert_eq!((big.id.as_str(), hub.id.as_str()), ("big-one", "hub"));
    assert_eq!(big.client_secret.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(hub.client_secret.as_ref().unwrap().expose(), "hunter3");
    assert_eq!((big.scopes.len(), hub.scopes.len(), hub.username_claim.as_str()), (2, 0, "login"));
    let config = load(PROVIDERS, &[("DOORWARD_IDP_BIG_ONE_CLIENT_SECRET", "hunter4")], &[]).unwrap();
    assert_eq!(config.idp[0].client_secret.as_ref().unwrap().expose(), "hunter4", "the environment wins");
    assert_eq!(config.idp[1].client_secret, None);
    let without_secrets = load(&PROVIDERS.replace("client_secret = \"hunter2\"", ""), &[], &[]).unwrap();
    assert_eq!(load(&without_secrets.print_toml(), &[], &[]).unwrap(), without_secrets);
    for text in [config.print_toml(), format!("{config:?}"), toml::to_string(&config).unwrap()] {
        assert!(text.contains("(redacted)") && !text.contains("hunter"), "{text}");
    }
}

#[test]
fn what_is_wrong_with_a_provider_is_told_with_its_place() {
    let with = |from: &str, to: &str| refusal(&PROVIDERS.replace(from, to), &[], &[]);
    let cases: &[(&str, &str, &[&str])] = &[
        ("id = \"hub\"\n", "", &["idp.id: every [[idp]] needs one", "line 9"]),
        (
            "id = \"hub\"",
            "id = \"big_one\"",
            &["idp.id of big_one: another [[idp]] has this id", "line 10, column 6"],
        ),
        ("id = \"hub\"", "id = \"HUB\"", &["idp.id: \"HUB\" is not allowed", "lower-case"]),
        ("issuer = \"https://id.example\"", "", &["idp.issuer of big-one: a provider of kind oidc needs it"]),
        (
            "issuer = \"https:",
            "issuer = \"http:",
            &["idp.issuer: \"http://id.example\"", "an https URL", "line 5"],
        ),
        (
            "user_url = \"http://localhost:9/user\"",
            "",
            &["idp.user_url of hub: a provider of kind oauth2 needs it"],
        ),
        ("client_id = \"abc\"", "", &["idp.client_id of hub: every [[idp]] needs one"]),
        ("\"openid\", ", "", &["idp.scopes of big-one", "line 8"]),
        (
            "username_claim",
            "user_name_claim",
            &["unknown key idp.user_name_claim; did you mean username_claim?"],
        ),
        ("public_url = \"https://login.example.com\"", "", &["idp.id of big-one: public_url must be set"]),
        ("\"hunter2\"", "[\"hunter2\"]", &["idp.client_secret: (redacted) is not allowed", "line 7"]),
        ("[[idp]]", "[idp]", &["line 9"]),
        (
            "[[idp]]\nid = \"hub\"",
            "[intents]\nprovider_timeout_ms = 30000\n[[idp]]\nid = \"hub\"",
            &["intents.provider_timeout_ms: 30000", "line 10"],
        ),
    ];
    for (from, to, parts) in cases {
        let text = with(from, to);
        assert_has(&text, parts);
        assert!(!text.contains("hunter"), "{text}");
    }
    assert_has(
        &refusal("idp = 1", &[], &[]),
        &["idp is a list of tables: each is written [[idp]]", "line 1"],
    );
    assert_has(&refusal("idp = [1]", &[], &[]), &["each is written [[idp]]", "line 1, column 8"]);
    assert_has(&refusal("[idp]\nid = \"a\"", &[], &[]), &["each is written [[idp]]"]);
    let unknown = [("DOORWARD_IDP_NONE_CLIENT_SECRET", "hunter2")];
    let text = refusal(PROVIDERS, &unknown, &["idp.hub.client_secret=hunter2"]);
    assert_has(
        &text,
        &["DOORWARD_IDP_NONE_CLIENT_SECRET: no [[idp]] of the file has such an id", "unknown key"],
    );
    assert!(!text.contains("hunter"), "{text}");
}

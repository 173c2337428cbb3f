//! `doorward config`: the example, what is refused and how, and what is printed.

use std::path::Path;

use serde_json::json;

use crate::child::run_with;
use crate::tools::{run, told};

#[test]
fn the_configuration_example_is_the_file_in_the_repository_and_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config.example.toml");
    let example = std::fs::read_to_string(&file).unwrap();
    assert_eq!(run(dir.path(), &["config", "example"]).output, example);
    let path = file.display().to_string();
    assert_eq!(
        told(dir.path(), &["--config", &path, "config", "check"]),
        json!({ "configuration": "valid" })
    );
    let keys = |line: &str| {
        line.strip_prefix('#')
            .filter(|rest| rest.contains(" = ") && !rest.starts_with(' '))
            .map_or_else(|| line.to_owned(), str::to_owned)
    };
    let set: Vec<_> = example.lines().map(keys).collect();
    std::fs::write(dir.path().join("doorward.toml"), set.join("\n")).unwrap();
    let checked = run(dir.path(), &["config", "check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let printed = run(dir.path(), &["config", "print"]);
    assert_eq!(printed.code, Some(0));
    assert!(printed.output.contains("max_password_attempts = 0"), "{}", printed.output);
}

#[test]
fn a_wrong_configuration_is_refused_with_the_key_and_its_source() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("doorward.toml"),
        "listen = 5\n[policy.lockout]\nmax_pasword_attempts = 3\n",
    )
    .unwrap();
    let refused = run(dir.path(), &["config", "check"]);
    assert_eq!(refused.code, Some(3));
    for part in ["listen", "doorward.toml, line 1", "max_pasword_attempts", "max_password_attempts", "line 3"]
    {
        assert!(refused.errors.contains(part), "{part}: {}", refused.errors);
    }
    std::fs::remove_file(dir.path().join("doorward.toml")).unwrap();
    let environment = [("DOORWARD_LIMITS_BODY_BYTES", "many")];
    let refused = run_with(dir.path(), &["config", "check"], &environment, "");
    assert_eq!(refused.code, Some(3));
    for part in ["limits.body_bytes", "environment variable DOORWARD_LIMITS_BODY_BYTES"] {
        assert!(refused.errors.contains(part), "{part}: {}", refused.errors);
    }
    let refused = run(dir.path(), &["--set", "limits.json_depth=1", "serve"]);
    assert_eq!(refused.code, Some(3));
    for part in ["limits.json_depth", "flag --set"] {
        assert!(refused.errors.contains(part), "{part}: {}", refused.errors);
    }
    assert!(!dir.path().join("data").exists(), "a wrong configuration makes no data folder");
}

#[test]
fn printing_the_configuration_leaves_secrets_out_and_names_what_overrides() {
    let dir = tempfile::tempdir().unwrap();
    let key = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3I=";
    std::fs::write(
        dir.path().join("doorward.toml"),
        format!("listen = \"127.0.0.1:1\"\nmaster_key = \"{key}\"\n"),
    )
    .unwrap();
    let environment = [("DOORWARD_LISTEN", "127.0.0.1:2"), ("DOORWARD_MASTER_KEY", key)];
    let printed = run_with(dir.path(), &["config", "print"], &environment, "");
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert!(printed.output.contains("listen = \"127.0.0.1:2\""), "{}", printed.output);
    assert!(!printed.output.contains(key));
    let broken = run_with(dir.path(), &["config", "check"], &[("DOORWARD_MASTER_KEY", "dG9vIHNob3J0")], "");
    assert_eq!(broken.code, Some(3));
    assert!(
        broken.errors.contains("master_key") && !broken.errors.contains("dG9vIHNob3J0"),
        "{}",
        broken.errors
    );
}

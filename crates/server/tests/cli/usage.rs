//! Help, versions, exit codes, and what people see instead of JSON.

use serde_json::json;

use crate::tools::{run, served, told};

#[test]
fn every_command_has_a_help_text() {
    let dir = tempfile::tempdir().unwrap();
    let groups: [(&str, &[&str]); 14] = [
        ("serve", &[]),
        ("user", &["add", "list", "show", "set-password", "set-access-token", "lock", "unlock", "delete"]),
        ("grant", &["add", "list", "remove"]),
        ("org", &["add", "list"]),
        ("token", &["create", "list", "revoke"]),
        ("key", &["add", "list", "remove"]),
        ("secret", &["add", "remove"]),
        ("session", &["list", "show", "end", "prune"]),
        ("config", &["print", "check", "example"]),
        ("backup", &[]),
        ("migrate", &["status", "up"]),
        ("move", &[]),
        ("keys", &["status", "rotate", "signing"]),
        ("version", &[]),
    ];
    let all = run(dir.path(), &["--help"]);
    assert_eq!(all.code, Some(0));
    assert!(all.output.contains("Exit codes: 0 done"), "{}", all.output);
    for (group, commands) in groups {
        assert!(all.output.lines().any(|line| line.trim().starts_with(group)), "{group}\n{}", all.output);
        let help = run(dir.path(), &[group, "--help"]);
        assert!(help.code == Some(0) && help.output.contains("Usage: doorward"), "{help:?}");
        let inner = help.output.split("Commands:").nth(1).map_or(0, |list| {
            list.lines()
                .skip(1)
                .take_while(|line| line.starts_with("  "))
                .filter(|line| !line.starts_with("   "))
                .count()
        });
        assert_eq!(inner, commands.len(), "{group}: a command is missing here\n{}", help.output);
        for command in commands {
            let help = run(dir.path(), &[group, command, "--help"]);
            assert_eq!(help.code, Some(0), "{group} {command}");
            let first = help.output.lines().next().unwrap();
            assert!(first.len() > 10 && !first.starts_with("Usage"), "{group} {command}: {first}");
        }
    }
    assert!(!dir.path().join("data").exists(), "asking for help makes no data folder");
}

#[test]
fn the_exit_code_tells_what_went_wrong() {
    let (dir, _server, _admin) = served();
    let code = |arguments: &[&str]| run(dir.path(), arguments).code.unwrap();
    assert_eq!(code(&["version"]), 0);
    assert_eq!(code(&[]), 2);
    assert_eq!(code(&["nonsense"]), 2);
    assert_eq!(code(&["user", "add"]), 2);
    assert_eq!(code(&["user", "add", "--machine", "robot", "--role", "KING"]), 2);
    assert_eq!(code(&["user", "set-password", "admin"]), 2, "no password on standard input");
    assert_eq!(code(&["--set", "nonsense=1", "user", "list"]), 3);
    assert_eq!(code(&["--config", "missing.toml", "user", "list"]), 3);
    assert_eq!(code(&["user", "show", "nobody"]), 4);
    assert_eq!(code(&["user", "lock", "nobody"]), 4);
    assert_eq!(code(&["token", "revoke", "5"]), 4);
    assert_eq!(code(&["key", "add", "nobody"]), 4);
    assert_eq!(code(&["key", "remove", "5"]), 4);
    assert_eq!(code(&["secret", "remove", "admin"]), 4);
    assert_eq!(code(&["session", "show", "5"]), 4);
    assert_eq!(code(&["session", "end", "5"]), 4);
    assert_eq!(code(&["user", "unlock", "admin"]), 1);
    assert_eq!(code(&["user", "add", "--machine", "admin"]), 1);
    assert_eq!(code(&["org", "add", " "]), 1);
    assert_eq!(code(&["org", "add", "Default"]), 1);
    let refused = run(dir.path(), &["user", "show", "nobody"]);
    assert_eq!(refused.errors.trim(), "doorward: User could not be found (QUERY-Dfbg2)");
    assert_eq!(refused.output, "");
}

#[test]
fn the_version_is_that_of_the_package() {
    let dir = tempfile::tempdir().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(run(dir.path(), &["version"]).output, format!("doorward {version}\n"));
    assert_eq!(run(dir.path(), &["--version"]).output, format!("doorward {version}\n"));
    assert_eq!(told(dir.path(), &["version"]), json!({ "name": "doorward", "version": version }));
}

#[test]
fn people_get_lines_and_tables() {
    let (dir, _server, _admin) = served();
    let listed = run(dir.path(), &["user", "list"]);
    let mut lines = listed.output.lines();
    assert!(lines.next().unwrap().starts_with("ID "), "{}", listed.output);
    assert_eq!(lines.count(), 2);
    let shown = run(dir.path(), &["user", "show", "admin"]);
    assert!(shown.output.lines().any(|line| line.starts_with("roles ") && line.ends_with("IAM_OWNER")));
}

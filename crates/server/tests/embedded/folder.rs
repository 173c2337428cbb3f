//! A folder in which no server was ever started.

use crate::tools::run;

#[test]
fn a_folder_without_a_store_is_refused_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("copy.db").display().to_string();
    let commands: [&[&str]; 7] = [
        &["user", "list"],
        &["org", "list"],
        &["token", "list"],
        &["session", "list"],
        &["backup", &file],
        &["keys", "status"],
        &["keys", "rotate"],
    ];
    for command in commands {
        let refused = run(dir.path(), command);
        assert_eq!((refused.code, refused.output.as_str()), (Some(1), ""), "{command:?}");
        assert!(refused.errors.contains("--data-dir"), "{}", refused.errors);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was made");
}

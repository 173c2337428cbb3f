//! The documentation of roles says what the code does.

use doorward_core::caller::{Permission, Role};

/// The cells of a row.
fn cells(row: &str) -> Vec<String> {
    let inner = row.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
}

#[test]
fn the_table_of_roles_is_that_of_the_code() {
    let page = include_str!("../../../docs/roles.md");
    let mut rows = page.lines().filter(|line| line.starts_with('|')).map(cells);
    let mut head = vec!["role".to_owned(), "level".to_owned()];
    head.extend(Permission::ALL.iter().map(|permission| permission.name().to_owned()));
    assert_eq!(rows.next(), Some(head));
    assert!(rows.next().is_some_and(|line| line.iter().all(|cell| cell.contains("---"))));
    for role in Role::ALL {
        let level = if role.is_for_instance() { "instance" } else { "organisation" };
        let mut row = vec![role.name().to_owned(), level.to_owned()];
        let held = |permission: &Permission| if role.grants(*permission) { "x" } else { "" };
        row.extend(Permission::ALL.iter().map(|permission| held(permission).to_owned()));
        assert_eq!(rows.next(), Some(row));
    }
    assert_eq!(rows.next(), None);
}

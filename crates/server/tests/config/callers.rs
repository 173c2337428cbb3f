//! Who may call: trusted issuers.

use super::{assert_has, load, refusal};

const ISSUERS: &str = r#"
[[trusted_issuer]]
id = "company"
issuer = "https://id.example"
audience = ["https://doorward.example"]
roles_claim = "/realm/roles"
default_roles = ["ORG_OWNER_VIEWER"]
[trusted_issuer.roles]
"door keepers" = "IAM_LOGIN_CLIENT"
admins = "IAM_OWNER"
[[trusted_issuer]]
id = "cluster"
issuer = "cluster"
audience = ["a", "b"]
jwks_url = "https://cluster.example/keys"
"#;

#[test]
fn trusted_issuers_are_a_list_of_tables() {
    let config = load(ISSUERS, &[], &[]).unwrap();
    let [company, cluster] = config.trusted_issuer.as_slice() else { panic!("two issuers") };
    assert_eq!((company.issuer.as_str(), company.audience.len()), ("https://id.example", 1));
    let roles: Vec<_> = company.roles.iter().map(|(value, role)| (value.as_str(), role.as_str())).collect();
    assert_eq!(roles, [("admins", "IAM_OWNER"), ("door keepers", "IAM_LOGIN_CLIENT")]);
    assert_eq!((cluster.subject_claim.as_str(), cluster.max_lifetime_s), ("sub", 86_400));
    assert_eq!(load(&config.print_toml(), &[], &[]).unwrap(), config);
}

#[test]
fn what_is_wrong_with_an_issuer_is_told_with_its_place() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("id = \"cluster\"\n", "", &["trusted_issuer.id: every [[trusted_issuer]] needs one", "line 11"]),
        ("id = \"cluster\"", "id = \"company\"", &["another [[trusted_issuer]] has this id", "line 12"]),
        (
            "issuer = \"cluster\"",
            "issuer = \"https://id.example\"",
            &["trusted_issuer.issuer of cluster: another [[trusted_issuer]] is the same one"],
        ),
        (
            "issuer = \"https://id.example\"",
            "",
            &["trusted_issuer.issuer of company: every [[trusted_issuer]] needs one"],
        ),
        (
            "jwks_url = \"https://cluster.example/keys\"",
            "",
            &["trusted_issuer.issuer of cluster: without jwks_url it must be an https URL"],
        ),
        (
            "issuer = \"https://id.example\"",
            "issuer = \"http://id.example\"",
            &["trusted_issuer.issuer of company: without jwks_url it must be an https URL"],
        ),
        (
            "issuer = \"https://id.example\"",
            "issuer = \"http://127.0.0.1:8080\"",
            &["trusted_issuer.issuer of company: that is this server itself"],
        ),
        ("audience = [\"a\", \"b\"]", "", &["trusted_issuer.audience of cluster: every"]),
        ("https://cluster.example", "http://cluster.example", &["trusted_issuer.jwks_url:", "line 15"]),
        ("\"IAM_OWNER\"", "\"OWNER\"", &["trusted_issuer.roles:", "each with a role"]),
        ("\"IAM_OWNER\"", "[\"IAM_OWNER\"]", &["trusted_issuer.roles:", "each with a role"]),
        ("\"ORG_OWNER_VIEWER\"", "\"VIEWER\"", &["trusted_issuer.default_roles:", "line 7"]),
        ("roles_claim = \"/realm/roles\"", "", &["trusted_issuer.roles of company: roles_claim is not set"]),
        ("roles_claim", "role_claim", &["unknown key trusted_issuer.role_claim; did you mean roles_claim?"]),
        (
            "jwks_url",
            "timeout_ms = 30000\njwks_url",
            &["trusted_issuer.timeout_ms of cluster: allowed is less than limits.request_timeout_ms"],
        ),
    ];
    for (from, to, parts) in cases {
        assert_has(&refusal(&ISSUERS.replacen(from, to, 1), &[], &[]), parts);
    }
}

#[test]
fn grants_of_the_first_start_name_a_user_and_a_role() {
    let file = "[[grant]]\nuser = \"robot\"\nrole = \"ORG_OWNER\"\n[[grant]]\nuser = \"admin\"\nrole = \"IAM_OWNER\"\n";
    let config = load(file, &[], &[]).unwrap();
    let [robot, admin] = config.grant.as_slice() else { panic!("two grants") };
    assert_eq!((robot.user.as_str(), robot.role.as_str()), ("robot", "ORG_OWNER"));
    assert_eq!((admin.user.as_str(), admin.role.as_str()), ("admin", "IAM_OWNER"));
    assert_eq!(load(&config.print_toml(), &[], &[]).unwrap(), config);
    for (from, to, part) in [
        ("user = \"robot\"\n", "", "grant.user: every [[grant]] needs one"),
        ("role = \"ORG_OWNER\"\n", "", "grant.role: every [[grant]] needs one"),
        ("\"ORG_OWNER\"", "\"OWNER\"", "grant.role: \"OWNER\" is not allowed"),
        ("\"robot\"", "\"my robot\"", "grant.user: \"my robot\" is not allowed"),
        ("user = \"robot\"", "users = \"robot\"", "unknown key grant.users; did you mean user?"),
    ] {
        assert_has(&refusal(&file.replacen(from, to, 1), &[], &[]), &[part]);
    }
    assert_has(&refusal("grant = 1", &[], &[]), &["each is written [[grant]]"]);
}

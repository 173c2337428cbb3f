//! Roles that are granted when an empty store is set up.

use doorward_core::caller::Role;

use super::error::Problem;
use super::many::path;
use super::rule::{Rule, section};
use super::{Config, Entries};

section! {
    /// Roles that are granted at the first start, when an empty store is set up, and only then: a later change of these
    /// tables changes nothing, and `doorward grant` is the way. A user who is not one of the two of the first start
    /// (admin, login-client) is made as a machine user, without a token.
    Grant("grant") {
        /// Login name of the user.
        user: String = String::new(), USER;
        /// The role. One of an organisation is held on the first one.
        role: String = String::new(), ROLE;
    }
}

const USER: Rule = Rule::Text {
    shape: "a login name of 1 to 200 characters without blanks",
    fits: |text| {
        (1..=200).contains(&text.chars().count())
            && !text.contains(|letter: char| letter.is_whitespace() || letter.is_control())
    },
};
const ROLE: Rule =
    Rule::Text { shape: "a role such as \"IAM_LOGIN_CLIENT\"", fits: |text| Role::named(text).is_some() };

/// What of a grant cannot be missing.
pub(super) fn verify(config: &Config, entries: &Entries) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (place, grant) in config.grant.iter().enumerate() {
        for (key, value) in [("user", &grant.user), ("role", &grant.role)] {
            if value.is_empty() {
                let entry = ["user", "role"].iter().find_map(|key| entries.get(&path("grant", place, key)));
                let origin = entry.map(|entry| entry.origin.clone());
                problems.push(Problem::new(format!("grant.{key}: every [[grant]] needs one"), origin));
            }
        }
    }
    problems
}
